"""Annotation files of many shapes: columns go in and come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Invalid
from wsi_lab.formats import anno2
from wsi_lab.formats.anno2_columns import (
    fits,
    grid_of,
    read_columns,
    write_classic,
    write_columns,
)
from wsi_lab.formats.classic import parse_shapes
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.question import QuestionKind

DONUT = shapely.box(0, 0, 1000, 900).difference(shapely.box(10, 10, 20, 20))
AREAS = [
    shapely.box(5, 6, 7, 8),
    DONUT,
    shapely.MultiPolygon([shapely.box(300, 0, 310, 10), shapely.box(3000, 0, 3010, 10)]),
]


@pytest.mark.parametrize(
    "name",
    [
        "anno2_polygon_anno1_json.zip",
        "anno2_points_anno1_json.zip",
        "anno2_mask_tsv.zip",
        "anno2_polygon_geojson.zip",
        "anno2_camelyon_tumor_019.zip",
    ],
)
def test_columns_are_the_shapes_that_the_file_has(shared_data: Path, name: str) -> None:
    path = shared_data / "annotations" / "slidescore" / name
    columns = read_columns(path)
    shapes = anno2.read(path).shapes
    assert columns is not None
    assert shapes
    assert len(columns) == len(shapes)
    for geometry, shape in zip(columns.to_geometries(), shapes, strict=True):
        assert geometry.equals(shape.geometry) or geometry.normalize() == shape.geometry.normalize()


def test_what_is_written_is_read_the_same() -> None:
    labels = np.array([[{"label": "a", "x": 1}], None, [{"name": "b"}, {"name": "c"}]], object)
    columns = ShapeColumns.from_geometries(
        AREAS, properties={"labels": labels, "score": np.arange(3)}
    )
    data = write_columns(columns, {"by": "test"})
    found = anno2.read(data)
    assert (found.kind, found.item_count, found.metadata) == ("polygons", 5, {"by": "test"})
    back = read_columns(data)
    assert back is not None
    # Several outlines of one shape are shapes of their own there.
    parts = [AREAS[0], DONUT, *AREAS[2].geoms]
    assert [each.normalize() for each in back.to_geometries()] == [
        each.normalize() for each in parts
    ]
    assert back.properties["labels"].tolist() == [*labels.tolist(), None]
    points = ShapeColumns.from_geometries([shapely.Point(3.4, 700.6), shapely.Point(-1, 2)])
    again = read_columns(write_columns(points, {}))
    assert again is not None
    assert again.coordinates.tolist() == [[3, 701], [0, 2]]


def test_only_points_or_only_areas_fit() -> None:
    point, line = shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])
    for geometries, expected in (
        ([point, point], True),
        (AREAS, True),
        ([point, *AREAS], False),
        ([line], False),
        ([AREAS[0], None], False),
    ):
        assert fits(ShapeColumns.from_geometries(geometries)) is expected


def test_outline_of_one_or_two_corners_is_an_area_without_size() -> None:
    columns = ShapeColumns.from_geometries([shapely.box(0, 0, 9, 9), shapely.box(20, 20, 29, 29)])
    short = ShapeColumns(
        columns.kinds,
        columns.coordinates[:6],
        np.array([0, 4, 6]),
        columns.ring_roles,
        columns.shape_offsets,
        columns.labels,
    )
    back = read_columns(write_columns(short, {}))
    assert back is not None
    assert np.diff(back.ring_offsets).tolist() == [4, 3]


def test_what_fits_in_no_archive_is_a_list_of_texts() -> None:
    texts = ['{"x":1,"y":2}', '{"type":"polyline","points":[{"x":1,"y":2},{"x":3,"y":4}]}']
    data = write_classic(texts)
    assert [shape.original for shape in anno2.read(data).shapes or ()] == texts
    assert write_classic(texts) == data


def test_heat_map_is_a_grid_where_it_has_a_size() -> None:
    text = '[{"type":"heatmap","x":10,"y":20,"height":8,"data":[[0,5],[255,1],[3,4],[0,0]]}]'
    (shape,) = parse_shapes(text, QuestionKind.ANNO_SHAPES)
    grid = grid_of(shape, "h")
    assert grid is not None
    assert grid.box == (10, 20, 14, 28)
    np.testing.assert_array_equal(
        grid.values, np.array([[np.nan, 5], [255, 1], [3, 4], [np.nan, np.nan]], np.float32)
    )
    (endless,) = parse_shapes(
        '[{"type":"heatmap","x":1,"y":2,"data":[[1]]}]', QuestionKind.ANNO_SHAPES
    )
    assert grid_of(endless, "h") is None


def test_damaged_file_is_refused() -> None:
    data = write_columns(ShapeColumns.from_geometries(AREAS), {})
    with pytest.raises(Invalid):
        read_columns(data[: len(data) // 2])
    with pytest.raises(Invalid):
        read_columns(b"PK nonsense")
