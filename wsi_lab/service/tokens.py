"""What bearer tokens and keys of other systems have in common: whose, until when, and their end."""

from __future__ import annotations

import hashlib
from datetime import datetime

from wsi_lab.errors import Invalid, NotFound, NotIdentified
from wsi_lab.model.people import Action, TokenPurpose, User
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import people as rows


def hash_of(text: str) -> bytes:
    """Return what is kept of a token's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def not_identified() -> NotIdentified:
    """Return what is raised for what is unknown, expired or revoked: they look the same."""
    return NotIdentified("These credentials are not valid, or not any more.")


def whose_token(transaction: Transaction, email: str | None) -> User:
    """Return the user whose tokens the asker may manage: their own, or as an administrator.

    Raises
    ------
    NotAllowed
        They may not.
    NotFound
        There is no such user.
    """
    own = transaction.actor.user
    if email is None or email.strip().casefold() == own.email.casefold():
        transaction.require(Action.TOKEN_MANAGE)
        return own
    transaction.require(Action.LAB_ADMIN)
    user = rows.user_by_email(transaction.connection, email.strip())
    if user is None:
        raise NotFound(f"There is no user {email.strip()}; add them first.")
    return user


def check_expiry(transaction: Transaction, expires_on: datetime | None) -> None:
    """Raise `Invalid` unless the asker may make a token that ends then."""
    if expires_on is not None:
        if expires_on.tzinfo is None:
            raise Invalid("The time a token expires at needs its time zone, for example 'Z'.")
        if expires_on <= transaction.now:
            raise Invalid("The time a token expires at must lie in the future.")
    if outlives(transaction, expires_on):
        raise Invalid("A token that expires cannot make one that outlives it.")


def latest_end(transaction: Transaction) -> datetime | None:
    """Return when the token that the asker comes with ends, if it does."""
    own = transaction.actor.token
    return None if own is None else own.expires_on


def outlives(transaction: Transaction, expires_on: datetime | None) -> bool:
    """Return whether a token that ends then outlives the one that the asker comes with."""
    limit = latest_end(transaction)
    return limit is not None and (expires_on is None or expires_on > limit)


def revoke(
    transaction: Transaction, token_id: int, what: str, purposes: frozenset[TokenPurpose]
) -> None:
    """End a token of one of these purposes; any token may end itself, whatever else it may.

    Parameters
    ----------
    what
        What it is called where there is none.

    Raises
    ------
    NotFound
        There is no such token, or it is somebody else's.
    """
    own = transaction.actor.token
    token = rows.token(transaction.connection, token_id) if is_id(token_id) else None
    ends_itself = own is not None and token is not None and own.id == token.id
    if not ends_itself:
        transaction.require(Action.TOKEN_MANAGE)
    mine = token is not None and token.user_id == transaction.actor.user.id
    is_one = token is not None and token.purpose in purposes
    if token is None or not (is_one and (mine or transaction.may(Action.LAB_ADMIN))):
        raise NotFound(f"There is no {what} {token_id}.")
    rows.revoke_token(transaction.connection, token.id, transaction.now)
    transaction.record("remove", "token", token.id, before=token)
