"""How many shapes are where, at every zoom: what is shown when they are too small to draw."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid
from wsi_lab.geometry.packed_columns import Reader, Writer, damaged

TILE = 256
"""Cells of a tile along each side."""

_CELL_BITS = 8
_TILE_BITS = 12
_LABEL_BITS = 23
_MOST_ENTRIES = TILE * TILE << 8


@dataclass(frozen=True, slots=True)
class CountTile:
    """Counts of `TILE` × `TILE` cells, without the cells that are empty.

    Attributes
    ----------
    cells
        ``(entries,) uint16``: row × 256 + column; ascending.
    labels
        ``(entries,) int32``: places of labels, -1 for none.
    counts
        ``(entries,) int32``: how many shapes of that label have their middle in that cell;
        ascending within a cell.
    """

    cells: NDArray[np.uint16]
    labels: NDArray[np.int32]
    counts: NDArray[np.int32]

    def encode(self) -> bytes:
        """Return the tile as bytes."""
        writer = Writer()
        steps = np.diff(self.cells, prepend=np.uint16(0))
        for column in (steps, self.labels.astype(np.int64) + 1, self.counts):
            writer.put(column)
        return struct.pack("<I", len(self.cells)) + zlib.compress(writer.written(), 1)

    @classmethod
    def decode(cls, data: bytes) -> CountTile:
        """Read what `encode` made."""
        if len(data) < 4:
            raise damaged()
        (count,) = struct.unpack_from("<I", data)
        if count > _MOST_ENTRIES:
            raise damaged()
        try:
            body = zlib.decompressobj().decompress(data[4:], 24 * (count + 2))
        except zlib.error:
            raise damaged() from None
        reader = Reader(body, 0)
        cells = np.cumsum(reader.take(count), dtype=np.int64).astype(np.uint16)
        labels = (reader.take(count).astype(np.int64) - 1).astype(np.int32)
        return cls(cells, labels, reader.take(count).astype(np.int32))


@dataclass(frozen=True, slots=True)
class CountPyramid:
    """Counts at every zoom: cells of level k are ``cell << k`` level-0 pixels wide.

    Attributes
    ----------
    levels
        The tiles of each level by ``(column, row)``; the last level has one tile.

    Examples
    --------
    >>> middles, labels = np.array([[10.0, 10.0], [12.0, 9.0], [9000.0, 40.0]]), np.array([0, 0, 1])
    >>> pyramid = CountPyramid.from_centres(middles, labels)
    >>> list(pyramid.levels[0]), list(pyramid.levels[1])
    ([(0, 0), (1, 0)], [(0, 0)])
    >>> pyramid.levels[1][0, 0].counts.tolist()
    [2, 1]
    """

    cell: int
    levels: tuple[Mapping[tuple[int, int], CountTile], ...]

    @classmethod
    def from_centres(
        cls,
        centres: NDArray[np.float64],
        labels: NDArray[np.integer],
        *,
        cell: int = 32,
    ) -> CountPyramid:
        """Count shapes by where their middles are.

        Those that are nowhere (NaN) are left out; what is left of or above 0 is counted at 0.
        """
        known = np.isfinite(centres).all(axis=1)
        most = (1 << (_CELL_BITS + _TILE_BITS)) - 1
        places = np.clip(centres[known] / cell, 0, most).astype(np.int64)
        named = np.asarray(labels, np.int64)[known] + 1
        if int(named.max(initial=0)) >= 1 << _LABEL_BITS or int(named.min(initial=0)) < 0:
            raise Invalid("Shapes have labels that there are not.")
        columns, rows = places[:, 0], places[:, 1]
        counts = np.ones(len(named), np.int64)
        levels = []
        while True:
            keys, counts = _summed(_keys(columns, rows) << _LABEL_BITS | named, counts)
            named = keys & ((1 << _LABEL_BITS) - 1)
            levels.append(_tiles(keys >> _LABEL_BITS, named, counts))
            columns, rows = _places(keys >> _LABEL_BITS)
            if max(columns.max(initial=0), rows.max(initial=0)) < TILE:
                return cls(cell, tuple(levels))
            columns, rows = columns >> 1, rows >> 1


def _keys(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers that sort by tile, then by row and column in it."""
    inner = TILE - 1
    tiles = (rows >> _CELL_BITS) << _TILE_BITS | (columns >> _CELL_BITS)
    return tiles << (2 * _CELL_BITS) | (rows & inner) << _CELL_BITS | (columns & inner)


def _places(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the columns and rows that keys are of."""
    inner, tiles = TILE - 1, keys >> (2 * _CELL_BITS)
    columns = (tiles & ((1 << _TILE_BITS) - 1)) << _CELL_BITS | (keys & inner)
    return columns, (tiles >> _TILE_BITS) << _CELL_BITS | (keys >> _CELL_BITS & inner)


def _summed(
    keys: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each key once, ascending, and the sums of its counts."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.add.reduceat(counts, first)


def _tiles(
    keys: NDArray[np.int64], named: NDArray[np.int64], counts: NDArray[np.int64]
) -> dict[tuple[int, int], CountTile]:
    of_tiles = keys >> (2 * _CELL_BITS)
    starts = np.flatnonzero(np.diff(of_tiles, prepend=-1))
    ends = [*starts[1:].tolist(), len(keys)][: len(starts)]
    tiles = {}
    for start, end in zip(starts.tolist(), ends, strict=True):
        row, column = divmod(int(of_tiles[start]), 1 << _TILE_BITS)
        span = slice(start, end)
        cells = keys[span] & (TILE * TILE - 1)
        tiles[column, row] = _tile(cells, named[span], counts[span])
    return tiles


def _tile(
    cells: NDArray[np.int64], named: NDArray[np.int64], counts: NDArray[np.int64]
) -> CountTile:
    order = np.lexsort((named, counts, cells))
    return CountTile(
        cells[order].astype(np.uint16),
        (named[order] - 1).astype(np.int32),
        counts[order].astype(np.int32),
    )
