"""Answers: giving them, bringing them in, taking them out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.answer import Answer, ImportReport, NewAnswer, ResultRow, checked_author
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import problem_of
from wsi_lab.model.study import Study
from wsi_lab.service.scoring.answering import Given, check_text, is_own, keep, shapes_of, study_for
from wsi_lab.service.scoring.importing_results import (
    Names,
    case_names,
    check_place,
    drawn_rows,
    names_of,
    refused,
    store_rows,
)
from wsi_lab.service.transaction import Transaction, Transactions, check_revision, is_id
from wsi_lab.store import answers, questions, studies

_LEFT_OUT = "Line 1: left out, as it is the place of the header; it looks like an answer."


class Results:
    """Answers: giving them, bringing them in, taking them out."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def import_table(self, actor: Actor, study_id: int, text: str | bytes) -> ImportReport:
        """Store all answers of a table of results (see `wsi_lab.formats.slidescore_results`).

        An answer takes the place of its author's earlier one; what is equal to what is stored
        is left alone. Authors need not be users.

        Raises
        ------
        Invalid
            Nothing was stored; ``problems`` names every line that cannot be.
        """
        from wsi_lab.formats import slidescore_results  # noqa: PLC0415 (only here)

        self._transactions.read(actor, lambda t: t.study(study_id, Action.ANSWER_IMPORT))
        rows, problems = slidescore_results.parse_results(text)
        report = self._import(actor, study_id, rows, problems)
        if not slidescore_results.begins_with_answer(text):
            return report
        return dataclasses.replace(report, log=(_LEFT_OUT, *report.log))

    def import_rows(self, actor: Actor, study_id: int, rows: Sequence[ResultRow]) -> ImportReport:
        """Store all answers, as `import_table` does."""
        return self._import(actor, study_id, rows, [])

    def rows(
        self,
        actor: Actor,
        study_id: int,
        *,
        question: str | None = None,
        author: str | None = None,
        slide_id: int | None = None,
        case_id: int | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[ResultRow]:
        """Return everybody's answers, all or some, in the order in which they were first given.

        Parameters
        ----------
        question, author
            Only answers to the question of that name, or by that author.
        slide_id, case_id
            Only answers about the slide, or about the case and its slides.
        after, limit
            Only answers with greater ids, and at most so many.
        """

        def read(transaction: Transaction) -> list[ResultRow]:
            study = transaction.study(study_id, Action.RESULTS_VIEW)
            return _rows(
                transaction,
                study,
                question=question,
                author=author,
                slide_id=slide_id,
                case_id=case_id,
                after=after,
                limit=limit,
            )

        return self._transactions.read(actor, read)

    def own_rows(
        self,
        actor: Actor,
        study_id: int,
        *,
        question: str | None = None,
        slide_id: int | None = None,
        case_id: int | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[ResultRow]:
        """Return the asker's own answers, as `rows` does everybody's."""

        def read(transaction: Transaction) -> list[ResultRow]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            return _rows(
                transaction,
                study,
                question=question,
                author=transaction.actor.user.email,
                slide_id=slide_id,
                case_id=case_id,
                after=after,
                limit=limit,
            )

        return self._transactions.read(actor, read)

    def table(
        self,
        actor: Actor,
        study_id: int,
        *,
        question: str | None = None,
        author: str | None = None,
        slide_id: int | None = None,
        case_id: int | None = None,
    ) -> str:
        """Return the table of `rows`, which `import_table` can read again."""
        from wsi_lab.formats.slidescore_results import results_table  # noqa: PLC0415 (only here)

        return results_table(
            self.rows(
                actor,
                study_id,
                question=question,
                author=author,
                slide_id=slide_id,
                case_id=case_id,
            )
        )

    def submit(
        self, actor: Actor, study_id: int, new: NewAnswer, *, revision: int | None = None
    ) -> Answer:
        """Store one answer and return it. An equal one is left alone.

        Parameters
        ----------
        new
            By the asker; to answer in another name needs the right to bring answers in.
        revision
            Of the answer it was made from, 0 for none; `None` where nobody looked.

        Raises
        ------
        Invalid
            It is no answer to the question.
        NotFound
            The study has no such question, slide or case.
        Conflict
            `revision` is not the current one (``details["current"]``).
        """
        author = checked_author(new.author)

        def look(transaction: Transaction) -> Names:
            study = study_for(transaction, study_id, author)
            return names_of(transaction, study)

        given = _given(self._transactions.read(actor, look), new, author)

        def store(transaction: Transaction) -> Answer:
            study = study_for(transaction, study_id, author)
            asked = questions.question(transaction.connection, given.question.id)
            if asked is None or asked.kind is not given.question.kind:
                raise NotFound(f"There is no question '{new.question}' in this study any more.")
            check_place(names_of(transaction, study), given.place)
            return _submit(transaction, study, given, revision)

        return self._transactions.write(actor, store)

    def answer(self, actor: Actor, answer_id: int) -> Answer:
        """Return one answer; one's own without the right to see everybody's."""
        return self._transactions.read(actor, lambda t: answer_of(t, answer_id)[1])

    def history(self, actor: Actor, answer_id: int) -> list[Answer]:
        """Return everything an answer has been, the oldest first and the current one last."""

        def read(transaction: Transaction) -> list[Answer]:
            _, answer = answer_of(transaction, answer_id)
            return answers.history(transaction.connection, answer.id)

        return self._transactions.read(actor, read)

    def updated_since(self, actor: Actor, since: datetime) -> list[int]:
        """Return the ids of studies that got answers after a moment and whose the asker may see."""

        def read(transaction: Transaction) -> list[int]:
            found = studies.studies_answered_since(transaction.connection, since)
            return [study.id for study in found if transaction.may(Action.RESULTS_VIEW, study)]

        return self._transactions.read(actor, read)

    def _import(
        self, actor: Actor, study_id: int, rows: Sequence[ResultRow], problems: Sequence[str]
    ) -> ImportReport:
        found = list(problems)
        names = self._transactions.read(
            actor, lambda t: names_of(t, t.study(study_id, Action.ANSWER_IMPORT))
        )
        drawn = drawn_rows(names, rows, found)

        def store(transaction: Transaction) -> ImportReport:
            study = transaction.study(study_id, Action.ANSWER_IMPORT)
            try:
                report = store_rows(transaction, study, rows, drawn)
            except Invalid as error:
                raise refused(_in_order([*found, *error.problems])) from None
            if found:
                # What was stored is taken back: a table is stored whole or not at all.
                raise refused(_in_order(found))
            return report

        return self._transactions.write(actor, store)


def answer_of(
    transaction: Transaction, answer_id: int, action: Action = Action.RESULTS_VIEW
) -> tuple[Study, Answer]:
    """Return an answer, and its study that the asker may do this to.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    """
    missing = NotFound(f"There is no answer {answer_id}.")
    answer = answers.answer(transaction.connection, answer_id) if is_id(answer_id) else None
    if answer is None:
        raise missing
    if action is Action.RESULTS_VIEW and is_own(transaction, answer.author):
        action = Action.STUDY_VIEW
    try:
        study = transaction.study(answer.study_id, action)
    except NotFound:
        raise missing from None
    if answer.question_id in transaction.closed_questions(study):
        raise missing
    return study, answer


def _rows(transaction: Transaction, study: Study, **wanted: Any) -> list[ResultRow]:
    if not all(is_id(wanted[each]) for each in ("slide_id", "case_id") if wanted[each] is not None):
        return []
    names = case_names(transaction, study)
    closed = transaction.closed_questions(study)
    return answers.result_rows(transaction.connection, study.id, names, without=closed, **wanted)


def _given(names: Names, new: NewAnswer, author: str) -> Given:
    question = names.questions.get(new.question)
    if question is None:
        raise NotFound(f"There is no question '{new.question}' in this study.")
    check_place(names, new.place)
    problem = problem_of(question, new.value)
    if problem is not None:
        raise Invalid(problem, problems=[problem])
    if question.kind.is_drawn:
        return Given(question, new.place, author, "", shapes_of(question, new.value))
    check_text(new.value)
    return Given(question, new.place, author, new.value)


def _submit(transaction: Transaction, study: Study, given: Given, revision: int | None) -> Answer:
    connection = transaction.connection
    key = answers.key_of(given.question.id, given.place, given.author)
    known = answers.current(connection, study.id, [key]).get(key)
    before = None if known is None else answers.answer(connection, known.id)
    kept = keep(transaction, study, [given])
    after = answers.answer(connection, kept.ids[0])
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


def _briefly(given: Given, answer: Answer) -> Answer:
    # Shapes are kept by the history; the audit would hold megabytes of them.
    return dataclasses.replace(answer, value="") if given.question.kind.is_drawn else answer


def _in_order(problems: Sequence[str]) -> list[str]:
    def line(problem: str) -> int:
        number = problem.partition(":")[0].rpartition(" ")[2]
        return int(number) if number.isdecimal() else 0

    return sorted(problems, key=line)
