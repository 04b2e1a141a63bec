"""Drawings that came as a whole, and what shapes their items are: rows <-> model.

A drawing is everybody's (the author is empty), or, on a layer where readers see only their own
shapes, an author's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from wsi_lab.model.task import EditRecord
from wsi_lab.store.columns import json_text, time_of, time_text
from wsi_lab.store.connection import Connection, Row

ShapeKey = tuple[int, int]
"""The id of a shape and its revision."""


class StoredDrawing(NamedTuple):
    """A drawing as it came.

    Attributes
    ----------
    items
        Of each item the shapes that it is, in the order of the items.
    stamp
        Names the answers and their revisions that it tells.
    """

    text: str
    items: list[list[ShapeKey]]
    stamp: str
    path_count: int
    marker_count: int
    edit: EditRecord


class DrawingCounts(NamedTuple):
    """How many paths and markers a drawing has, for as long as `stamp` is true."""

    stamp: str
    path_count: int
    marker_count: int


def drawing(
    connection: Connection, question_id: int, slide_id: int, author: str
) -> StoredDrawing | None:
    """Return what came as a whole for a layer and slide."""
    row = connection.execute(
        "SELECT * FROM drawings WHERE question_id = ? AND slide_id = ? AND author = ?",
        (question_id, slide_id, author),
    ).fetchone()
    return None if row is None else _drawing(row)


def put_drawing(
    connection: Connection, question_id: int, slide_id: int, author: str, row: StoredDrawing
) -> None:
    """Store what came as a whole in place of what was there."""
    edit = row.edit
    connection.execute(
        "INSERT OR REPLACE INTO drawings (question_id, slide_id, author, text, items, stamp, "
        "path_count, marker_count, created_on, created_by, changed_on, changed_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(question_id, slide_id, author, row.text, json_text(row.items), row.stamp),
            *(row.path_count, row.marker_count, time_text(edit.created_on), edit.created_by),
            *(time_text(edit.changed_on), edit.changed_by),
        ),
    )


def drawing_counts(
    connection: Connection, question_id: int, author: str
) -> dict[int, DrawingCounts]:
    """Return what drawings on a layer count, by slide."""
    return {
        row["slide_id"]: DrawingCounts(row["stamp"], row["path_count"], row["marker_count"])
        for row in connection.execute(
            "SELECT slide_id, stamp, path_count, marker_count FROM drawings "
            "WHERE question_id = ? AND author = ?",
            (question_id, author),
        )
    }


def stamps(
    connection: Connection,
    question_id: int,
    *,
    slide_id: int | None = None,
    author: str | None = None,
) -> dict[int, str]:
    """Return what names the answers on a layer and their revisions, by slide."""
    found: dict[int, list[str]] = {}
    for row in connection.execute(
        "SELECT slide_id, id, revision FROM answers WHERE question_id = :question "
        "AND (:slide IS NULL OR slide_id = :slide) AND slide_id NOT NULL "
        "AND (:author IS NULL OR author = :author) ORDER BY id",
        {"question": question_id, "slide": slide_id, "author": author},
    ):
        found.setdefault(row["slide_id"], []).append(f"{row['id']}:{row['revision']}")
    return {slide: " ".join(parts) for slide, parts in found.items()}


def shape_counts(
    connection: Connection, question_id: int, *, author: str | None = None
) -> dict[int, tuple[int, int]]:
    """Return how many shapes drawn by hand on a layer are no points, and how many are, by slide."""
    return {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            "SELECT a.slide_id, sum(n.kind <> 'point'), sum(n.kind = 'point') "
            "FROM answers a JOIN annotations n ON n.answer_id = a.id "
            "WHERE a.question_id = :question AND a.slide_id NOT NULL "
            "AND (:author IS NULL OR a.author = :author) GROUP BY a.slide_id",
            {"question": question_id, "author": author},
        )
    }


def first_changes(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Return who drew shapes first, by user id, and when, of those that were changed since."""
    return {
        row["annotation_id"]: (row["changed_by"], row["changed_on"])
        for row in connection.execute(
            "SELECT annotation_id, changed_by, changed_on, min(since_revision) "
            "FROM annotation_history WHERE annotation_id IN (SELECT value FROM json_each(?)) "
            "GROUP BY annotation_id",
            (json_text(list(ids)),),
        )
    }


def _drawing(row: Row) -> StoredDrawing:
    return StoredDrawing(
        text=row["text"],
        items=msgspec.json.decode(row["items"], type=list[list[ShapeKey]]),
        stamp=row["stamp"],
        path_count=row["path_count"],
        marker_count=row["marker_count"],
        edit=EditRecord(
            created_by=row["created_by"],
            created_on=time_of(row["created_on"]),
            changed_by=row["changed_by"],
            changed_on=time_of(row["changed_on"]),
        ),
    )
