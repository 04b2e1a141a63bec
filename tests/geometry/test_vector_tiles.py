from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shapes import columns_of, geometries, nuclei, polygons
from vector_tile_reading import read_vector_tile

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.packing import pack, unpack
from wsi_lab.geometry.vector_tiles import VectorLayer, vector_tile

FEW = settings(max_examples=40)
POINT, LINE, AREA = 1, 2, 3


def tile_of(columns, *, names=("a", "b"), ids=None, mask=None, **place):
    ids = np.arange(len(columns)) if ids is None else ids
    place = {"origin": (0, 0), "size": 4096} | place
    layer = VectorLayer("shapes", columns, ids, names, mask)
    return read_vector_tile(vector_tile([layer], **place)).get("shapes")


def signed_area(part) -> float:
    ring = np.array(part, float)
    following = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum()) / 2


def test_a_tile_says_what_the_specification_asks_for():
    shapes = [
        shapely.box(10, 20, 30, 40),
        shapely.Point(7, 9),
        shapely.LineString([(1, 1), (5, 5)]),
    ]
    layer = tile_of(columns_of(shapes), ids=np.array([5, 2**40, 0]))
    assert (layer.version, layer.extent, layer.name) == (2, 4096, "shapes")
    assert [feature.kind for feature in layer.features] == [AREA, POINT, LINE]
    assert [feature.id for feature in layer.features] == [5, 2**40, 0]
    assert [feature.properties for feature in layer.features] == [
        {},
        {"label": "a"},
        {"label": "b"},
    ]
    assert layer.features[1].parts == [[(7, 9)]]
    assert layer.features[2].parts == [[(1, 1), (5, 5)]]
    assert set(layer.features[0].parts[0]) == {(10, 20), (30, 20), (30, 40), (10, 40)}


def test_nothing_is_an_empty_tile():
    assert vector_tile([], origin=(0, 0), size=256) == b""
    far = columns_of([shapely.box(9000, 9000, 9100, 9100)])
    assert tile_of(far) is None


@FEW
@given(st.lists(polygons(most=1500, grid=None), min_size=1, max_size=4), st.integers(0, 2))
def test_areas_are_clipped_to_the_tile_and_keep_what_is_in_it(shapes, shift):
    size = 1024 << shift
    layer = tile_of(ShapeColumns.from_geometries(shapes), size=size, extent=4096, buffer=0)
    window = shapely.box(0, 0, size, size)
    seen = {feature.id: feature for feature in layer.features} if layer else {}
    for number, shape in enumerate(shapes):
        expected = shapely.intersection(window, shape.buffer(0)).area * (4096 / size) ** 2
        parts = seen[number].parts if number in seen else []
        if not shape.is_valid:
            continue
        # Rounding moves an outline by half a unit at most.
        allowed = shape.length * 4096 / size + 8
        assert sum(map(signed_area, parts)) == pytest.approx(expected, abs=allowed)
        for part in parts:
            assert np.array(part).min() >= 0
            assert np.array(part).max() <= 4096


def test_outlines_run_clockwise_on_the_screen_and_holes_the_other_way():
    holed = shapely.box(0, 0, 90, 90).difference(shapely.box(10, 10, 30, 30))
    for shape in (
        holed,
        shapely.Polygon(holed.exterior.coords[::-1], [holed.interiors[0].coords[::-1]]),
    ):
        outer, hole = tile_of(columns_of([shape])).features[0].parts
        assert signed_area(outer) == 8100
        assert signed_area(hole) == -400


@FEW
@given(st.lists(geometries(most=3000, grid=None), max_size=5))
def test_lines_and_points_are_within_the_tile_and_its_border(shapes):
    layer = tile_of(columns_of(shapes), size=1000, buffer=64)
    for feature in layer.features if layer else ():
        for part in feature.parts:
            assert np.array(part).min() >= -64
            assert np.array(part).max() <= 4160
            assert len(part) > (1 if feature.kind == LINE else 0)


def test_a_line_that_leaves_and_comes_back_is_two():
    line = shapely.LineString([(10, 10), (-900, 10), (-900, 50), (10, 50), (20, 60)])
    (feature,) = tile_of(columns_of([line]), size=1024, extent=1024).features
    assert feature.parts == [[(10, 10), (-64, 10)], [(-64, 50), (10, 50), (20, 60)]]


def test_a_line_across_the_tile_without_a_vertex_in_it_is_seen():
    line = shapely.LineString([(-5000, 100), (9000, 100)])
    (feature,) = tile_of(columns_of([line]), size=1024, extent=1024).features
    assert feature.parts == [[(-64, 100), (1088, 100)]]


def test_what_a_mask_leaves_out_is_not_written():
    columns = nuclei(100, side=1000)
    mask = np.arange(100) % 2 == 0
    layer = tile_of(columns, names=columns.label_names, mask=mask, size=1000)
    assert {feature.id % 2 for feature in layer.features} == {0}


def test_packed_shapes_make_the_same_tile():
    columns = nuclei(2000, side=4000)
    place = {"origin": (1000, 1000), "size": 1024}
    whole = tile_of(columns, names=columns.label_names, **place)
    layers = [
        VectorLayer("shapes", packed, packed.numbers, columns.label_names)
        for packed in (unpack(chunk.shapes) for chunk in pack(columns))
    ]
    together = read_vector_tile(vector_tile(layers, **place))["shapes"]
    assert len(whole.features) > 50
    assert sorted(together.features, key=lambda each: each.id) == whole.features


def test_layers_of_one_name_share_their_labels():
    columns = columns_of([shapely.box(0, 0, 9, 9)] * 3)
    layers = [
        VectorLayer("one", columns, np.arange(3), ("a", "b")),
        VectorLayer("one", columns, np.arange(3, 6), ("b", "c")),
        VectorLayer("two", columns, np.arange(3)),
    ]
    read = read_vector_tile(vector_tile(layers, origin=(0, 0), size=256))
    labels = [feature.properties.get("label") for feature in read["one"].features]
    assert labels == [None, "a", "b", None, "b", "c"]
    assert [feature.properties for feature in read["two"].features] == [{}, {}, {}]


@pytest.mark.parametrize("far", [1e9, 1e18, np.inf, np.nan])
def test_however_far_coordinates_are_nothing_breaks(far):
    near = [(-7.0, -8.0), (9.0, -5.0), (5.0, 9.0)]
    shapes = [shapely.Polygon(near), shapely.LineString(near), shapely.MultiPoint(near)]
    columns = ShapeColumns.from_geometries(shapes)
    columns.coordinates[:] *= far
    layer = tile_of(columns, size=1024)
    if far == 1e9:
        assert [feature.kind for feature in layer.features] == [AREA]


def test_a_zigzag_over_all_borders_has_room():
    places = np.stack([np.tile([-5000, 9000], 20_000), np.linspace(-100, 1124, 40_000)], axis=1)
    for shape in (shapely.Polygon(places), shapely.LineString(places)):
        (feature,) = tile_of(columns_of([shape]), size=1024).features
        assert sum(map(len, feature.parts)) > 4000
