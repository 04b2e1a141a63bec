"""Studies and their members."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import Action, Actor, Right, User, rights_of_words
from wsi_lab.model.study import Member, Page, Study, checked_description, checked_name
from wsi_lab.service.paging import page
from wsi_lab.service.transaction import Transaction, Transactions, check_revision
from wsi_lab.store import people, slides
from wsi_lab.store import studies as rows


class Studies:
    """Studies and who may do what in them.

    A study that the asker may not view is as good as not there: `NotFound`. What they may not
    do to one they can view is `NotAllowed`.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def create(self, actor: Actor, name: str, description: str = "") -> Study:
        """Make a study. Site administrators only.

        Raises
        ------
        Invalid
            The name or the description is not one.
        Conflict
            There is a study of that name.
        """
        name = checked_name(name, "study")
        description = checked_description(description, "study")

        def create(transaction: Transaction) -> Study:
            transaction.require(Action.STUDY_CREATE)
            token = transaction.actor.token
            study = rows.add_study(
                transaction.connection,
                name,
                description,
                created_on=transaction.now,
                created_by=transaction.actor.user.id,
                created_with=token.id if token else None,
            )
            transaction.record("create", "study", study.id, study_id=study.id, after=study)
            return study

        return self._transactions.write(actor, create)

    def get(self, actor: Actor, study_id: int) -> Study:
        """Return one study."""
        return self._transactions.read(
            actor, lambda transaction: transaction.study(study_id, Action.STUDY_VIEW)
        )

    def by_name(self, actor: Actor, name: str) -> Study:
        """Return the study of exactly that name."""
        return self._transactions.read(
            actor, lambda transaction: transaction.study_by_name(name, Action.STUDY_VIEW)
        )

    def change(
        self,
        actor: Actor,
        study_id: int,
        *,
        revision: int,
        name: str | None = None,
        description: str | None = None,
        published: bool | None = None,
    ) -> Study:
        """Change what is given and return the study as it is now.

        Parameters
        ----------
        published
            Whether readers are let in; needs the right 'admin', the others 'edit'.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``), or the name is taken.
        """

        def change(transaction: Transaction) -> Study:
            before = transaction.study(study_id, Action.STUDY_EDIT)
            if published is not None:
                transaction.study(study_id, Action.STUDY_ADMIN)
            check_revision(before.revision, revision, "study")
            after = before
            if name is not None:
                after = dataclasses.replace(after, name=checked_name(name, "study"))
            if description is not None:
                after = dataclasses.replace(
                    after, description=checked_description(description, "study")
                )
            if published is not None and published != (before.published_on is not None):
                after = dataclasses.replace(
                    after, published_on=transaction.now if published else None
                )
            if after == before:
                return before
            after = dataclasses.replace(after, revision=before.revision + 1)
            rows.update_study(transaction.connection, after)
            transaction.record(
                "change", "study", study_id, study_id=study_id, before=before, after=after
            )
            return after

        return self._transactions.write(actor, change)

    def remove(self, actor: Actor, study_id: int, *, revision: int) -> None:
        """Remove a study with its cases and slides; slide files stay where they are.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``).
        """

        def remove(transaction: Transaction) -> None:
            study = transaction.study(study_id, Action.STUDY_DELETE)
            check_revision(study.revision, revision, "study")
            rows.remove_study(transaction.connection, study_id)
            transaction.record("remove", "study", study_id, study_id=study_id, before=study)

        self._transactions.write(actor, remove)

    def members(self, actor: Actor, study_id: int) -> list[Member]:
        """Return the members in the order of their user ids. Needs the right 'admin'."""

        def read(transaction: Transaction) -> list[Member]:
            transaction.study(study_id, Action.STUDY_ADMIN)
            return people.members(transaction.connection, study_id)

        return self._transactions.read(actor, read)

    def set_member(
        self, actor: Actor, study_id: int, email: str, rights: Iterable[Right | str]
    ) -> Member:
        """Give a user exactly these rights in the study, and 'view', which every member has.

        Words of `Right` and PHAS's ``read`` and ``write`` will do. Needs the right 'admin'.

        Raises
        ------
        Invalid
            A word is not a right, or none is given.
        NotFound
            There is no such user.
        """
        wanted = rights_of_words(rights)
        if not wanted:
            raise Invalid("Give at least one right, or remove the member.")
        wanted |= {Right.VIEW}

        def change(transaction: Transaction) -> Member:
            transaction.study(study_id, Action.STUDY_ADMIN)
            user = _user(transaction, email)
            _set_rights(transaction, study_id, user, wanted)
            return Member(study_id, user.id, user.email, wanted)

        return self._transactions.write(actor, change)

    def remove_member(self, actor: Actor, study_id: int, email: str) -> None:
        """Take all rights in the study from a user. Needs the right 'admin'.

        Raises
        ------
        NotFound
            There is no such user, or they are not a member.
        """

        def change(transaction: Transaction) -> None:
            transaction.study(study_id, Action.STUDY_ADMIN)
            user = _user(transaction, email)
            if not people.rights_of_user(transaction.connection, user.id).get(study_id):
                raise NotFound(f"{user.email} is not a member of this study.")
            _set_rights(transaction, study_id, user, frozenset())

        self._transactions.write(actor, change)

    def rights(self, actor: Actor, study_id: int) -> frozenset[Right]:
        """Return the asker's own rights in a study; all of them for a site administrator."""

        def read(transaction: Transaction) -> frozenset[Right]:
            transaction.study(study_id, Action.STUDY_VIEW)
            if transaction.actor.user.is_admin:
                return frozenset(Right)
            return transaction.actor.rights[study_id]

        return self._transactions.read(actor, read)

    def slide_counts(self, actor: Actor, study_ids: Iterable[int]) -> dict[int, int]:
        """Return the number of slides by study; studies the asker may not view are left out."""
        wanted = set(study_ids)

        def read(transaction: Transaction) -> dict[int, int]:
            found = rows.studies(transaction.connection, wanted)
            visible = [s.id for s in found if transaction.may(Action.STUDY_VIEW, s)]
            return slides.slide_counts(transaction.connection, visible)

        return self._transactions.read(actor, read)

    def list(self, actor: Actor, *, limit: int = 100, cursor: str | None = None) -> Page[Study]:
        """Return the studies the asker may view, in the order of their ids.

        Raises
        ------
        Invalid
            `limit` or `cursor` is not one.
        """

        def read(transaction: Transaction) -> Page[Study]:
            transaction.require(Action.LAB_VIEW)
            asker = transaction.actor
            return page(
                limit,
                cursor,
                lambda after, most: rows.visible_studies(
                    transaction.connection,
                    member=None if asker.user.is_admin else asker.user.id,
                    limited_to=asker.token.read_studies if asker.token else (),
                    after=after,
                    limit=most,
                ),
                lambda study: study.id,
            )

        return self._transactions.read(actor, read)


def _user(transaction: Transaction, email: str) -> User:
    user = people.user_by_email(transaction.connection, email.strip())
    if user is None:
        raise NotFound(
            f"There is no user {email.strip()}; a site administrator can add them first."
        )
    return user


def _set_rights(
    transaction: Transaction, study_id: int, user: User, rights: frozenset[Right]
) -> None:
    held = people.rights_of_user(transaction.connection, user.id).get(study_id, frozenset())
    if held == rights:
        return
    people.set_rights(transaction.connection, study_id, user.id, rights)
    transaction.record(
        "change" if held and rights else "create" if rights else "remove",
        "member",
        user.id,
        study_id=study_id,
        before=Member(study_id, user.id, user.email, held) if held else None,
        after=Member(study_id, user.id, user.email, rights) if rights else None,
    )
