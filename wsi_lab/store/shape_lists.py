"""Lists of shapes drawn by hand: their ids by what is said of them, without reading any shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from wsi_lab.model.layer import Box
from wsi_lab.store.columns import json_text
from wsi_lab.store.connection import Connection


class AnswerOnLayer(NamedTuple):
    """A drawn answer on a slide."""

    id: int
    slide_id: int
    question_id: int
    author: str


class AlikeShapes(NamedTuple):
    """Shapes of one answer that have the same labels."""

    answer_id: int
    label_ids: tuple[int, ...]
    ids: list[int]


class TouchingIds(NamedTuple):
    """The ids of shapes whose own boxes touch a box: those that lie in it, and the others."""

    inside: list[int]
    across: list[int]


_Labels = tuple[int, ...]


def studies_of_slides(connection: Connection, slide_ids: Iterable[int]) -> dict[int, int]:
    """Return the studies of slides by the slides' ids; those that there are not are left out."""
    found = connection.execute(
        "SELECT id, study_id FROM slides WHERE id IN (SELECT value FROM json_each(?))",
        (json_text(list(slide_ids)),),
    )
    return dict(found.fetchall())


def answers_on_layers(
    connection: Connection, question_ids: Iterable[int], slide_ids: Iterable[int] | None
) -> list[AnswerOnLayer]:
    """Return the drawn answers on these layers, on some slides or on all."""
    return [
        AnswerOnLayer(*row)
        for row in connection.execute(
            """SELECT id, slide_id, question_id, author FROM answers
            WHERE question_id IN (SELECT value FROM json_each(:questions))
            AND slide_id NOT NULL AND (:slides IS NULL
            OR slide_id IN (SELECT value FROM json_each(:slides))) ORDER BY id""",
            {
                "questions": json_text(list(question_ids)),
                "slides": None if slide_ids is None else json_text(list(slide_ids)),
            },
        )
    ]


def alike_shapes(connection: Connection, answer_ids: Iterable[int]) -> list[AlikeShapes]:
    """Return the shapes of answers that have a place, without heat maps."""
    # Nothing but the index is read: what has no place has no area, and few shapes are heat maps.
    found = connection.execute(
        """SELECT n.answer_id, n.label_ids, json_group_array(n.id)
        FROM annotations n INDEXED BY annotations_counted
        WHERE n.answer_id IN (SELECT value FROM json_each(:answers))
        AND (n.area > 0 OR n.x0 NOT NULL)
        AND n.id NOT IN (SELECT id FROM annotations INDEXED BY annotations_of_heat
            WHERE kind = 'heatmap' AND answer_id IN (SELECT value FROM json_each(:answers)))
        GROUP BY n.answer_id, n.label_ids""",
        {"answers": json_text(list(answer_ids))},
    )
    return [
        AlikeShapes(
            answer_id,
            msgspec.json.decode(label_ids, type=_Labels),
            msgspec.json.decode(ids, type=list[int]),
        )
        for answer_id, label_ids, ids in found
    ]


def ids_changed_by(
    connection: Connection, answer_ids: Iterable[int], user_ids: Iterable[int]
) -> list[int]:
    """Return the shapes of answers that some users changed last."""
    return [
        shape_id
        for (shape_id,) in connection.execute(
            "SELECT id FROM annotations WHERE answer_id IN (SELECT value FROM json_each(?)) "
            "AND changed_by IN (SELECT value FROM json_each(?))",
            (json_text(list(answer_ids)), json_text(list(user_ids))),
        )
    ]


def touching_ids(connection: Connection, slide_id: int | None, box: Box) -> TouchingIds:
    """Return the shapes that may touch a box, on a slide or on any."""
    asked: dict[str, Any] = dict(zip(("left", "top", "right", "bottom"), box, strict=True))
    on_slide = "" if slide_id is None else "AND first_slide <= :slide AND last_slide >= :slide"
    # The tree has short numbers, rounded outwards: what lies in the box by them does so.
    rows = connection.execute(
        f"""SELECT x0 >= :left AND x1 <= :right AND y0 >= :top AND y1 <= :bottom AS is_inside,
        json_group_array(id) FROM annotation_boxes
        WHERE x0 <= :right AND x1 >= :left AND y0 <= :bottom AND y1 >= :top {on_slide}
        GROUP BY is_inside""",  # noqa: S608 (constants)
        asked | {"slide": slide_id},
    )
    found = {bool(is_inside): msgspec.json.decode(ids, type=list[int]) for is_inside, ids in rows}
    return TouchingIds(found.get(True, []), found.get(False, []))


def geometries_of(connection: Connection, ids: Iterable[int]) -> list[tuple[int, bytes]]:
    """Return the ids and geometries of shapes as WKB, in the order of their ids."""
    return [
        (row[0], row[1])
        for row in connection.execute(
            "SELECT id, geometry FROM annotations WHERE geometry NOT NULL "
            "AND id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json_text(list(ids)),),
        )
    ]
