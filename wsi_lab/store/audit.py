"""Who changed what, when, and through which door: written with every change, never rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wsi_lab.model.people import Actor
from wsi_lab.store.columns import json_text, time_of, time_text
from wsi_lab.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    Attributes
    ----------
    id
        The order in which things happened; `happened_on` is what a clock said.
    user_id, email, token_id, door
        Who, by way of which token, through which of the lab's interfaces.
    verb, kind, thing_id, study_id
        What was done to what, and the study it is in.
    before, after
        The thing as JSON; `None` where it was not yet, or is no more.
    """

    id: int
    happened_on: datetime
    user_id: int
    email: str
    token_id: int | None
    door: str
    verb: str
    kind: str
    thing_id: int
    study_id: int | None
    before: str | None
    after: str | None


def record(
    connection: Connection,
    actor: Actor,
    verb: str,
    kind: str,
    thing_id: int,
    *,
    happened_on: datetime,
    study_id: int | None = None,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add an entry, in the transaction of the change it speaks of."""
    connection.execute(
        "INSERT INTO audit (happened_on, user_id, email, token_id, door, verb, kind, thing_id, "
        "study_id, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            time_text(happened_on),
            actor.user.id,
            actor.user.email,
            actor.token.id if actor.token else None,
            actor.door,
            verb,
            kind,
            thing_id,
            study_id,
            None if before is None else json_text(before),
            None if after is None else json_text(after),
        ),
    )


def last_entry(connection: Connection, study_id: int) -> tuple[int, str]:
    """Return the id and the time of the last entry about a study.

    They are others as soon as anything in it was changed.
    """
    row = connection.execute(
        "SELECT id, happened_on FROM audit WHERE study_id = ? ORDER BY id DESC LIMIT 1",
        (study_id,),
    ).fetchone()
    return (0, "") if row is None else (row[0], row[1])


def entries(
    connection: Connection, *, after: int = 0, study_id: int | None = None, limit: int = 1000
) -> list[Entry]:
    """Return entries in the order in which things happened, all or those of a study."""
    return [
        Entry(
            id=row["id"],
            happened_on=time_of(row["happened_on"]),
            user_id=row["user_id"],
            email=row["email"],
            token_id=row["token_id"],
            door=row["door"],
            verb=row["verb"],
            kind=row["kind"],
            thing_id=row["thing_id"],
            study_id=row["study_id"],
            before=row["before"],
            after=row["after"],
        )
        for row in connection.execute(
            "SELECT * FROM audit WHERE id > :after "
            "AND (:study IS NULL OR study_id = :study) ORDER BY id LIMIT :limit",
            {"after": after, "study": study_id, "limit": limit},
        )
    ]
