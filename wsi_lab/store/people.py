"""Users, their tokens, and what they may where: rows <-> model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from wsi_lab.errors import Conflict
from wsi_lab.model.people import Capability, Right, Token, TokenPurpose, User
from wsi_lab.model.study import Member
from wsi_lab.store.columns import (
    json_text,
    maybe_time_of,
    maybe_time_text,
    time_of,
    time_text,
    words_of,
    words_text,
)
from wsi_lab.store.connection import Connection, IntegrityError, Row


def add_user(
    connection: Connection, email: str, name: str, *, is_admin: bool, created_on: datetime
) -> User:
    """Store a user and return them.

    Raises
    ------
    Conflict
        There is a user of that e-mail, whatever its case.
    """
    try:
        row = connection.execute(
            "INSERT INTO users (email, email_folded, name, is_admin, created_on) "
            "VALUES (?, ?, ?, ?, ?) RETURNING *",
            (email, email.casefold(), name, is_admin, time_text(created_on)),
        ).fetchone()
    except IntegrityError as error:
        raise Conflict(f"There is already a user {email}.") from error
    return _user(row)


def user(connection: Connection, user_id: int) -> User | None:
    """Return a user by id."""
    row = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
    return None if row is None else _user(row)


def user_by_email(connection: Connection, email: str) -> User | None:
    """Return a user by e-mail, whatever its case."""
    row = connection.execute(
        "SELECT * FROM users WHERE email_folded = ?", (email.casefold(),)
    ).fetchone()
    return None if row is None else _user(row)


def users(connection: Connection) -> list[User]:
    """Return all users in the order of their ids."""
    return [_user(row) for row in connection.execute("SELECT * FROM users ORDER BY id")]


def users_around(connection: Connection, study_ids: Iterable[int]) -> list[User]:
    """Return the members and the makers of studies, in the order of the users' ids."""
    found = connection.execute(
        """SELECT * FROM users WHERE id IN (
            SELECT user_id FROM members WHERE study_id IN (SELECT value FROM json_each(:studies))
            UNION
            SELECT created_by FROM studies WHERE id IN (SELECT value FROM json_each(:studies))
        ) ORDER BY id""",
        {"studies": json_text(sorted(study_ids))},
    )
    return [_user(row) for row in found]


def make_admin(connection: Connection, user_id: int) -> User:
    """Make a user a site administrator and return them."""
    row = connection.execute(
        "UPDATE users SET is_admin = 1 WHERE id = ? RETURNING *", (user_id,)
    ).fetchone()
    return _user(row)


def rights_of_user(connection: Connection, user_id: int) -> Mapping[int, frozenset[Right]]:
    """Return what a user may in the studies they are a member of, by study id."""
    found: dict[int, set[Right]] = {}
    for study_id, right in connection.execute(
        "SELECT study_id, right FROM members WHERE user_id = ?", (user_id,)
    ):
        found.setdefault(study_id, set()).add(Right(right))
    return {study_id: frozenset(rights) for study_id, rights in found.items()}


def members(connection: Connection, study_id: int) -> list[Member]:
    """Return the members of a study in the order of their user ids."""
    found: dict[int, Member] = {}
    for user_id, email, right in connection.execute(
        "SELECT user_id, email, right FROM members JOIN users ON users.id = user_id "
        "WHERE study_id = ? ORDER BY user_id",
        (study_id,),
    ):
        known = found.get(user_id)
        rights = known.rights if known else frozenset()
        found[user_id] = Member(study_id, user_id, email, rights | {Right(right)})
    return list(found.values())


def set_rights(
    connection: Connection, study_id: int, user_id: int, rights: frozenset[Right]
) -> None:
    """Give a user exactly these rights in a study; none ends the membership."""
    connection.execute(
        "DELETE FROM members WHERE study_id = ? AND user_id = ?", (study_id, user_id)
    )
    connection.executemany(
        "INSERT INTO members (study_id, user_id, right) VALUES (?, ?, ?)",
        [(study_id, user_id, right.value) for right in rights],
    )


def add_token(
    connection: Connection,
    user_id: int,
    name: str,
    sha256: bytes,
    *,
    capabilities: frozenset[Capability],
    read_studies: frozenset[str],
    modify_studies: frozenset[str],
    folders: frozenset[str],
    created_on: datetime,
    expires_on: datetime | None,
    purpose: TokenPurpose = TokenPurpose.BEARER,
) -> Token:
    """Store a token by the hash of its text and return it."""
    row = connection.execute(
        "INSERT INTO tokens (user_id, name, sha256, capabilities, read_studies, modify_studies, "
        "folders, created_on, expires_on, purpose) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "RETURNING *",
        (
            user_id,
            name,
            sha256,
            words_text(capabilities),
            words_text(read_studies),
            words_text(modify_studies),
            words_text(folders),
            time_text(created_on),
            maybe_time_text(expires_on),
            purpose.value,
        ),
    ).fetchone()
    return _token(row)


def set_token_hash(connection: Connection, token_id: int, sha256: bytes) -> None:
    """Give a token the hash of its text, where that is known only with its id."""
    connection.execute("UPDATE tokens SET sha256 = ? WHERE id = ?", (sha256, token_id))


def token_by_sha256(
    connection: Connection, sha256: bytes, purpose: TokenPurpose = TokenPurpose.BEARER
) -> Token | None:
    """Return a token of that purpose that is not revoked by the hash of its text.

    How long the look-up takes tells something about hashes, and a hash nothing about the
    122 random bits or more that it was made of.
    """
    row = connection.execute(
        "SELECT * FROM tokens WHERE sha256 = ? AND purpose = ? AND revoked_on IS NULL",
        (sha256, purpose.value),
    ).fetchone()
    return None if row is None else _token(row)


def token(connection: Connection, token_id: int) -> Token | None:
    """Return a token that is not revoked by its id."""
    row = connection.execute(
        "SELECT * FROM tokens WHERE id = ? AND revoked_on IS NULL", (token_id,)
    ).fetchone()
    return None if row is None else _token(row)


def tokens(connection: Connection, user_id: int | None = None) -> list[Token]:
    """Return the tokens that are not revoked, of one user or of all, in the order of their ids."""
    return [
        _token(row)
        for row in connection.execute(
            "SELECT * FROM tokens WHERE revoked_on IS NULL "
            "AND (:user IS NULL OR user_id = :user) ORDER BY id",
            {"user": user_id},
        )
    ]


def revoke_token(connection: Connection, token_id: int, revoked_on: datetime) -> None:
    """End a token; its row stays, so that the audit's word for it keeps a meaning."""
    connection.execute(
        "UPDATE tokens SET revoked_on = ? WHERE id = ?", (time_text(revoked_on), token_id)
    )


def _user(row: Row) -> User:
    return User(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        is_admin=bool(row["is_admin"]),
        created_on=time_of(row["created_on"]),
    )


def _token(row: Row) -> Token:
    return Token(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        capabilities=frozenset(Capability(word) for word in words_of(row["capabilities"])),
        read_studies=frozenset(words_of(row["read_studies"])),
        modify_studies=frozenset(words_of(row["modify_studies"])),
        folders=frozenset(words_of(row["folders"])),
        created_on=time_of(row["created_on"]),
        expires_on=maybe_time_of(row["expires_on"]),
        purpose=TokenPurpose(row["purpose"]),
    )
