# ruff: noqa: PLR0917 - kernels take their arguments by place, and calls within them cost
"""Whether the outlines of areas cross themselves or each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.compiled import compiled, part

UNKNOWN, UNCOUNTED = -1, -2
"""Nobody looked for crossings; there are some, nobody knows how many."""
MOST_CORNERS = 1_500_000
"""Of one shape in which crossings are looked for."""
MOST_TESTS = 30_000_000
"""Pairs of sides that are looked at, of one shape; a tenth of a second."""
MOST_TESTS_TOGETHER = 300_000_000


def crossings(columns: ShapeColumns, most: int = 1000) -> NDArray[np.int64]:
    """Return how often the sides of each shape cross, lines and points never.

    Sides that only touch do not cross. It is counted up to `most`. Where so many sides lie
    beside each other that it would take too long, it is `UNKNOWN`, or `UNCOUNTED`.

    Examples
    --------
    >>> import shapely
    >>> bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    >>> crossings(ShapeColumns.from_geometries([bow_tie, shapely.box(0, 0, 1, 1)])).tolist()
    [1, 0]
    """
    counts = np.zeros(len(columns), np.int64)
    corners = np.diff(columns.ring_offsets[columns.shape_offsets])
    is_area = columns.are_areas() & (corners > 3)
    counts[is_area & (corners > MOST_CORNERS)] = UNKNOWN
    is_area &= corners <= MOST_CORNERS
    if not is_area.any():
        return counts
    count_crossings(
        is_area.view(np.uint8),
        columns.coordinates,
        columns.ring_offsets,
        columns.shape_offsets,
        np.array([most, MOST_TESTS, MOST_TESTS_TOGETHER], np.int64),
        counts,
    )
    return counts


@part
def _side(corners: Any, line: Any, end: Any, corner: Any) -> Any:
    """Return on which side of a line through two corners a third one lies, by its sign."""
    x, y = corners[line, 0], corners[line, 1]
    return (corners[end, 0] - x) * (corners[corner, 1] - y) - (corners[end, 1] - y) * (
        corners[corner, 0] - x
    )


@part
def _cross(corners: Any, following: Any, one: Any, other: Any) -> Any:
    """Return whether the sides that begin at two corners cross, not only touch."""
    one_end, other_end = following[one], following[other]
    if one_end == other or other_end == one:
        return False
    begin, end = _side(corners, one, one_end, other), _side(corners, one, one_end, other_end)
    if not ((begin < 0 < end) or (end < 0 < begin)):
        return False
    begin, end = _side(corners, other, other_end, one), _side(corners, other, other_end, one_end)
    return (begin < 0 < end) or (end < 0 < begin)


@part
def _follow(corners: Any, offsets: Any, following: Any, lefts: Any) -> None:
    """Write which corner follows each within its ring, and the left end of each side."""
    for ring in range(len(offsets) - 1):
        begin, end = offsets[ring] - offsets[0], offsets[ring + 1] - offsets[0]
        for corner in range(begin, end):
            after = corner + 1 if corner + 1 < end else begin
            following[corner] = after
            lefts[corner] = min(corners[corner, 0], corners[after, 0])


@compiled("u1[] f8[,] i8[] i8[] i8[] !i8[]")
def count_crossings(
    areal: Any, coordinates: Any, ring_offsets: Any, shape_offsets: Any, limits: Any, counts: Any
) -> None:
    """Write how often sides cross; sides are sorted by their left ends and swept over."""
    most, most_tests, most_together = limits[0], limits[1], limits[2]
    together = 0
    for shape in range(len(areal)):
        first, end = shape_offsets[shape], shape_offsets[shape + 1]
        if not areal[shape] or first == end:
            continue
        corners = coordinates[ring_offsets[first] : ring_offsets[end]]
        following = np.empty(len(corners), np.int64)
        lefts = np.empty(len(corners), np.float64)
        _follow(corners, ring_offsets[first : end + 1], following, lefts)
        # The usual way of sorting takes very long for outlines that run from left to right and
        # back in one side.
        order = np.argsort(lefts, kind="mergesort")
        tests = found = 0
        for place in range(len(order)):
            one = order[place]
            after = following[one]
            right = max(corners[one, 0], corners[after, 0])
            top, bottom = corners[one, 1], corners[after, 1]
            if top > bottom:
                top, bottom = bottom, top
            for next_place in range(place + 1, len(order)):
                other = order[next_place]
                if lefts[other] > right:
                    break
                tests += 1
                y, other_y = corners[other, 1], corners[following[other], 1]
                if max(y, other_y) >= top and min(y, other_y) <= bottom:
                    found += _cross(corners, following, one, other)
            if found >= most or tests > most_tests or together + tests > most_together:
                break
        together += tests
        if found < most and (tests > most_tests or together > most_together):
            found = UNCOUNTED if found else UNKNOWN
        counts[shape] = found
