"""The shapes on a task's layer that the asker may see, drawn by hand or loaded."""

from __future__ import annotations

from collections.abc import Iterable

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.task import EditRecord
from wsi_lab.service.annotating.answer_content import loaded_annotations
from wsi_lab.service.annotating.seeing import Seen, seen_layers
from wsi_lab.service.tasks.access import OpenTask
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import drawing, drawings
from wsi_lab.store.columns import time_of

MOST_SHAPES = 100_000
"""That are told one by one; those of a model may be far more, and come as tables elsewhere."""


def layer_of(transaction: Transaction, opened: OpenTask) -> Seen:
    """Return the layer that a task is, and whose shapes on it the asker may see."""
    return seen_layers(transaction, opened.study, [opened.task.id])[0]


def visible_shapes(transaction: Transaction, seen: Seen, slide_id: int | None) -> list[Annotation]:
    """Return the shapes on a layer that the asker may see, of a slide or of all.

    Raises
    ------
    TooLarge
        There are too many to be told one by one.
    """
    layer_id = seen.question.id
    found = drawing.drawn_on_layer(transaction.connection, layer_id, slide_id, author=seen.only)
    found += loaded_annotations(
        transaction, [layer_id], slide_id=slide_id, author=seen.only, most=MOST_SHAPES
    )
    return [each for each in found if each.place.slide_id is not None]


def edit_records(transaction: Transaction, shapes: Iterable[Annotation]) -> dict[int, EditRecord]:
    """Return who drew shapes and who changed them last, by the shapes' ids."""
    shapes = list(shapes)
    first = drawings.first_changes(transaction.connection, [each.id for each in shapes])
    records = {}
    for each in shapes:
        by, on = each.changed_by, each.changed_on
        if each.id in first:
            by, on = first[each.id][0], time_of(first[each.id][1])
        records[each.id] = EditRecord(by, on, each.changed_by, each.changed_on)
    return records
