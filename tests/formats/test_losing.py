"""What a format cannot say is told, alike things as one."""

from __future__ import annotations

import numpy as np
import shapely

from wsi_lab.formats.annotation_formats import FORMATS, Format, Holds
from wsi_lab.formats.losing import lost, lost_of_columns
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Grid, Source

POOR = Format(
    "poor",
    "Poor text",
    (".txt",),
    "text/plain",
    "nothing",
    Holds(
        frozenset({ShapeKind.POLYGON}),
        {ShapeKind.BRUSH: ShapeKind.POLYGON},
        holes=False,
        parts=False,
        labels=0,
        property_names=frozenset({"name"}),
        precision=0.5,
    ),
)
SQUARE = shapely.box(0, 0, 9, 9)


def told(format: Format, document: Document) -> list[str]:  # noqa: A002 - as the function's
    return [str(each) for each in lost(format, document)]


def test_nothing_is_lost_of_what_a_format_holds() -> None:
    assert told(POOR, Document([Feature(ShapeKind.POLYGON, SQUARE, (), {"name": "A"})])) == []


def test_everything_that_is_lost_is_told() -> None:
    ring = SQUARE - shapely.box(1, 1, 2, 2)
    apart = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3.25)])
    document = Document(
        [
            Feature(ShapeKind.POINT, shapely.Point(1, 1), ("a",), {"score": 1, "name": "x"}),
            Feature(ShapeKind.POINT, shapely.Point(1, 1)),
            Feature(ShapeKind.BRUSH, ring),
            Feature(ShapeKind.BRUSH, apart),
            Feature(ShapeKind.POLYGON, None),
        ],
        [Grid("heat", np.zeros((1, 1), np.float32), (0, 0, 1, 1))],
        {"a": "#010203"},
    )
    assert told(POOR, document) == [
        "point: 2 shapes are left out: Poor text has no word for it.",
        "brush: 2 shapes are written as polygon.",
        "Shapes: 1 shape without coordinates is left out.",
        "Holes: Poor text has no holes; 1 hole is left out or drawn as outlines.",
        "Shapes: 1 shape of several outlines is written as one shape for each.",
        "Labels: Poor text has no room for labels; 1 shape has some.",
        "Properties: Poor text has no room for: score.",
        "Colours: Poor text has no room for colours of labels.",
        "Grids: Poor text has no room for 1 grid of values.",
        "Coordinates: 2 vertices are rounded to 1 px.",
    ]


def test_the_same_is_told_of_columns() -> None:
    columns = ShapeColumns.from_geometries(
        [SQUARE - shapely.box(1, 1, 2, 2), shapely.Point(1.25, 1), None],
        labels=np.array([0, -1, -1]),
        label_names=("a",),
        properties={"score": np.zeros(3)},
    )
    assert [str(each) for each in lost_of_columns(POOR, columns)] == [
        "point: 1 shape is left out: Poor text has no word for it.",
        "brush: 1 shape is written as polygon.",
        "Shapes: 1 shape without coordinates is left out.",
        "Holes: Poor text has no holes; 1 hole is left out or drawn as outlines.",
        "Labels: Poor text has no room for labels; 1 shape has some.",
        "Properties: Poor text has no room for: score.",
        "Coordinates: 1 vertex is rounded to 1 px.",
    ]
    assert lost_of_columns(POOR, ShapeColumns.empty()) == []


def test_what_came_as_the_format_itself_is_not_lost() -> None:
    strange = Feature(ShapeKind.OTHER, None, source=Source("poor", "?"))
    assert told(POOR, Document([strange])) == []
    assert told(FORMATS["geojson"], Document([strange])) != []


def test_shapes_with_several_labels_are_counted() -> None:
    both = Feature(ShapeKind.POLYGON, SQUARE, ("a", "b"))
    assert told(FORMATS["qupath"], Document([both, both])) == [
        "Labels: 2 shapes with several labels keep the first only."
    ]
