"""Files that are attached to things: rows <-> model."""

from __future__ import annotations

from datetime import datetime

from wsi_lab.model.attached import AttachedFile
from wsi_lab.model.remark import ThingKind
from wsi_lab.store.columns import time_of, time_text
from wsi_lab.store.connection import Connection, Row


def attached_files(connection: Connection, kind: ThingKind, thing_id: int) -> list[AttachedFile]:
    """Return the files that are attached to a thing, in the order of their ids."""
    found = connection.execute(
        "SELECT * FROM attached_files WHERE kind = ? AND thing_id = ? ORDER BY id",
        (kind.value, thing_id),
    )
    return [_file(row) for row in found]


def attached_file(connection: Connection, file_id: int) -> tuple[AttachedFile, str] | None:
    """Return a file by id, and the name that it has on the disk."""
    row = connection.execute("SELECT * FROM attached_files WHERE id = ?", (file_id,)).fetchone()
    return None if row is None else (_file(row), row["file"])


def add_attached_file(
    connection: Connection,
    kind: ThingKind,
    thing_id: int,
    *,
    name: str,
    size: int,
    file: str,
    created_on: datetime,
    created_by: int,
) -> AttachedFile:
    """Store that a file is attached to a thing, and return it.

    Parameters
    ----------
    file
        The name that it has on the disk.
    """
    row = connection.execute(
        "INSERT INTO attached_files (kind, thing_id, name, size, file, created_on, created_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (kind.value, thing_id, name, size, file, time_text(created_on), created_by),
    ).fetchone()
    return _file(row)


def remove_attached_file(connection: Connection, file_id: int) -> None:
    """Remove a file."""
    connection.execute("DELETE FROM attached_files WHERE id = ?", (file_id,))


def names_on_disk(connection: Connection) -> set[str]:
    """Return the names that all files have on the disk."""
    return {file for (file,) in connection.execute("SELECT file FROM attached_files")}


def _file(row: Row) -> AttachedFile:
    return AttachedFile(
        id=row["id"],
        kind=ThingKind(row["kind"]),
        thing_id=row["thing_id"],
        name=row["name"],
        size=row["size"],
        created_on=time_of(row["created_on"]),
        created_by=row["created_by"],
    )
