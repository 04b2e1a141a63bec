"""What is at a place: shapes, topmost first, and what grids say there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.feature import Grid
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, checked_question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.at_place import Hit, Place, There
from wsi_lab.service.annotating.overlay_style import Choice
from wsi_lab.service.lab import Lab

Look = Callable[..., There]


@pytest.fixture
def look(lab: Lab, owner: Actor, slide: Slide) -> Look:
    """Return a function that looks at a place."""

    def run(x: float, y: float, radius: float = 0, *, by: Actor = owner, **rest: Any) -> There:
        choice = Choice(**rest.pop("choice", {}))
        return lab.overlays.at(by, slide.id, Place(x, y, radius), choice, **rest)

    return run


def boxes(hits: list[Hit]) -> list[tuple[float, ...]]:
    return [each.box for each in hits]


def test_hits_come_topmost_first(look: Look, load_boxes: Any, draw_boxes: Any) -> None:
    load_boxes((0, 0, 100, 100), (20, 20, 60, 60))
    draw_boxes((30, 30, 50, 50), (0, 0, 90, 90))

    assert boxes(look(40, 40).hits) == [
        (30, 30, 50, 50),
        (0, 0, 90, 90),
        (20, 20, 60, 60),
        (0, 0, 100, 100),
    ]
    assert boxes(look(40, 40, limit=1).hits) == [(30, 30, 50, 50)]
    assert boxes(look(95, 95).hits) == [(0, 0, 100, 100)]
    assert not look(500, 500).hits


def test_a_hit_tells_all_about_its_shape(
    look: Look, load_boxes: Any, drawn_layer: Question
) -> None:
    load = load_boxes(
        (0, 0, 10, 20),
        (50, 0, 60, 10),
        labels=("a", "b"),
        properties={"score": np.array([0.5, 0.75])},
    )

    (hit,) = look(55, 5).hits

    assert (hit.id, hit.load_id, hit.revision) == (load.first_id + 1, load.id, 1)
    assert (hit.layer_id, hit.layer, hit.author) == (drawn_layer.id, "nuclei", "net 1.0")
    assert [label.name for label in hit.labels] == ["b"]
    assert hit.colour == hit.labels[0].colour
    assert hit.properties == {"score": 0.75}
    assert (hit.area, hit.vertex_count, hit.kind) == (100.0, 4, "polygon")
    assert hit.geometry is not None
    assert hit.geometry.equals(shapely.box(50, 0, 60, 10))
    assert not hit.is_own
    assert hit.may_change


def test_a_hit_by_hand_tells_what_a_change_has_to_name(
    lab: Lab, owner: Actor, look: Look, draw_boxes: Any, study: Study
) -> None:
    draw_boxes((0, 0, 10, 20))
    (stored,) = lab.annotations.list(owner, study.id)

    (hit,) = look(5, 5).hits

    assert (hit.id, hit.load_id, hit.kind) == (stored.id, None, "rectangle")
    assert (hit.revision, hit.colour, hit.area) == (1, "#ff0000", 200.0)
    assert hit.is_own


def test_points_and_lines_are_hit_from_near(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, look: Look
) -> None:
    shapes = [shapely.Point(50, 50), shapely.LineString([(0, 100), (100, 100)])]
    lab.loads.load(owner, drawn_layer.id, slide.id, ShapeColumns.from_geometries(shapes))

    assert not look(53, 50).hits
    assert [hit.kind for hit in look(53, 50, 4).hits] == ["point"]
    assert [hit.kind for hit in look(30, 103, 4).hits] == ["polyline"]


def test_what_is_hidden_is_not_hit(look: Look, load_boxes: Any, draw_boxes: Any) -> None:
    load = load_boxes((0, 0, 100, 100), labels=("a",))
    draw_boxes((0, 0, 100, 100))
    label_id = next(hit.labels[0].id for hit in look(5, 5).hits if hit.labels)

    def tiers(**choice: Any) -> list[str]:
        found = look(5, 5, choice=choice).hits
        return ["hand" if hit.load_id is None else "bulk" for hit in found]

    assert tiers() == ["hand", "bulk"]
    assert tiers(tier="hand") == ["hand"]
    assert tiers(hidden=frozenset({label_id})) == ["hand"]
    assert tiers(labels=frozenset({label_id})) == ["bulk"]
    assert tiers(skipped=frozenset({load.first_id})) == ["hand"]
    assert tiers(author="net 1.0") == ["bulk"]


def test_a_shape_that_was_taken_out_is_not_hit(
    lab: Lab, owner: Actor, look: Look, load_boxes: Any
) -> None:
    load = load_boxes((0, 0, 100, 100), (0, 0, 50, 50))

    lab.loads._transactions.write(owner, lambda t: lab.loads.take_out(t, load.first_id + 1, None))

    assert [hit.id for hit in look(5, 5).hits] == [load.first_id]


def test_layers_that_come_later_lie_higher(
    lab: Lab, owner: Actor, study: Study, slide: Slide, look: Look, load_boxes: Any
) -> None:
    load_boxes((0, 0, 100, 100))
    later = lab.questions.add(owner, study.id, checked_question("regions", "AnnoShapes"))
    columns = ShapeColumns.from_geometries([shapely.box(0, 0, 10, 10)])
    lab.loads.load(owner, later.id, slide.id, columns)

    assert [hit.layer for hit in look(5, 5).hits] == ["regions", "nuclei"]
    assert [hit.layer for hit in look(5, 5, layer_ids=[later.id]).hits] == ["regions"]
    with pytest.raises(NotFound, match="no layer 999"):
        look(5, 5, layer_ids=[999])


def test_grids_tell_their_values(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, look: Look
) -> None:
    values = np.float32([[0.25, np.nan], [0.5, 0.75]])
    load = lab.loads.load_grid(
        owner, drawn_layer.id, slide.id, Grid("p", values, (100, 100, 300, 200))
    )

    (found,) = look(120, 110).values

    assert (found.load_id, found.name, found.value) == (load.id, "p", 0.25)
    assert look(299.9, 199.9).values[0].value == 0.75
    assert not look(250, 110).values
    assert not look(50, 110).values


def test_readers_change_their_own_shapes_only(
    study: Study, look: Look, as_user: Any, draw_boxes: Any, load_boxes: Any
) -> None:
    reader = as_user("reader@lab", rights="view results score", study=study)
    load_boxes((0, 0, 100, 100))
    draw_boxes((0, 0, 50, 50))
    draw_boxes((0, 0, 40, 40), by=reader)

    found = look(5, 5, by=reader).hits

    assert [(hit.is_own, hit.may_change) for hit in found if hit.is_own] == [(True, True)]
    assert [hit.may_change for hit in found if not hit.is_own] == [False, False]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"x": float("nan")}, "place"),
        ({"radius": -1}, "radius"),
        ({"radius": 1e6}, "radius"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
    ],
)
def test_places_out_of_bounds_are_refused(look: Look, wish: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        look(**{"x": 1.0, "y": 1.0, **wish})
