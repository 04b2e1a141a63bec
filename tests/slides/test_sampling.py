"""Regions at any resolution, out of whatever resolutions a file has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.errors import NotFound, TooLarge
from wsi_lab.model.slide import Level, Region, SlideProperties
from wsi_lab.slides.colour import white
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.render import reduced
from wsi_lab.slides.sampling import LevelReader, level_for


class ArrayReader(LevelReader):
    """A slide that is an array, with smaller versions at given steps."""

    def __init__(self, full: Pixels, steps: tuple[int, ...] = (1,)) -> None:
        self.arrays = [full if step == 1 else reduced(full, step) for step in steps]
        self.pixels_read = 0
        levels = []
        for array in self.arrays:
            rows, columns = array.shape[:2]
            downsample = (full.shape[1] / columns + full.shape[0] / rows) / 2
            levels.append(Level(columns, rows, 256, 256, downsample))
        self._properties = SlideProperties(format="array", levels=tuple(levels))

    @property
    def properties(self) -> SlideProperties:
        return self._properties

    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        self.pixels_read += width * height
        array, scale = self.arrays[level], self._properties.levels[level].downsample
        left, top = round(x / scale), round(y / scale)
        result = white(height, width)
        for row in range(max(0, -top), min(height, array.shape[0] - top)):
            first, last = max(0, -left), min(width, array.shape[1] - left)
            if first < last:
                result[row, first:last] = array[top + row, left + first : left + last]
        return result

    def read_associated(self, name: str) -> Pixels:
        raise NotFound(name)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def scene() -> Pixels:
    """Return 500 x 700 pixels with structure at every scale."""
    rows, columns = np.indices((500, 700))
    noise = np.random.default_rng(1).integers(0, 40, (500, 700, 3))
    waves = 100 + 50 * np.sin(rows / 40)[:, :, None] + 50 * np.cos(columns / 60)[:, :, None]
    return (waves + noise).astype(np.uint8)


@given(
    x=st.integers(-300, 900), y=st.integers(-300, 700), side=st.tuples(*[st.integers(1, 200)] * 2)
)
def test_full_resolution_is_the_stored_pixels_and_white_around(
    scene: Pixels, x: int, y: int, side: tuple[int, int]
) -> None:
    width, height = side
    padded = np.pad(scene, ((1000, 1000), (1000, 1000), (0, 0)), constant_values=255)
    expected = padded[1000 + y : 1000 + y + height, 1000 + x : 1000 + x + width]
    region = Region(x=x, y=y, width=width, height=height, downsample=1.0)
    assert np.array_equal(ArrayReader(scene).read_region(region), expected)


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
def test_whole_factors_are_the_mean_of_the_pixels(scene: Pixels, factor: int) -> None:
    region = Region(x=0, y=0, width=600 // factor, height=400 // factor, downsample=factor)
    expected = reduced(scene[: 400 // factor * factor, : 600 // factor * factor], factor)
    got = ArrayReader(scene).read_region(region)
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("downsample", [0.4, 1.37, 3.3, 7.9, 40.0, 170.0])
def test_any_factor_is_close_to_the_mean_of_the_area(scene: Pixels, downsample: float) -> None:
    width, height = (max(1, int(side / downsample)) for side in (700, 500))
    got = ArrayReader(scene).read_region(
        Region(x=0, y=0, width=width, height=height, downsample=downsample)
    )
    rows = ((np.arange(height) + 0.5) * downsample).astype(int)
    columns = ((np.arange(width) + 0.5) * downsample).astype(int)
    half = max(1, int(downsample / 2))
    means = np.array(
        [
            [
                scene[max(0, y - half) : y + half, max(0, x - half) : x + half].mean((0, 1))
                for x in columns
            ]
            for y in rows[:20]
        ]
    )
    assert np.abs(got[:20].astype(float) - means).mean() < 9


def test_tiles_of_a_grid_join_without_seams(scene: Pixels) -> None:
    reader = ArrayReader(scene, steps=(1, 4))
    whole = reader.read_region(Region(x=0, y=0, width=350, height=250, downsample=2.0))
    tiles = [
        np.hstack(
            [
                reader.read_region(Region(x=2 * x, y=2 * y, width=50, height=50, downsample=2.0))
                for x in range(0, 350, 50)
            ]
        )
        for y in range(0, 250, 50)
    ]
    assert np.array_equal(np.vstack(tiles), whole)


def test_a_stored_level_is_handed_out_untouched(scene: Pixels) -> None:
    reader = ArrayReader(scene, steps=(1, 3))
    level = reader.properties.levels[1]
    # 500 rows are 166.67 thirds: the file says 2.9970, grids say 3.
    for downsample in (level.downsample, 3.0):
        region = Region(x=30, y=60, width=90, height=70, downsample=downsample)
        got = reader.read_region(region)
        assert np.array_equal(got, reader.arrays[1][20:90, 10:100])


def test_the_smallest_sufficient_level_is_read(scene: Pixels) -> None:
    reader = ArrayReader(scene, steps=(1, 4, 16))
    numbers = [level_for(reader.properties, ds) for ds in (0.5, 1, 3.9, 4, 15, 16, 1000)]
    assert numbers == [0, 0, 0, 1, 1, 2, 2]
    reader.read_region(Region(x=0, y=0, width=35, height=25, downsample=20.0))
    assert reader.pixels_read < 5_000


@pytest.mark.parametrize("downsample", [33.0, 700.0, 5000.0, 1e6])
def test_far_away_the_slide_is_its_mean_on_white(scene: Pixels, downsample: float) -> None:
    reader = ArrayReader(scene)
    pixel = reader.read_region(Region(x=0, y=0, width=1, height=1, downsample=downsample))
    inside = scene[: int(downsample), : int(downsample)]
    share = inside.shape[0] * inside.shape[1] / downsample**2
    expected = inside.mean() * share + 255 * (1 - share)
    assert abs(pixel.mean() - expected) < 8


@pytest.mark.parametrize("x", [-1e300, 1e300, -5e9, 700.0, -60.0])
def test_nothing_is_read_where_nothing_is(scene: Pixels, x: float) -> None:
    reader = ArrayReader(scene)
    for downsample in (1.0, 0.7, 1e-9):
        got = reader.read_region(Region(x=x, y=0, width=60, height=7, downsample=downsample))
        assert got.shape == (7, 60, 3)
        assert (got == 255).all()
    assert reader.pixels_read == 0


def test_far_into_a_pixel_there_is_that_pixel(scene: Pixels) -> None:
    region = Region(x=10.4, y=20.4, width=5, height=5, downsample=1e-7)
    got = ArrayReader(scene).read_region(region).astype(int)
    assert np.abs(got - scene[20, 10]).max() <= 20


def test_what_would_take_minutes_is_refused_before_it_begins() -> None:
    class Endless(ArrayReader):
        def __init__(self) -> None:
            super().__init__(white(1, 1))
            self._properties = SlideProperties(
                format="huge", levels=(Level(200_000, 200_000, 256, 256, 1.0),)
            )

    reader = Endless()
    with pytest.raises(TooLarge, match="pyramid"):
        reader.read_region(Region(x=0, y=0, width=200, height=200, downsample=1000.0))
    assert reader.pixels_read == 0
    # Most of this one lies outside.
    outside = Region(x=199_990, y=-199_990, width=200, height=200, downsample=1000.0)
    assert reader.read_region(outside).shape == (200, 200, 3)
