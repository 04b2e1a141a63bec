"""What is drawn, changed and labelled one by one is seen so, on tiles and under the mouse."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from wsi_lab.geometry.colour_maps import rgb
from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Label, Layer, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.at_place import Place
from wsi_lab.service.annotating.overlay_style import Choice, Style
from wsi_lab.service.annotating.overlays import TilePlace
from wsi_lab.service.lab import Lab

FULL = 4


@pytest.fixture
def regions(lab: Lab, owner: Actor, study: Study) -> Layer:
    labels = (NewLabel("tumour", "#ff0000"), NewLabel("stroma", "#0000ff"))
    return lab.layers.create(owner, study.id, "regions", labels=labels)


@pytest.fixture
def draw(lab: Lab, owner: Actor, slide: Slide, regions: Layer) -> Callable[..., Annotation]:
    """Return a function that draws one rectangle."""

    def run(*box: float, by: Actor = owner, **said: Any) -> Annotation:
        feature = Feature(ShapeKind.RECTANGLE, shapely.box(*box), **said)
        (made,) = lab.drawing.add(by, slide.id, regions.id, [(None, feature)])
        return made

    return run


@pytest.fixture
def see(lab: Lab, owner: Actor, slide: Slide, regions: Layer) -> Callable[..., Any]:
    """Return a function that returns the colour at a place of the first tile; `None` for none."""

    def run(x: int, y: int, *, who: Actor = owner, **style: Any) -> tuple[int, int, int] | None:
        place = TilePlace(slide.id, regions.id, FULL, 0, 0)
        tile = lab.overlays.tile(who, place, Style(fill=1.0, **style))
        pixels = np.asarray(Image.open(io.BytesIO(tile.image.data)).convert("RGBA"))
        red, green, blue, alpha = pixels[y, x].tolist()
        return (red, green, blue) if alpha else None

    return run


def test_a_shape_has_the_colour_of_its_first_label_that_is_shown(
    draw: Any, see: Any, regions: Layer
) -> None:
    tumour, stroma = regions.labels
    draw(10, 10, 50, 50, labels=("stroma", "tumour"))

    assert see(30, 30) == rgb(stroma.colour)
    assert see(30, 30, choice=Choice(hidden=frozenset({stroma.id}))) == rgb(tumour.colour)
    assert see(30, 30, choice=Choice(labels=frozenset({tumour.id}))) == rgb(tumour.colour)
    assert see(30, 30, choice=Choice(hidden=frozenset({tumour.id, stroma.id}))) is None


def test_a_label_that_gets_another_colour_is_seen_in_it(
    lab: Lab, owner: Actor, slide: Slide, regions: Layer, draw: Any, see: Any
) -> None:
    draw(10, 10, 50, 50, labels=("tumour",))
    before = lab.overlays.layers(owner, slide.id).revision
    now = lab.layers.get(owner, regions.id)
    tumour, stroma = now.labels

    lab.layers.set_labels(
        owner, regions.id, [Label(tumour.id, "tumour", "#00ff00"), stroma], now.revision
    )

    assert see(30, 30) == (0, 255, 0)
    assert lab.overlays.layers(owner, slide.id).revision != before


def test_a_label_that_was_removed_is_still_said_of_its_shapes(
    lab: Lab, owner: Actor, slide: Slide, regions: Layer, draw: Any, see: Any
) -> None:
    draw(10, 10, 50, 50, labels=("tumour",))
    now = lab.layers.get(owner, regions.id)

    lab.layers.set_labels(owner, regions.id, now.labels[1:], now.revision)

    assert see(30, 30) == (255, 0, 0)
    (found,) = lab.overlays.layers(owner, slide.id).layers
    assert [(each.label.name, each.count) for each in found.labels if each.label] == [
        ("stroma", 0),
        ("tumour", 1),
    ]
    (hit,) = lab.overlays.at(owner, slide.id, Place(30, 30, 0), Choice()).hits
    assert [label.name for label in hit.labels] == ["tumour"]


def test_a_shape_of_a_load_that_is_changed_is_seen_where_it_is_now(
    lab: Lab, owner: Actor, slide: Slide, regions: Layer, see: Any
) -> None:
    from wsi_lab.geometry.columns import ShapeColumns

    columns = ShapeColumns.from_geometries(
        [shapely.box(10, 10, 50, 50), shapely.box(60, 10, 90, 50)],
        labels=np.zeros(2, np.int32),
        label_names=("tumour",),
    )
    load = lab.loads.load(owner, regions.id, slide.id, columns)
    moved = Feature(ShapeKind.POLYGON, shapely.box(110, 10, 150, 50), ("tumour",))

    made = lab.drawing.change(owner, load.first_id, moved, 1)

    assert see(30, 30) is None
    assert see(130, 30) == see(75, 30) == (255, 0, 0)
    assert see(130, 30, choice=Choice(tier="bulk")) is None
    (hit,) = lab.overlays.at(owner, slide.id, Place(130, 30, 0), Choice()).hits
    assert (hit.id, hit.load_id) == (made.id, None)
    assert not lab.overlays.at(owner, slide.id, Place(30, 30, 0), Choice()).hits
    (found,) = lab.overlays.layers(owner, slide.id).layers
    assert (found.hand_count, found.bulk_count) == (1, 1)
    assert [each.count for each in found.labels] == [2, 0]


def test_the_revision_of_a_hit_is_the_one_that_a_change_names(
    lab: Lab, owner: Actor, slide: Slide, draw: Any
) -> None:
    draw(200, 200, 210, 210)
    draw(10, 10, 50, 50, properties={"score": 3})
    (hit,) = lab.overlays.at(owner, slide.id, Place(30, 30, 0), Choice()).hits
    wanted = Feature(ShapeKind.POLYGON, shapely.box(0, 0, 60, 60))

    lab.drawing.change(owner, hit.id, wanted, hit.revision)

    (again,) = lab.overlays.at(owner, slide.id, Place(5, 5, 0), Choice()).hits
    assert (hit.properties, hit.kind) == ({"score": 3}, "rectangle")
    assert (again.id, again.area) == (hit.id, 3600.0)
    assert again.revision > hit.revision


def test_colours_say_properties_of_shapes_drawn_by_hand(draw: Any, see: Any) -> None:
    draw(10, 10, 50, 50, properties={"score": 0.0})
    draw(60, 10, 90, 50, properties={"score": "high"})

    style = {"by": "score", "colour_map": "grey", "low": 0.0, "high": 1.0}

    assert see(30, 30, **style) == (0, 0, 0)
    assert see(75, 30, **style) == (128, 128, 128)


def test_on_a_shared_layer_everybody_sees_all(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    regions: Layer,
    draw: Any,
    see: Any,
    as_user: Any,
) -> None:
    reader = as_user("reader@lab", rights="view score", study=study)
    draw(10, 10, 50, 50)
    assert see(30, 30, who=reader) is None

    now = lab.layers.get(owner, regions.id)
    lab.layers.change(owner, regions.id, revision=now.revision, is_shared=True)

    assert see(30, 30, who=reader) is not None
    (hit,) = lab.overlays.at(reader, slide.id, Place(30, 30, 0), Choice()).hits
    assert (hit.author, hit.may_change) == (owner.user.email, False)
