"""Storing answers: only what differs from what is stored, and everything that hangs on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from wsi_lab.errors import Invalid, NotFound, WsiLabError
from wsi_lab.model.answer import LONGEST_VALUE, Answer, Place
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question, problem_of
from wsi_lab.model.study import Study
from wsi_lab.service.transaction import Transaction, check_revision, is_id
from wsi_lab.store import annotations as drawings
from wsi_lab.store import answers as rows
from wsi_lab.store import slides, studies
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
    transaction.require_drawing(study, *(each.question for each in given))
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


def given_of(question: Question, place: Place, author: str, value: str) -> Given:
    """Return an answer that is to be stored; that there is such a place has been checked.

    Raises
    ------
    Invalid, TooLarge
        It is no answer to the question.
    """
    problem = problem_of(question, value)
    if problem is not None:
        raise Invalid(problem, problems=[problem])
    if question.kind.is_drawn:
        return Given(question, place, author, "", shapes_of(question, value))
    check_text(value)
    return Given(question, place, author, value)


def keep_one(
    transaction: Transaction, study: Study, given: Given, revision: int | None = None
) -> Answer:
    """Store one answer, write it down in the audit, and return it. An equal one is left alone.

    Parameters
    ----------
    revision
        Of the answer it was made from, 0 for none; `None` where nobody looked.

    Raises
    ------
    Conflict
        `revision` is not the current one (``details["current"]``).
    NotAllowed
        The question is a restricted task, which lets the asker only read.
    """
    connection = transaction.connection
    key = rows.key_of(given.question.id, given.place, given.author)
    known = rows.current(connection, study.id, [key]).get(key)
    before = None if known is None else rows.answer(connection, known.id)
    kept = keep(transaction, study, [given])
    after = rows.answer(connection, kept.ids[0])
    if after is None:
        raise RuntimeError("an answer that was stored a moment ago is not there")
    if kept.changed[0]:
        if revision is not None:
            # After the fact, since whoever repeats what is stored already meets no conflict;
            # to raise takes it back.
            check_revision(0 if before is None else before.revision, revision, "answer")
        transaction.record(
            "create" if before is None else "change",
            "answer",
            after.id,
            study_id=study.id,
            before=None if before is None else _briefly(given, before),
            after=_briefly(given, after),
        )
    return after


def is_own(transaction: Transaction, author: str) -> bool:
    """Return whether an author is whoever asks."""
    return is_by(transaction.actor, author)


def is_by(actor: Actor, author: str) -> bool:
    """Return whether an author is an actor, in whichever spelling."""
    return rows.folded(author) == rows.folded(actor.user.email)


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


def check_place(transaction: Transaction, study: Study, place: Place) -> None:
    """Raise `Invalid` or `NotFound` when there is no such place in a study."""
    connection = transaction.connection
    if place.slide_id is None and place.case_id is None:
        raise Invalid("An answer is about a slide or a case; name one.")
    if place.slide_id is None and place.core is not None:
        raise Invalid("A core lies on a slide; name that, too.")
    if place.slide_id is not None and not (
        is_id(place.slide_id) and slides.is_of_study(connection, place.slide_id, study.id)
    ):
        raise NotFound(f"There is no slide {place.slide_id} in this study.")
    if place.case_id is not None and not (
        is_id(place.case_id) and studies.has_case(connection, study.id, place.case_id)
    ):
        raise NotFound(f"There is no case {place.case_id} in this study.")


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


def _briefly(given: Given, answer: Answer) -> Answer:
    # Shapes are kept by the history; the audit would hold megabytes of them.
    return dataclasses.replace(answer, value="") if given.question.kind.is_drawn else answer


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
