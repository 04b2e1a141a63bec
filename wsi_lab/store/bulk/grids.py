"""Grids of values, as they lie in columns."""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.store.connection import Connection


class GridRow(NamedTuple):
    """A grid that is to be stored."""

    row_count: int
    column_count: int
    least: float | None
    most: float | None
    grid: bytes


def packed_grid(values: NDArray[np.float32]) -> GridRow:
    """Return values as they are stored: all first bytes of the numbers, then all second ones."""
    rows, columns = values.shape
    planes = np.ascontiguousarray(values, "<f4").view(np.uint8).reshape(-1, 4).T
    known = values[np.isfinite(values)]
    least, most = (float(known.min()), float(known.max())) if known.size else (None, None)
    return GridRow(rows, columns, least, most, zlib.compress(planes.tobytes(), 1))


def add_grid(connection: Connection, load_id: int, row: GridRow) -> None:
    """Store the values of a load."""
    connection.execute("INSERT INTO bulk_grids VALUES (?, ?, ?, ?, ?, ?)", (load_id, *row))


def grid(connection: Connection, load_id: int) -> NDArray[np.float32] | None:
    """Return the values of a load, ``(rows, columns)``."""
    row = connection.execute(
        "SELECT row_count, column_count, grid FROM bulk_grids WHERE load_id = ?", (load_id,)
    ).fetchone()
    if row is None:
        return None
    rows, columns, data = row
    planes = np.frombuffer(zlib.decompress(data), np.uint8).reshape(4, -1)
    values: NDArray[np.float32] = np.ascontiguousarray(planes.T).view("<f4").reshape(rows, columns)
    return values
