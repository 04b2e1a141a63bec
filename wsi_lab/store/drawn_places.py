"""What is drawn on a slide, by where it lies: rows as a picture of them needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from wsi_lab.model.layer import Box
from wsi_lab.store.columns import json_text
from wsi_lab.store.connection import Connection


class AnswerOnSlide(NamedTuple):
    """An answer to a question that is drawn."""

    id: int
    question_id: int
    author: str
    revision: int


class DrawnRow(NamedTuple):
    """A shape drawn by hand, but for its geometry.

    Attributes
    ----------
    size
        Of the geometry as WKB, in bytes.
    """

    id: int
    answer_id: int
    kind: str
    label_ids: tuple[int, ...]
    revision: int
    area: float
    box: Box
    size: int
    properties: dict[str, Any]

    @property
    def side(self) -> float:
        """Return the longer side of its box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)


class HeatRow(NamedTuple):
    """A heat map that is one of an answer's shapes."""

    id: int
    answer_id: int
    revision: int
    original: str
    dialect: str


class HandCount(NamedTuple):
    """How many shapes of an answer have these labels."""

    answer_id: int
    label_ids: tuple[int, ...]
    shape_count: int
    area: float


_Ids = tuple[int, ...]
_Properties = dict[str, Any]


def answers_on_slide(
    connection: Connection, slide_id: int, question_ids: Iterable[int]
) -> list[AnswerOnSlide]:
    """Return the answers on a slide to these questions, in the order of their ids."""
    return [
        AnswerOnSlide(*row)
        for row in connection.execute(
            "SELECT id, question_id, author, revision FROM answers "
            "WHERE slide_id = ? AND question_id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (slide_id, json_text(list(question_ids))),
        )
    ]


def drawn_in_box(
    connection: Connection,
    slide_id: int,
    answer_ids: Iterable[int],
    box: Box,
    *,
    with_properties: bool = False,
) -> list[DrawnRow]:
    """Return the shapes of answers that touch a box, the largest first."""
    left, top, right, bottom = box
    # Across: the place decides first, and not whose shapes they are.
    rows = connection.execute(
        """SELECT n.id, n.answer_id, n.kind, n.label_ids, n.since_revision, n.area,
        n.x0, n.y0, n.x1, n.y1,
        length(n.geometry),
        CASE WHEN :said THEN n.properties ELSE '{}' END
        FROM annotation_boxes b CROSS JOIN annotations n ON n.id = b.id
        WHERE b.x0 <= :right AND b.x1 >= :left AND b.y0 <= :bottom AND b.y1 >= :top
        AND b.first_slide <= :slide AND b.last_slide >= :slide
        AND n.answer_id IN (SELECT value FROM json_each(:answers)) AND n.kind <> 'heatmap'
        ORDER BY n.area DESC, n.id""",
        {
            "left": left,
            "top": top,
            "right": right,
            "bottom": bottom,
            "said": with_properties,
            "slide": slide_id,
            "answers": json_text(list(answer_ids)),
        },
    )
    return [
        DrawnRow(
            row[0],
            row[1],
            row[2],
            _ids(row[3]),
            row[4],
            row[5],
            (row[6], row[7], row[8], row[9]),
            row[10],
            msgspec.json.decode(row[11], type=_Properties) if row[11] != "{}" else {},
        )
        for row in rows
    ]


def geometries(connection: Connection, rows: Sequence[DrawnRow]) -> list[bytes]:
    """Return the geometries of shapes as WKB, in their order."""
    found = dict(
        connection.execute(
            "SELECT id, geometry FROM annotations WHERE id IN (SELECT value FROM json_each(?))",
            (json_text([row.id for row in rows]),),
        ).fetchall()
    )
    return [found[row.id] for row in rows]


def in_batches(rows: Iterable[DrawnRow], most_bytes: int) -> Iterator[list[DrawnRow]]:
    """Yield shapes, so many at once as have no more bytes together; one may have more.

    Examples
    --------
    >>> rows = [DrawnRow(n, 1, "polygon", (), 1, 0.0, (0, 0, 1, 1), 40, {}) for n in range(3)]
    >>> [[row.id for row in some] for some in in_batches(rows, 100)]
    [[0, 1], [2]]
    """
    batch: list[DrawnRow] = []
    size = 0
    for row in rows:
        if batch and size + row.size > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size
    if batch:
        yield batch


def heat_maps(connection: Connection, answer_ids: Iterable[int]) -> list[HeatRow]:
    """Return the heat maps among the shapes of answers, in their order."""
    return [
        HeatRow(*row)
        for row in connection.execute(
            "SELECT id, answer_id, since_revision, original, dialect FROM annotations "
            "WHERE kind = 'heatmap' AND answer_id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json_text(list(answer_ids)),),
        )
    ]


def hand_counts(connection: Connection, answer_ids: Iterable[int]) -> list[HandCount]:
    """Return how many shapes answers have by their labels, without reading any."""
    return [
        HandCount(row[0], _ids(row[1]), row[2], row[3])
        for row in connection.execute(
            "SELECT answer_id, label_ids, count(*), total(area) FROM annotations "
            "WHERE answer_id IN (SELECT value FROM json_each(?)) GROUP BY answer_id, label_ids",
            (json_text(list(answer_ids)),),
        )
    ]


@lru_cache(maxsize=4096)
def _ids(text: str) -> _Ids:
    return msgspec.json.decode(text, type=_Ids)
