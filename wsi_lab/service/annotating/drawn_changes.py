"""What a change of shapes by hand does in its transaction: shapes, their answers, the audit."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.layer import FIRST_BULK_ID, Label
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.annotating import taking_out
from wsi_lab.service.annotating.drawn_answers import (
    DrawnOn,
    answer_to_draw_on,
    drawn_on,
    shapes_changed,
)
from wsi_lab.service.annotating.given_shapes import Drawn, check_kinds, shape_row
from wsi_lab.service.annotating.single_shapes import loaded_to_change, shapes_to_change
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings
from wsi_lab.store import drawing as rows
from wsi_lab.store import layers
from wsi_lab.store.annotations import Pen, ShapeRow
from wsi_lab.store.columns import json_text


class Change(NamedTuple):
    """What a shape becomes.

    Attributes
    ----------
    revision
        That it has, for as long as nobody else changes it.
    label_ids
        As for `add_drawn`.
    """

    wanted: Drawn
    revision: int
    label_ids: Sequence[int] | None = None

    def is_same_as(self, before: Annotation) -> bool:
        """Return whether it is what is stored already."""
        wanted = self.wanted
        if self.label_ids is not None:
            if list(self.label_ids) != [each.id for each in before.labels]:
                return False
            names = tuple(each.name for each in before.labels)
            wanted = dataclasses.replace(wanted, labels=names)
        return wanted.is_same_as(before)


def add_drawn(
    transaction: Transaction,
    study: Study,
    question: Question,
    slide_id: int,
    *,
    author: str,
    new: Sequence[tuple[str | None, Drawn]],
    label_ids: Sequence[Sequence[int]] | None = None,
) -> Sequence[Annotation]:
    """Draw shapes in an author's name, each with its client's key, and return them.

    That whoever asks may do so has been asked.

    Parameters
    ----------
    label_ids
        The labels of each shape, of whichever sets of the study, instead of those that it names.
    """
    if not new:
        return []
    connection = transaction.connection
    check_kinds(question, (shape for _, shape in new))
    rows_of = _rows(transaction, question, [shape for _, shape in new], label_ids)
    shapes = [row._replace(client_key=key) for (key, _), row in zip(new, rows_of, strict=True)]
    answer = answer_to_draw_on(transaction, study, question, slide_id, author)
    position = rows.next_position(connection, answer.id)
    drawings.draw(connection, _pen(transaction, answer), enumerate(shapes, position))
    shapes_changed(transaction, answer)
    added = rows.drawn(connection, rows.ids_at(connection, answer.id, position))
    for each in added:
        _record(transaction, "create", question, after=each)
    return added


def change_drawn(
    transaction: Transaction,
    annotation_id: int,
    wanted: Drawn,
    revision: int,
    *,
    label_ids: Sequence[int] | None = None,
) -> Annotation:
    """Make a shape another one and return it; see `wsi_lab.service.annotating.drawing.Drawing`.

    Parameters
    ----------
    label_ids
        As for `add_drawn`.
    """
    changes = {annotation_id: Change(wanted, revision, label_ids)}
    return change_all_drawn(transaction, changes)[annotation_id]


def change_all_drawn(
    transaction: Transaction, changes: Mapping[int, Change]
) -> dict[int, Annotation]:
    """Make shapes other ones, and return these by the ids that they had."""
    found: dict[int, Annotation] = {}
    for annotation_id, change in changes.items():
        if annotation_id >= FIRST_BULK_ID:
            found[annotation_id] = _made_by_hand(
                transaction, annotation_id, change.wanted, change.label_ids
            )
    of_answers: dict[int, list[tuple[Annotation, Question]]] = defaultdict(list)
    by_hand = {each: changes[each].revision for each in changes if each < FIRST_BULK_ID}
    for before, question in shapes_to_change(transaction, by_hand):
        if changes[before.id].is_same_as(before):
            found[before.id] = before
        else:
            of_answers[before.answer_id].append((before, question))
    for answer_id, some in of_answers.items():
        for after in _changed(transaction, answer_id, some, changes):
            found[after.id] = after
    return found


def _changed(
    transaction: Transaction,
    answer_id: int,
    some: Sequence[tuple[Annotation, Question]],
    changes: Mapping[int, Change],
) -> list[Annotation]:
    connection = transaction.connection
    answer = drawn_on(transaction, answer_id)
    for before, question in some:
        wanted, _, label_ids = changes[before.id]
        check_kinds(question, [wanted])
        ids = None if label_ids is None else [label_ids]
        (shape,) = _rows(transaction, question, [wanted], ids, kept=before.labels)
        rows.update_shape(connection, before.id, _pen(transaction, answer), shape)
    shapes_changed(transaction, answer)
    now = rows.drawn(connection, [before.id for before, _ in some])
    for (before, question), after in zip(some, now, strict=True):
        _record(transaction, "change", question, before=before, after=after)
    return now


def remove_drawn(transaction: Transaction, annotation_id: int, revision: int) -> None:
    """Remove a shape, drawn by hand or of a load."""
    remove_all_drawn(transaction, {annotation_id: revision})


def remove_all_drawn(transaction: Transaction, revisions: Mapping[int, int]) -> None:
    """Remove shapes by their ids, as long as they are of these revisions."""
    for annotation_id in revisions:
        if annotation_id >= FIRST_BULK_ID:
            _remove_loaded(transaction, annotation_id)
    by_hand = {each: revision for each, revision in revisions.items() if each < FIRST_BULK_ID}
    of_answers: dict[int, list[tuple[Annotation, Question]]] = defaultdict(list)
    for before, question in shapes_to_change(transaction, by_hand):
        of_answers[before.answer_id].append((before, question))
    for answer_id, gone in of_answers.items():
        answer = drawn_on(transaction, answer_id)
        rows.remove_shapes(transaction.connection, [before.id for before, _ in gone])
        shapes_changed(transaction, answer)
        for before, question in gone:
            _record(transaction, "remove", question, before=before)


def _made_by_hand(
    transaction: Transaction, bulk_id: int, drawn: Drawn, label_ids: Sequence[int] | None
) -> Annotation:
    connection = transaction.connection
    study, question, stored, _ = loaded_to_change(transaction, bulk_id)
    load = stored.load
    check_kinds(question, [drawn])
    ids = None if label_ids is None else [label_ids]
    (shape,) = _rows(transaction, question, [drawn], ids)
    shape = shape._replace(bulk_id=bulk_id)
    answer = answer_to_draw_on(
        transaction, study, question, load.slide_id, load.author, is_loaded=True
    )
    position = rows.next_position(connection, answer.id)
    drawings.draw(connection, _pen(transaction, answer), [(position, shape)])
    (annotation_id,) = rows.ids_at(connection, answer.id, position)
    taking_out.take_out(transaction, bulk_id, annotation_id)
    shapes_changed(transaction, answer)
    (after,) = rows.drawn(connection, [annotation_id])
    _record(transaction, "create", question, after=after)
    return after


def _remove_loaded(transaction: Transaction, bulk_id: int) -> None:
    _, question, stored, feature = loaded_to_change(transaction, bulk_id)
    answer = drawn_on(transaction, stored.answer_id)
    taking_out.take_out(transaction, bulk_id, None)
    shapes_changed(transaction, answer)
    said = {"load": stored.load.id, "kind": feature.kind, "labels": feature.labels}
    transaction.record("remove", "annotation", bulk_id, study_id=question.study_id, before=said)


def _label_ids(
    transaction: Transaction,
    question: Question,
    drawn: Sequence[Drawn],
    *,
    kept: Sequence[Label] = (),
) -> dict[str, int]:
    """Return the ids of labels by their names; those that the layer does not have are added.

    Parameters
    ----------
    kept
        Those that a shape has: if they were removed from the layer, it may keep them.
    """
    names = {name: None for each in drawn for name in each.labels}
    there = {each.name for each in layers.layer(transaction.connection, question).labels}
    ids = {each.name: each.id for each in kept if each.name not in there}
    new = [name for name in names if name not in ids]
    return ids | layers.label_ids(transaction.connection, question.id, new)


def _rows(
    transaction: Transaction,
    question: Question,
    drawn: Sequence[Drawn],
    label_ids: Sequence[Sequence[int]] | None,
    *,
    kept: Sequence[Label] = (),
) -> list[ShapeRow]:
    """Return shapes as they lie in columns, with the labels that are given or that they name."""
    if label_ids is None:
        named = _label_ids(transaction, question, drawn, kept=kept)
        return [shape_row(each, named) for each in drawn]
    rows_of = [shape_row(dataclasses.replace(each, labels=()), {}) for each in drawn]
    return [
        row._replace(label_ids=json_text(list(own)))
        for row, own in zip(rows_of, label_ids, strict=True)
    ]


def _pen(transaction: Transaction, answer: DrawnOn) -> Pen:
    return Pen(answer.id, answer.revision, transaction.now, transaction.actor.user.id)


def _record(
    transaction: Transaction,
    verb: str,
    question: Question,
    *,
    before: Annotation | None = None,
    after: Annotation | None = None,
) -> None:
    either = after or before
    assert either is not None  # noqa: S101 (one of the two is given)
    transaction.record(
        verb,
        "annotation",
        either.id,
        study_id=question.study_id,
        before=_said(before),
        after=_said(after),
    )


def _said(annotation: Annotation | None) -> dict[str, Any] | None:
    """Return what the audit says of a shape; its geometry is in the history."""
    if annotation is None:
        return None
    return {
        "answer": annotation.answer_id,
        "author": annotation.author,
        "kind": annotation.shape.kind,
        "labels": [each.name for each in annotation.labels],
        "revision": annotation.revision,
    }
