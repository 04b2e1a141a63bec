"""What was answered about an item: by whoever reads, and by others."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_lab.model.question import Question
from wsi_lab.model.reading import Item
from wsi_lab.service.reading.order import Reading
from wsi_lab.service.reading.pages import OtherAnswer, OwnAnswer
from wsi_lab.service.scoring.answering import is_own
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import readings as rows
from wsi_lab.store.readings import AnswerOfItem


def answers_of(
    transaction: Transaction,
    reading: Reading,
    item: Item,
    asked: Sequence[Question],
    *,
    by_core: bool,
) -> tuple[tuple[OwnAnswer, ...], tuple[OtherAnswer, ...]]:
    """Return the reader's own answers about an item, and those of others that they may see.

    Parameters
    ----------
    by_core
        Whether questions in words are about each of its cores.
    """
    found = rows.answers_about(
        transaction.connection,
        item.slide_ids,
        item.case_id,
        author=None if reading.settings.shows_others else transaction.actor.user.email,
    )
    questions = {each.id: each for each in asked}
    about = [
        each
        for each in found
        if each.question_id in questions
        and _is_about(each, item, questions[each.question_id], by_core=by_core)
    ]
    own = [each for each in about if is_own(transaction, each.author)]
    given = {(each.question_id, each.core) for each in own if each.value}
    others = [
        OtherAnswer(each.author, each.question_id, each.core, each.value)
        for each in about
        if each.value
        and not questions[each.question_id].kind.is_drawn
        and not is_own(transaction, each.author)
        and (each.question_id, each.core) in given
    ]
    return _own_answers(own, questions), tuple(others)


def own_answer(found: AnswerOfItem, question: Question) -> OwnAnswer:
    """Return an answer of the reader's as they are told it."""
    is_drawn = question.kind.is_drawn
    return OwnAnswer(
        found.question_id,
        found.core,
        "" if is_drawn else found.value,
        found.revision,
        found.answered_on,
        found.shape_count if is_drawn else None,
    )


def _is_about(each: AnswerOfItem, item: Item, question: Question, *, by_core: bool) -> bool:
    if question.kind.is_drawn:
        return each.core is None
    if item.case_id is not None:
        return each.slide_id is None
    return (each.core is not None) == by_core


def _own_answers(
    found: Sequence[AnswerOfItem], questions: dict[int, Question]
) -> tuple[OwnAnswer, ...]:
    drawn: dict[int, OwnAnswer] = {}
    answers = []
    for each in found:
        question = questions[each.question_id]
        one = own_answer(each, question)
        if not question.kind.is_drawn:
            answers.append(one)
            continue
        # On each slide of a case there is one; the reader is told of one for all of them.
        before = drawn.get(question.id)
        drawn[question.id] = one if before is None else _together(before, one)
    return (*answers, *drawn.values())


def _together(one: OwnAnswer, other: OwnAnswer) -> OwnAnswer:
    return OwnAnswer(
        one.question_id,
        None,
        "",
        max(one.revision, other.revision),
        max(one.answered_on, other.answered_on),
        (one.shape_count or 0) + (other.shape_count or 0),
    )
