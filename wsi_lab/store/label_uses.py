"""Which shapes have a label: counted, and asked before one is removed."""

from __future__ import annotations

from wsi_lab.model.layer import LabelSet
from wsi_lab.model.task import LabelUse, TaskMode
from wsi_lab.store.columns import json_text
from wsi_lab.store.connection import Connection


def is_used(connection: Connection, label_id: int) -> bool:
    """Return whether a shape has a label, drawn by hand or loaded, on a layer that there is.

    On any layer of its study: a shape may have labels of other sets than its layer's.
    """
    by_hand = """SELECT 1 FROM label_sets s JOIN questions q ON q.study_id = s.study_id
        JOIN answers a ON a.question_id = q.id JOIN annotations n ON n.answer_id = a.id
        WHERE s.id = (SELECT label_set_id FROM labels WHERE id = :label)
        AND q.removed_on IS NULL AND instr(n.label_ids, :label)
        AND EXISTS (SELECT 1 FROM json_each(n.label_ids) WHERE value = :label) LIMIT 1"""
    loaded = """SELECT 1 FROM bulk_loads b JOIN questions q ON q.id = b.question_id,
        json_each(b.counts) c WHERE b.until_revision IS NULL AND q.removed_on IS NULL
        AND json_extract(c.value, '$[0]') = :label AND json_extract(c.value, '$[1]') > 0 LIMIT 1"""
    asked = {"label": label_id}
    return any(connection.execute(query, asked).fetchone() for query in (by_hand, loaded))


def label_uses(connection: Connection, label_set: LabelSet) -> list[LabelUse]:
    """Return the labels of a set by their ids, with how many shapes of tasks have them."""
    counts = {
        (label_id, mode): count
        for label_id, mode, count in connection.execute(
            """SELECT each.value, json_extract(t.settings, '$.mode'), count(*)
            FROM layers l JOIN tasks t ON t.question_id = l.question_id
            JOIN questions q ON q.id = t.question_id AND q.removed_on IS NULL
            JOIN answers a ON a.question_id = t.question_id
            JOIN annotations n ON n.answer_id = a.id, json_each(n.label_ids) each
            WHERE l.label_set_id = ? AND each.value IN (SELECT value FROM json_each(?))
            GROUP BY 1, 2""",
            (label_set.id, json_text([each.id for each in label_set.labels])),
        )
    }
    return [
        LabelUse(
            each,
            counts.get((each.id, TaskMode.DLTRAIN.value), 0),
            counts.get((each.id, TaskMode.SAMPLING.value), 0),
        )
        for each in sorted(label_set.labels, key=lambda label: label.id)
    ]
