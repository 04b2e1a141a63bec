"""What a format cannot say is told, alike things as one."""

from __future__ import annotations

import numpy as np
import pytest
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
HEAT = b'[{"type": "heatmap", "x": 16, "y": 32, "height": 64, "data": [[9, 200], [1, 50]]}]'
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


def test_a_line_in_an_asap_document_is_an_outline_and_is_said_to_be() -> None:
    line = Feature(ShapeKind.POLYLINE, shapely.LineString([(0, 0), (9, 0), (9, 9)]))
    document = Document([line])
    assert told(FORMATS["asap"], document) == ["polyline: 1 shape is written as polygon."]
    (found,) = FORMATS["asap"].read(FORMATS["asap"].write(document)).features
    assert found.kind is ShapeKind.POLYGON


def test_places_outside_a_slide_and_outlines_apart_are_told_of_an_anno2_file() -> None:
    apart = shapely.MultiPolygon([shapely.box(-3, 1, 5, 5), shapely.box(20, 20, 30, 30)])
    document = Document([Feature(ShapeKind.BRUSH, apart)])
    assert told(FORMATS["anno2"], document) == [
        "Shapes: 1 shape of several outlines is written as one shape for each.",
        "Coordinates: 2 vertices left of the slide or above it are moved to its edge.",
    ]
    found = FORMATS["anno2"].read(FORMATS["anno2"].write(document)).features
    assert len(found) == 2
    assert min(each.geometry.bounds[0] for each in found if each.geometry) == 0


@pytest.mark.parametrize("name", [each.name for each in FORMATS.values() if each.is_written])
def test_what_becomes_of_a_heat_map_is_told(name: str) -> None:
    told_by = FORMATS[name]
    heat = FORMATS["slidescore"].read(HEAT).features[0]
    options = {"height": 300.0} if "height" in told_by.write_options else {}
    box = {"box": (0, 0, 200, 200)} if "box" in told_by.write_options else {}
    document = Document([heat])
    said = " ".join(told(told_by, document))
    back = told_by.read(told_by.write(document, **options, **box), **options)
    if "left out" in said:
        assert not back.features
        assert not back.grids
    elif "written as polygon" in said:
        assert [each.kind for each in back.features] == [ShapeKind.POLYGON]
    else:
        assert back.grids or [each.kind for each in back.features] == [ShapeKind.HEATMAP]
