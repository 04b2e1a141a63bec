"""Users, members and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from wsi_lab.client.connection import Connection, parsed, words


@dataclass(frozen=True, kw_only=True)
class User:
    """A person, or a program with a name."""

    id: int
    email: str
    name: str
    is_admin: bool


@dataclass(frozen=True, kw_only=True)
class Member:
    """A user's rights in a study."""

    email: str
    rights: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Token:
    """A bearer token.

    Attributes
    ----------
    token
        The secret itself: only in the object that `Tokens.create` returns, never again.
    purpose
        ``bearer``; or ``phas`` or ``cytomine`` for keys, which those systems' clients come with.
    """

    id: int
    name: str
    capabilities: frozenset[str]
    created_on: datetime
    expires_on: datetime | None = None
    token: str | None = field(default=None, repr=False)
    purpose: str = "bearer"


class Users:
    """The users of a lab; for its administrators. Iterating reads them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Users of the lab at {self._connection.url}>"

    def __iter__(self) -> Iterator[User]:
        return (parsed(User, data) for data in self._connection.items("v1/users"))

    def add(self, email: str, *, name: str = "", is_admin: bool = False) -> User:
        """Add a user and return them.

        Raises
        ------
        Conflict
            There is one with this e-mail.
        """
        body = {"email": email, "name": name, "is_admin": is_admin}
        return parsed(User, self._connection.post("v1/users", body))


class Tokens:
    """Your own bearer tokens. Iterating reads them, without their secrets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Tokens of the lab at {self._connection.url}>"

    def __iter__(self) -> Iterator[Token]:
        return (parsed(Token, data) for data in self._connection.items("v1/tokens"))

    def create(
        self,
        name: str,
        *,
        capabilities: Iterable[str] = ("all",),
        email: str | None = None,
        read_studies: Iterable[str] = (),
        modify_studies: Iterable[str] = (),
        folders: Iterable[str] = (),
        expires_on: datetime | None = None,
    ) -> Token:
        """Make a token and return it with its secret, which is shown only this once.

        Parameters
        ----------
        name
            What it is for.
        capabilities
            What it may be used for; ``("all",)`` for everything you may do yourself.
        email
            Whose token it is, when an administrator makes it for somebody.
        read_studies, modify_studies, folders
            Names or ids it is limited to; empty is unlimited.
        expires_on
            With a time zone; `None` for a token that is good until it is revoked.
        """
        body = {
            "name": name,
            "email": email,
            "capabilities": words(capabilities),
            "read_studies": words(read_studies),
            "modify_studies": words(modify_studies),
            "folders": words(folders),
            "expires_on": None if expires_on is None else expires_on.isoformat(),
        }
        # An empty list of capabilities means something: a token that may nothing.
        given = {
            key: value
            for key, value in body.items()
            if key == "capabilities" or value not in (None, [])
        }
        return parsed(Token, self._connection.post("v1/tokens", given))

    def revoke(self, token: Token | int) -> None:
        """Make a token good for nothing, at once."""
        number = token if isinstance(token, int) else token.id
        self._connection.json("DELETE", f"v1/tokens/{number}")
