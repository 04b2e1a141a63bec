"""Storing answers: only what differs from what is stored, and everything that hangs on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.answer import LONGEST_VALUE, Place
from wsi_lab.model.people import Action
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings
from wsi_lab.store import answers as rows
from wsi_lab.store.annotations import Pen, Redrawing, ShapeRow
from wsi_lab.store.answers import AnswerRow, StoredAnswer
from wsi_lab.store.bulk import loads
from wsi_lab.store.columns import time_text


class Given(NamedTuple):
    """An answer that is to be stored; everything in it has been checked.

    Attributes
    ----------
    value
        Empty where `shapes` are the value.
    shapes
        Of an answer that is drawn and whose shapes are known one by one.
    answered_on
        `None` for now.
    """

    question: Question
    place: Place
    author: str
    value: str
    shapes: Sequence[ShapeRow] | None = None
    answered_on: datetime | None = None
    file_uuid: str | None = None


class Kept(NamedTuple):
    """The ids of stored answers, in the order given, and which of them were not so before."""

    ids: list[int]
    changed: list[bool]


class _Todo(NamedTuple):
    new: list[AnswerRow]
    changed: list[AnswerRow]
    drawn: list[tuple[Pen, Sequence[ShapeRow]]]
    redrawn: list[tuple[Pen, Redrawing]]
    unloaded: list[AnswerRow]


def keep(transaction: Transaction, study: Study, given: Sequence[Given]) -> Kept:
    """Store answers in place of earlier ones. What is equal to what is stored is left alone.

    No two of them may be to one question, at one place, and by one author.

    Raises
    ------
    NotAllowed
        One of the questions is a restricted task, which lets the asker only read.
    """
    for question in {each.question.id: each.question for each in given}.values():
        transaction.require_drawing(study, question)
    connection = transaction.connection
    keys = [rows.key_of(each.question.id, each.place, each.author) for each in given]
    stored = rows.current(connection, study.id, keys)
    next_id = rows.next_id(connection)
    todo, kept = _Todo([], [], [], [], []), Kept([], [])
    for key, each in zip(keys, given, strict=True):
        known = stored.get(key)
        if known is None:
            row = _row(transaction, study, each, answer_id=next_id, revision=1)
            next_id += 1
            todo.new.append(row)
            if each.shapes:
                todo.drawn.append((_pen(transaction, row), each.shapes))
        else:
            row = _row(transaction, study, each, answer_id=known.id, revision=known.revision + 1)
            change = _redrawing(transaction, known, each)
            if _same(known, row) and not (change and any(change)):
                kept.ids.append(known.id)
                kept.changed.append(False)
                continue
            todo.changed.append(row)
            if each.question.kind.is_drawn and known.value != row.value:
                todo.unloaded.append(row)
            if change:
                todo.redrawn.append((_pen(transaction, row), change))
        kept.ids.append(row.id)
        kept.changed.append(True)
    _store(transaction, study, todo)
    return kept


def is_own(transaction: Transaction, author: str) -> bool:
    """Return whether an author is whoever asks."""
    return rows.folded(author) == rows.folded(transaction.actor.user.email)


def study_for(transaction: Transaction, study_id: int, author: str) -> Study:
    """Return a study that the asker may answer in, in an author's name.

    Whoever may bring in the answers of others may bring in their own.
    """
    if not is_own(transaction, author):
        return transaction.study(study_id, Action.ANSWER_IMPORT)
    study = transaction.study(study_id, Action.STUDY_VIEW)
    if transaction.may(Action.ANSWER_IMPORT, study):
        return study
    return transaction.study(study_id, Action.ANSWER_SUBMIT)


def shapes_of(question: Question, value: str) -> list[ShapeRow]:
    """Return the shapes that the answer to a drawn question is.

    Raises
    ------
    Invalid, TooLarge
        It is no list of shapes, or one of too many.
    """
    # Whoever opens a lab to list users needs no geometry.
    from wsi_lab.formats.slidescore_shapes import parse_shapes  # noqa: PLC0415 (as said)

    return drawings.shape_rows(parse_shapes(value or "[]", question.kind))


def check_text(value: str) -> None:
    """Raise `Invalid` when an answer that is not drawn cannot be kept.

    Slide Score's clients read as JSON whatever begins like a list of objects; one such answer
    that is none would keep them from reading any answer of the study.
    """
    from wsi_lab.formats.safe import read_json  # noqa: PLC0415 (only few answers need it)

    if value.startswith("[{"):
        try:
            read_json(value, most_bytes=LONGEST_VALUE)
        except WsiLabError:
            raise Invalid("An answer that begins with '[{' must be JSON.") from None
    if len(value) > LONGEST_VALUE // 4 and len(value.encode(errors="replace")) > LONGEST_VALUE:
        raise Invalid(f"An answer may have at most {LONGEST_VALUE >> 20} MiB.")


def _store(transaction: Transaction, study: Study, todo: _Todo) -> None:
    connection = transaction.connection
    for row in todo.unloaded:
        loads.end_loads(connection, row.id, row.revision)
    # Shapes of what is there before their answers: the history asks the answer for its revision.
    if todo.redrawn:
        drawings.redraw(connection, todo.redrawn)
    if todo.changed:
        rows.update_answers(connection, todo.changed)
    rows.add_answers(connection, todo.new)
    for pen, shapes in todo.drawn:
        drawings.draw(connection, pen, enumerate(shapes))
    if todo.new or todo.changed:
        rows.note_answered(connection, study.id, transaction.now)


def _redrawing(transaction: Transaction, known: StoredAnswer, given: Given) -> Redrawing | None:
    if not given.question.kind.is_drawn:
        return None
    if given.shapes is None and given.value == known.value:
        # It names the file that it is already; what is drawn besides is in that, too.
        return None
    return drawings.redrawing(transaction.connection, known.id, given.shapes or ())


def _row(
    transaction: Transaction, study: Study, given: Given, *, answer_id: int, revision: int
) -> AnswerRow:
    place = given.place
    core = place.core
    return AnswerRow(
        answer_id,
        study.id,
        given.question.id,
        place.slide_id,
        place.case_id,
        None if core is None else core.row,
        None if core is None else core.column,
        None if core is None else core.sample,
        given.author,
        given.value,
        given.file_uuid,
        _time_text(given.answered_on or transaction.now),
        transaction.actor.user.id,
        transaction.actor.door,
        revision,
    )


_time_text = lru_cache(maxsize=4096)(time_text)


def _pen(transaction: Transaction, row: AnswerRow) -> Pen:
    return Pen(row.id, row.revision, transaction.now, transaction.actor.user.id)


def _same(known: StoredAnswer, row: AnswerRow) -> bool:
    return (known.value, known.case_id, known.core_sample, known.file_uuid) == (
        row.value,
        row.case_id,
        row.core_sample,
        row.file_uuid,
    )
