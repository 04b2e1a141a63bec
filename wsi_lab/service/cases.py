"""Cases: the specimens that a study's slides come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from wsi_lab.errors import Conflict
from wsi_lab.formats.markup import cleaned
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import (
    Case,
    Page,
    Study,
    checked_description,
    checked_name,
    checked_text,
)
from wsi_lab.service.paging import page
from wsi_lab.service.seen import case_as_seen
from wsi_lab.service.transaction import Transaction, Transactions, check_revision
from wsi_lab.store import slides
from wsi_lab.store import studies as rows


class PublicNames(NamedTuple):
    """What became of a table of public names.

    Attributes
    ----------
    changed
        The cases that have another public name now.
    unknown
        Private names that no case of the study has.
    """

    changed: tuple[Case, ...]
    unknown: tuple[str, ...]


class Cases:
    """Cases of a study. Private names are shown only with the right 'private'."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def create(self, actor: Actor, study_id: int, name: str, public_name: str = "") -> Case:
        """Make a case; without a public name it is shown as ``Anon`` and its id.

        Raises
        ------
        Invalid
            One of the names is not one.
        Conflict
            The study has a case of that name.
        """
        name = checked_name(name, "case")
        public_name = checked_text(public_name, "case")

        def create(transaction: Transaction) -> Case:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            return case_as_seen(transaction, study, add_case(transaction, study, name, public_name))

        return self._transactions.write(actor, create)

    def get(self, actor: Actor, case_id: int) -> Case:
        """Return one case."""

        def read(transaction: Transaction) -> Case:
            return case_as_seen(transaction, *transaction.case(case_id, Action.STUDY_VIEW))

        return self._transactions.read(actor, read)

    def change(
        self,
        actor: Actor,
        case_id: int,
        *,
        revision: int,
        name: str | None = None,
        public_name: str | None = None,
        description: str | None = None,
    ) -> Case:
        """Change what is given and return the case as it is now.

        The private name is changed only by those who may see it.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``), or the name is taken.
        """

        def change(transaction: Transaction) -> Case:
            study, before = transaction.case(case_id, Action.STUDY_EDIT)
            if name is not None:
                transaction.case(case_id, Action.CASE_PRIVATE)
            check_revision(before.revision, revision, "case")
            after = before
            if name is not None:
                after = dataclasses.replace(after, name=checked_name(name, "case"))
            if public_name is not None:
                after = dataclasses.replace(after, public_name=checked_text(public_name, "case"))
            if description is not None:
                after = dataclasses.replace(
                    after, description=cleaned(checked_description(description, "case"))
                )
            return _store(transaction, study, before, after)

        return self._transactions.write(actor, change)

    def rename(self, actor: Actor, case_id: int, name: str) -> Case:
        """Give a case the name that the asker sees it by: the private or the public one.

        Raises
        ------
        Invalid
            The name is not one.
        Conflict
            The study has another case of that private name.
        """
        name = checked_name(name, "case")

        def rename(transaction: Transaction) -> Case:
            study, before = transaction.case(case_id, Action.STUDY_EDIT)
            sees_all = transaction.may(Action.CASE_PRIVATE, study)
            if sees_all:
                after = dataclasses.replace(before, name=name)
            else:
                after = dataclasses.replace(before, public_name=name)
            return _store(transaction, study, before, after)

        return self._transactions.write(actor, rename)

    def set_public_names(
        self, actor: Actor, study_id: int, names: Mapping[str, str]
    ) -> PublicNames:
        """Give cases public names, by their private ones. Needs the right 'private', too.

        Raises
        ------
        Invalid
            One of the names is not one; then nothing is changed.
        """
        wanted = {
            checked_name(private, "case"): checked_name(public, "case")
            for private, public in names.items()
        }

        def put(transaction: Transaction) -> PublicNames:
            study = transaction.study(study_id, Action.STUDY_EDIT)
            transaction.study(study_id, Action.CASE_PRIVATE)
            changed, unknown = [], []
            for private, public in wanted.items():
                before = rows.case_by_name(transaction.connection, study.id, private)
                if before is None:
                    unknown.append(private)
                elif before.public_name != public:
                    after = dataclasses.replace(before, public_name=public)
                    changed.append(store_case(transaction, study, before, after))
            return PublicNames(tuple(changed), tuple(unknown))

        return self._transactions.write(actor, put)

    def set_description(self, actor: Actor, case_id: int, html: str) -> Case:
        """Describe a case in HTML, of which only what is harmless is kept.

        Raises
        ------
        Invalid
            It is too long, or holds control characters.
        """
        description = cleaned(checked_description(html, "case"))

        def describe(transaction: Transaction) -> Case:
            study, before = transaction.case(case_id, Action.STUDY_EDIT)
            after = dataclasses.replace(before, description=description)
            return _store(transaction, study, before, after)

        return self._transactions.write(actor, describe)

    def remove(self, actor: Actor, case_id: int, *, revision: int) -> None:
        """Remove a case that has no slides.

        Raises
        ------
        Conflict
            `revision` is not the current one, or the case still has slides.
        """

        def remove(transaction: Transaction) -> None:
            study, case = transaction.case(case_id, Action.STUDY_EDIT)
            check_revision(case.revision, revision, "case")
            count = slides.slides_of_case(transaction.connection, case_id)
            if count:
                raise Conflict(
                    f"This case still has {count} slide{'s' if count > 1 else ''}; "
                    "move or remove them first.",
                    current=case.revision,
                )
            rows.remove_case(transaction.connection, case_id)
            transaction.record("remove", "case", case_id, study_id=study.id, before=case)

        self._transactions.write(actor, remove)

    def list(
        self, actor: Actor, study_id: int, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Case]:
        """Return the cases of a study in the order of their ids.

        Raises
        ------
        Invalid
            `limit` or `cursor` is not one.
        """

        def read(transaction: Transaction) -> Page[Case]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            found = page(
                limit,
                cursor,
                lambda after, most: rows.cases(
                    transaction.connection, study_id, after=after, limit=most
                ),
                lambda case: case.id,
            )
            seen = tuple(case_as_seen(transaction, study, case) for case in found.items)
            return Page(seen, found.next_cursor)

        return self._transactions.read(actor, read)


def store_case(transaction: Transaction, study: Study, before: Case, after: Case) -> Case:
    """Store a case as it is to be, and return it; for verbs that have checked the right."""
    if after != before:
        after = dataclasses.replace(after, revision=before.revision + 1)
        after = rows.update_case(transaction.connection, after)
        transaction.record(
            "change", "case", after.id, study_id=study.id, before=before, after=after
        )
    return after


def _store(transaction: Transaction, study: Study, before: Case, after: Case) -> Case:
    return case_as_seen(transaction, study, store_case(transaction, study, before, after))


def add_case(transaction: Transaction, study: Study, name: str, public_name: str) -> Case:
    """Store a case and write it down in the audit; for verbs that have checked the right."""
    case = rows.add_case(transaction.connection, study.id, name, public_name)
    transaction.record("create", "case", case.id, study_id=study.id, after=case)
    return case
