"""Readers from elsewhere, asked in by a link: it holds all that they need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.emails import checked_email
from wsi_lab.model.people import Action, Actor, Capability, Right, User
from wsi_lab.model.study import Study, checked_text
from wsi_lab.service.people import new_token_text
from wsi_lab.service.studies import set_rights
from wsi_lab.service.tokens import check_expiry, hash_of
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import people as rows

CAPABILITIES = frozenset({Capability.SCORES, Capability.PIXELS})
RIGHTS = frozenset({Right.VIEW, Right.SCORE})
LETTERS_LAST = timedelta(days=90)
"""What a letter brings ends by itself: letters are kept, and passed on."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a reader is sent.

    Attributes
    ----------
    token
        Good for reading this one study; nobody can get it again.
    expires_on
        `None` for one that is good until it is revoked.
    """

    study_id: int
    email: str
    token: str = field(repr=False)
    expires_on: datetime | None

    @property
    def address(self) -> str:
        """Where they read, below the mount of the lab. What follows the # stays with them."""
        return f"read/{self.study_id}#{self.token}"


class Invitations:
    """Readers asked in by a link."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def invite(
        self,
        actor: Actor,
        study_id: int,
        email: str,
        *,
        name: str | None = None,
        expires_on: datetime | None = None,
    ) -> Invitation:
        """Let somebody read a study, and return the token that they come with.

        Needs the right 'admin'. Who is no user of the lab yet becomes one where a site
        administrator asks.

        Parameters
        ----------
        name
            What a new user is called; the default is from the e-mail.
        expires_on
            When the token ends, with its time zone.

        Raises
        ------
        Invalid
            The e-mail or the name is not one, or the token would already be expired.
        NotFound
            There is no such study, or no such user.
        NotAllowed
            They may more in the study than whoever asks, who would get it by their token.
        """
        email = checked_email(email)
        called = checked_text(name or "", "user") or email.partition("@")[0]
        text = new_token_text()

        def invite(transaction: Transaction) -> Invitation:
            study = transaction.study(study_id, Action.STUDY_ADMIN)
            check_expiry(transaction, expires_on)
            _check_own_token(transaction)
            user = _user(transaction, email, called)
            held = rows.rights_of_user(transaction.connection, user.id).get(study.id, frozenset())
            _check_may_no_more(transaction, study, user, held)
            set_rights(transaction, study.id, user, held | RIGHTS)
            return _invitation(transaction, study, user, text, expires_on)

        return self._transactions.write(actor, invite)

    def for_letter(self, actor: Actor, study_id: int, email: str) -> Invitation | None:
        """Return what goes into a letter to a member who scores, `None` for one who does not.

        It is for the letter alone: whoever sends it needs the right 'edit', and is not to see it.
        """
        text = new_token_text()

        def invite(transaction: Transaction) -> Invitation | None:
            study = transaction.study(study_id, Action.STUDY_MAIL)
            user = rows.user_by_email(transaction.connection, email)
            held = {} if user is None else rows.rights_of_user(transaction.connection, user.id)
            if user is None or Right.SCORE not in held.get(study.id, frozenset()):
                return None
            return _invitation(transaction, study, user, text, transaction.now + LETTERS_LAST)

        return self._transactions.write(actor, invite)


def _invitation(
    transaction: Transaction, study: Study, user: User, text: str, expires_on: datetime | None
) -> Invitation:
    only = frozenset({str(study.id)})
    token = rows.add_token(
        transaction.connection,
        user.id,
        f"Invitation to read {study.name}"[:200],
        hash_of(text),
        capabilities=CAPABILITIES,
        read_studies=only,
        modify_studies=only,
        folders=frozenset(),
        created_on=transaction.now,
        expires_on=expires_on,
    )
    transaction.record("create", "token", token.id, study_id=study.id, after=token)
    return Invitation(study.id, user.email, text, expires_on)


def _user(transaction: Transaction, email: str, name: str) -> User:
    known = rows.user_by_email(transaction.connection, email)
    if known is not None:
        return known
    if not transaction.may(Action.LAB_ADMIN):
        raise NotFound(f"There is no user {email}; a site administrator can add them first.")
    user = rows.add_user(
        transaction.connection, email, name, is_admin=False, created_on=transaction.now
    )
    transaction.record("create", "user", user.id, after=user)
    return user


def _check_own_token(transaction: Transaction) -> None:
    own = transaction.actor.token
    if own is not None and not own.capabilities >= CAPABILITIES:
        raise NotAllowed("A token can invite only to what it may do itself: 'scores' and 'pixels'.")


def _check_may_no_more(
    transaction: Transaction, study: Study, user: User, held: frozenset[Right]
) -> None:
    asker = transaction.actor
    if asker.user.is_admin or asker.user.id == user.id:
        return
    # The token is theirs, and whoever asks has it in hand.
    if user.is_admin or not held - RIGHTS <= asker.rights.get(study.id, frozenset()):
        raise NotAllowed(
            f"{user.email} may more in this study than you, so that their token is not yours to "
            "make; a site administrator can."
        )
