"""Which shapes lie together: those of one cell, or of several that have few."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FEW = 256
"""So many shapes are kept together however far they are apart."""
MOST_VERTICES = 1 << 20
"""More vertices are not kept together, unless they are those of one shape."""

_BITS = 24
_FINER = 4
"""A cell with too many shapes can be halved so many times along each side."""


def groups(
    boxes: NDArray[np.float64], vertices: NDArray[np.int64], *, cell: int, most: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the places of shapes that lie together, ascending; each shape once.

    Shapes larger than a cell are grouped by cells that are as many times larger, so that they
    do not stretch what the small ones are in.

    Parameters
    ----------
    boxes
        ``(shapes, 4)``; NaN for empty shapes, which go with those at the origin.
    vertices
        ``(shapes,)``: how many each has.
    """
    if not len(boxes):
        return
    keys = _keys(boxes, cell)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    before = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(vertices[order], out=before[1:])
    sizes = np.flatnonzero(np.diff(keys >> (2 * _BITS), prepend=-1))
    ends = np.append(sizes[1:], len(keys))
    # The last is looked at first: groups come in the order of the keys.
    waiting = [
        (first, end, 2 * _BITS) for first, end in zip(sizes.tolist(), ends.tolist(), strict=True)
    ][::-1]
    while waiting:
        first, end, bits = waiting.pop()
        count = end - first
        allowed = most if bits <= 2 * _FINER else min(FEW, most)
        if count <= allowed and (before[end] - before[first] <= MOST_VERTICES or count == 1):
            yield np.sort(order[first:end])
        elif bits == 0:
            yield from _runs(order[first:end], before[first : end + 1], most)
        else:
            quarter = 1 << (bits - 2)
            start = int(keys[first]) >> bits << bits
            cuts = start + quarter * np.arange(5)
            edges = (first + np.searchsorted(keys[first:end], cuts)).tolist()
            waiting.extend(
                (low, high, bits - 2)
                for low, high in zip(edges[3::-1], edges[4:0:-1], strict=True)
                if low < high
            )


def _keys(boxes: NDArray[np.float64], cell: int) -> NDArray[np.int64]:
    """Return numbers that are near each other for shapes that are: size, then place."""
    sides = np.fmax(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    size = np.ceil(np.log2(np.fmax(sides, cell) / cell))
    unit = np.exp2(size - _FINER) * cell
    most = (1 << _BITS) - 1
    key = size.astype(np.int64) << (2 * _BITS)
    for axis in (0, 1):
        middle = (boxes[:, axis] + boxes[:, axis + 2]) / 2
        place = np.clip(np.nan_to_num(middle / unit), 0, most).astype(np.int64)
        key |= _spread(place) << axis
    return key


def _spread(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put a zero before each bit."""
    for shift, kept in (
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ):
        values = (values | values << shift) & kept
    return values


def _runs(
    places: NDArray[np.int64], before: NDArray[np.int64], most: int
) -> Iterator[NDArray[np.int64]]:
    """Yield shapes of the same place, as many at once as may be."""
    first = 0
    while first < len(places):
        fitting = int(np.searchsorted(before, before[first] + MOST_VERTICES, side="right")) - 1
        end = min(max(fitting, first + 1), first + most, len(places))
        yield np.sort(places[first:end])
        first = end
