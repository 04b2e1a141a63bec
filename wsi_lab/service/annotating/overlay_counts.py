"""Many small shapes from far away: each pixel shows the label that most shapes there have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.counts import TILE, CountTile
from wsi_lab.service.annotating.overlay_drawing import Canvas, Frame
from wsi_lab.store.bulk.chunks import Edit

CELL = 32
"""Level-0 pixels along a side of the smallest cells that are counted."""

TileAt = Callable[[int, int, int], CountTile | None]
"""Returns the tile of a level, column and row of a count pyramid, if there is one."""


def level_for(frame: Frame) -> int | None:
    """Return the level of count pyramids whose cells are the picture's pixels, if there is one.

    Examples
    --------
    >>> level_for(Frame(0, 0, 256, 256, 64.0)), level_for(Frame(0, 0, 256, 256, 16.0))
    (1, None)
    """
    level = math.log2(frame.downsample / CELL)
    starts = frame.left / frame.downsample, frame.top / frame.downsample
    fits = level >= 0 and level.is_integer() and all(each.is_integer() for each in starts)
    return int(level) if fits else None


def draw_counts(
    canvas: Canvas, frame: Frame, level: int, places: NDArray[Any], tile_at: TileAt
) -> None:
    """Draw the label that most shapes of a pixel have.

    Parameters
    ----------
    level
        What `level_for` returned.
    places
        What is written for labels, by their places; 0 for those that are hidden. Shapes without
        a label come last.
    """
    left, top = int(frame.left / frame.downsample), int(frame.top / frame.downsample)
    for row in range(top // TILE, -(-(top + frame.rows) // TILE)):
        for column in range(left // TILE, -(-(left + frame.columns) // TILE)):
            tile = _tile(level, column, row, tile_at)
            if tile is not None:
                corner = row * TILE - top, column * TILE - left
                _draw_tile(canvas, tile, corner, places)


def without(tile: CountTile, level: int, column: int, row: int, edits: Sequence[Edit]) -> CountTile:
    """Return a tile without the shapes that were taken out of their load."""
    if not edits:
        return tile
    cell = CELL << level
    x = np.array([edit.x for edit in edits]) // cell - column * TILE
    y = np.array([edit.y for edit in edits]) // cell - row * TILE
    inside = (x >= 0) & (x < TILE) & (y >= 0) & (y < TILE)
    gone: dict[tuple[int, int], int] = {}
    labels = np.array([edit.label for edit in edits])
    for place, label in zip((y * TILE + x)[inside].tolist(), labels[inside].tolist(), strict=True):
        gone[int(place), label] = gone.get((int(place), label), 0) + 1
    counts = tile.counts.copy()
    for (place, label), count in gone.items():
        counts[(tile.cells == place) & (tile.labels == label)] -= count
    return _in_order(tile.cells.astype(np.int64), tile.labels, counts)


def _tile(level: int, column: int, row: int, tile_at: TileAt) -> CountTile | None:
    """Return a tile, made of one of a lower level where the pyramid ends before it.

    A pyramid ends where one tile holds all; there is nothing beside the first tile further up.
    """
    found = tile_at(level, column, row)
    if found is not None or column or row:
        return found
    for lower in range(level - 1, -1, -1):
        found = tile_at(lower, 0, 0)
        if found is not None:
            return _smaller(found, level - lower)
    return None


def _smaller(tile: CountTile, levels: int) -> CountTile:
    cells = tile.cells.astype(np.int64)
    own = (cells // TILE >> levels) * TILE + (cells % TILE >> levels)
    key = own * (int(tile.labels.max(initial=0)) + 2) + tile.labels + 1
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    counts = np.bincount(group, weights=tile.counts).astype(np.int32)
    return _in_order(own[first], tile.labels[first], counts)


def _in_order(
    cells: NDArray[np.int64], labels: NDArray[np.int32], counts: NDArray[np.int32]
) -> CountTile:
    order = np.lexsort((counts, cells))
    order = order[counts[order] > 0]
    return CountTile(cells[order].astype(np.uint16), labels[order], counts[order])


def _draw_tile(
    canvas: Canvas, tile: CountTile, corner: tuple[int, int], places: NDArray[Any]
) -> None:
    # Counts ascend within a cell, and of several that are written the last one stays.
    values = places[tile.labels]
    if corner == (0, 0) and canvas.shape == (TILE, TILE):
        canvas.reshape(-1)[tile.cells[values > 0]] = values[values > 0]
        return
    rows, columns = np.divmod(tile.cells.astype(np.intp), TILE)
    rows, columns = rows + corner[0], columns + corner[1]
    seen = (values > 0) & (rows >= 0) & (rows < canvas.shape[0])
    seen &= (columns >= 0) & (columns < canvas.shape[1])
    canvas[rows[seen], columns[seen]] = values[seen]
