"""Shapes that a model loaded, as the released SDK sees them."""

from __future__ import annotations

import zipfile
from typing import Any

import pytest
import shapely
from many_shapes import squares
from slidescore.lib.Decoder import Decoder

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.question import QuestionKind, QuestionSpec

AUTHOR = "model-7"


@pytest.fixture
def loaded(world: Any) -> tuple[Any, Any]:
    """A layer of its own, and a slide on which a model found squares, one with a hole."""
    slide = world.new_slide()
    layer = world.lab.questions.add(
        world.owner, world.study.id, QuestionSpec(world.name(), QuestionKind.ANNO_SHAPES)
    )
    donut = shapely.box(500, 500, 900, 900).difference(shapely.box(600, 600, 650, 650))
    columns = ShapeColumns.concatenated(
        [squares(50), ShapeColumns.from_geometries([donut], label_names=("neoplastic",))]
    )
    world.lab.loads.load(world.owner, layer.id, slide.id, columns, author=AUTHOR)
    return layer, slide


def answers(door: Any, world: Any, layer: Any) -> list[Any]:
    results = door.sdk().get_results(world.study.id, question=layer.name)
    return [each for each in results if each.question == layer.name]


def test_answer_names_a_file_and_comes_in_again_without_change(
    door: Any, world: Any, loaded: tuple[Any, Any]
) -> None:
    layer, slide = loaded
    (answer,) = answers(door, world, layer)
    assert (answer.user, answer.image_id) == (AUTHOR, slide.id)
    assert answer.answer.startswith("anno2 ")
    before = world.lab.results.rows(world.owner, world.study.id, question=layer.name)
    assert door.sdk().upload_results(world.study.id, [answer])
    assert world.lab.results.rows(world.owner, world.study.id, question=layer.name) == before
    assert [each.count for each in world.lab.loads.list(world.owner, layer.id)] == [51]
    # A value that is stale, or somebody else's, is refused.
    answer.user = "other@lab"
    with pytest.raises(Exception, match="naming a file"):
        door.sdk().upload_results(world.study.id, [answer])


def test_decoder_of_the_sdk_reads_the_file(
    root_door: Any, world: Any, loaded: tuple[Any, Any]
) -> None:
    layer, _ = loaded
    (answer,) = answers(root_door, world, layer)
    path = world.lab.annotations.file_of(world.owner, answer.answer.removeprefix("anno2 "))
    with zipfile.ZipFile(path) as archive:
        decoder = Decoder(archive)
        decoder.decode()
    found = [decoder.items[number] for number in range(len(decoder.items))]
    outlines = [shapely.Polygon(each["positiveVertices"]) for each in found]
    assert len(outlines) == decoder.system_metadata["numItems"]
    expected = [*squares(50).to_geometries(), shapely.box(500, 500, 900, 900)]
    assert all(a.equals(b) for a, b in zip(outlines, expected, strict=False))
