"""People who have a study in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wsi_lab.errors import NotFound
from wsi_lab.model.people import Action, Actor, Right, User
from wsi_lab.service.seen import seen_studies
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import people


class Colleague(NamedTuple):
    """A member of a study, and what they may do there."""

    user: User
    rights: frozenset[Right]


class Colleagues:
    """People as those see them who have a study in common with them: members, and who made it.

    Site administrators see everybody, and are seen by those who know their numbers: they may
    draw in every study.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list(self, actor: Actor) -> list[User]:
        """Return the asker's colleagues and themselves, in the order of their ids."""
        return self._transactions.read(actor, _around)

    def get(self, actor: Actor, user_id: int) -> User:
        """Return one of them.

        Raises
        ------
        NotFound
            There is no such user, or they have no study in common with the asker.
        """

        def read(transaction: Transaction) -> User:
            user = people.user(transaction.connection, user_id) if is_id(user_id) else None
            if user is None or not (user.is_admin or user in _around(transaction)):
                raise _missing(user_id)
            return user

        return self._transactions.read(actor, read)

    def members(self, actor: Actor, study_id: int) -> Sequence[Colleague]:
        """Return the members of a study that the asker may view, in the order of their ids.

        Whoever made it is one of them as long as they are a site administrator.
        """

        def read(transaction: Transaction) -> Sequence[Colleague]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            connection = transaction.connection
            rights = {each.user_id: each.rights for each in people.members(connection, study.id)}
            return [
                Colleague(each, frozenset(Right) if each.is_admin else rights[each.id])
                for each in people.users_around(connection, [study.id])
                if each.is_admin or each.id in rights
            ]

        return self._transactions.read(actor, read)

    def emails_to_find(self, actor: Actor, user_ids: Iterable[int]) -> tuple[str, ...]:
        """Return the addresses of users, by which what they drew is found; not to be told.

        Whoever asks sees of it what they may see anyway, also of people who have left.
        """
        wanted = [each for each in dict.fromkeys(user_ids) if is_id(each)]

        def read(transaction: Transaction) -> tuple[str, ...]:
            found = (people.user(transaction.connection, each) for each in wanted)
            return tuple(user.email for user in found if user is not None)

        return self._transactions.read(actor, read)

    def candidate(self, actor: Actor, study_id: int, user_id: int) -> User:
        """Return a user whom the asker may make a member of a study. Needs the right 'admin'.

        Raises
        ------
        NotFound
            There is no such user.
        """

        def read(transaction: Transaction) -> User:
            transaction.study(study_id, Action.STUDY_ADMIN)
            user = people.user(transaction.connection, user_id) if is_id(user_id) else None
            if user is None:
                raise _missing(user_id)
            return user

        return self._transactions.read(actor, read)


def _around(transaction: Transaction) -> list[User]:
    own = transaction.actor.user
    if own.is_admin:
        return people.users(transaction.connection)
    found = people.users_around(
        transaction.connection, [each.id for each in seen_studies(transaction)]
    )
    known = {each.id: each for each in [*found, own]}
    return [known[each] for each in sorted(known)]


def _missing(user_id: int) -> NotFound:
    return NotFound(f"There is no user {user_id}.")
