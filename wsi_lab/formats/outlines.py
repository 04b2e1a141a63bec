"""Very many shapes as they come, made such that all else can count on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.crossing import UNCOUNTED, UNKNOWN, crossings
from wsi_lab.model.annotation import FARTHEST
from wsi_lab.model.feature import Notice

MOST_CROSSINGS = 1000
"""Of one shape; more is no outline of anything."""
MOST_TOGETHER = 10_000
"""Crossings that are repaired in one document; what has more is kept as it is."""
MOST_CORNERS = 200_000
"""Of shapes that are repaired in one document."""
WILD = "Corners are not finite or farther out than any slide; it is left out."
UNSEARCHED = "So many corners lie in one place that it was not looked for crossings."
TANGLED = "The outline crosses itself more than a thousand times; it is left out."
MENDED = "The outline crosses itself; it is the areas that it goes around now."
_PIECE = 1000


def repaired(columns: ShapeColumns, odd: Counter[str]) -> tuple[ShapeColumns, NDArray[np.int64]]:
    """Return shapes without crossings, and the places of those that could not be repaired.

    Parameters
    ----------
    odd
        Counts what was done.
    """
    counts = crossings(columns, MOST_CROSSINGS)
    tangled = np.flatnonzero(counts >= MOST_CROSSINGS)
    unknown = int(np.count_nonzero(counts == UNKNOWN))
    if unknown:
        odd[UNSEARCHED] += unknown
    crossing = np.flatnonzero((counts > 0) & (counts < MOST_CROSSINGS))
    corners = np.diff(columns.ring_offsets[columns.shape_offsets])[crossing]
    within = (np.cumsum(counts[crossing]) <= MOST_TOGETHER) & (np.cumsum(corners) <= MOST_CORNERS)
    kept = int(np.count_nonzero(~within) + np.count_nonzero(counts == UNCOUNTED))
    if kept:
        odd["The outline crosses itself; it is kept so, it would take too long to repair."] += kept
    crossing = crossing[within]
    if not len(crossing):
        return columns, tangled
    odd[MENDED] += len(crossing)
    return _replaced(columns, crossing), tangled


def singly(columns: ShapeColumns) -> tuple[ShapeColumns, NDArray[np.int64]]:
    """Return shapes with each point and line by itself, and which shape each was.

    Examples
    --------
    >>> both = ShapeColumns.from_geometries([shapely.MultiPoint([(1, 2), (3, 4)])])
    >>> len(singly(both)[0])
    2
    """
    counts = np.diff(columns.shape_offsets)
    is_several = (counts > 1) & ~columns.are_areas()
    if not np.any(is_several):
        return columns, np.arange(len(columns))
    times = np.where(is_several, counts, 1)
    which = np.repeat(np.arange(len(columns)), times)
    steps = np.where(is_several[which], 1, counts[which])
    parts = replace(
        columns,
        kinds=columns.kinds[which],
        shape_offsets=np.concatenate(([0], np.cumsum(steps))),
        labels=columns.labels[which],
        properties={name: values[which] for name, values in columns.properties.items()},
    )
    return parts, which


def sound(columns: ShapeColumns, word: str = "shape") -> tuple[ShapeColumns, list[Notice]]:
    """Return shapes that lie on slides and do not cross themselves, and what was done to them."""
    odd: Counter[str] = Counter()
    corners = columns.coordinates
    # By the outermost first: most often all lie on slides, and nothing is made for each.
    if len(corners) and not (corners.min() >= -FARTHEST and corners.max() <= FARTHEST):
        wild = np.flatnonzero(~(np.abs(corners) <= FARTHEST).all(axis=1))
        rings = np.searchsorted(columns.ring_offsets, wild, side="right") - 1
        shapes = np.unique(np.searchsorted(columns.shape_offsets, rings, side="right") - 1)
        columns = columns.take(np.setdiff1d(np.arange(len(columns)), shapes))
        odd[WILD] += len(shapes)
    has_rings = np.diff(columns.shape_offsets) > 0
    if not has_rings.all():
        odd["It has no coordinates; it is left out."] += int(np.count_nonzero(~has_rings))
        columns = columns.take(has_rings)
    columns, _ = singly(columns)
    columns, tangled = repaired(columns, odd)
    if len(tangled):
        columns = columns.take(np.setdiff1d(np.arange(len(columns)), tangled))
        odd[TANGLED] = len(tangled)
    return columns, counted(odd, word)


def counted(odd: Mapping[str, int], word: str) -> list[Notice]:
    """Return notices of what was counted: of how many shapes, or whatever they are called."""
    return [
        Notice(f"{count:,} {word}{'' if count == 1 else 's'}", what) for what, count in odd.items()
    ]


def valid(areas: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return areas whose outlines cross without crossings; `None` if they go around nothing."""
    made: NDArray[np.object_] = shapely.make_valid(areas, method="structure", keep_collapsed=False)
    made[~np.isin(shapely.get_type_id(made), [3, 6]) | shapely.is_empty(made)] = None
    return made


def _replaced(columns: ShapeColumns, places: NDArray[np.int64]) -> ShapeColumns:
    # In pieces: geometries take a hundred times the memory of their corners.
    pieces = range(0, len(places), _PIECE)
    fresh = [_valid(columns.take(places[begin : begin + _PIECE])) for begin in pieces]
    order = np.arange(len(columns))
    order[places] = len(columns) + np.arange(len(places))
    return ShapeColumns.concatenated([columns, *fresh]).take(order)


def _valid(broken: ShapeColumns) -> ShapeColumns:
    geometries = broken.to_geometries()
    made = valid(geometries)
    is_nothing = shapely.is_missing(made)
    made[is_nothing] = geometries[is_nothing]
    # What was a rectangle or an ellipse is none any more.
    return ShapeColumns.from_geometries(
        made, labels=broken.labels, label_names=broken.label_names, properties=broken.properties
    )
