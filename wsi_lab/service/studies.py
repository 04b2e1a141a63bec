"""Studies and their members."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import Action, Actor, Right, User, rights_of_words
from wsi_lab.model.study import (
    Member,
    Page,
    Study,
    checked_description,
    checked_study_name,
    checked_text,
)
from wsi_lab.model.study_settings import LARGEST_SEED, checked_settings, seeded
from wsi_lab.service.annotating.binding import bind
from wsi_lab.service.paging import page
from wsi_lab.service.seen import study_as_seen
from wsi_lab.service.transaction import Transaction, Transactions, check_revision
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.folders import require_free_name
from wsi_lab.store import people, slides
from wsi_lab.store import studies as rows
from wsi_lab.store.annotation_files import files_of_study
from wsi_lab.store.home import Home


class Studies:
    """Studies and who may do what in them.

    A study that the asker may not view is as good as not there: `NotFound`. What they may not
    do to one they can view is `NotAllowed`.
    """

    def __init__(self, transactions: Transactions, home: Home, files: Files) -> None:
        self._transactions = transactions
        self._home = home
        self._files = files

    def create(
        self, actor: Actor, name: str, description: str = "", *, ontology_id: int | None = None
    ) -> Study:
        """Make a study. Site administrators only.

        Parameters
        ----------
        ontology_id
            Whose terms it gets; see `wsi_lab.service.annotating.binding.bind`.

        Raises
        ------
        Invalid
            The name or the description is not one.
        Conflict
            There is a study of that name.
        NotFound
            There is no such ontology, or the asker may not see it.
        """
        name = checked_study_name(name)
        description = checked_description(description, "study")

        def create(transaction: Transaction) -> Study:
            transaction.require(Action.STUDY_CREATE)
            study = new_study(transaction, name, description)
            if ontology_id is not None:
                bind(transaction, ontology_id, study)
            return study

        return self._transactions.write(actor, create)

    def get(self, actor: Actor, study_id: int) -> Study:
        """Return one study."""
        return self._transactions.read(
            actor,
            lambda transaction: study_as_seen(
                transaction, transaction.study(study_id, Action.STUDY_KNOW)
            ),
        )

    def by_name(self, actor: Actor, name: str) -> Study:
        """Return the study of exactly that name."""
        return self._transactions.read(
            actor,
            lambda transaction: study_as_seen(
                transaction, transaction.study_by_name(name, Action.STUDY_KNOW)
            ),
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
        friendly_name: str | None = None,
        folder: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Study:
        """Change what is given and return the study as it is now.

        Parameters
        ----------
        published
            Whether readers are let in; needs the right 'admin', the others 'edit'.
        settings
            All of them, by the names that `wsi_lab.model.study_settings` knows. The seed by which
            cases are shuffled is made with the first of them that ask for it, and stays.

        Raises
        ------
        Invalid
            One of the texts is not one, or there is no such setting.
        Conflict
            `revision` is not the current one (``details["current"]``), or the name is taken.
        """
        changes = _checked(name, description, friendly_name, folder, settings)

        def change(transaction: Transaction) -> Study:
            if changes or published is None:
                before = transaction.study(study_id, Action.STUDY_EDIT)
            if published is not None:
                before = transaction.study(study_id, Action.STUDY_PUBLISH)
            check_revision(before.revision, revision, "study")
            if changes.get("name", before.name) != before.name:
                require_free_name(transaction, self._files, changes["name"])
            after = changed_study(transaction, before, changes, published=published)
            return study_as_seen(transaction, after)

        return self._transactions.write(actor, change)

    def publish(self, actor: Actor, study_id: int) -> Study:
        """Let readers in, whatever else was changed meanwhile. Needs the right 'admin'."""
        return self._set_published(actor, study_id, published=True)

    def unpublish(self, actor: Actor, study_id: int) -> Study:
        """Keep readers out again, as `publish` lets them in."""
        return self._set_published(actor, study_id, published=False)

    def remove(self, actor: Actor, study_id: int, *, revision: int) -> None:
        """Remove a study with everything in it; slide files stay where they are.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``).
        """

        def remove(transaction: Transaction) -> list[Path]:
            study = transaction.study(study_id, Action.STUDY_DELETE)
            check_revision(study.revision, revision, "study")
            uuids, short_ids = files_of_study(transaction.connection, study_id)
            rows.remove_study(transaction.connection, study_id)
            transaction.record("remove", "study", study_id, study_id=study_id, before=study)
            return [
                *(self._home.annotations / uuid for uuid in uuids),
                *(self._home.attachments / short_id for short_id in short_ids),
            ]

        # Once it is certain that nothing speaks of them any more; what is left when this is cut
        # short is swept away later.
        for path in self._transactions.write(actor, remove):
            path.unlink(missing_ok=True)

    def members(self, actor: Actor, study_id: int) -> list[Member]:
        """Return the members in the order of their user ids. Needs the right 'admin'."""

        def read(transaction: Transaction) -> list[Member]:
            transaction.study(study_id, Action.STUDY_ADMIN)
            return people.members(transaction.connection, study_id)

        return self._transactions.read(actor, read)

    def set_member(
        self,
        actor: Actor,
        study_id: int,
        email: str,
        rights: Iterable[Right | str],
        *,
        keep: bool = False,
    ) -> Member:
        """Give a user exactly these rights in the study, and 'view', which every member has.

        Words of `Right` and PHAS's ``read`` and ``write`` will do. Needs the right 'admin'.

        Parameters
        ----------
        keep
            Leave them the rights that they have, too.

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
            held = people.rights_of_user(transaction.connection, user.id).get(study_id, frozenset())
            given = wanted | held if keep else wanted
            set_rights(transaction, study_id, user, given)
            return Member(study_id, user.id, user.email, given)

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
            set_rights(transaction, study_id, user, frozenset())

        self._transactions.write(actor, change)

    def rights(self, actor: Actor, study_id: int) -> frozenset[Right]:
        """Return the asker's own rights in a study; all of them for a site administrator."""

        def read(transaction: Transaction) -> frozenset[Right]:
            transaction.study(study_id, Action.STUDY_KNOW)
            if transaction.actor.user.is_admin:
                return frozenset(Right)
            return transaction.actor.rights[study_id]

        return self._transactions.read(actor, read)

    def slide_counts(self, actor: Actor, study_ids: Iterable[int]) -> dict[int, int]:
        """Return the number of slides by study; studies the asker may not view are left out."""
        wanted = set(study_ids)

        def read(transaction: Transaction) -> dict[int, int]:
            found = rows.studies(transaction.connection, wanted)
            visible = [s.id for s in found if transaction.may(Action.STUDY_KNOW, s)]
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
            found = page(
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
            seen = tuple(study_as_seen(transaction, each) for each in found.items)
            return Page(seen, found.next_cursor)

        return self._transactions.read(actor, read)

    def _set_published(self, actor: Actor, study_id: int, *, published: bool) -> Study:
        def change(transaction: Transaction) -> Study:
            before = transaction.study(study_id, Action.STUDY_PUBLISH)
            after = changed_study(transaction, before, {}, published=published)
            return study_as_seen(transaction, after)

        return self._transactions.write(actor, change)


def new_seed() -> int:
    """Return a seed for the order of cases that nobody can guess."""
    return secrets.randbelow(LARGEST_SEED)


def _checked(
    name: str | None,
    description: str | None,
    friendly_name: str | None,
    folder: str | None,
    settings: Mapping[str, str] | None,
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = checked_study_name(name)
    if description is not None:
        changes["description"] = checked_description(description, "study")
    if friendly_name is not None:
        changes["friendly_name"] = checked_text(friendly_name, "study")
    if folder is not None:
        changes["folder"] = checked_text(folder, "folder")
    if settings is not None:
        changes["settings"] = checked_settings(settings)
    return changes


def new_study(transaction: Transaction, name: str, description: str = "") -> Study:
    """Store a study and write it down in the audit; for verbs that have checked the right."""
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


def changed_study(
    transaction: Transaction, before: Study, changes: Mapping[str, Any], *, published: bool | None
) -> Study:
    """Store a study with other values in some fields; for verbs that have checked the right."""
    after = dataclasses.replace(before, **changes)
    if "settings" in changes:
        settings = seeded(after.settings, before.settings, new_seed)
        after = dataclasses.replace(after, settings=settings)
    if published is not None and published != (before.published_on is not None):
        after = dataclasses.replace(after, published_on=transaction.now if published else None)
    if after == before:
        return before
    after = dataclasses.replace(after, revision=before.revision + 1)
    rows.update_study(transaction.connection, after)
    transaction.record("change", "study", after.id, study_id=after.id, before=before, after=after)
    return after


def _user(transaction: Transaction, email: str) -> User:
    user = people.user_by_email(transaction.connection, email.strip())
    if user is None:
        raise NotFound(
            f"There is no user {email.strip()}; a site administrator can add them first."
        )
    return user


def set_rights(
    transaction: Transaction, study_id: int, user: User, rights: frozenset[Right]
) -> None:
    """Give a user exactly these rights in a study; for verbs that have checked the right."""
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
