"""Loads on the page of a slide and in pictures of it, however many shapes they have."""

from __future__ import annotations

import io
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.feature import Grid
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service import figures
from wsi_lab.service.lab import Lab


def test_few_shapes_are_drawn_one_by_one_a_layer_for_each_label(
    lab: Lab, owner: Actor, slide: Slide, load_boxes: Any, draw_boxes: Any
) -> None:
    load_boxes((0, 0, 10, 10), (0, 0, 20, 10), labels=("a", "b"))
    load_boxes((5, 5, 10.125, 10))
    draw_boxes((0, 0, 5, 2))

    found = lab.pages.layers(owner, slide.id)

    assert [(each.title, each.author, each.count) for each in found] == [
        ("nuclei", owner.user.email, 1),
        ("nuclei: a", "net 1.0", 1),
        ("nuclei: b", "net 1.0", 1),
        ("nuclei", "net 1.0", 1),
    ]
    assert not any(each.left_out for each in found)
    (outline,) = found[3].outlines
    assert outline.closed
    assert sorted(set(outline.rings[0])) == pytest.approx([5, 10, 10.125], abs=0.01)


def test_many_shapes_are_shown_as_how_many_lie_where(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_VERTICES", 1000)
    x, y = np.meshgrid(np.arange(20) * 100.0, np.arange(10) * 100.0)
    points = ShapeColumns.from_geometries(shapely.points(x.ravel(), y.ravel()))
    lab.loads.load(owner, drawn_layer.id, slide.id, points)

    (layer,) = lab.pages.layers(owner, slide.id)

    assert (layer.count, layer.left_out) == (200, 200)
    assert not layer.points
    (heat,) = layer.heats
    values = np.frombuffer(b64decode(heat.values), np.uint8).reshape(heat.rows, heat.columns)
    assert (values > 0).sum() == 200
    cell = heat.box[2] / heat.columns
    assert values[int(900 // cell), int(1900 // cell)] == 255


def test_points_and_lines_are_drawn_as_such(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question
) -> None:
    shapes = [shapely.Point(5, 6), shapely.LineString([(0, 1), (2, 3)])]
    lab.loads.load(owner, drawn_layer.id, slide.id, ShapeColumns.from_geometries(shapes))

    (layer,) = lab.pages.layers(owner, slide.id)

    assert layer.points == [5, 6]
    assert [(each.rings, each.closed) for each in layer.outlines] == [([[0, 1, 2, 3]], False)]


def test_grids_are_heat_maps(lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question) -> None:
    values = np.float32([[1, np.nan, 3]])
    lab.loads.load_grid(owner, drawn_layer.id, slide.id, Grid("p", values, (10, 20, 40, 30)))

    (layer,) = lab.pages.layers(owner, slide.id)

    (heat,) = layer.heats
    assert layer.title == "nuclei: p"
    assert (heat.box, heat.columns, heat.rows) == ((10, 20, 30, 10), 3, 1)
    assert list(b64decode(heat.values)) == [0, 0, 255]


def test_loads_of_others_are_shown_to_whoever_sees_results(
    lab: Lab, study: Study, slide: Slide, load_boxes: Any, as_user: Any
) -> None:
    load_boxes((0, 0, 10, 10))

    reader = as_user("reader@lab", rights="view score", study=study)
    judge = as_user("judge@lab", rights="view results", study=study)

    assert not lab.pages.layers(reader, slide.id)
    assert len(lab.pages.layers(judge, slide.id)) == 1


def test_pictures_show_loads_of_the_author(
    lab: Lab, owner: Actor, slide: Slide, load_boxes: Any
) -> None:
    load_boxes((400, 400, 1200, 1200), labels=("a",), colours={"a": "#00ff00"})

    def pixels(**which: Any) -> np.ndarray:
        jpeg = lab.screenshots.picture(owner, slide.id, level=10, **which)
        return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)

    plain, found = pixels(), pixels(author="net 1.0")
    other = pixels(author="net 1.0", question_ids=[999])

    rows, columns = np.nonzero(np.abs(found - plain).sum(axis=2) > 30)
    assert (columns.min(), columns.max()) == pytest.approx((100, 300), abs=10)
    assert (rows.min(), rows.max()) == pytest.approx((100, 300), abs=10)
    assert found[200, 100, 1] > found[200, 100, 0] + 50
    assert np.array_equal(other, plain)
