"""Users and tokens: who is asking, and who may be asked for."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.emails import checked_email
from wsi_lab.model.people import (
    Action,
    Actor,
    Capability,
    Token,
    TokenPurpose,
    User,
    capabilities_of_words,
)
from wsi_lab.model.study import checked_name, checked_text
from wsi_lab.service.clock import Clock
from wsi_lab.service.tokens import check_expiry, hash_of, not_identified, revoke, whose_token
from wsi_lab.service.transaction import Transaction, Transactions, current_actor, has_expired
from wsi_lab.store import audit
from wsi_lab.store import people as rows
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database

TOKEN_PREFIX = "wsi_"  # noqa: S105 (how all tokens begin, not one of them)
MOST_KNOWN = 4096


class _Known(NamedTuple):
    """An actor, and the generation of the database they were read from."""

    generation: int
    actor: Actor


class People:
    """Users and their tokens."""

    def __init__(self, database: Database, transactions: Transactions, clock: Clock) -> None:
        self._database = database
        self._transactions = transactions
        self._clock = clock
        self._known: dict[tuple[bytes | str, str], _Known] = {}
        self._process_tokens: dict[bytes, int] = {}

    def owner(self, door: str = "cli", *, name: str | None = None) -> Actor:
        """Return whoever runs this process, as a site administrator; made on first use.

        Parameters
        ----------
        name
            What they are called, with or without ``@host``; the default is their login.
        """
        name = "_".join((name or _login()).split())
        email = checked_email(name if "@" in name else f"{name}@localhost")

        def read(connection: Connection) -> Actor | None:
            user = rows.user_by_email(connection, email)
            if user is None or not user.is_admin:
                return None
            return Actor(user, rows.rights_of_user(connection, user.id), None, door)

        def make(connection: Connection) -> Actor:
            return self._make_owner(connection, email, name, door)

        def find() -> Actor:
            found = self._database.read(read)
            return self._database.write(make) if found is None else found

        return self._remembered((email.casefold(), door), find)

    def actor_for_token(
        self, text: str, *, door: str, purpose: TokenPurpose = TokenPurpose.BEARER
    ) -> Actor:
        """Return who a bearer token stands for.

        Parameters
        ----------
        purpose
            Which kind of token it must be; those of other kinds are unknown.

        Raises
        ------
        NotIdentified
            The token is unknown, expired or revoked; the three look the same.
        """
        sha256 = hash_of(text)
        # No two kinds may be remembered as the same: a door takes one of them only.
        key = purpose.value.encode() + sha256
        actor = self._remembered((key, door), lambda: self._find_actor(sha256, purpose, door))
        if actor.token is not None and has_expired(actor.token, self._clock.now()):
            raise not_identified()
        return actor

    def actor_of_ids(self, user_id: int, token_id: int | None, *, door: str) -> Actor:
        """Return who a user is now, coming with a token or without.

        For those who have proof of both ids.

        Raises
        ------
        NotIdentified
            There is no such user, or the token is revoked or has expired.
        """

        def read(connection: Connection) -> Actor:
            return current_actor(connection, user_id, token_id, door, self._clock.now())

        # E-mails, which are keys too, have an @.
        key = f"{user_id}/{token_id}"
        actor = self._remembered((key, door), lambda: self._database.read(read))
        if actor.token is not None and has_expired(actor.token, self._clock.now()):
            raise not_identified()
        return actor

    def process_token(self, actor: Actor, *, name: str) -> str:
        """Return a bearer token that is good for `actor` while this process lives.

        It is kept in memory only, so that no crash can leave it behind. Whoever asks must
        themselves come without a token.

        Parameters
        ----------
        name
            What it is for; goes into the audit.
        """
        name = checked_name(name, "token")

        def make(transaction: Transaction) -> None:
            transaction.require(Action.TOKEN_MANAGE)
            transaction.record("create", "process-token", actor.user.id, after={"name": name})

        if actor.token is not None:
            raise NotAllowed("A token cannot make another one of this kind.")
        self._transactions.write(actor, make)
        text = new_token_text()
        self._process_tokens[hash_of(text)] = actor.user.id
        return text

    def me(self, actor: Actor) -> User:
        """Return the asker's own account."""

        def read(transaction: Transaction) -> User:
            transaction.require(Action.LAB_VIEW)
            return transaction.actor.user

        return self._transactions.read(actor, read)

    def add(self, actor: Actor, email: str, *, name: str = "", is_admin: bool = False) -> User:
        """Add a user. Site administrators only.

        Raises
        ------
        Invalid
            The e-mail or the name is not one.
        Conflict
            There is a user of that e-mail, whatever its case.
        """
        email = checked_email(email)
        name = checked_text(name, "user") or email.partition("@")[0]

        def add(transaction: Transaction) -> User:
            transaction.require(Action.LAB_ADMIN)
            user = rows.add_user(
                transaction.connection, email, name, is_admin=is_admin, created_on=transaction.now
            )
            transaction.record("create", "user", user.id, after=user)
            return user

        return self._transactions.write(actor, add)

    def create_token(
        self,
        actor: Actor,
        *,
        name: str,
        email: str | None = None,
        capabilities: Iterable[Capability | str],
        read_studies: Iterable[str] = (),
        modify_studies: Iterable[str] = (),
        folders: Iterable[str] = (),
        expires_on: datetime | None = None,
    ) -> tuple[Token, str]:
        """Make a token and return it with its text, which nobody can get again.

        Parameters
        ----------
        email
            Whose token; the default is the asker's own. Others' are for site administrators.
        capabilities
            Words of `Capability`, or ``"all"``; none makes a token that may nothing.
        read_studies, modify_studies, folders
            Names or ids the token is limited to; empty is unlimited.
        expires_on
            With its time zone. A token that expires cannot make one that outlives it.

        Raises
        ------
        Invalid
            A word is not a capability, limits are given that are all blank, or the token would
            already be expired.
        """
        name = checked_name(name, "token")
        allowed = capabilities_of_words(capabilities)
        limits = [_limits(words) for words in (read_studies, modify_studies, folders)]
        text = new_token_text()

        def create(transaction: Transaction) -> Token:
            user = whose_token(transaction, email)
            check_expiry(transaction, expires_on)
            token = rows.add_token(
                transaction.connection,
                user.id,
                name,
                hash_of(text),
                capabilities=allowed,
                read_studies=limits[0],
                modify_studies=limits[1],
                folders=limits[2],
                created_on=transaction.now,
                expires_on=expires_on,
            )
            transaction.record("create", "token", token.id, after=token)
            return token

        return self._transactions.write(actor, create), text

    def list_tokens(
        self, actor: Actor, *, email: str | None = None, everybody: bool = False
    ) -> list[Token]:
        """Return the tokens that are not revoked: the asker's own, somebody's, or everybody's.

        Others' are for site administrators.
        """

        def read(transaction: Transaction) -> list[Token]:
            if everybody:
                transaction.require(Action.LAB_ADMIN)
                return rows.tokens(transaction.connection)
            return rows.tokens(transaction.connection, whose_token(transaction, email).id)

        return self._transactions.read(actor, read)

    def revoke_token(self, actor: Actor, token_id: int) -> None:
        """End a token; the next request with it is refused, in every process.

        Any token may end itself, whatever else it may.

        Raises
        ------
        NotFound
            There is no such token, or it is somebody else's.
        """
        purposes = frozenset(TokenPurpose)
        self._transactions.write(
            actor, lambda transaction: revoke(transaction, token_id, "token", purposes)
        )

    def list(self, actor: Actor) -> list[User]:
        """Return all users in the order of their ids. Site administrators only."""

        def read(transaction: Transaction) -> list[User]:
            transaction.require(Action.LAB_ADMIN)
            return rows.users(transaction.connection)

        return self._transactions.read(actor, read)

    def _remembered(self, key: tuple[bytes | str, str], find: Callable[[], Actor]) -> Actor:
        # Before reading: what is committed meanwhile must make this entry old.
        generation = self._database.generation()
        known = self._known.get(key)
        if known is not None and known.generation == generation:
            return known.actor
        actor = find()
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = _Known(generation, actor)
        return actor

    def _find_actor(self, sha256: bytes, purpose: TokenPurpose, door: str) -> Actor:
        # Those of this process are bearer tokens.
        others = self._process_tokens if purpose is TokenPurpose.BEARER else {}

        def read(connection: Connection) -> Actor:
            user_id, token_id = others.get(sha256), None
            if user_id is None:
                token = rows.token_by_sha256(connection, sha256, purpose)
                if token is None:
                    raise not_identified()
                user_id, token_id = token.user_id, token.id
            return current_actor(connection, user_id, token_id, door, self._clock.now())

        return self._database.read(read)

    def _make_owner(self, connection: Connection, email: str, name: str, door: str) -> Actor:
        now = self._clock.now()
        before = rows.user_by_email(connection, email)
        if before is None:
            name = checked_name(name.partition("@")[0], "user")
            user = rows.add_user(connection, email, name, is_admin=True, created_on=now)
        else:
            user = rows.make_admin(connection, before.id)
        actor = Actor(user, rows.rights_of_user(connection, user.id), None, door)
        audit.record(
            connection,
            actor,
            "create" if before is None else "change",
            "user",
            user.id,
            happened_on=now,
            before=before,
            after=user,
        )
        return actor


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that no table gives a name.
        return "owner"


def new_token_text() -> str:
    """Return the text of a token that is to be made."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def _limits(words: Iterable[str]) -> frozenset[str]:
    words = list(words)
    limits = frozenset(checked_name(word, "limit") for word in words if word.strip())
    if words and not limits:
        # Where no limits means no limit, blanks must not pass for none.
        raise Invalid("A token's limits are names or ids; leave them out for a token without any.")
    return limits
