"""What a load is in Slide Score's door: its author's answer, a file made when it is fetched."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from hand_drawing import draw_by_hand
from many_shapes import LABELS, squares

from wsi_lab.errors import Conflict, NotFound, TooLarge
from wsi_lab.formats import anno2
from wsi_lab.formats.anno2_columns import read_columns, write_columns
from wsi_lab.formats.classic import heat_map_of
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.answer import Core, NewAnswer, Place
from wsi_lab.model.feature import Grid
from wsi_lab.model.layer import ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating import annotations, arrived_files
from wsi_lab.service.annotating.drawn_answers import drawn_on, shapes_changed
from wsi_lab.service.lab import Lab, LabSettings

BY_HAND = shapely.box(700, 700, 750, 760)


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Question:
    return lab.questions.add(
        owner, study.id, QuestionSpec("Nuclei", QuestionKind.ANNO_SHAPES, "#e6194b")
    )


def uuid_of(lab: Lab, owner: Actor, study: Study, author: str = "model") -> str:
    (row,) = lab.results.rows(owner, study.id, author=author)
    assert row.value.startswith("anno2 ")
    return row.value.removeprefix("anno2 ")


def normal(geometries: object) -> list[str]:
    return sorted(shapely.to_wkt(shapely.normalize(each)) for each in geometries)  # type: ignore[attr-defined] (an iterable)


def in_file(lab: Lab, owner: Actor, uuid: str) -> list[str]:
    columns = read_columns(lab.annotations.file_of(owner, uuid))
    assert columns is not None
    return normal(columns.to_geometries())


def take_out(lab: Lab, owner: Actor, bulk_id: int, answer_id: int) -> None:
    def take(transaction) -> None:
        drawn = drawn_on(transaction, answer_id)
        lab.loads.take_out(transaction, bulk_id, None)
        shapes_changed(transaction, drawn)

    lab.loads._transactions.write(owner, take)


def test_file_holds_both_tiers_and_is_another_after_each_change(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, settings: LabSettings
) -> None:
    shapes = squares(40)
    geometries = list(shapes.to_geometries())
    load = lab.loads.load(owner, layer.id, slide.id, shapes, author="model")
    first = uuid_of(lab, owner, study)
    assert list((settings.home / "annotations").iterdir()) == []
    draw_by_hand(lab, owner, layer, slide.id, BY_HAND, author="model")
    second = uuid_of(lab, owner, study)
    (row,) = lab.results.rows(owner, study.id)
    take_out(lab, owner, load.first_id + 3, row.answer_id)
    third = uuid_of(lab, owner, study)
    other = lab.loads.load(owner, layer.id, slide.id, squares(2, pitch=7000), author="model")
    fourth = uuid_of(lab, owner, study)
    assert len({first, second, third, fourth}) == 4
    # Each is what the answer was then, though all are made only now.
    less = [each for number, each in enumerate(geometries) if number != 3]
    more = list(squares(2, pitch=7000).to_geometries())
    assert in_file(lab, owner, fourth) == normal([*less, BY_HAND, *more])
    assert in_file(lab, owner, first) == normal(geometries)
    assert in_file(lab, owner, third) == normal([*less, BY_HAND])
    assert in_file(lab, owner, second) == normal([*geometries, BY_HAND])
    names = {path.name for path in (settings.home / "annotations").iterdir()}
    assert names == {first, second, third, fourth}
    assert lab.results.rows(owner, study.id)[0].revision == 4
    # When the loads are gone, the rest is rows again.
    lab.loads.remove(owner, load.id)
    lab.loads.remove(owner, other.id)
    (row,) = lab.results.rows(owner, study.id)
    assert row.value.startswith("[{")
    assert lab.results.answer(owner, row.answer_id).file_uuid is None
    assert in_file(lab, owner, second) == normal([*geometries, BY_HAND])


def test_file_whose_load_was_removed_before_it_was_made_is_gone(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question
) -> None:
    load = lab.loads.load(owner, layer.id, slide.id, squares(40), author="model")
    uuid = uuid_of(lab, owner, study)
    lab.loads.remove(owner, load.id)
    with pytest.raises(NotFound, match="any more"):
        lab.annotations.file_of(owner, uuid)


def test_file_is_only_for_those_who_may_see_it(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    layer: Question,
    as_user: Callable[..., Actor],
) -> None:
    lab.loads.load(owner, layer.id, slide.id, squares(40), author="model")
    uuid = uuid_of(lab, owner, study)
    for actor, error in (
        (as_user("stranger@lab"), NotFound),
        (as_user("reader@lab", rights="score", study=study), Exception),
    ):
        with pytest.raises(error):
            lab.annotations.file_of(actor, uuid)


def test_shapes_of_all_kinds_fit_into_some_file(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question
) -> None:
    lab.loads.load(owner, layer.id, slide.id, squares(40), author="model")
    draw_by_hand(
        lab, owner, layer, slide.id, shapely.Point(5, 6), author="model", kind=ShapeKind.POINT
    )
    found = anno2.read(lab.annotations.file_of(owner, uuid_of(lab, owner, study)))
    assert (found.kind, found.item_count) == ("classic", 41)
    lab.results.submit(owner, study.id, NewAnswer("Nuclei", Place(slide.id), "points", "[]"))
    points = ShapeColumns.from_geometries([shapely.Point(1, 2), shapely.Point(3, 4)])
    lab.loads.load(owner, layer.id, slide.id, points, author="points")
    found = anno2.read(lab.annotations.file_of(owner, uuid_of(lab, owner, study, "points")))
    assert (found.kind, found.item_count) == ("points", 2)


@pytest.mark.parametrize(
    ("values", "octets"),
    [
        ([[0.0, 0.5], [1.0, np.nan]], [[1, 128], [255, 0]]),
        ([[1.0, 255.0], [7.0, np.nan]], [[1, 255], [7, 0]]),
        ([[3.5, 3.5], [3.5, 3.5]], [[255, 255], [255, 255]]),
        ([[np.nan, np.nan], [np.nan, np.nan]], [[0, 0], [0, 0]]),
    ],
)
@pytest.mark.parametrize(("right", "kind"), [(200.0, "heatmap"), (300.0, "classic")])
def test_grid_is_a_heat_map(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    layer: Question,
    values: list[list[float]],
    octets: list[list[int]],
    right: float,
    kind: str,
) -> None:
    grid = Grid("p", np.array(values, np.float32), (0.0, 0.0, right, 200.0))
    lab.loads.load_grid(owner, layer.id, slide.id, grid, author="model")
    found = anno2.read(lab.annotations.file_of(owner, uuid_of(lab, owner, study)))
    assert found.kind == kind
    (shape,) = found.shapes or ()
    heat_map = heat_map_of(shape)
    assert heat_map is not None
    assert heat_map.values.tolist() == octets
    drawn = lab.loads._transactions.read(
        owner, lambda t: lab.annotations.shapes(t, slide.id, "model")
    )
    assert [each.kind for _, _, each in drawn] == [ShapeKind.HEATMAP]


def test_list_and_page_see_loads_one_by_one_while_they_are_few(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, monkeypatch
) -> None:
    columns = squares(40)
    load = lab.loads.load(owner, layer.id, slide.id, columns, author="model")
    by_hand = draw_by_hand(lab, owner, layer, slide.id, BY_HAND, author="model")
    listed = lab.annotations.list(owner, study.id, slide_id=slide.id, question="Nuclei")
    assert [each.id for each in listed] == [by_hand, *range(load.first_id, load.first_id + 40)]
    assert listed[5].shape.geometry == columns.to_geometries()[4]
    assert (listed[5].author, listed[5].place) == ("model", Place(slide.id))
    assert (listed[5].properties, listed[5].area, listed[5].revision) == ({"score": 1.0}, 100.0, 1)
    assert [label.name for label in listed[5].labels] == [LABELS[1]]
    assert (listed[0].area, listed[0].revision) == (3000.0, 2)
    assert lab.annotations.list(owner, study.id, author="nobody") == []

    def drawn() -> list[str]:
        found = lab.loads._transactions.read(
            owner, lambda t: lab.annotations.shapes(t, slide.id, "model")
        )
        return normal(shape.geometry for _, _, shape in found)

    assert drawn() == normal([BY_HAND, *columns.to_geometries()])
    assert "<Annotation" in lab.annotations.export_asap(owner, slide.id, "model")
    monkeypatch.setattr(annotations, "MOST_LISTED", 39)
    monkeypatch.setattr(annotations, "MOST_DRAWN", 39)
    with pytest.raises(TooLarge, match="40 shapes"):
        lab.annotations.list(owner, study.id)
    assert drawn() == normal([BY_HAND])


def arrive(
    lab: Lab, owner: Actor, layer: Question, place: Place, data: bytes | Path, tmp_path: Path
) -> str:
    uuid = lab.annotations.begin_file(
        owner, study_id=layer.study_id, place=place, question=layer.id, author="model"
    ).uuid
    if isinstance(data, Path):
        shutil.copy(data, tmp_path / "sent")
    else:
        (tmp_path / "sent").write_bytes(data)
    lab.annotations.finish_file(owner, uuid, tmp_path / "sent")
    return uuid


@pytest.fixture
def only_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be large ones that are not."""
    monkeypatch.setattr(arrived_files, "LARGEST_CLASSIC_BYTES", 1000)
    monkeypatch.setattr(arrived_files, "_MOST_VERTICES", 1000 // 14 + 1)


@pytest.mark.usefixtures("only_few")
def test_large_file_becomes_a_load_and_stays_the_file_that_it_is(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, tmp_path: Path, entries
) -> None:
    columns = squares(200)
    data = write_columns(columns, {"by": "test"})
    uuid = arrive(lab, owner, layer, Place(slide.id), data, tmp_path)
    assert uuid_of(lab, owner, study) == uuid
    assert lab.annotations.file_of(owner, uuid).read_bytes() == data
    (load,) = lab.loads.list(owner, layer.id)
    assert (load.count, load.author, load.precision) == (200, "model", 0.0)
    (found,) = lab.finder.find(owner, ShapeQuery(slide_id=slide.id))
    assert normal(found.shapes.to_geometries()) == normal(columns.to_geometries())
    # It takes the place of the answer that was there, as any answer does.
    again = arrive(lab, owner, layer, Place(slide.id), write_columns(squares(100), {}), tmp_path)
    assert uuid_of(lab, owner, study) == again
    assert [each.count for each in lab.loads.list(owner, layer.id)] == [100]
    draw_by_hand(lab, owner, layer, slide.id, BY_HAND, author="model")
    made = uuid_of(lab, owner, study)
    assert made != again
    assert in_file(lab, owner, made) == normal([*squares(100).to_geometries(), BY_HAND])
    last = arrive(lab, owner, layer, Place(slide.id), data, tmp_path)
    assert uuid_of(lab, owner, study) == last
    assert lab.finder.counts(owner, layer.id)[0].count == 200
    assert len(lab.annotations.list(owner, study.id)) == 200


@pytest.mark.usefixtures("only_few")
def test_large_heat_map_becomes_a_grid(
    lab: Lab, owner: Actor, slide: Slide, layer: Question, tmp_path: Path, shared_data: Path
) -> None:
    values = np.arange(40 * 30, dtype=np.float32).reshape(30, 40) % 255 + 1
    source = lab.loads.load_grid(
        owner, layer.id, slide.id, Grid("p", values, (0.0, 0.0, 400.0, 300.0)), author="other"
    )
    (row,) = lab.results.rows(owner, layer.study_id, author="other")
    path = lab.annotations.file_of(owner, row.value.removeprefix("anno2 "))
    arrive(lab, owner, layer, Place(slide.id), path, tmp_path)
    _, load = lab.loads.list(owner, layer.id)
    assert (load.kind, load.box) == ("grid", source.box)
    found = lab.loads._transactions.read(owner, lambda t: lab.finder.grid(t, load.id))
    np.testing.assert_array_equal(found, values)


@pytest.mark.usefixtures("only_few")
def test_what_lies_on_no_slide_as_a_whole_is_only_a_file(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, tmp_path: Path
) -> None:
    data = write_columns(squares(200), {})
    uuid = arrive(lab, owner, layer, Place(slide.id, core=Core(0, 1)), data, tmp_path)
    assert lab.loads.list(owner, layer.id) == []
    assert uuid_of(lab, owner, study) == uuid
    assert lab.annotations.list(owner, study.id) == []


def test_file_that_is_no_load_is_not_drawn_on(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Question, tmp_path: Path, only_few
) -> None:
    heat_map = '{"type":"heatmap","x":1,"y":2,"data":[[1]]}'
    lines = ",".join(['{"type":"polyline","points":[{"x":1,"y":2},{"x":3,"y":4}]}'] * 40)
    data = gzip.compress(f"[{heat_map},{lines}]".encode())
    uuid = arrive(lab, owner, layer, Place(slide.id), data, tmp_path)
    assert uuid_of(lab, owner, study) == uuid
    assert lab.loads.list(owner, layer.id) == []
    with pytest.raises(Conflict, match="cannot be drawn on"):
        draw_by_hand(lab, owner, layer, slide.id, BY_HAND, author="model")
    with pytest.raises(Conflict, match="cannot be drawn on"):
        lab.loads.load(owner, layer.id, slide.id, squares(3), author="model")
    assert uuid_of(lab, owner, study) == uuid
