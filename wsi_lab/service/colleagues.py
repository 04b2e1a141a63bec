"""People who have a study in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wsi_lab.errors import NotFound
from wsi_lab.model.people import Action, Actor, Right, User
from wsi_lab.service.seen import seen_studies
from wsi_lab.service.studies import set_rights
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import people

MEMBER = frozenset({Right.VIEW, Right.SCORE})
MANAGER = frozenset({Right.VIEW, Right.SCORE, Right.RESULTS, Right.EDIT, Right.ADMIN})
"""What members and managers get who are made such."""
_MANAGING = frozenset({Right.EDIT, Right.ADMIN})


class Colleague(NamedTuple):
    """A member of a study, and what they may do there."""

    user: User
    rights: frozenset[Right]

    @property
    def is_manager(self) -> bool:
        """Whether they may change the study."""
        return bool(self.rights & _MANAGING)


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
        return self._transactions.read(actor, lambda t: _colleague(t, user_id))

    def study_ids(self, actor: Actor, user_id: int) -> frozenset[int]:
        """Return the studies that the asker may view and the user is in: site admins in all.

        Raises
        ------
        NotFound
            As for `get`.
        """

        def read(transaction: Transaction) -> frozenset[int]:
            user = _colleague(transaction, user_id)
            seen = frozenset(each.id for each in seen_studies(transaction))
            if user.is_admin or user.id == transaction.actor.user.id:
                return seen
            return seen & people.rights_of_user(transaction.connection, user.id).keys()

        return self._transactions.read(actor, read)

    def members(self, actor: Actor, study_id: int) -> Sequence[Colleague]:
        """Return the members of a study that the asker may view, in the order of their ids.

        Whoever made it is one of them as long as they are a site administrator.
        """

        def read(transaction: Transaction) -> Sequence[Colleague]:
            transaction.study(study_id, Action.STUDY_VIEW)
            return _members(transaction, study_id)

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

    def add_member(
        self, actor: Actor, study_id: int, user_id: int, rights: frozenset[Right] = MEMBER
    ) -> None:
        """Make a user a member of a study; they keep what rights they have.

        Needs the right 'admin', as all that follows.

        Raises
        ------
        NotFound
            There is no such user.
        """

        def add(transaction: Transaction) -> None:
            user = _candidate(transaction, study_id, user_id)
            held = people.rights_of_user(transaction.connection, user.id).get(study_id, frozenset())
            set_rights(transaction, study_id, user, held | rights)

        self._transactions.write(actor, add)

    def end_managing(self, actor: Actor, study_id: int, user_id: int) -> None:
        """Let a manager of a study be a member only, who keeps other rights.

        Raises
        ------
        NotFound
            There is no such user, or they are no manager.
        """

        def end(transaction: Transaction) -> None:
            user = _candidate(transaction, study_id, user_id)
            members = (each for each in _members(transaction, study_id) if each.user == user)
            found = next(members, None)
            if found is None or not found.is_manager:
                raise NotFound(f"{user.email} is no manager of this project.")
            left = (found.rights - (MANAGER - MEMBER)) | {Right.VIEW}
            set_rights(transaction, study_id, user, left)

        self._transactions.write(actor, end)

    def remove_member(self, actor: Actor, study_id: int, user_id: int) -> None:
        """Take all rights in a study from a user.

        Raises
        ------
        NotFound
            There is no such user, or they are no member.
        """

        def remove(transaction: Transaction) -> None:
            user = _candidate(transaction, study_id, user_id)
            if not people.rights_of_user(transaction.connection, user.id).get(study_id):
                raise NotFound(f"{user.email} is not a member of this study.")
            set_rights(transaction, study_id, user, frozenset())

        self._transactions.write(actor, remove)


def _colleague(transaction: Transaction, user_id: int) -> User:
    user = people.user(transaction.connection, user_id) if is_id(user_id) else None
    if user is None or not (user.is_admin or user in _around(transaction)):
        raise _missing(user_id)
    return user


def _candidate(transaction: Transaction, study_id: int, user_id: int) -> User:
    """Return a user whom the asker may make a member of a study."""
    transaction.study(study_id, Action.STUDY_ADMIN)
    user = people.user(transaction.connection, user_id) if is_id(user_id) else None
    if user is None:
        raise _missing(user_id)
    return user


def _members(transaction: Transaction, study_id: int) -> list[Colleague]:
    connection = transaction.connection
    rights = {each.user_id: each.rights for each in people.members(connection, study_id)}
    return [
        Colleague(each, frozenset(Right) if each.is_admin else rights[each.id])
        for each in people.users_around(connection, [study_id])
        if each.is_admin or each.id in rights
    ]


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
