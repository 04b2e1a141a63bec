"""The questions of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question, QuestionSpec, checked_question
from wsi_lab.model.study import Study
from wsi_lab.model.study_plan import PlannedQuestion, checked_questions
from wsi_lab.service.configuring.question_import import import_questions
from wsi_lab.service.transaction import Transaction, Transactions, check_revision, is_id
from wsi_lab.store import questions as rows


class Questions:
    """The questions of a study, in the order in which readers are asked them."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list(self, actor: Actor, study_id: int) -> list[Question]:
        """Return a study's questions in their order."""

        def read(transaction: Transaction) -> list[Question]:
            return transaction.questions(transaction.study(study_id, Action.STUDY_VIEW))

        return self._transactions.read(actor, read)

    def get(self, actor: Actor, question_id: int) -> Question:
        """Return one question."""

        def read(transaction: Transaction) -> Question:
            _, question = question_of(transaction, question_id, Action.STUDY_VIEW)
            return question

        return self._transactions.read(actor, read)

    def add(
        self, actor: Actor, study_id: int, spec: QuestionSpec, *, position: int | None = None
    ) -> Question:
        """Ask one more question, and return it.

        Parameters
        ----------
        position
            How many questions stand before it; by default all others.

        Raises
        ------
        Invalid
            The specification is not one.
        Conflict
            The study has a question of that name.
        """
        spec = checked_question(spec.name, spec.kind, spec.configuration)

        def add(transaction: Transaction) -> Question:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            return add_question(transaction, study, spec, position=position)

        return self._transactions.write(actor, add)

    def ask_all(
        self, actor: Actor, study_id: int, questions: Sequence[PlannedQuestion]
    ) -> tuple[Question, ...]:
        """Ask all of these, in this order, and return every question of the study then.

        Questions are known by their names: those that are there are changed where they differ,
        and those that are not named follow the others. None is removed. All is done, or
        nothing.

        Raises
        ------
        Invalid
            One is none, is named twice, or would have answers that it cannot have; ``problems``
            names each.
        """
        specs = [
            checked_question(each.name, each.kind, each.configuration)
            for each in checked_questions(questions)
        ]

        def ask(transaction: Transaction) -> tuple[Question, ...]:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            import_questions(transaction, study, specs)
            return tuple(transaction.questions(study))

        return self._transactions.write(actor, ask)

    def change(
        self,
        actor: Actor,
        question_id: int,
        *,
        revision: int | None = None,
        spec: QuestionSpec | None = None,
        position: int | None = None,
    ) -> Question:
        """Change what is given and return the question as it is now.

        Parameters
        ----------
        revision
            The one the change was made from; `None` for doors that know none.
        position
            How many questions are to stand before it.

        Raises
        ------
        Invalid
            The specification is not one.
        Conflict
            `revision` is not the current one (``details["current"]``), the name is taken, or
            there are answers, and the old kind is drawn and the new one not, or the other way.
        """
        if spec is not None:
            spec = checked_question(spec.name, spec.kind, spec.configuration)

        def change(transaction: Transaction) -> Question:
            study, question = question_of(transaction, question_id, Action.STUDY_EDIT)
            if revision is not None:
                check_revision(question.revision, revision, "question")
            return change_question(transaction, study, question, spec, position=position)

        return self._transactions.write(actor, change)

    def remove(self, actor: Actor, question_id: int, *, revision: int | None = None) -> None:
        """Ask a question no more. Its answers are kept, but shown no more; its name is free.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``).
        """

        def remove(transaction: Transaction) -> None:
            study, question = question_of(transaction, question_id, Action.STUDY_EDIT)
            if revision is not None:
                check_revision(question.revision, revision, "question")
            rows.remove_question(transaction.connection, question.id, transaction.now)
            transaction.record(
                "remove", "question", question.id, study_id=study.id, before=question
            )

        self._transactions.write(actor, remove)


def question_of(
    transaction: Transaction, question_id: int, action: Action
) -> tuple[Study, Question]:
    """Return a question, and its study that the asker may do this to.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    NotAllowed
        They may know of it, but not do this.
    """
    missing = NotFound(f"There is no question {question_id}.")
    question = rows.question(transaction.connection, question_id) if is_id(question_id) else None
    if question is None:
        raise missing
    try:
        study = transaction.study(question.study_id, action)
    except NotFound:
        raise missing from None
    if question.id in transaction.closed_questions(study):
        raise missing
    return study, question


def add_question(
    transaction: Transaction, study: Study, spec: QuestionSpec, *, position: int | None = None
) -> Question:
    """Store a question, as `Questions.add` does, inside a change of whoever may make it."""
    question = rows.add_question(transaction.connection, study.id, spec, created_on=transaction.now)
    if position is not None:
        question = _moved(transaction, question, position)
    transaction.record("create", "question", question.id, study_id=study.id, after=question)
    return question


def change_question(
    transaction: Transaction,
    study: Study,
    before: Question,
    spec: QuestionSpec | None,
    *,
    position: int | None = None,
) -> Question:
    """Store changes, as `Questions.change` does, inside a change of whoever may make it."""
    after = before
    if spec is not None:
        after = dataclasses.replace(
            after, name=spec.name, kind=spec.kind, configuration=spec.configuration
        )
    if after.kind.is_drawn != before.kind.is_drawn and rows.has_answers(
        transaction.connection, before.id
    ):
        raise Conflict(
            f"The question '{before.name}' has answers of the kind {before.kind}, which cannot "
            f"become answers of the kind {after.kind}; remove it and add another one."
        )
    if position is not None:
        after = _moved(transaction, after, position)
    if after == before:
        return before
    after = dataclasses.replace(after, revision=before.revision + 1)
    rows.update_question(transaction.connection, after)
    transaction.record(
        "change", "question", after.id, study_id=study.id, before=before, after=after
    )
    return after


def _moved(transaction: Transaction, question: Question, position: int) -> Question:
    """Give a question its place among the others, which move up or down for it."""
    asked = rows.questions(transaction.connection, question.study_id)
    order = [each.id for each in asked if each.id != question.id]
    order.insert(min(max(position, 0), len(order)), question.id)
    places = {each: place for place, each in enumerate(order)}
    rows.place_questions(
        transaction.connection,
        {each.id: places[each.id] for each in asked if each.position != places[each.id]},
    )
    return dataclasses.replace(question, position=places[question.id])
