"""Maps of tissue microarrays: rows <-> model."""

from __future__ import annotations

from wsi_lab.errors import Conflict
from wsi_lab.model.tma import MapCore, TmaLayout, TmaMap
from wsi_lab.store.connection import Connection, IntegrityError, Row


def add_map(
    connection: Connection, study_id: int, name: str, text: str, layout: TmaLayout
) -> TmaMap:
    """Store a map with its cores and return it.

    Raises
    ------
    Conflict
        The study has a map of that name.
    """
    try:
        row = connection.execute(
            "INSERT INTO tma_maps (study_id, name, text, row_count, column_count, revision) "
            "VALUES (?, ?, ?, ?, ?, 1) RETURNING *",
            (study_id, name, text, layout.row_count, layout.column_count),
        ).fetchone()
    except IntegrityError as error:
        raise Conflict(f"The study already has a TMA map named '{name}'.") from error
    _set_cores(connection, row["id"], layout)
    return _map(row)


def map_by_id(connection: Connection, map_id: int) -> TmaMap | None:
    """Return a map by id."""
    row = connection.execute("SELECT * FROM tma_maps WHERE id = ?", (map_id,)).fetchone()
    return None if row is None else _map(row)


def map_by_name(connection: Connection, study_id: int, name: str) -> TmaMap | None:
    """Return a study's map of exactly that name."""
    row = connection.execute(
        "SELECT * FROM tma_maps WHERE study_id = ? AND name = ?", (study_id, name)
    ).fetchone()
    return None if row is None else _map(row)


def maps(connection: Connection, study_id: int) -> list[TmaMap]:
    """Return a study's maps in the order of their ids."""
    return [
        _map(row)
        for row in connection.execute(
            "SELECT * FROM tma_maps WHERE study_id = ? ORDER BY id", (study_id,)
        )
    ]


def change_map(connection: Connection, map_id: int, text: str, layout: TmaLayout) -> TmaMap:
    """Give a map another text, and the cores that it names, and return it."""
    row = connection.execute(
        "UPDATE tma_maps SET text = ?, row_count = ?, column_count = ?, revision = revision + 1 "
        "WHERE id = ? RETURNING *",
        (text, layout.row_count, layout.column_count, map_id),
    ).fetchone()
    connection.execute("DELETE FROM tma_cores WHERE map_id = ?", (map_id,))
    _set_cores(connection, map_id, layout)
    return _map(row)


def cores(connection: Connection, map_id: int) -> list[MapCore]:
    """Return the cores of a map, row by row."""
    return [
        MapCore(row, column, sample, bool(is_control))
        for row, column, sample, is_control in connection.execute(
            "SELECT core_row, core_column, sample, is_control FROM tma_cores WHERE map_id = ? "
            "ORDER BY core_row, core_column",
            (map_id,),
        )
    ]


def _set_cores(connection: Connection, map_id: int, layout: TmaLayout) -> None:
    connection.executemany(
        "INSERT INTO tma_cores (map_id, core_row, core_column, sample, is_control) "
        "VALUES (?, ?, ?, ?, ?)",
        [
            (map_id, core.row, core.column, core.sample, int(core.is_control))
            for core in layout.cores
        ],
    )


def _map(row: Row) -> TmaMap:
    return TmaMap(
        id=row["id"],
        study_id=row["study_id"],
        name=row["name"],
        text=row["text"],
        row_count=row["row_count"],
        column_count=row["column_count"],
        revision=row["revision"],
    )
