from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from drawn_arrays import DrawnArray, blots, drawn_array
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from wsi_lab.errors import Invalid
from wsi_lab.geometry.tma_grid import CoreGrid, fit_grid

SECONDS = 3.0


def fitted(drawn: DrawnArray, *, is_known: bool = True) -> CoreGrid:
    rows, columns = drawn.has_core.shape
    if is_known:
        return fit_grid(drawn.picture, rows=rows, columns=columns)
    return fit_grid(drawn.picture)


def misses(drawn: DrawnArray, grid: CoreGrid) -> NDArray[np.float64]:
    """Return how far each place lies from where it was drawn, in radii of a core."""
    boxes = np.array([each.box for each in grid.places])
    off = boxes[:, :2] + boxes[:, 2:] / 2 - drawn.centres.reshape(-1, 2)
    return np.asarray(np.hypot(off[:, 0], off[:, 1]) / drawn.radius)


@pytest.mark.parametrize("is_known", [True, False])
def test_places_are_found_on_turned_torn_and_uneven_arrays(is_known: bool) -> None:
    near, wrong = [], 0
    for seed in range(40):
        drawn = drawn_array(seed, longest=900)
        grid = fitted(drawn, is_known=is_known)
        assert (grid.row_count, grid.column_count) == drawn.has_core.shape, seed
        assert grid.confidence > 0.85
        near.append(misses(drawn, grid) < 1 / 3)
        found = np.array([each.is_found for each in grid.places])
        wrong += int((found != drawn.has_core.ravel()).sum())
    whole = np.concatenate(near)
    assert whole.mean() >= 0.99
    assert wrong <= 0.01 * len(whole)


@pytest.mark.parametrize(
    "what",
    [
        {"missing": 0.3, "debris": 100},
        {"lane": True},
        {"longest": 500},
        {"merged": 8},
        {"steepest": 15.0},
    ],
    ids=str,
)
def test_harder_arrays_are_found_nearly_as_well(what: dict[str, Any]) -> None:
    near = []
    for seed in range(100, 115):
        drawn = drawn_array(seed, **{"longest": 900, **what})
        near.append(misses(drawn, fitted(drawn)) < 1 / 3)
    assert np.concatenate(near).mean() >= 0.98


def test_what_is_told_of_a_grid_is_true() -> None:
    drawn = drawn_array(7, rows=6, columns=9, missing=0.1, longest=900)
    grid = fit_grid(drawn.picture, 16.0)
    first, last = grid.places[0], grid.places[-1]
    assert (first.row, first.column, last.row, last.column) == (0, 0, 5, 8)
    assert grid.diameter == pytest.approx(32 * drawn.radius, rel=0.15)
    assert 0 < grid.residual < 16 * drawn.radius / 3
    (x0, y0), (x1, y1) = drawn.centres[0, 0], drawn.centres[0, -1]
    assert grid.angle == pytest.approx(np.degrees(np.arctan2(y1 - y0, x1 - x0)), abs=1.0)
    assert all(each.box[2] > grid.diameter for each in grid.places)
    middles = np.array([each.box for each in grid.places])
    middles = (middles[:, :2] + middles[:, 2:] / 2) / 16
    assert np.hypot(*(middles - drawn.centres.reshape(-1, 2)).T).max() < drawn.radius


def test_cores_that_glow_on_black_are_found() -> None:
    drawn = drawn_array(11, rows=5, columns=7, longest=700)
    glowing = DrawnArray(255 - drawn.picture, drawn.centres, drawn.has_core, drawn.radius)
    assert (misses(drawn, fitted(glowing, is_known=False)) < 1 / 3).mean() > 0.95


def test_one_row_is_a_grid_where_it_is_known_to_be_one() -> None:
    drawn = drawn_array(5, rows=1, columns=9, missing=0, debris=3, merged=0, longest=900)
    assert (misses(drawn, fitted(drawn)) < 1 / 3).all()


def test_outer_row_that_lacks_lies_where_there_is_room() -> None:
    y, x = np.mgrid[:300, :300]
    is_core = (np.hypot(x % 50 - 25, y % 50 - 25) < 15) & (y > 100)
    picture = np.where(is_core[..., None], (180, 90, 150), 240).astype(np.uint8)
    grid = fit_grid(picture, rows=6, columns=6)
    assert [each.is_found for each in grid.places].index(True) == 12
    assert grid.places[0].box[1] < 15
    with pytest.raises(Invalid, match="No grid of cores was found"):
        fit_grid(picture, rows=14, columns=6)


def test_outer_column_of_which_little_is_left_is_not_lost() -> None:
    y, x = np.mgrid[:300, :400]
    far = np.hypot(x % 50 - 25, y % 50 - 25)
    is_core = (far < 15) & (x > 100) & (x < 250) | (far < 15) & (x < 150) & (y < 50) & (y > 25)
    picture = np.where(is_core[..., None], (180, 90, 150), 240).astype(np.uint8)
    grid = fit_grid(picture, rows=6, columns=5)
    assert abs(grid.places[0].box[0]) < 15


def test_grid_of_another_size_is_refused_and_told() -> None:
    drawn = drawn_array(5, rows=8, columns=12, longest=900)
    with pytest.raises(Invalid, match="12 rows and 8 columns; it seems to have 8 rows and 12 col"):
        fit_grid(drawn.picture, rows=12, columns=8)


def noise(chance: np.random.Generator) -> NDArray[np.uint8]:
    return chance.integers(0, 255, (400, 600, 3)).astype(np.uint8)


def clouds(chance: np.random.Generator) -> NDArray[np.uint8]:
    made = ndimage.gaussian_filter(chance.normal(size=(400, 600)), chance.uniform(2, 25))
    grey = np.clip(200 + 40 * made / made.std(), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def scattered(chance: np.random.Generator) -> NDArray[np.uint8]:
    return blots(chance, (600, 800), int(chance.integers(3, 120)), 22.0)


@pytest.mark.parametrize("make", [noise, clouds, scattered])
@pytest.mark.parametrize("size", [{}, {"rows": 6, "columns": 8}], ids=["any", "6x8"])
def test_what_is_no_array_is_refused(
    make: Callable[[np.random.Generator], NDArray[np.uint8]], size: dict[str, int]
) -> None:
    for seed in range(25):
        with pytest.raises(Invalid, match="No grid of cores was found"):
            fit_grid(make(np.random.default_rng(seed)), **size)


@pytest.mark.parametrize(
    ("value", "shape"),
    [(255, (400, 600)), (240, (1, 1)), (0, (400, 600)), (128, (3, 2000)), (250, (2000, 3))],
)
def test_blank_pictures_are_refused(value: int, shape: tuple[int, int]) -> None:
    with pytest.raises(Invalid, match="No grid of cores was found"):
        fit_grid(np.full((*shape, 3), value, np.uint8))


def test_one_core_is_no_grid() -> None:
    drawn = drawn_array(1, rows=1, columns=1, missing=0, debris=0, merged=0, longest=500)
    for size in ({}, {"rows": 4, "columns": 6}):
        with pytest.raises(Invalid, match="No grid of cores was found"):
            fit_grid(drawn.picture, **size)


@pytest.mark.parametrize("name", ["kidney-48-5.tif", "test_slide.png"])
def test_ordinary_slides_are_no_arrays(shared_data: Any, name: str) -> None:
    with Image.open(shared_data / "slides" / name) as opened:
        picture = np.asarray(opened.convert("RGB"))
    with pytest.raises(Invalid, match="No grid of cores was found"):
        fit_grid(picture)


@pytest.mark.quiet
def test_large_picture_takes_less_than_three_seconds() -> None:
    for what in ({"rows": 16, "columns": 24}, {"rows": 30, "columns": 45}):
        drawn = drawn_array(3, longest=2000, **what)
        begin = time.perf_counter()
        fit_grid(drawn.picture)
        assert time.perf_counter() - begin < SECONDS
