from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shapes import columns_of, geometries, nuclei, polygons

from wsi_lab.errors import Invalid
from wsi_lab.geometry import raster
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.packing import pack, unpack
from wsi_lab.geometry.raster import draw

FEW = settings(max_examples=30)


def drawn(
    shapes, *, size=(64, 64), origin=(0, 0), downsample=1.0, fill=1, line=0, kind=np.uint8, **more
) -> np.ndarray:
    columns = shapes if not isinstance(shapes, list) else ShapeColumns.from_geometries(shapes)
    canvas = np.zeros(size, kind)
    style = [np.broadcast_to(value, len(columns)).astype(kind) for value in (fill, line)]
    place = {"origin": origin, "downsample": downsample}
    draw(canvas, columns, **place, fill=style[0], line=style[1], **more)
    return canvas


@FEW
@given(polygons(most=60, grid=None), st.sampled_from([0.5, 1.0, 3.0]), st.booleans())
def test_a_pixel_is_filled_where_its_middle_is_inside(shape, downsample, is_banded):
    with pytest.MonkeyPatch.context() as patch:
        if is_banded:
            patch.setattr(raster, "_FLIPS", 200)
        canvas = drawn([shape], origin=(-30, -20), downsample=downsample, dots=False)
    middles = (np.arange(64) + 0.5) * downsample
    x, y = np.meshgrid(middles - 30, middles - 20)
    # Even-odd, whether or not rings cross.
    inside = shapely.contains_xy(shapely.Polygon(shape.exterior), x, y)
    for hole in shape.interiors:
        inside = inside ^ shapely.contains_xy(shapely.Polygon(hole), x, y)
    differing = canvas.astype(bool) != inside
    near = shapely.distance(shape.boundary, shapely.points(x, y)) < 1e-6
    assert not (differing & ~near).any()


def test_shapes_that_share_a_border_share_no_pixel_and_leave_none_out():
    random = np.random.default_rng(5)
    parts = shapely.get_parts(
        shapely.delaunay_triangles(shapely.MultiPoint(random.random((60, 2)) * 64))
    )
    canvas = np.zeros((64, 64), np.uint8)
    for part in parts:
        canvas += drawn([part], dots=False)
    hull = drawn([shapely.union_all(parts)], dots=False)
    assert np.array_equal(canvas, hull)


def test_later_shapes_lie_over_earlier_ones_and_masked_ones_are_left_out():
    squares = [shapely.box(0, 0, 4, 4), shapely.box(2, 2, 6, 6), shapely.box(3, 3, 9, 9)]
    columns, mask = ShapeColumns.from_geometries(squares), np.array([True, True, False])
    canvas = drawn(columns, size=(8, 8), fill=[1, 2, 3], mask=mask)
    assert canvas[1, 1] == 1
    assert canvas[3, 3] == canvas[5, 5] == 2
    assert canvas[7, 7] == 0


def test_an_outline_is_drawn_over_the_inside_with_no_gap():
    canvas = drawn([shapely.box(10, 10, 30.5, 20.5)], fill=1, line=2)
    assert (canvas[10, 10:31] == 2).all()
    assert (canvas[10:21, 30] == 2).all()
    assert (canvas[11:20, 11:30] == 1).all()
    thick = drawn([shapely.LineString([(0, 30), (60, 30)])], line=1, fill=0, line_width=5)
    assert thick[:, 20].sum() == 5


@FEW
@given(st.lists(geometries(most=80), min_size=1, max_size=5), st.sampled_from([0.7, 1.0, 2.5]))
def test_a_canvas_is_what_its_tiles_are_together(shapes, downsample):
    style = {"fill": 1, "line": 2, "downsample": downsample}
    whole = drawn(columns_of(shapes), size=(64, 64), origin=(-20, -20), **style)
    half = 32 * downsample
    for row in (0, 1):
        for column in (0, 1):
            origin = (column * half - 20, row * half - 20)
            tile = drawn(columns_of(shapes), size=(32, 32), origin=origin, **style)
            part = whole[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32]
            # Rounding differs by where a tile begins; a pixel here and there may be another.
            assert (tile != part).mean() < 0.01


@FEW
@given(st.lists(geometries(most=300), min_size=1, max_size=5), st.sampled_from([1.0, 4.0]))
def test_packed_shapes_are_drawn_like_the_others(shapes, downsample):
    columns = columns_of(shapes)
    packed = unpack(pack(columns, cell=10**6)[0].shapes)
    if len(packed) < len(columns):
        return
    style = {"origin": (-99.5, 10.25), "downsample": downsample, "dots": False, "line": 3}
    assert np.array_equal(drawn(packed, **style), drawn(columns, **style))


def test_shapes_smaller_than_a_pixel_are_seen_as_one():
    columns = nuclei(200, side=6000)
    packed = [unpack(chunk.shapes) for chunk in pack(columns)]
    for downsample in (16, 64):
        seen = drawn(columns, size=(400, 400), downsample=downsample, line=1)
        assert np.count_nonzero(seen) > 90
        together = np.zeros_like(seen)
        for part in packed:
            together |= drawn(part, size=(400, 400), downsample=downsample, line=1)
        assert np.count_nonzero(together != seen) < 10
    assert not drawn([shapely.box(5.1, 5.1, 5.2, 5.2)], dots=False).any()


def test_points_are_discs_with_a_border():
    canvas = drawn([shapely.Point(20.5, 20.5)], line=2, point_radius=4.0)
    assert canvas[20, 20] == 1
    assert canvas[20, 24] == 2
    assert 40 < np.count_nonzero(canvas) < 60
    dot = drawn([shapely.Point(20.9, 7.1)], point_radius=0.0)
    assert np.argwhere(dot).tolist() == [[7, 20]]


@pytest.mark.parametrize("far", [1e9, 1e15, 1e300, np.inf, np.nan])
def test_however_far_coordinates_are_nothing_breaks(far):
    near = [(-7.0, -8.0), (9.0, -5.0), (5.0, 9.0)]
    shapes = [shapely.Polygon(near), shapely.LineString(near), shapely.MultiPoint(near)]
    for shape in shapes:
        columns = ShapeColumns.from_geometries([shape])
        columns.coordinates[:] *= far
        canvas = drawn(columns, line=2, line_width=3)
        if far == 1e9 and isinstance(shape, shapely.Polygon):
            assert (canvas == 1).all()


def test_a_million_vertices_are_drawn_like_a_few():
    angles = np.arange(1_000_000) / 1_000_000 * 2 * np.pi
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 30 + 32
    fine, coarse = shapely.Polygon(ring), shapely.Polygon(ring[::1000])
    assert np.count_nonzero(drawn([fine]) != drawn([coarse])) < 20


def test_numbers_of_two_bytes_are_written_whole():
    canvas = drawn([shapely.box(2, 2, 5, 5)], fill=40_000, line=300, kind=np.uint16)
    assert set(np.unique(canvas)) == {0, 300, 40_000}


def test_a_canvas_in_pieces_is_refused():
    columns = ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1)])
    one = np.ones(1, np.uint8)
    for canvas in (np.zeros((8, 8), np.uint8)[:, ::2], np.zeros((8, 8), np.int64)):
        with pytest.raises(Invalid, match="canvas"):
            draw(canvas, columns, origin=(0, 0), downsample=1, fill=one, line=one)
