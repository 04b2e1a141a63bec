"""Bringing a study's questions to what a list of them says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from wsi_lab.errors import Invalid
from wsi_lab.model.question import Question, QuestionSpec
from wsi_lab.model.study import Study
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import questions as rows


def import_questions(
    transaction: Transaction, study: Study, specs: Sequence[QuestionSpec]
) -> tuple[int, int]:
    """Add and change questions, known by their names, and return how many of each.

    They come in the order of the list, and those that it does not name follow. The right has
    been checked.

    Raises
    ------
    Invalid
        Questions that have answers would become drawn ones, or no drawn ones any more;
        ``problems`` names each.
    """
    connection = transaction.connection
    known = {question.name: question for question in rows.questions(connection, study.id)}
    problems: list[str] = []
    added = changed = 0
    order: list[int] = []
    for spec in specs:
        before = known.get(spec.name)
        if before is None:
            made = rows.add_question(connection, study.id, spec, created_on=transaction.now)
            transaction.record("create", "question", made.id, study_id=study.id, after=made)
            added += 1
            order.append(made.id)
            continue
        order.append(before.id)
        if before.kind.is_drawn != spec.kind.is_drawn and rows.has_answers(connection, before.id):
            problems.append(
                f"The question '{spec.name}' has answers of the kind {before.kind}; they cannot "
                f"become answers of the kind {spec.kind}"
            )
        elif (before.kind, before.configuration) != (spec.kind, spec.configuration):
            _change(transaction, before, spec)
            changed += 1
    if problems:
        raise Invalid(f"{'; '.join(problems)}.", problems=problems)
    _arrange(transaction, study, order)
    return added, changed


def _change(transaction: Transaction, before: Question, spec: QuestionSpec) -> None:
    after = dataclasses.replace(
        before,
        kind=spec.kind,
        configuration=spec.configuration,
        revision=before.revision + 1,
    )
    rows.update_question(transaction.connection, after)
    transaction.record(
        "change", "question", after.id, study_id=after.study_id, before=before, after=after
    )


def _arrange(transaction: Transaction, study: Study, first: Sequence[int]) -> None:
    present = [question.id for question in rows.questions(transaction.connection, study.id)]
    wanted = list(dict.fromkeys([*first, *present]))
    if wanted != present:
        rows.place_questions(
            transaction.connection, {each: position for position, each in enumerate(wanted)}
        )
        transaction.record(
            "change",
            "question-order",
            study.id,
            study_id=study.id,
            before=present,
            after=wanted,
        )
