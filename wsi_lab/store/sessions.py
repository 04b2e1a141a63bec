"""Sessions of looking at slides: rows <-> model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wsi_lab.model.viewing import Session, SessionEvent
from wsi_lab.store.columns import time_of, time_text
from wsi_lab.store.connection import Connection, Row

_SELECT = "SELECT sessions.*, users.email FROM sessions JOIN users ON users.id = user_id "


def add_session(
    connection: Connection, study_id: int, slide_id: int, user_id: int, created_on: datetime
) -> int:
    """Store a session without events and return its id."""
    row = connection.execute(
        "INSERT INTO sessions (study_id, slide_id, user_id, created_on, length_ms) "
        "VALUES (?, ?, ?, ?, 0) RETURNING id",
        (study_id, slide_id, user_id, time_text(created_on)),
    ).fetchone()
    return int(row["id"])


def session(connection: Connection, session_id: int) -> Session | None:
    """Return a session by id."""
    row = connection.execute(f"{_SELECT} WHERE sessions.id = ?", (session_id,)).fetchone()
    return None if row is None else _session(row)


def sessions(
    connection: Connection, study_id: int, *, slide_id: int | None, email: str | None
) -> list[Session]:
    """Return a study's sessions in the order of their ids, of one slide or user where named."""
    return [
        _session(row)
        for row in connection.execute(
            f"{_SELECT} WHERE study_id = :study AND (:slide IS NULL OR slide_id = :slide) "
            "AND (:email IS NULL OR users.email_folded = :email) ORDER BY sessions.id",
            {
                "study": study_id,
                "slide": slide_id,
                "email": None if email is None else email.casefold(),
            },
        )
    ]


def add_events(connection: Connection, session_id: int, events: Sequence[SessionEvent]) -> None:
    """Store what was seen after what is stored already."""
    begin = count_events(connection, session_id)
    connection.executemany(
        "INSERT INTO session_events (session_id, number, at_ms, x, y, width, height, cursor_x, "
        "cursor_y) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(session_id, number, *event) for number, event in enumerate(events, begin)],
    )
    connection.execute(
        "UPDATE sessions SET length_ms = max(length_ms, ?) WHERE id = ?",
        (max((event.at_ms for event in events), default=0), session_id),
    )


def count_events(connection: Connection, session_id: int) -> int:
    """Return how many events a session has."""
    (count,) = connection.execute(
        "SELECT count(*) FROM session_events WHERE session_id = ?", (session_id,)
    ).fetchone()
    return int(count)


def events(connection: Connection, session_id: int) -> list[SessionEvent]:
    """Return a session's events in their order."""
    return [
        SessionEvent(*row)
        for row in connection.execute(
            "SELECT at_ms, x, y, width, height, cursor_x, cursor_y FROM session_events "
            "WHERE session_id = ? ORDER BY number",
            (session_id,),
        )
    ]


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        study_id=row["study_id"],
        slide_id=row["slide_id"],
        user_id=row["user_id"],
        email=row["email"],
        created_on=time_of(row["created_on"]),
        length_ms=row["length_ms"],
    )
