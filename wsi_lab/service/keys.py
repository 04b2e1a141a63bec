"""Keys of other systems' clients: who comes with one, and how they are made.

A key is a token that opens one door only, and no other token opens that. It may do what its user
may, and is listed and revoked among their tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.people import ALL_CAPABILITIES, Action, Actor, Token, TokenPurpose
from wsi_lab.model.study import checked_text
from wsi_lab.service.people import People
from wsi_lab.service.tokens import check_expiry, hash_of, latest_end, outlives, revoke, whose_token
from wsi_lab.service.transaction import Transaction, Transactions, has_expired
from wsi_lab.store import people as rows
from wsi_lab.store.columns import time_text

PHAS_KEYS_LAST = timedelta(days=365)
KEYS = frozenset(TokenPurpose) - {TokenPurpose.BEARER}


class NewKey(NamedTuple):
    """A key that was just made.

    Attributes
    ----------
    text
        What its client is given: PHAS's API key, or Cytomine's public key.
    private
        Cytomine's private key.
    """

    token: Token
    text: str
    private: str | None


class Keys:
    """Keys of PHAS's and Cytomine's clients.

    Parameters
    ----------
    key
        Returns the lab's own secret. Cytomine's keys are derived from it: signatures are made
        with the private one, so that a hash of it would not do, and it stands in no table.
    """

    def __init__(
        self, transactions: Transactions, people: People, key: Callable[[], bytes]
    ) -> None:
        self._transactions = transactions
        self._people = people
        self._key = key
        self._secret: bytes | None = None

    def create(
        self,
        actor: Actor,
        purpose: TokenPurpose | str,
        *,
        email: str | None = None,
        expires_on: datetime | None = None,
        name: str = "",
    ) -> NewKey:
        """Make a key for ``phas`` or ``cytomine``, and return it.

        A key of PHAS is kept as a hash, so that nobody can get it again. A user has one pair of
        keys for Cytomine, as there: a new pair ends the one before.

        Parameters
        ----------
        email
            Whose key; the default is the asker's own. Others' are for site administrators.
        expires_on
            With its time zone. By default keys of PHAS last `PHAS_KEYS_LAST`, those of Cytomine
            until they are revoked, and none longer than the token that the asker comes with.
        name
            What it is for.

        Raises
        ------
        Invalid
            There are no keys for that, or it would already be expired.
        NotFound
            There is no such user.
        """
        purpose = _checked_purpose(purpose)
        name = checked_text(name, "key") or purpose.value

        def create(transaction: Transaction) -> NewKey:
            user = whose_token(transaction, email)
            ending = expires_on or _default_end(transaction, purpose)
            check_expiry(transaction, ending)
            if purpose is TokenPurpose.CYTOMINE:
                _end_pairs(transaction, user.id)
            text = str(uuid.uuid4())
            token = rows.add_token(
                transaction.connection,
                user.id,
                name,
                hash_of(text),
                capabilities=ALL_CAPABILITIES,
                read_studies=frozenset(),
                modify_studies=frozenset(),
                folders=frozenset(),
                created_on=transaction.now,
                expires_on=ending,
                purpose=purpose,
            )
            transaction.record("create", "token", token.id, after=token)
            if purpose is TokenPurpose.PHAS:
                return NewKey(token, text, None)
            public, private = self._pair(token)
            rows.set_token_hash(transaction.connection, token.id, hash_of(public))
            return NewKey(token, public, private)

        # Before the change: the lab's secret may have to be written, too, and changes wait in line.
        self._signing_key()
        return self._transactions.write(actor, create)

    def list(
        self, actor: Actor, *, email: str | None = None, everybody: bool = False
    ) -> list[Token]:
        """Return the keys that are not revoked: the asker's own, somebody's, or everybody's.

        Others' are for site administrators.
        """
        tokens = self._people.list_tokens(actor, email=email, everybody=everybody)
        return [each for each in tokens if each.purpose in KEYS]

    def revoke(self, actor: Actor, key_id: int) -> None:
        """End a key; the next request with it is refused, in every process.

        Raises
        ------
        NotFound
            There is no such key, or it is somebody else's.
        """
        self._transactions.write(
            actor, lambda transaction: revoke(transaction, key_id, "key", KEYS)
        )

    def actor_of_phas_key(self, text: str, *, door: str) -> Actor:
        """Return who a key of PHAS stands for.

        Raises
        ------
        NotIdentified
            The key is unknown, expired or revoked; the three look the same.
        """
        return self._people.actor_for_token(text, door=door, purpose=TokenPurpose.PHAS)

    def actor_of_cytomine_key(self, public: str, *, door: str) -> tuple[Actor, str]:
        """Return who a public key of Cytomine stands for if they have the private one, and that.

        The public one alone proves nothing: whoever asks must still be asked for the other.

        Raises
        ------
        NotIdentified
            The key is unknown, expired or revoked; the three look the same.
        """
        actor = self._people.actor_for_token(public, door=door, purpose=TokenPurpose.CYTOMINE)
        return actor, self._private(public)

    def cytomine_pair_of(self, actor: Actor) -> tuple[str, str] | None:
        """Return the asker's public and private key of Cytomine; `None` for somebody without.

        Raises
        ------
        NotAllowed
            They come with a token that is limited, or that ends before these do.
        """

        def read(transaction: Transaction) -> Token | None:
            transaction.require(Action.TOKEN_MANAGE)
            token = _newest_pair(transaction)
            if token is not None and outlives(transaction, token.expires_on):
                raise NotAllowed("A token that expires cannot ask for keys that outlive it.")
            return token

        token = self._transactions.read(actor, read)
        return None if token is None else self._pair(token)

    def _pair(self, token: Token) -> tuple[str, str]:
        # Ids are given again where a backup took the place of what came after it.
        made = f"{token.id} {time_text(token.created_on)}"
        public = self._derive(b"cytomine public " + made.encode())
        return public, self._private(public)

    def _private(self, public: str) -> str:
        return self._derive(b"cytomine private " + public.encode("utf-8", "surrogatepass"))

    def _derive(self, message: bytes) -> str:
        digest = hmac.digest(self._signing_key(), message, hashlib.sha256)
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def _signing_key(self) -> bytes:
        if self._secret is None:
            self._secret = hmac.digest(self._key(), b"wsi-lab keys", hashlib.sha256)
        return self._secret


def _checked_purpose(purpose: TokenPurpose | str) -> TokenPurpose:
    if purpose not in KEYS:
        raise Invalid(f"There are keys for {' and '.join(sorted(KEYS))}.")
    return TokenPurpose(purpose)


def _default_end(transaction: Transaction, purpose: TokenPurpose) -> datetime | None:
    limit = latest_end(transaction)
    if purpose is not TokenPurpose.PHAS:
        return limit
    ending = transaction.now + PHAS_KEYS_LAST
    return ending if limit is None else min(ending, limit)


def _pairs(transaction: Transaction, user_id: int) -> list[Token]:
    found = rows.tokens(transaction.connection, user_id)
    return [each for each in found if each.purpose is TokenPurpose.CYTOMINE]


def _end_pairs(transaction: Transaction, user_id: int) -> None:
    for each in _pairs(transaction, user_id):
        rows.revoke_token(transaction.connection, each.id, transaction.now)
        transaction.record("remove", "token", each.id, before=each)


def _newest_pair(transaction: Transaction) -> Token | None:
    found = _pairs(transaction, transaction.actor.user.id)
    return next((each for each in found[::-1] if not has_expired(each, transaction.now)), None)
