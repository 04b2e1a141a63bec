"""Single shapes drawn by hand: rows <-> model.

Whoever changes one changes its answer after it; see `wsi_lab.store.annotations`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.layer import FIRST_BULK_ID, Box
from wsi_lab.store.annotations import Pen, ShapeRow, annotations_of_rows, measures
from wsi_lab.store.columns import json_text, time_of, time_text
from wsi_lab.store.connection import Connection

_SELECT = """SELECT n.*, a.question_id, a.slide_id, a.case_id, a.core_row, a.core_column,
    a.core_sample, a.author FROM annotations n JOIN answers a ON a.id = n.answer_id"""


class Change(NamedTuple):
    """Who changed a shape, and when."""

    changed_by: int
    changed_on: datetime


def drawn(connection: Connection, ids: Iterable[int]) -> list[Annotation]:
    """Return shapes by their ids, in the order given; those that there are not are left out."""
    wanted = list(ids)
    query = f"{_SELECT} WHERE n.id IN (SELECT value FROM json_each(?))"  # noqa: S608 (constants)
    found = {each.id: each for each in _read(connection, query, (json_text(wanted),))}
    return [found[each] for each in wanted if each in found]


def drawn_on_layer(
    connection: Connection,
    question_id: int,
    slide_id: int | None,
    *,
    author: str | None = None,
    box: Box | None = None,
) -> list[Annotation]:
    """Return the shapes on a layer and slide, author by author, in their order.

    Parameters
    ----------
    slide_id
        `None` for all slides; not together with `box`.
    box
        Only those whose own boxes touch it.
    """
    asked: dict[str, Any] = {"question": question_id, "slide": slide_id, "author": author}
    touching = ""
    if box is not None:
        # The tree has short numbers, rounded outwards; the columns decide.
        touching = """AND n.id IN (SELECT id FROM annotation_boxes
            WHERE x0 <= :right AND x1 >= :left AND y0 <= :bottom AND y1 >= :top
            AND first_slide <= :slide AND last_slide >= :slide)
            AND n.x0 <= :right AND n.x1 >= :left AND n.y0 <= :bottom AND n.y1 >= :top"""
        asked |= dict(zip(("left", "top", "right", "bottom"), box, strict=True))
    query = (
        f"{_SELECT} WHERE a.question_id = :question "
        "AND (:slide IS NULL OR a.slide_id = :slide) AND (:author IS NULL OR a.author = :author) "
        f"{touching} ORDER BY a.id, n.position"
    )
    return _read(connection, query, asked)


def ids_of_keys(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return the ids of the shapes that clients call so."""
    found = connection.execute(
        "SELECT client_key, id FROM annotations WHERE client_key IN "
        "(SELECT value FROM json_each(?))",
        (json_text(list(keys)),),
    )
    return {row["client_key"]: row["id"] for row in found}


def next_position(connection: Connection, answer_id: int) -> int:
    """Return the position behind all shapes of an answer."""
    (position,) = connection.execute(
        "SELECT coalesce(max(position), -1) + 1 FROM annotations WHERE answer_id = ?", (answer_id,)
    ).fetchone()
    return int(position)


def ids_at(connection: Connection, answer_id: int, first_position: int) -> list[int]:
    """Return the ids of an answer's shapes from a position on."""
    return [
        shape_id
        for (shape_id,) in connection.execute(
            "SELECT id FROM annotations WHERE answer_id = ? AND position >= ? ORDER BY position",
            (answer_id, first_position),
        )
    ]


def update_shape(connection: Connection, shape_id: int, pen: Pen, shape: ShapeRow) -> None:
    """Make a shape another one; where it was and who calls it what stays."""
    left, top, right, bottom, area = shape.measures or measures([shape.geometry])[0]
    connection.execute(
        "UPDATE annotations SET kind = ?, geometry = ?, original = ?, dialect = ?, label_ids = ?, "
        "properties = ?, source_format = ?, source_text = ?, since_revision = ?, changed_on = ?, "
        "changed_by = ?, x0 = ?, y0 = ?, x1 = ?, y1 = ?, area = ? WHERE id = ?",
        (
            *shape[:8],
            pen.revision,
            time_text(pen.drawn_on),
            pen.drawn_by,
            left,
            top,
            right,
            bottom,
            area,
            shape_id,
        ),
    )


def date_shapes(connection: Connection, pen: Pen) -> None:
    """Say who drew the shapes of an answer, and when, instead of what is said."""
    connection.execute(
        "UPDATE annotations SET since_revision = ?, changed_on = ?, changed_by = ? "
        "WHERE answer_id = ?",
        (pen.revision, time_text(pen.drawn_on), pen.drawn_by, pen.answer_id),
    )


def remove_shapes(connection: Connection, shape_ids: Iterable[int]) -> None:
    """Remove shapes; their history is kept."""
    connection.execute(
        "DELETE FROM annotations WHERE id IN (SELECT value FROM json_each(?))",
        (json_text(list(shape_ids)),),
    )


def earlier(connection: Connection, shape_id: int) -> list[Annotation]:
    """Return what a shape was before, the oldest form first; also of one that was removed."""
    query = (
        "SELECT n.*, n.annotation_id AS id, a.question_id, a.slide_id, a.case_id, a.core_row, "
        "a.core_column, a.core_sample, a.author, 0.0 AS area, NULL AS client_key, "
        "NULL AS bulk_id FROM annotation_history n JOIN answers a ON a.id = n.answer_id "
        "WHERE n.annotation_id = ? ORDER BY n.since_revision"
    )
    return [
        replace(each, area=measures([_wkb(each)])[0][-1])
        for each in _read(connection, query, (shape_id,))
    ]


def removal(connection: Connection, shape_id: int) -> Change | None:
    """Return who removed a shape, drawn by hand or of a load, and when."""
    if shape_id >= FIRST_BULK_ID:
        query = """SELECT edited_by, edited_on FROM bulk_loads l JOIN bulk_edits e
            ON e.load_id = l.id AND e.number = :shape - l.first_id
            WHERE :shape BETWEEN l.first_id AND l.first_id + l.id_count - 1"""
    else:
        # It is in the history up to the revision of its answer that came by its removal.
        query = """WITH gone AS (SELECT answer_id, max(until_revision) AS revision
            FROM annotation_history WHERE annotation_id = :shape)
            SELECT a.answered_by, a.answered_on FROM gone JOIN answers a
            ON a.id = gone.answer_id AND a.revision = gone.revision
            UNION ALL SELECT h.answered_by, h.answered_on FROM gone JOIN answer_history h
            ON h.answer_id = gone.answer_id AND h.revision = gone.revision"""
    row = connection.execute(query, {"shape": shape_id}).fetchone()
    return None if row is None else Change(row[0], time_of(row[1]))


def _wkb(annotation: Annotation) -> bytes | None:
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    wkb: bytes | None = shapely.to_wkb(annotation.shape.geometry)
    return wkb


def _read(connection: Connection, query: str, asked: Any) -> list[Annotation]:
    return annotations_of_rows(connection, connection.execute(query, asked).fetchall())
