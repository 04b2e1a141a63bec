"""Single shapes: those there are for whoever asks, and those they may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.annotating import taking_out
from wsi_lab.service.annotating.seeing import Seen, seen_layer
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import drawing as rows
from wsi_lab.store import people
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import StoredLoad


class LoadedShape(NamedTuple):
    """A shape of a load that the asker may change."""

    study: Study
    question: Question
    stored: StoredLoad
    feature: Feature


def loaded_to_change(transaction: Transaction, bulk_id: int) -> LoadedShape:
    """Return a shape that is still part of its load, and that the asker may change.

    Raises
    ------
    Conflict
        It became one drawn by hand (``details["current"]``), or was removed.
    """
    seen, stored = seen_load(transaction, bulk_id)
    study_for(transaction, seen.study.id, stored.load.author)
    transaction.require_drawing(seen.study, seen.question)
    try:
        found, _ = taking_out.shape(transaction, bulk_id)
    except Conflict as error:
        by_hand = error.details.get("current")
        shapes = rows.drawn(transaction.connection, [] if by_hand is None else [by_hand])
        raise changed(transaction, bulk_id, shapes[0] if shapes else None) from None
    return LoadedShape(seen.study, seen.question, stored, found.feature)


def shapes_to_change(
    transaction: Transaction, revisions: Mapping[int, int]
) -> list[tuple[Annotation, Question]]:
    """Return shapes that the asker may change, as long as they are of these revisions, by id."""
    ids = [each for each in revisions if is_id(each)]
    there = {each.id: each for each in rows.drawn(transaction.connection, ids)}
    open_to_asker: dict[tuple[int, str], Question] = {}
    found = []
    for annotation_id, revision in revisions.items():
        before = there.get(annotation_id) or present_shape(transaction, annotation_id)
        whose = before.question_id, before.author
        if whose not in open_to_asker:
            seen = _seen(transaction, *whose, number=annotation_id)
            study_for(transaction, seen.study.id, before.author)
            transaction.require_drawing(seen.study, seen.question)
            open_to_asker[whose] = seen.question
        if before.revision != revision:
            raise changed(transaction, annotation_id, before)
        found.append((before, open_to_asker[whose]))
    return found


def present_shape(transaction: Transaction, annotation_id: int) -> Annotation:
    """Return a shape that the asker may see; of one that was removed, raise that it was."""
    ids = [annotation_id] if is_id(annotation_id) else []
    found = rows.drawn(transaction.connection, ids)
    known = found or (rows.earlier(transaction.connection, annotation_id) if ids else [])
    if not known:
        raise missing(annotation_id)
    check_seen(transaction, known[-1])
    if not found:
        raise changed(transaction, annotation_id, None)
    return found[0]


def shape_now(transaction: Transaction, annotation_id: int) -> tuple[Feature, Annotation | None]:
    """Return what a shape is that the asker is about to change, and how it is stored.

    Of a shape of a load the second is `None`.
    """
    if annotation_id >= FIRST_BULK_ID:
        return loaded_to_change(transaction, annotation_id).feature, None
    one = present_shape(transaction, annotation_id)
    labels = tuple(each.name for each in one.labels)
    return Feature(one.shape.kind, one.shape.geometry, labels, one.properties), one


def seen_shape(transaction: Transaction, annotation_id: int) -> Annotation:
    """Return a shape that the asker may see."""
    found = rows.drawn(transaction.connection, [annotation_id] if is_id(annotation_id) else [])
    if not found:
        raise missing(annotation_id)
    check_seen(transaction, found[0])
    return found[0]


def seen_load(transaction: Transaction, bulk_id: int) -> tuple[Seen, StoredLoad]:
    """Return the load that a shape is or was part of, which the asker may see, and its layer."""
    stored = loads.load_of_shape(transaction.connection, bulk_id) if is_id(bulk_id) else None
    if stored is None:
        raise missing(bulk_id)
    return _seen(transaction, stored.load.layer_id, stored.load.author, number=bulk_id), stored


def check_seen(transaction: Transaction, annotation: Annotation) -> None:
    """Raise `NotFound` for a shape that the asker may not see."""
    _seen(transaction, annotation.question_id, annotation.author, number=annotation.id)


def changed(transaction: Transaction, annotation_id: int, current: Annotation | None) -> Conflict:
    """Return the error for a change that was made from an earlier form of a shape.

    Its details tell the shape as it is now, or `None`, and whose change won, and when.
    """
    connection = transaction.connection
    last = (
        rows.removal(connection, annotation_id)
        if current is None
        else rows.Change(current.changed_by, current.changed_on)
    )
    user = None if last is None else people.user(connection, last.changed_by)
    what = "removed" if current is None else "changed"
    return Conflict(
        f"This shape was {what} since you read it; nothing of yours was stored.",
        current=current,
        changed_by=None if user is None else user.email,
        changed_on=None if last is None else last.changed_on,
    )


def missing(annotation_id: int) -> NotFound:
    """Return the error for a shape that there is not."""
    return NotFound(f"There is no annotation {annotation_id}.")


def _seen(transaction: Transaction, layer_id: int, author: str, *, number: int) -> Seen:
    try:
        seen = seen_layer(transaction, layer_id)
    except NotFound:
        raise missing(number) from None
    if not seen.shows(author):
        raise missing(number)
    return seen
