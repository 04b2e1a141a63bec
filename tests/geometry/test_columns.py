from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shapes import are_same, columns_of, geometries, nuclei

from wsi_lab.errors import Invalid
from wsi_lab.geometry.columns import HOLE, KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind

FEW = settings(max_examples=40)


def kinds_of(columns: ShapeColumns) -> list[ShapeKind]:
    return [KINDS[kind] for kind in columns.kinds]


@FEW
@given(st.lists(geometries(grid=None), max_size=6))
def test_geometries_come_back_as_they_were(shapes):
    back = columns_of(shapes).to_geometries()
    for shape, again in zip(shapes, back, strict=True):
        if shape is None or shape.is_empty:
            assert again is None
        else:
            assert again.equals_exact(shape, 0.0)


@FEW
@given(st.lists(geometries(), max_size=6))
def test_boxes_and_areas_are_those_of_shapely(shapes):
    boxes, areas = columns_of(shapes).measures()
    filled = np.array(shapes, object)
    assert np.array_equal(boxes, shapely.bounds(filled), equal_nan=True)
    expected = [0.0 if shape is None else _area_of_rings(shape) for shape in shapes]
    assert areas == pytest.approx(expected, abs=1e-6)


def _area_of_rings(shape) -> float:
    # Parts may lie over each other here, which shapely counts twice as well.
    return sum(part.area for part in getattr(shape, "geoms", [shape]))


@FEW
@given(st.lists(geometries(grid=None), max_size=6), st.sampled_from(["<", ">"]))
def test_well_known_binary_is_read_in_either_byte_order(shapes, order):
    written = shapely.to_wkb(np.array(shapes, object), byte_order=1 if order == "<" else 0)
    pieces = [piece or b"" for piece in written]
    offsets = np.cumsum([0, *map(len, pieces)])
    read = ShapeColumns.from_wkb(b"".join(pieces), offsets)
    expected = ShapeColumns.from_geometries(shapes)
    assert np.array_equal(read.coordinates, expected.coordinates)
    assert np.array_equal(read.shape_offsets, expected.shape_offsets)


def test_heights_and_reference_systems_in_well_known_binary_are_passed_over():
    high = shapely.set_srid(shapely.Polygon([(0, 0, 7), (4, 0, 7), (4, 4, 7)]), 4326)
    data = shapely.to_wkb(high, include_srid=True) + shapely.to_wkb(high, flavor="iso")
    half = len(shapely.to_wkb(high, include_srid=True))
    columns = ShapeColumns.from_wkb(data, [0, half, len(data)])
    assert columns.coordinates.tolist() == [[0, 0], [4, 0], [4, 4]] * 2


@FEW
@given(st.binary(max_size=80))
def test_damaged_well_known_binary_is_refused_or_read_but_never_trusted(data):
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    for damaged in (data, good[: len(data)], good[:5] + data):
        try:
            columns = ShapeColumns.from_wkb(damaged, [0, len(damaged)])
        except Invalid:
            continue
        assert len(columns) == 1


@pytest.mark.parametrize("offsets", [[0, 500], [5, 2], [-3, 4]])
def test_offsets_beyond_the_bytes_are_refused(offsets):
    with pytest.raises(Invalid, match="well-known binary"):
        ShapeColumns.from_wkb(bytes(93), offsets)


def test_kinds_are_told_from_the_geometry_unless_they_are_said():
    holed = shapely.box(0, 0, 9, 9).difference(shapely.box(1, 1, 2, 2))
    shapes = [shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]), shapely.box(0, 0, 1, 1)]
    columns = ShapeColumns.from_geometries([*shapes, holed, None])
    assert [kind.value for kind in kinds_of(columns)] == [
        "point", "polyline", "polygon", "brush", "other",
    ]  # fmt: skip
    assert columns.ring_roles.tolist() == [0, 0, 0, 0, HOLE]
    said = ShapeColumns.from_geometries(shapes[2:], kinds=[KINDS.index(ShapeKind.RECTANGLE)])
    assert kinds_of(said) == [ShapeKind.RECTANGLE]


def test_of_a_collection_the_areas_are_taken():
    mixed = shapely.GeometryCollection(
        [shapely.Point(5, 5), shapely.GeometryCollection([shapely.box(0, 0, 2, 2)])]
    )
    columns = ShapeColumns.from_geometries([mixed])
    assert columns.areas().tolist() == [4.0]


def test_an_area_of_one_or_two_vertices_is_still_a_geometry():
    columns = ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1)])
    for count in (1, 2):
        thin = ShapeColumns(
            columns.kinds,
            columns.coordinates[:count],
            np.array([0, count]),
            columns.ring_roles,
            columns.shape_offsets,
            columns.labels,
        )
        assert thin.to_geometries()[0].area == 0


def test_taking_and_concatenating_are_each_others_inverse():
    columns = nuclei(50)
    halves = [columns.take(np.arange(20)), columns.take(np.arange(50) >= 20)]
    assert are_same(ShapeColumns.concatenated(halves), columns)
    backwards = columns.take(np.arange(50)[::-1])
    assert backwards.to_geometries()[49].equals(columns.to_geometries()[0])


def test_concatenating_joins_labels_by_name_and_leaves_missing_properties_out():
    point = [shapely.Point(0, 0)]
    one = ShapeColumns.from_geometries(
        point, labels=[0], label_names=("a",), properties={"score": np.array([0.5])}
    )
    other = ShapeColumns.from_geometries(
        point * 2,
        labels=[1, -1],
        label_names=("b", "a"),
        properties={"name": np.array(["x", None], object)},
    )
    joined = ShapeColumns.concatenated([one, other])
    assert joined.label_names == ("a", "b")
    assert joined.labels.tolist() == [0, 0, -1]
    assert np.isnan(joined.properties["score"]).tolist() == [False, True, True]
    assert joined.properties["name"].tolist() == [None, "x", None]
    assert len(ShapeColumns.concatenated([])) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"ring_offsets": np.array([0, 9])},
        {"ring_offsets": np.array([0])},
        {"shape_offsets": np.array([1, 1])},
        {"labels": np.zeros(2, np.int32)},
        {"properties": {"score": np.zeros(3)}},
        {"coordinates": np.zeros((4, 3))},
    ],
)
def test_columns_that_do_not_fit_each_other_are_refused(change):
    square = ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1)])
    names = ("kinds", "coordinates", "ring_offsets", "ring_roles", "shape_offsets", "labels")
    with pytest.raises(Invalid, match="fit"):
        ShapeColumns(**{name: getattr(square, name) for name in names} | change)
