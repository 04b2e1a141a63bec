"""What readers give: answers, and how long they looked."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.answer import Place
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.reading import LONGEST_VISIT, Item, ReadingSettings, ReadingTime
from wsi_lab.model.study import Study
from wsi_lab.service.reading.cores import core_at, has_cores
from wsi_lab.service.reading.given import own_answer
from wsi_lab.service.reading.order import Reading, as_reader, open_study, reading_of, sets_up
from wsi_lab.service.reading.pages import CorePlace, OwnAnswer
from wsi_lab.service.scoring.answering import Given, given_of, keep_one
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import readings as rows
from wsi_lab.store import slides as slide_rows
from wsi_lab.store.readings import AnswerOfItem

LONGEST_KEY = 100


class _Asked(NamedTuple):
    """What is to be answered."""

    reading: Reading
    item: Item
    question: Question
    place: Place


class Taking:
    """What readers give, item by item."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def answer(
        self,
        actor: Actor,
        study_id: int,
        number: int,
        *,
        question_id: int,
        value: str,
        revision: int,
        core: CorePlace | None = None,
    ) -> OwnAnswer:
        """Answer a question about an item, and return the answer. An equal one is left alone.

        Parameters
        ----------
        number
            Of the item.
        revision
            Of the answer that it was made from, 0 for none.
        core
            The core of the item that it is about, where it has some.

        Raises
        ------
        Invalid
            It is no answer to the question.
        NotFound
            There is no such item, question or core.
        NotAllowed
            The study does not let answers be changed, or is not open to whoever asks.
        Conflict
            `revision` is not the current one; ``details["current"]`` is the answer as it is now.
        """
        reader = as_reader(actor)

        def find(transaction: Transaction, before: Reading | None = None) -> _Asked:
            reading = reading_of(transaction, study_id, before)
            return _asked(transaction, reading, number, question_id, core)

        asked = self._transactions.read(reader, find)
        given = given_of(asked.question, asked.place, reader.user.email, value)

        def store(transaction: Transaction) -> OwnAnswer:
            now = find(transaction, asked.reading)
            if now.question.kind is not asked.question.kind:
                raise NotFound(f"There is no question {question_id} in this study any more.")
            transaction.study(study_id, Action.ANSWER_SUBMIT)
            final = given._replace(place=now.place)
            if now.question != asked.question:
                final = given_of(now.question, now.place, reader.user.email, value)
            return _stored(transaction, now, final, revision)

        return self._transactions.write(reader, store)

    def note_time(
        self, actor: Actor, study_id: int, number: int, *, key: str, seconds: float
    ) -> None:
        """Keep how long a reader has looked at an item, where the study wants that kept.

        Parameters
        ----------
        key
            Of this visit; of all that is said of it the longest counts.

        Raises
        ------
        Invalid
            The key is empty or long, or the seconds are no time that somebody can look.
        NotFound, NotAllowed
            There is no such item, or the study is not open to whoever asks.
        """
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
            raise Invalid(f"The key of a visit has 1 to {LONGEST_KEY} characters.")
        if not math.isfinite(seconds) or not 0 <= seconds <= LONGEST_VISIT:
            raise Invalid(f"A visit takes 0 to {LONGEST_VISIT:,.0f} seconds.")
        reader = as_reader(actor)

        def look(transaction: Transaction) -> Reading:
            reading = reading_of(transaction, study_id)
            reading.item(number)
            return reading

        def note(transaction: Transaction) -> None:
            reading = reading_of(transaction, study_id, before)
            transaction.study(study_id, Action.ANSWER_SUBMIT)
            item = reading.item(number)
            visit = ReadingTime(
                reader=transaction.actor.user.email,
                slide_id=item.slide_ids[0] if item.case_id is None else None,
                case_id=item.case_id,
                opened_on=transaction.now - timedelta(seconds=seconds),
                seconds=seconds,
            )
            rows.note_time(transaction.connection, study_id, key, visit)

        before = self._transactions.read(reader, look)
        if before.settings.is_timed:
            self._transactions.write(reader, note)

    def check_may_change(self, actor: Actor, study_id: int) -> None:
        """Raise `NotAllowed` where whoever asks may not change what they have answered."""

        def check(transaction: Transaction) -> None:
            _require_change(transaction, open_study(transaction, study_id))

        self._transactions.read(as_reader(actor), check)

    def check_may_draw(self, actor: Actor, study_id: int, question_id: int, slide_id: int) -> None:
        """Raise `NotAllowed` where whoever asks has said for good that there is nothing to draw."""

        def check(transaction: Transaction) -> None:
            study = open_study(transaction, study_id)
            slide = slide_rows.slide(transaction.connection, slide_id)
            by_case = ReadingSettings.of(study.settings).scores_cases
            case_id = slide.case_id if by_case and slide is not None else None
            for each in _own(transaction, [slide_id], case_id, question_id):
                if not each.shape_count and not each.value:
                    _require_change(transaction, study)

        self._transactions.read(as_reader(actor), check)


def _asked(
    transaction: Transaction,
    reading: Reading,
    number: int,
    question_id: int,
    core: CorePlace | None,
) -> _Asked:
    item = reading.item(number)
    for question in transaction.questions(reading.study):
        if question.id == question_id:
            place = _place(transaction, reading, item, question, core)
            return _Asked(reading, item, question, place)
    raise NotFound(f"There is no question {question_id} in this study.")


def _place(
    transaction: Transaction,
    reading: Reading,
    item: Item,
    question: Question,
    core: CorePlace | None,
) -> Place:
    if core is None and not question.kind.is_drawn and has_cores(transaction, reading, item):
        raise Invalid("This item has cores; name the one that the answer is about.")
    if item.case_id is not None:
        if core is not None:
            raise Invalid("Here cases are answered about, and not their cores.")
        return Place(case_id=item.case_id)
    if core is None:
        return Place(item.slide_ids[0])
    if question.kind.is_drawn:
        raise Invalid("What is drawn is about the slide, and not about one of its cores.")
    found = core_at(transaction, reading, item, core)
    if found is None:
        raise NotFound(f"There is no core in row {core[0]} and column {core[1]} of this item.")
    return Place(item.slide_ids[0], core=found)


def _stored(transaction: Transaction, asked: _Asked, given: Given, revision: int) -> OwnAnswer:
    question = asked.question
    is_drawn_on_case = question.kind.is_drawn and asked.item.case_id is not None
    if is_drawn_on_case:
        _check_nothing_drawn(transaction, asked, given)
    before = _current(transaction, asked)
    try:
        after = keep_one(
            transaction, asked.reading.study, given, None if is_drawn_on_case else revision
        )
    except Conflict as error:
        current = None if before is None else own_answer(before, question)
        raise Conflict(error.message, current=current) from error
    is_changed = before is not None and after.revision != before.revision
    if is_changed and (question.kind.is_drawn or before.value):  # type: ignore[union-attr]  # it is there
        # To raise takes it back; whoever repeats what is stored is not told that they may not.
        _require_change(transaction, asked.reading.study)
    now = _current(transaction, asked)
    if now is None:
        raise RuntimeError("an answer that was stored a moment ago is not there")
    return own_answer(now, question)


def _current(transaction: Transaction, asked: _Asked) -> AnswerOfItem | None:
    """Return what the reader has answered at the place itself."""
    item, place = asked.item, asked.place
    core = None if place.core is None else (place.core.row, place.core.column)
    for each in _own(transaction, item.slide_ids, item.case_id, asked.question.id):
        if (each.slide_id is None) == (place.slide_id is None) and each.core == core:
            return each
    return None


def _own(
    transaction: Transaction, slide_ids: Collection[int], case_id: int | None, question_id: int
) -> list[AnswerOfItem]:
    return rows.answers_about(
        transaction.connection,
        slide_ids,
        case_id,
        author=transaction.actor.user.email,
        question_id=question_id,
    )


def _check_nothing_drawn(transaction: Transaction, asked: _Asked, given: Given) -> None:
    if given.shapes:
        raise Invalid("Shapes are drawn on a slide, and not on a case.")
    for each in _own(transaction, asked.item.slide_ids, None, asked.question.id):
        if each.shape_count:
            raise Conflict(
                "There are shapes of yours on this case; remove them before you say that there is "
                "nothing to mark.",
                current=own_answer(each, asked.question),
            )


def _require_change(transaction: Transaction, study: Study) -> None:
    if not ReadingSettings.of(study.settings).may_change and not sets_up(transaction, study):
        raise NotAllowed("Answers of this study cannot be changed once they are given.")
