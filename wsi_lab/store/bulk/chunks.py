"""What loads hold: chunks of neighbouring shapes, and which shapes are no part of them any more."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.model.layer import Box
from wsi_lab.store.columns import json_text
from wsi_lab.store.connection import Connection

PLACES_PER_PART = 1 << 16


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk as it lies in columns.

    Attributes
    ----------
    shapes
        What `wsi_lab.geometry.packing` made.
    properties
        What `wsi_lab.store.bulk.properties` made, if there are any.
    """

    box: Box | None
    count: int
    shapes: bytes
    properties: bytes | None


class Directory(NamedTuple):
    """Where the chunks of a load are.

    Attributes
    ----------
    boxes
        ``(chunks, 4)``; NaN for those of shapes without a place.
    """

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    boxes: NDArray[np.float64]

    def touching(self, box: Box | None) -> NDArray[np.int64]:
        """Return the places of the chunks that touch a box; of all without one."""
        if box is None:
            return np.arange(len(self.ids))
        left, top, right, bottom = box
        boxes = self.boxes
        return np.flatnonzero(
            (boxes[:, 0] <= right)
            & (boxes[:, 2] >= left)
            & (boxes[:, 1] <= bottom)
            & (boxes[:, 3] >= top)
        )


class Edit(NamedTuple):
    """A shape that is taken out of its load.

    Attributes
    ----------
    x, y, label
        Where its middle was, and the place of its label in the load's counts.
    """

    number: int
    annotation_id: int | None
    since_revision: int
    x: float
    y: float
    label: int


def add_chunks(connection: Connection, load_id: int, chunks: Iterable[ChunkRow]) -> int:
    """Store the chunks of a load in a row, and return the id of the first."""
    (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM bulk_chunks").fetchone()
    for chunk_id, chunk in enumerate(chunks, first):
        connection.execute(
            "INSERT INTO bulk_chunks VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chunk_id, load_id, chunk.count, *(chunk.box or (None, None, None, None))),
        )
        connection.execute(
            "INSERT INTO bulk_bodies VALUES (?, ?, ?)", (chunk_id, chunk.shapes, chunk.properties)
        )
    return int(first)


def packed_places(chunk_of: NDArray[np.int64]) -> list[bytes]:
    """Return in which chunk each shape of a load lies, by its number, as `add_places` takes it."""
    width = np.uint16 if chunk_of.max(initial=0) < 1 << 16 else np.uint32
    parts = np.arange(PLACES_PER_PART, len(chunk_of), PLACES_PER_PART)
    return [zlib.compress(part.astype(width).tobytes(), 1) for part in np.split(chunk_of, parts)]


def add_places(connection: Connection, load_id: int, parts: Sequence[bytes]) -> None:
    """Store where shapes lie."""
    connection.executemany(
        "INSERT INTO bulk_places VALUES (?, ?, ?)",
        [(load_id, part, chunks) for part, chunks in enumerate(parts)],
    )


def chunk_of_shape(connection: Connection, load_id: int, number: int) -> int | None:
    """Return the id of the chunk that a shape of a load lies in."""
    part, place = divmod(number, PLACES_PER_PART)
    row = connection.execute(
        "SELECT chunks, (SELECT min(id) FROM bulk_chunks WHERE load_id = :load), "
        "(SELECT id_count FROM bulk_loads WHERE id = :load) "
        "FROM bulk_places WHERE load_id = :load AND part = :part",
        {"load": load_id, "part": part},
    ).fetchone()
    if row is None:
        return None
    packed, first, count = row
    data = zlib.decompress(packed)
    in_part = min(PLACES_PER_PART, count - part * PLACES_PER_PART)
    chunks = np.frombuffer(data, np.uint16 if len(data) == 2 * in_part else np.uint32)
    return int(first) + int(chunks[place]) if place < len(chunks) else None


def directory(connection: Connection, load_id: int) -> Directory:
    """Return where the chunks of a load are, in the order in which they were stored."""
    rows = connection.execute(
        "SELECT id, count, x0, y0, x1, y1 FROM bulk_chunks WHERE load_id = ? ORDER BY id",
        (load_id,),
    )
    found = np.array([tuple(row) for row in rows], np.float64).reshape(-1, 6)
    return Directory(found[:, 0].astype(np.int64), found[:, 1].astype(np.int64), found[:, 2:])


def bodies(connection: Connection, chunk_ids: Iterable[int]) -> Iterator[bytes | None]:
    """Yield what is in chunks, in their order; `None` for those that are gone."""
    for chunk_id in chunk_ids:
        row = connection.execute(
            "SELECT shapes FROM bulk_bodies WHERE chunk_id = ?", (chunk_id,)
        ).fetchone()
        yield None if row is None else row[0]


def properties(connection: Connection, chunk_id: int) -> bytes | None:
    """Return what is said of the shapes of a chunk, as it was stored."""
    row = connection.execute(
        "SELECT properties FROM bulk_bodies WHERE chunk_id = ?", (chunk_id,)
    ).fetchone()
    return None if row is None else row[0]


def add_edit(
    connection: Connection, load_id: int, edit: Edit, *, edited_on: str, edited_by: int
) -> None:
    """Store that a shape is no part of its load any more."""
    connection.execute(
        "INSERT INTO bulk_edits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (load_id, *edit, edited_on, edited_by),
    )


def edit_of(connection: Connection, load_id: int, number: int) -> Edit | None:
    """Return whether a shape was taken out of its load, and what became of it."""
    row = connection.execute(
        "SELECT number, annotation_id, since_revision, x, y, label FROM bulk_edits "
        "WHERE load_id = ? AND number = ?",
        (load_id, number),
    ).fetchone()
    return None if row is None else Edit(*row)


def edits(connection: Connection, load_id: int, revision: int | None = None) -> list[Edit]:
    """Return the shapes that are no part of a load any more, by their numbers.

    Parameters
    ----------
    revision
        Of the answer: those that were no part of it then.
    """
    return [
        Edit(*row)
        for row in connection.execute(
            "SELECT number, annotation_id, since_revision, x, y, label FROM bulk_edits "
            "WHERE load_id = :load AND (:revision IS NULL OR since_revision <= :revision) "
            "ORDER BY number",
            {"load": load_id, "revision": revision},
        )
    ]


def taken_out(
    connection: Connection, load_ids: Iterable[int], revision: int | None = None
) -> dict[int, NDArray[np.int64]]:
    """Return the numbers of the shapes that are no part of loads any more, by load, ascending."""
    rows = connection.execute(
        "SELECT load_id, number FROM bulk_edits "
        "WHERE load_id IN (SELECT value FROM json_each(:loads)) "
        "AND (:revision IS NULL OR since_revision <= :revision) ORDER BY load_id, number",
        {"loads": json_text(list(load_ids)), "revision": revision},
    ).fetchall()
    found: dict[int, list[int]] = {}
    for load_id, number in rows:
        found.setdefault(load_id, []).append(number)
    return {load_id: np.array(numbers, np.int64) for load_id, numbers in found.items()}
