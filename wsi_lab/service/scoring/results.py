"""Answers: giving them, bringing them in, taking them out."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.answer import (
    Answer,
    ImportReport,
    NewAnswer,
    ResultRow,
    WantedAnswers,
    checked_author,
)
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.scoring.answering import (
    Given,
    check_place,
    given_of,
    is_own,
    keep_one,
    study_for,
)
from wsi_lab.service.scoring.importing_results import (
    case_names,
    drawn_rows,
    names_of,
    refused,
    store_rows,
)
from wsi_lab.service.scoring.score_tables import ScoreTables, TableForm
from wsi_lab.service.scoring.selecting import selection_of, study_of_wanted
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import answers, questions, studies

READ_AT_ONCE = 4096
"""Characters of an answer that is read while others wait to write; it takes microseconds."""
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
        mine: bool = False,
        after: int = 0,
        limit: int | None = None,
        **wanted: Any,
    ) -> list[ResultRow]:
        """Return everybody's answers, all or some, in the order in which they were first given.

        Parameters
        ----------
        mine
            Only the asker's own, which needs no right to those of others.
        after, limit
            Only answers with greater ids, and at most so many.
        **wanted
            Of `WantedAnswers`: which of them.
        """

        def read(transaction: Transaction) -> list[ResultRow]:
            study = study_of_wanted(transaction, study_id, mine=mine)
            selection = selection_of(transaction, study, WantedAnswers(**wanted), mine=mine)
            if selection is None:
                return []
            names = case_names(transaction, study)
            return answers.result_rows(
                transaction.connection, selection, names, after=after, limit=limit
            )

        return self._transactions.read(actor, read)

    def own_rows(self, actor: Actor, study_id: int, **wanted: Any) -> list[ResultRow]:
        """Return the asker's own answers, as `rows` does everybody's."""
        return self.rows(actor, study_id, mine=True, **wanted)

    def table(self, actor: Actor, study_id: int, **wanted: Any) -> str:
        """Return the table of `rows`, which `import_table` can read again."""
        to = io.BytesIO()
        tables = ScoreTables(self._transactions)
        tables.write(actor, study_id, WantedAnswers(**wanted), TableForm.RESULTS, to)
        return str(to.getbuffer(), "utf-8")

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

        def find(transaction: Transaction) -> tuple[Study, Question]:
            study = study_for(transaction, study_id, author)
            question = _question(transaction, study, new.question)
            check_place(transaction, study, new.place)
            return study, question

        ready: Given | None = None
        if len(new.value) > READ_AT_ONCE:
            # To read it takes long, so it is done before anything is locked.
            _, question = self._transactions.read(actor, find)
            ready = given_of(question, new.place, author, new.value)

        def store(transaction: Transaction) -> Answer:
            study, question = find(transaction)
            given = ready
            if given is None or given.question != question:
                given = given_of(question, new.place, author, new.value)
            return keep_one(transaction, study, given, revision)

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


def _question(transaction: Transaction, study: Study, name: str) -> Question:
    question = questions.question_by_name(transaction.connection, study.id, name)
    if question is None or question.id in transaction.closed_questions(study):
        raise NotFound(f"There is no question '{name}' in this study.")
    return question


def _in_order(problems: Sequence[str]) -> list[str]:
    def line(problem: str) -> int:
        number = problem.partition(":")[0].rpartition(" ")[2]
        return int(number) if number.isdecimal() else 0

    return sorted(problems, key=line)
