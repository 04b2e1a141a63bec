from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.model.slide import TileGrid, map_grid
from wsi_lab.widgets.coords import (
    View,
    downsample_of,
    least_zoom,
    map_bounds,
    to_map,
    to_pixels,
    zoom_of,
)

pixels = st.floats(-1e7, 1e7)
sides = st.integers(1, 400_000)
downsamples = st.floats(1 / 64, 65536)


@given(pixels, pixels)
def test_place_on_the_map_and_back_is_the_same_place(x, y):
    assert to_pixels(*to_map(x, y)) == (x, y)


@given(pixels, pixels)
def test_map_has_x_to_the_east_and_y_to_the_south(x, y):
    latitude, longitude = to_map(x, y)
    assert longitude == x
    assert latitude == -y


@given(downsamples)
def test_zoom_and_downsample_undo_each_other(downsample):
    assert downsample_of(zoom_of(downsample)) == pytest.approx(downsample, rel=1e-12)


@given(downsamples, downsamples)
def test_deeper_zoom_is_smaller_downsample(a, b):
    assert (zoom_of(a) > zoom_of(b)) <= (a < b)


@given(pixels, pixels, downsamples, st.integers(0, 8000), st.integers(0, 8000))
def test_bounds_are_around_the_middle_and_as_large_as_the_screen(x, y, downsample, width, height):
    x0, y0, x1, y1 = View(x, y, downsample, width, height).bounds
    assert (x0 + x1) / 2 == pytest.approx(x, abs=1e-3)
    assert (y0 + y1) / 2 == pytest.approx(y, abs=1e-3)
    assert x1 - x0 == pytest.approx(width * downsample, abs=1e-3)
    assert y1 - y0 == pytest.approx(height * downsample, abs=1e-3)


@given(sides, sides, st.sampled_from([240, 256, 512]))
def test_slide_fits_into_one_tile_at_the_least_zoom_and_not_above(width, height, side):
    levels = (math.ceil(max(width, height) / side) - 1).bit_length() + 1
    grid = TileGrid(width=width, height=height, tile_size=side, level_count=levels)
    scale = 2.0 ** least_zoom(grid)
    assert max(width, height) * scale <= side
    assert levels == 1 or max(width, height) * scale * 2 > side
    assert downsample_of(least_zoom(grid)) == grid.level(0).downsample


@given(sides, sides)
def test_corners_of_the_slide_are_the_bounds_of_its_tiles(width, height):
    grid = TileGrid(width=width, height=height, tile_size=256, level_count=1)
    (south, west), (north, east) = map_bounds(grid)
    assert to_pixels(north, west) == (0, 0)
    assert to_pixels(south, east) == (width, height)


def test_grid_is_the_models(new_slide):
    slide = new_slide()
    assert slide.grid == map_grid(slide.properties)
