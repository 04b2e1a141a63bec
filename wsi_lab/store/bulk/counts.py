"""Count pyramids of loads: how many shapes are where (see `wsi_lab.geometry.counts`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsi_lab.store.connection import Connection


class CountRow(NamedTuple):
    """A tile of a count pyramid."""

    level: int
    column: int
    row: int
    counts: bytes


def add_counts(connection: Connection, load_id: int, tiles: Iterable[CountRow]) -> None:
    """Store the tiles of a load."""
    connection.executemany(
        "INSERT INTO bulk_counts VALUES (?, ?, ?, ?, ?)", ((load_id, *tile) for tile in tiles)
    )


def count_tile(
    connection: Connection, load_id: int, level: int, column: int, row: int
) -> bytes | None:
    """Return one tile, or `None` where there is nothing."""
    found = connection.execute(
        "SELECT counts FROM bulk_counts WHERE load_id = ? AND level = ? AND tile_x = ? "
        "AND tile_y = ?",
        (load_id, level, column, row),
    ).fetchone()
    return None if found is None else found[0]


def last_level(connection: Connection, load_id: int) -> int | None:
    """Return the level at which one tile holds all of a load; `None` where nothing is counted."""
    (level,) = connection.execute(
        "SELECT max(level) FROM bulk_counts WHERE load_id = ?", (load_id,)
    ).fetchone()
    return None if level is None else int(level)
