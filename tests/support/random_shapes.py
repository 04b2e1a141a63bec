"""Shapes of all kinds for property tests, and nuclei-like ones by the thousand."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import strategies as st

from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind

CLASSES = ("neoplastic", "inflammatory", "connective", "dead")


def nuclei(count: int, *, side: float = 20_000, grid: float = 4, seed: int = 3) -> ShapeColumns:
    """Make round polygons of 12 to 20 vertices on a grid of 1/4 pixels, or 1/`grid`."""
    random = np.random.default_rng(seed)
    centres = random.random((count, 2)) * side
    sizes = random.integers(12, 21, count)
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    of = np.repeat(np.arange(count), sizes)
    angles = 2 * np.pi * (np.arange(starts[-1]) - starts[of]) / sizes[of]
    radii = (random.gamma(14, 0.62, count)[of] * (1 + 0.08 * np.sin(3 * angles)))[:, None]
    places = centres[of] + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return ShapeColumns(
        np.full(count, KINDS.index(ShapeKind.POLYGON), np.uint8),
        np.rint(places * grid) / grid,
        starts,
        np.zeros(count, np.uint8),
        np.arange(count + 1),
        random.integers(0, len(CLASSES), count).astype(np.int32),
        CLASSES,
    )


def _numbers(most: float, grid: float | None) -> st.SearchStrategy[float]:
    if grid is None:
        return st.floats(-most, most, allow_nan=False, allow_subnormal=False)
    return st.integers(int(-most * grid), int(most * grid)).map(lambda number: number / grid)


@st.composite
def polygons(draw, most: float = 1000, grid: float | None = 4) -> shapely.Polygon:
    """Make star-shaped polygons, some with a hole around the middle."""
    x, y = draw(_numbers(most, grid)), draw(_numbers(most, grid))
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.integers(4, 60), min_size=count, max_size=count))
    angles = np.arange(count) * 2 * np.pi / count
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outer = ring * np.array(radii)[:, None]
    holes = [(ring * 1.5)[::-1]] if draw(st.booleans()) else []
    step = grid or 1024
    rings = [np.rint(part * step) / step + (x, y) for part in [outer, *holes]]
    return shapely.Polygon(rings[0], rings[1:])


@st.composite
def geometries(draw, most: float = 1000, grid: float | None = 4):
    """Make geometries of every kind that columns hold, now and then none."""
    kind = draw(st.integers(0, 6))
    places = st.tuples(_numbers(most, grid), _numbers(most, grid))
    if kind == 0:
        return draw(st.sampled_from([None, shapely.Polygon(), shapely.Point()]))
    if kind == 1:
        return shapely.Point(draw(places))
    if kind == 2:
        return shapely.MultiPoint(draw(st.lists(places, min_size=2, max_size=4)))
    if kind in {3, 4}:
        lines = st.lists(places, min_size=2, max_size=6, unique=True)
        if kind == 3:
            return shapely.LineString(draw(lines))
        return shapely.MultiLineString(draw(st.lists(lines, min_size=2, max_size=3)))
    if kind == 5:
        return draw(polygons(most, grid))
    return shapely.MultiPolygon(draw(st.lists(polygons(most, grid), min_size=2, max_size=3)))


def columns_of(geometries_of: list[object]) -> ShapeColumns:
    """Return geometries as columns with labels a, b, none, a, b, none, …"""
    labels = np.arange(len(geometries_of)) % 3 - 1
    return ShapeColumns.from_geometries(geometries_of, labels=labels, label_names=("a", "b"))


def are_same(one: ShapeColumns, other: ShapeColumns) -> bool:
    """Return whether columns are equal, down to the last bit; properties are not looked at."""
    names = ("kinds", "coordinates", "ring_offsets", "ring_roles", "shape_offsets", "labels")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
