"""The outlines of an annotation file: one long chain of points, tile by tile."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid
from wsi_lab.formats import omega

TILE = 256
_WORD = struct.Struct("<I")

Outline = NDArray[np.int64]
"""``(points, 2)``: x and y of its corners, in level-0 pixels."""


def decoded(data: bytes, most_points: int) -> list[Outline] | None:
    """Return the outlines of a block, or `None` where they have too many points.

    Raises
    ------
    Invalid
        It is damaged.
    """
    found = decoded_columns(data, most_points)
    if found is None:
        return None
    points, sizes = found
    return np.split(points, np.cumsum(sizes)[:-1]) if len(sizes) else []


def decoded_columns(
    data: bytes, most_points: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return the points of all outlines and how many each has, as `decoded` does.

    Raises
    ------
    Invalid
        It is damaged.
    """
    side, _rows, _columns = (_word(data, at) for at in (0, 4, 8))
    if side != TILE:
        raise Invalid("The outlines of the annotation file are not in tiles of 256 pixels.")
    blocks = []
    position = 12
    for _ in range(5):
        block, position = _block(data, position)
        blocks.append(block)
    sizes_block, x_jumps, y_jumps, visits_block, rest_block = blocks
    if len(sizes_block) % 4 or len(rest_block) % 2:
        raise _damaged()
    count = len(rest_block) // 2
    sizes = np.frombuffer(sizes_block, "<u4").astype(np.int64)
    if np.any(sizes % 2) or sizes.sum() != 2 * count:
        raise _damaged()
    if count > most_points:
        return None
    visits = _visits(omega.decoded(visits_block, count), count)
    tiles = np.column_stack([_places(block, len(visits)) for block in (x_jumps, y_jumps)])
    inside = np.frombuffer(rest_block, np.uint8).reshape(-1, 2)
    points = np.repeat(tiles * TILE, visits, axis=0) + inside
    return points, sizes // 2


def encoded(outlines: Sequence[Outline]) -> bytes:
    """Return outlines as a block."""
    points = np.concatenate(outlines) if outlines else np.zeros((0, 2), np.int64)
    return encoded_columns(points, np.array([len(outline) for outline in outlines], np.int64))


def encoded_columns(points: NDArray[np.int64], lengths: NDArray[np.int64]) -> bytes:
    """Return outlines as a block: the points of all of them, and how many each has."""
    tiles = points // TILE
    is_new = np.ones(len(points), bool)
    is_new[1:] = np.any(np.diff(tiles, axis=0) != 0, axis=1)
    starts = np.flatnonzero(is_new)
    visits = np.diff(starts, append=len(points))
    jumps = np.diff(tiles[starts], axis=0, prepend=0)
    columns, rows = -(-points.max(axis=0, initial=0) // TILE)
    sizes = (2 * lengths).astype("<u4").tobytes()
    blocks = (
        sizes,
        *(omega.encoded(_natural(jumps[:, axis]).tolist()) for axis in (0, 1)),
        omega.encoded(visits.tolist()),
        (points % TILE).astype(np.uint8).tobytes(),
    )
    head = b"".join(_WORD.pack(int(number)) for number in (TILE, rows, columns))
    return head + b"".join(_WORD.pack(len(block)) + block for block in blocks)


def _natural(jumps: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(jumps > 0, 2 * jumps, 1 - 2 * jumps)


def _places(block: bytes, count: int) -> NDArray[np.int64]:
    """Return the tiles that are visited, along one axis."""
    jumps = omega.decoded(block, count)
    if len(jumps) < count:
        raise _damaged()
    return np.cumsum(np.where(jumps % 2 == 0, jumps // 2, -(jumps // 2)))


def _visits(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return how many points each visit to a tile has; `count` together."""
    ends = np.cumsum(numbers)
    used = int(np.searchsorted(ends, count)) + 1 if count else 0
    if used > len(ends):
        raise _damaged()
    visits = numbers[:used].copy()
    if used:
        visits[-1] -= ends[used - 1] - count
    return visits


def _block(data: bytes, position: int) -> tuple[bytes, int]:
    start = position + 4
    end = start + _word(data, position)
    if end > len(data):
        raise _damaged()
    return data[start:end], end


def _word(data: bytes, position: int) -> int:
    if position + 4 > len(data):
        raise _damaged()
    return int(_WORD.unpack_from(data, position)[0])


def _damaged() -> Invalid:
    return Invalid("The outlines of the annotation file are damaged or cut short.")
