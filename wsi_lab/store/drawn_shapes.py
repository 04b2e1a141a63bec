"""Shapes drawn by hand, by where they lie, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from wsi_lab.model.layer import Box
from wsi_lab.store.columns import json_text
from wsi_lab.store.connection import Connection


class DrawnShape(NamedTuple):
    """A shape drawn by hand, as columns have it; the geometry as WKB."""

    slide_id: int
    question_id: int
    author: str
    id: int
    kind: str
    geometry: bytes | None
    label_ids: str
    properties: str
    revision: int
    changed_on: str


@dataclass(frozen=True, slots=True)
class DrawnCount:
    """How many shapes have these labels."""

    label_ids: tuple[int, ...]
    count: int
    area: float


_COLUMNS = """a.slide_id, a.question_id, a.author, n.id, n.kind, n.geometry, n.label_ids,
    n.properties, n.since_revision, n.changed_on"""
_OF_LAYERS = "a.question_id IN (SELECT value FROM json_each(:questions)) AND a.slide_id NOT NULL"


def drawn_shapes(
    connection: Connection,
    question_ids: Iterable[int],
    *,
    slide_id: int | None = None,
    box: Box | None = None,
) -> list[DrawnShape]:
    """Return the shapes on layers, by slide, layer and author, all or those that touch a box."""
    asked: dict[str, Any] = {"questions": json_text(list(question_ids)), "slide": slide_id}
    if box is None:
        query = f"""SELECT {_COLUMNS} FROM answers a JOIN annotations n ON n.answer_id = a.id
            WHERE {_OF_LAYERS} AND (:slide IS NULL OR a.slide_id = :slide)
            ORDER BY a.slide_id, a.question_id, a.author, n.answer_id, n.position"""  # noqa: S608 (constants)
        return [DrawnShape(*row) for row in connection.execute(query, asked)]
    left, top, right, bottom = box
    # The tree has short numbers, rounded outwards; the columns decide.
    query = f"""SELECT {_COLUMNS} FROM annotation_boxes b
        CROSS JOIN annotations n ON n.id = b.id CROSS JOIN answers a ON a.id = n.answer_id
        WHERE b.x0 <= :right AND b.x1 >= :left AND b.y0 <= :bottom AND b.y1 >= :top
        {"" if slide_id is None else "AND b.first_slide <= :slide AND b.last_slide >= :slide"}
        AND n.x0 <= :right AND n.x1 >= :left AND n.y0 <= :bottom AND n.y1 >= :top
        AND {_OF_LAYERS} AND (:slide IS NULL OR a.slide_id = :slide)
        ORDER BY a.slide_id, a.question_id, a.author, n.answer_id, n.position"""  # noqa: S608 (constants)
    asked |= {"left": left, "top": top, "right": right, "bottom": bottom}
    return [DrawnShape(*row) for row in connection.execute(query, asked)]


def drawn_counts(
    connection: Connection, question_id: int, *, slide_id: int | None, author: str | None
) -> list[DrawnCount]:
    """Return how many shapes on a layer have which labels, without reading any of them."""
    return [
        DrawnCount(msgspec.json.decode(label_ids, type=tuple[int, ...]), count, area)
        for label_ids, count, area in connection.execute(
            """SELECT n.label_ids, count(*), total(n.area)
            FROM answers a JOIN annotations n INDEXED BY annotations_counted ON n.answer_id = a.id
            WHERE a.question_id = :question AND (:slide IS NULL OR a.slide_id = :slide)
            AND (:author IS NULL OR a.author = :author) GROUP BY n.label_ids""",
            {"question": question_id, "slide": slide_id, "author": author},
        )
    ]
