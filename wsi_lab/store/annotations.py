"""Shapes of drawn answers: rows <-> model.

Triggers of the database write down what a shape was before it is changed or removed. They ask the
answer for its revision, so shapes are changed first and their answer after them.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from wsi_lab.model.annotation import Annotation, Shape, ShapeKind, Source
from wsi_lab.model.answer import Core
from wsi_lab.store.answers import place_of
from wsi_lab.store.columns import json_text, time_of, time_text, words_text
from wsi_lab.store.connection import Connection, Row
from wsi_lab.store.layers import labels_by_id

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


Measures = tuple[float | None, float | None, float | None, float | None, float]
"""``left, top, right, bottom, area``; without a box where there is no geometry."""


class ShapeRow(NamedTuple):
    """A shape as it lies in columns; the geometry as WKB.

    Attributes
    ----------
    label_ids, properties
        As JSON.
    source_format, source_text
        What it came as, where that were other words than `original`.
    client_key
        What the client that drew it calls it.
    bulk_id
        The shape of a load that it was.
    measures
        `None` where nobody has taken them yet.
    """

    kind: str
    geometry: bytes | None
    original: str
    dialect: str
    label_ids: str = "[]"
    properties: str = "{}"
    source_format: str | None = None
    source_text: str | None = None
    client_key: str | None = None
    bulk_id: int | None = None
    measures: Measures | None = None


class Redrawing(NamedTuple):
    """How the stored shapes of an answer become others; what stays keeps its id.

    Attributes
    ----------
    moved
        Ids and new positions.
    added
        Positions and shapes.
    """

    removed: list[int]
    moved: list[tuple[int, int]]
    added: list[tuple[int, ShapeRow]]


class Pen(NamedTuple):
    """Who draws what when: the answer, the revision it gets, the user's id."""

    answer_id: int
    revision: int
    drawn_on: datetime
    drawn_by: int


def shape_rows(shapes: Sequence[Shape]) -> list[ShapeRow]:
    """Return shapes as they lie in columns."""
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    geometries = [shape.geometry for shape in shapes]
    return [
        ShapeRow(shape.kind.value, geometry, shape.original, shape.dialect, measures=taken)
        for shape, geometry, taken in zip(
            shapes, shapely.to_wkb(geometries), _measured(geometries), strict=True
        )
    ]


def measures(geometries: Sequence[bytes | None]) -> list[Measures]:
    """Return the measures of geometries in WKB."""
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    return _measured(shapely.from_wkb(list(geometries)))


def redrawing(connection: Connection, answer_id: int, shapes: Sequence[ShapeRow]) -> Redrawing:
    """Return what has to be done for an answer to have exactly these shapes, in this order.

    Shapes are the same when they were told by the same text. Positions may have gaps, so that
    taking one away moves no other.
    """
    stored: dict[tuple[str, str], deque[tuple[int, int]]] = defaultdict(deque)
    for shape_id, position, original, dialect in connection.execute(
        "SELECT id, position, original, dialect FROM annotations WHERE answer_id = ? "
        "ORDER BY position",
        (answer_id,),
    ):
        stored[original, dialect].append((shape_id, position))
    moved, added, last = [], [], -1
    for shape in shapes:
        same = stored.get((shape.original, shape.dialect))
        if not same:
            last += 1
            added.append((last, shape))
            continue
        shape_id, position = same.popleft()
        if position <= last:
            position = last + 1
            moved.append((shape_id, position))
        last = position
    removed = [shape_id for left in stored.values() for shape_id, _ in left]
    return Redrawing(removed, moved, added)


def redraw(connection: Connection, changes: Sequence[tuple[Pen, Redrawing]]) -> None:
    """Do what `redrawing` found to do, before the answers get their new revisions."""
    # One statement for all, as in `wsi_lab.store.answers.update_answers`.
    removed = [shape_id for _, change in changes for shape_id in change.removed]
    connection.execute(
        "DELETE FROM annotations WHERE id IN (SELECT value FROM json_each(?))",
        (json_text(removed),),
    )
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS moving_annotations "
        "(id INTEGER PRIMARY KEY, position, since_revision)"
    )
    connection.executemany(
        "INSERT INTO moving_annotations VALUES (?, ?, ?)",
        [(*moved, pen.revision) for pen, change in changes for moved in change.moved],
    )
    connection.execute(
        "UPDATE annotations SET position = m.position, since_revision = m.since_revision "
        # Without being told, SQLite looks through all shapes there are for these.
        "FROM moving_annotations m WHERE annotations.id = m.id "
        "AND annotations.id IN (SELECT id FROM moving_annotations)"
    )
    connection.execute("DELETE FROM moving_annotations")
    for pen, change in changes:
        draw(connection, pen, change.added)


_COLUMNS = (
    "answer_id, position, since_revision, changed_on, changed_by, "
    f"{', '.join(ShapeRow._fields[:-1])}, x0, y0, x1, y1, area"
)
_DRAW = f"INSERT INTO annotations ({_COLUMNS}) VALUES ({', '.join('?' * 20)})"  # noqa: S608 (constants)


def draw(connection: Connection, pen: Pen, shapes: Iterable[tuple[int, ShapeRow]]) -> None:
    """Store new shapes of an answer, by their positions."""
    drawn_on = time_text(pen.drawn_on)
    connection.executemany(
        _DRAW,
        (
            (pen.answer_id, position, pen.revision, drawn_on, pen.drawn_by)
            + shape[:-1]
            + (shape.measures or measures([shape.geometry])[0])
            for position, shape in shapes
        ),
    )


def annotations_of_study(
    connection: Connection,
    study_id: int,
    *,
    slide_id: int | None = None,
    question_id: int | None = None,
    author: str | None = None,
) -> list[Annotation]:
    """Return the shapes of a study, answer by answer, all or some."""
    found = connection.execute(
        """SELECT n.*, a.question_id, a.slide_id, a.case_id, a.core_row, a.core_column,
        a.core_sample, a.author FROM answers a JOIN annotations n ON n.answer_id = a.id
        JOIN questions q ON q.id = a.question_id
        WHERE a.study_id = :study AND q.removed_on IS NULL
        AND (:slide IS NULL OR a.slide_id = :slide)
        AND (:question IS NULL OR a.question_id = :question)
        AND (:author IS NULL OR a.author = :author) ORDER BY a.id, n.position""",
        {"study": study_id, "slide": slide_id, "question": question_id, "author": author},
    ).fetchall()
    return annotations_of_rows(connection, found)


def annotations_of_rows(connection: Connection, rows: Sequence[Row]) -> list[Annotation]:
    """Return the shapes that rows with the columns of shapes and of their answers' places are."""
    label_ids = [msgspec.json.decode(row["label_ids"], type=tuple[int, ...]) for row in rows]
    labels = labels_by_id(connection, {each for ids in label_ids for each in ids})
    return [
        Annotation(
            id=row["id"],
            answer_id=row["answer_id"],
            question_id=row["question_id"],
            place=place_of(row),
            author=row["author"],
            position=row["position"],
            shape=shape,
            changed_on=time_of(row["changed_on"]),
            changed_by=row["changed_by"],
            revision=row["since_revision"],
            labels=tuple(labels[each] for each in ids if each in labels),
            properties=msgspec.json.decode(row["properties"]),
            source=None
            if row["source_format"] is None
            else Source(row["source_format"], row["source_text"]),
            area=row["area"],
            client_key=row["client_key"],
            bulk_id=row["bulk_id"],
        )
        for row, shape, ids in zip(rows, _shapes(rows), label_ids, strict=True)
    ]


def shapes_of_answer(connection: Connection, answer_id: int) -> list[Shape]:
    """Return the shapes of an answer in their order."""
    return _shapes(
        connection.execute(
            "SELECT * FROM annotations WHERE answer_id = ? ORDER BY position", (answer_id,)
        ).fetchall()
    )


def shapes_then(connection: Connection, answer_id: int, revision: int) -> list[Shape]:
    """Return the shapes that an answer had when it had that revision, in their order."""
    return _shapes(
        connection.execute(
            """SELECT * FROM (
            SELECT kind, geometry, original, dialect, position FROM annotation_history
            WHERE answer_id = :answer AND since_revision <= :then AND until_revision > :then
            UNION ALL SELECT kind, geometry, original, dialect, position FROM annotations
            WHERE answer_id = :answer AND since_revision <= :then) ORDER BY position""",
            {"answer": answer_id, "then": revision},
        ).fetchall()
    )


class DrawnAnswer(NamedTuple):
    """A drawn answer on a slide."""

    id: int
    question_id: int
    core: Core | None
    file_uuid: str | None
    value: str
    """Empty where its shapes are rows."""


def drawn_answers(
    connection: Connection, slide_id: int, author: str, question_ids: Iterable[int]
) -> list[DrawnAnswer]:
    """Return an author's answers on a slide to these questions, in the order of their ids."""
    found = connection.execute(
        "SELECT * FROM answers WHERE slide_id = ? AND author = ? AND question_id IN "
        "(SELECT CAST(value AS INTEGER) FROM json_each(?)) ORDER BY id",
        (slide_id, author, words_text(str(each) for each in question_ids)),
    )
    return [
        DrawnAnswer(
            row["id"], row["question_id"], place_of(row).core, row["file_uuid"], row["value"]
        )
        for row in found
    ]


def drawing_authors(connection: Connection, slide_id: int) -> list[str]:
    """Return who has drawn something on a slide, by their names."""
    return [
        author
        for (author,) in connection.execute(
            "SELECT DISTINCT a.author FROM answers a JOIN questions q ON q.id = a.question_id "
            "WHERE a.slide_id = ? AND q.removed_on IS NULL "
            "AND (a.file_uuid IS NOT NULL OR EXISTS "
            "(SELECT 1 FROM annotations n WHERE n.answer_id = a.id)) ORDER BY a.author",
            (slide_id,),
        )
    ]


def _measured(geometries: Sequence[BaseGeometry | None]) -> list[Measures]:
    import shapely  # noqa: PLC0415 (as above)

    boxes, areas = shapely.bounds(geometries).tolist(), shapely.area(geometries).tolist()
    return [
        (*box, area) if math.isfinite(sum(box)) else (None, None, None, None, 0.0)
        for box, area in zip(boxes, areas, strict=True)
    ]


def _shapes(rows: Sequence[Row]) -> list[Shape]:
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    geometries: Iterable[BaseGeometry | None] = shapely.from_wkb([row["geometry"] for row in rows])
    return [
        Shape(ShapeKind(row["kind"]), geometry, row["original"], row["dialect"])
        for row, geometry in zip(rows, geometries, strict=True)
    ]
