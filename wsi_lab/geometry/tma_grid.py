"""Where the cores of a tissue microarray lie in a picture of its slide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, spatial

from wsi_lab.errors import Invalid
from wsi_lab.geometry import tma_lines
from wsi_lab.geometry.tma_tissue import (
    Cores,
    Mask,
    find_cores,
    likely_radii,
    share_of_tissue,
    tissue,
)
from wsi_lab.model.tma import CoreBox

Floats = NDArray[np.float64]

LEAST_CONFIDENCE = 0.7
"""Below it, what was found is no grid."""
ROOM = 1.25
"""A box is so many times as wide as a core, as far as its neighbours leave it room."""

_NONE = "No grid of cores was found in the picture of this slide"
_LEAST_CORES = 6
"""Fewer lie on some lattice by chance; of a smaller map, half of them are enough."""
LEAST_TISSUE = 0.25
"""Of the inner part of a place where a core is said to be."""
_MOST_OF_ALL = 0.9
"""Of what looks like cores: the rest may be debris."""
_A_CORE = 0.2
"""Of a place's tissue, squared: less may be debris."""
_NEAR = 0.3
"""Pitches that a core may lie off its place."""


@dataclass(frozen=True, slots=True)
class CoreGrid:
    """The grid of a tissue microarray.

    Attributes
    ----------
    places
        All of them, with a core or without, row by row.
    confidence
        From 0 to 1: how well the grid explains what was found.
    residual
        Level-0 pixels that cores lie off the grid, in the middle.
    angle
        Degrees by which rows fall from left to right.
    diameter
        Of a core, in level-0 pixels.
    """

    row_count: int
    column_count: int
    places: tuple[CoreBox, ...]
    confidence: float
    residual: float
    angle: float
    diameter: float


def fit_grid(
    picture: NDArray[np.uint8],
    downsample: float = 1.0,
    *,
    rows: int | None = None,
    columns: int | None = None,
) -> CoreGrid:
    """Return the grid on which the cores of a tissue microarray lie.

    Rows and columns may be turned by up to 20 degrees, and may be unevenly apart. Places may
    be empty; cores may be torn, folded or touch each other.

    Parameters
    ----------
    picture
        ``(rows, columns, 3) uint8`` RGB of the whole slide.
    downsample
        How many level-0 pixels one of its pixels is.
    rows, columns
        How many the grid has, where that is known.

    Raises
    ------
    Invalid
        There is no grid of cores in the picture, or none of that size.

    Examples
    --------
    >>> y, x = np.mgrid[:200, :300]
    >>> is_core = np.hypot(x % 50 - 25, y % 50 - 25) < 15
    >>> grid = fit_grid(np.where(is_core[..., None], (180, 90, 150), 240).astype(np.uint8), 16)
    >>> grid.row_count, grid.column_count, [round(side, -2) for side in grid.places[0].box]
    (4, 6, [100.0, 100.0, 600.0, 600.0])
    """
    mask = tissue(picture)
    found = [] if mask is None else [find_cores(mask, radius) for radius in likely_radii(mask)]
    best = None if mask is None else _best(mask, found, rows, columns)
    if mask is None or best is None:
        other = None if mask is None or (rows, columns) == (None, None) else _best(mask, found)
        raise Invalid(_sentence(rows, columns, other))
    return _grid(mask, best, downsample)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A grid in pixels of the picture."""

    row_count: int
    column_count: int
    centres: Floats
    radius: float
    pitches: tuple[float, float]
    angle: float
    residual: float
    confidence: float


def _sentence(rows: int | None, columns: int | None, other: _Fit | None) -> str:
    size = " and ".join(
        f"{count} {word}" for count, word in ((rows, "rows"), (columns, "columns")) if count
    )
    told = f" that has {size}" if size else ""
    if other is not None:
        seen = f"it seems to have {other.row_count} rows and {other.column_count} columns"
        return f"{_NONE}{told}; {seen}."
    return f"{_NONE}{told}; say by hand where its cores lie."


def _best(
    mask: Mask, found: Sequence[Cores], rows: int | None = None, columns: int | None = None
) -> _Fit | None:
    fits = (_fit(mask, cores, rows, columns) for cores in found)
    sure = [each for each in fits if each is not None and each.confidence >= LEAST_CONFIDENCE]
    return max(sure, key=lambda each: each.confidence, default=None)


def _fit(mask: Mask, cores: Cores, rows: int | None, columns: int | None) -> _Fit | None:
    strong = cores.likeness > 0.55 * _upper(cores.likeness)
    points, weights = cores.centres[strong], cores.likeness[strong]
    steps = _steps(points, cores.radius, rows, columns)
    if steps is None:
        return None
    height, width = mask.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    found = []
    for axis, count, (pitch, about) in zip((1, 0), (rows, columns), steps, strict=True):
        angle = tma_lines.best_angle(points, axis, about, np.radians(2.0), 0.12 * pitch)
        ends = tma_lines.along(corners, axis, angle)
        room = (float(ends.min()), float(ends.max()))
        found.append(tma_lines.find_lines(points, weights, axis, angle, pitch, room, count))
    across, down = _with_most_tissue(mask, cores.radius, *found)
    least = _LEAST_CORES
    if rows and columns:
        least = min(least, max(2, -(-rows * columns // 2)))
    fit = _placed(cores.radius, (points, weights), across, down, least)
    if fit is None:
        return None
    # Rows that nobody saw may lie anywhere, but not beside the slide.
    return fit if _inside(mask, fit.centres).all() else None


def _inside(mask: Mask, centres: Floats) -> NDArray[np.bool_]:
    height, width = mask.shape
    return np.asarray(((centres >= 0) & (centres < (width, height))).all(axis=1))


def _with_most_tissue(
    mask: Mask, radius: float, rows: tma_lines.Lines, columns: tma_lines.Lines
) -> tuple[tma_lines.Lines, tma_lines.Lines]:
    """Return the lines, those that lack at the ends where something is nevertheless."""
    if len(rows.places) == rows.count and len(columns.places) == columns.count:
        return rows, columns
    centres = _crossings(rows, columns)
    shares = share_of_tissue(mask, centres, 0.8 * radius) ** 2 * _inside(mask, centres)
    sums = np.cumsum(np.cumsum(shares.reshape(len(rows.places), -1), axis=0), axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    high, wide = rows.count, columns.count
    held = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    best = np.unravel_index(int(held.argmax()), held.shape)
    # Debris is no reason to leave the middle of the slide.
    if held[best] < held[rows.begin, columns.begin] + _A_CORE:
        best = (np.intp(rows.begin), np.intp(columns.begin))
    return rows.beginning(int(best[0])), columns.beginning(int(best[1]))


def _steps(
    points: Floats, radius: float, rows: int | None, columns: int | None
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return how far rows are apart and at which angle they lie; then the same of columns."""
    across = tma_lines.pitch_along(points, 0, radius)
    down = tma_lines.pitch_along(points, 1, radius)
    if down is not None:
        down = (down[0], -down[1])
    # A single line has no pitch, and lies as those across it say.
    if rows == 1 and across is not None:
        down = across
    if columns == 1 and down is not None:
        across = down
    if across is None or down is None:
        return None
    return (down[0], across[1]), (across[0], down[1])


def _placed(
    radius: float,
    seen: tuple[Floats, Floats],
    rows: tma_lines.Lines,
    columns: tma_lines.Lines,
    least: int,
) -> _Fit | None:
    """Put cores into their places, and the places where their cores are."""
    points, weights = seen
    ideal = _crossings(rows, columns)
    centres = ideal
    pitches = (rows.pitch, columns.pitch)
    taken = np.full(len(ideal), -1)
    for _ in range(4):
        taken = _taken(centres, points, min(pitches))
        has = taken >= 0
        if has.sum() < least:
            return None
        off = np.zeros_like(ideal)
        off[has] = points[taken[has]] - ideal[has]
        shape = (len(rows.places), len(columns.places), 2)
        centres = ideal + _smooth(off.reshape(shape), has.reshape(shape[:2])).reshape(-1, 2)
    has = taken >= 0
    missed = np.hypot(*(points[taken[has]] - centres[has]).T)
    residual = float(np.median(missed))
    used = np.zeros(len(points), bool)
    used[taken[has]] = True
    explained = weights[used].sum() / weights.sum()
    lines = has.reshape(len(rows.places), len(columns.places))
    if explained < _MOST_OF_ALL and not (lines.any(axis=1).all() and lines.any(axis=0).all()):
        # Cores have no place while whole rows or columns are empty: the size is another.
        return None
    tight = math.exp(-((residual / (0.2 * min(pitches))) ** 2))
    filled = min(1.0, has.mean() / 0.5)
    snapped = _snapped(centres, points, weights, taken)
    return _Fit(
        len(rows.places),
        len(columns.places),
        snapped,
        radius,
        pitches,
        (rows.angle + columns.angle) / 2,
        residual,
        float(explained * tight * filled),
    )


def _crossings(rows: tma_lines.Lines, columns: tma_lines.Lines) -> Floats:
    """Return where rows and columns cross: ``(rows * columns, 2)``."""
    v, u = np.meshgrid(rows.places, columns.places, indexing="ij")
    # x cos b + y sin b = u, and y cos a - x sin a = v.
    a, b = rows.angle, columns.angle
    whole = math.cos(a - b)
    x = (u * math.cos(a) - v * math.sin(b)) / whole
    y = (u * math.sin(a) + v * math.cos(b)) / whole
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _taken(centres: Floats, points: Floats, pitch: float) -> NDArray[np.int64]:
    """Return which point lies at each place, or -1."""
    distances, places = spatial.cKDTree(centres).query(points, distance_upper_bound=_NEAR * pitch)
    taken = np.full(len(centres), -1)
    # Of those that are near one place the nearest is written last.
    order = np.argsort(-distances)
    order = order[np.isfinite(distances[order])]
    taken[places[order]] = order
    return taken


def _smooth(off: Floats, has: NDArray[np.bool_]) -> Floats:
    """Return how far places lie off the crossings of straight lines, told by all near them.

    A section is cut, floats and dries: its rows bend, and neighbours are moved alike.
    """
    moved = np.zeros_like(off)
    for part in range(2):
        values = off[..., part]
        middle = float(np.median(values[has])) if has.any() else 0.0
        near = ndimage.gaussian_filter(np.where(has, values - middle, 0.0), 1.0, mode="constant")
        count = ndimage.gaussian_filter(has.astype(np.float64), 1.0, mode="constant")
        moved[..., part] = middle + near / (count + 0.1)
    return moved


def _snapped(centres: Floats, points: Floats, weights: Floats, taken: NDArray[np.int64]) -> Floats:
    """Return the centres, those of whole cores where they are."""
    moved = centres.copy()
    has = np.flatnonzero(taken >= 0)
    believed = weights[taken[has]] > 0.8 * _upper(weights)
    whole = has[believed]
    moved[whole] = points[taken[whole]]
    return moved


def _upper(likeness: Floats) -> float:
    """Return what whole cores reach: specks are many, and count for little."""
    if not len(likeness):
        return 0.0
    ordered = np.sort(likeness)
    mass = np.cumsum(ordered**2)
    return float(ordered[np.searchsorted(mass, 0.65 * mass[-1])])


def _grid(mask: Mask, fit: _Fit, downsample: float) -> CoreGrid:
    radius = fit.radius
    is_found = share_of_tissue(mask, fit.centres, 0.8 * radius) > LEAST_TISSUE
    side = 2 * radius * ROOM
    width, height = min(side, fit.pitches[1]), min(side, fit.pitches[0])
    # The middle of the first pixel lies half a pixel from the corner of the slide.
    corners = fit.centres + 0.5 - np.array([width, height]) / 2
    boxes = np.column_stack([corners, np.broadcast_to((width, height), corners.shape)])
    boxes = boxes * downsample
    return CoreGrid(
        fit.row_count,
        fit.column_count,
        tuple(
            CoreBox(
                number // fit.column_count,
                number % fit.column_count,
                (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                bool(is_found[number]),
            )
            for number, box in enumerate(boxes)
        ),
        round(fit.confidence, 4),
        fit.residual * downsample,
        math.degrees(fit.angle),
        2 * radius * downsample,
    )
