"""Drawn answers: every shape is understood, and none is changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.classic import reading
from wsi_lab.formats.slidescore_shapes import (
    HeatMap,
    heat_map_of,
    labels_of,
    parse_shapes,
    shape_text,
    value_of,
)
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.question import QuestionKind

SHAPES = QuestionKind.ANNO_SHAPES
SQUARE = [{"x": 0, "y": 0}, {"x": 10, "y": 0}, {"x": 10, "y": 10}, {"x": 0, "y": 10}]


def one(shape: dict[str, object]):
    return parse_shapes(json.dumps([shape]), SHAPES)[0]


@pytest.mark.parametrize(
    ("shape", "kind", "bounds", "area"),
    [
        ({"type": "polygon", "points": SQUARE}, ShapeKind.POLYGON, (0, 0, 10, 10), 100),
        ({"type": "polyline", "points": SQUARE}, ShapeKind.POLYLINE, (0, 0, 10, 10), 0),
        (
            {"type": "rect", "corner": {"x": 1, "y": 2}, "size": {"x": 3, "y": 4}},
            ShapeKind.RECTANGLE,
            (1, 2, 4, 6),
            12,
        ),
        (
            {"type": "ellipse", "center": {"x": 50, "y": 20}, "size": {"x": 10, "y": 5}},
            ShapeKind.ELLIPSE,
            (40, 15, 60, 25),
            157.08,
        ),
        (
            {"type": "ellipse", "x": 50, "y": 20, "width": 20, "height": 10},
            ShapeKind.ELLIPSE,
            (40, 15, 60, 25),
            157.08,
        ),
        (
            {
                "type": "brush",
                "positivePolygons": [
                    SQUARE,
                    [{"x": 20, "y": 0}, {"x": 22, "y": 0}, {"x": 22, "y": 2}],
                ],
                "negativePolygons": [[{"x": 4, "y": 4}, {"x": 6, "y": 4}, {"x": 6, "y": 6}]],
            },
            ShapeKind.BRUSH,
            (0, 0, 22, 10),
            100,
        ),
    ],
)
def test_every_type_has_its_place(shape, kind, bounds, area) -> None:
    found = one(shape)

    assert found.kind is kind
    assert found.geometry is not None
    assert found.geometry.bounds == pytest.approx(bounds)
    assert found.geometry.area == pytest.approx(area, rel=0.01)


def test_a_hole_belongs_to_the_outline_it_lies_in() -> None:
    other = [{"x": point["x"] + 100, "y": point["y"]} for point in SQUARE]
    hole = [{"x": 104, "y": 4}, {"x": 106, "y": 4}, {"x": 106, "y": 6}]

    found = one({"type": "brush", "positivePolygons": [SQUARE, other], "negativePolygons": [hole]})

    assert [len(part.interiors) for part in shapely.get_parts(found.geometry)] == [0, 1]


def test_what_came_goes_out_unchanged() -> None:
    originals = [
        '{"type":"polygon","points":[{"x":1.50,"y":2e0},{"x":3,"y":4},{"x":5,"y":0}],"m":[1.0]}',
        '{"type":"hexagon","corners":6}',
    ]

    shapes = parse_shapes(value_of(originals), SHAPES)

    assert [shape.original for shape in shapes] == originals
    assert shapes[1].kind is ShapeKind.OTHER
    assert shapes[1].geometry is None


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "rect", "corner": {"x": None, "y": 2}, "size": {"x": 3, "y": 4}},
        {"type": "rect", "corner": None},
        {"type": "ellipse", "center": {"x": None, "y": None}, "size": {"x": 1, "y": 1}},
        {"type": "polygon", "points": []},
        {"type": "polygon", "points": [{"x": 1, "y": None}]},
        {"type": "polygon", "points": [{"x": 1e300, "y": 1}, {"x": 1, "y": 1}, {"x": 2, "y": 1}]},
        {"type": "brush", "positivePolygons": 7},
        {"type": "heatmap", "data": [[1, 2], [3]], "height": 4},
        {"type": "heatmap", "data": "x"},
        {"x": True, "y": 1},
    ],
)
def test_a_shape_without_a_place_is_kept_without_a_geometry(shape) -> None:
    found = one(shape)

    assert found.geometry is None
    assert json.loads(found.original) == shape


@pytest.mark.parametrize(
    ("place", "size"),
    [
        ({"height": 64}, (64, 64)),
        ({"width": 8, "height": 2}, (8, 2)),
        ({"downscale": 3}, (12, 12)),
        ({}, (None, None)),
    ],
)
def test_a_heat_map_covers_what_it_says(shared_data: Path, place, size) -> None:
    text = (shared_data / "annotations/slidescore/heatmap_anno1.json").read_text()
    data = json.loads(text)[0]["data"]

    shape = one({"type": "heatmap", "x": 128, "y": 32, "data": data, **place})
    found = heat_map_of(shape)

    assert found is not None
    assert (found.width, found.height) == size
    assert found.values.tolist() == data
    assert (shape.geometry is None) == (size[0] is None)


def test_both_spellings_of_labels_are_read() -> None:
    labels = [
        {"label": "a", "x": 1, "y": 2, "whenToShow": "mouseover", "fontSize": 3},
        {"name": "b", "x": 4, "y": 5, "whentoshow": "always", "fontsize": 6},
        {"label": "nowhere"},
        "no label",
    ]

    found = labels_of(one({"type": "polygon", "points": SQUARE, "labels": labels}))

    assert [(each.text, each.x, each.font_size, each.always) for each in found] == [
        ("a", 1, 3, False),
        ("b", 4, 6, True),
    ]


def test_a_point_needs_no_type() -> None:
    shapes = parse_shapes('[{"x": 10, "y": 1.5}, {"x": 3, "y": null}]', QuestionKind.ANNO_POINTS)

    assert [shape.kind for shape in shapes] == [ShapeKind.POINT, ShapeKind.POINT]
    assert shapes[0].geometry == shapely.Point(10, 1.5)
    assert shapes[1].geometry is None


@pytest.mark.parametrize("text", ['{"x": 1}', "[1]", '[{"x": 1e999, "y": 1}]', "", "[{]"])
def test_what_is_no_array_of_objects_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_shapes(text, SHAPES)


def test_there_is_an_end_to_shapes_and_vertices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_SHAPES", 3)
    monkeypatch.setattr(reading, "MOST_VERTICES", 9)
    with pytest.raises(TooLarge, match="3 shapes"):
        parse_shapes('[{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1}]', SHAPES)
    with pytest.raises(TooLarge, match="9 vertices"):
        parse_shapes(json.dumps([{"type": "polygon", "points": SQUARE}] * 2), SHAPES)


@pytest.mark.parametrize(
    ("kind", "geometry"),
    [
        (ShapeKind.POINT, shapely.Point(1.5, 2)),
        (ShapeKind.POLYLINE, shapely.LineString([(0, 0), (4, 5), (6, 1)])),
        (ShapeKind.POLYGON, shapely.Polygon([(0, 0), (4, 5), (6, 1)])),
        (ShapeKind.RECTANGLE, shapely.box(1, 2, 3, 5)),
        (ShapeKind.BRUSH, shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2)),
    ],
)
def test_a_shape_from_elsewhere_is_read_as_it_was_told(kind, geometry) -> None:
    text = shape_text(kind, geometry, modified_on=datetime(2026, 7, 1, 12, tzinfo=UTC))

    found = parse_shapes(f"[{text}]", SHAPES)[0]

    assert found.kind is kind
    assert found.geometry is not None
    assert found.geometry.equals(geometry)
    assert json.loads(text)["modifiedOn"] == "2026-07-01T12:00:00.000Z"


def test_an_ellipse_is_told_by_its_centre_and_half_axes() -> None:
    ellipse = one({"type": "ellipse", "x": 50, "y": 20, "width": 20, "height": 10})

    assert json.loads(shape_text(ShapeKind.ELLIPSE, ellipse.geometry)) == {
        "type": "ellipse",
        "center": {"x": 50, "y": 20},
        "size": {"x": 10, "y": 5},
    }


def test_a_heat_map_from_elsewhere_keeps_its_cells() -> None:
    heat_map = HeatMap(np.array([[0, 255, 7]], np.uint8), 4, 5, 60, 10)

    found = heat_map_of(
        parse_shapes(f"[{shape_text(ShapeKind.HEATMAP, None, heat_map=heat_map)}]", SHAPES)[0]
    )

    assert found is not None
    assert (found.x, found.y, found.width, found.height) == (4, 5, 60, 10)
    assert found.values.tolist() == [[0, 255, 7]]


def test_nothing_cannot_be_told() -> None:
    with pytest.raises(Invalid):
        shape_text(ShapeKind.POLYGON, None)
