"""Properties and descriptions of things: rows <-> model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wsi_lab.model.remark import Description, Property, ThingKind
from wsi_lab.store.columns import maybe_time_of, time_of, time_text
from wsi_lab.store.connection import Connection, Row


def properties(connection: Connection, kind: ThingKind, thing_id: int) -> list[Property]:
    """Return what is said of a thing, in the order in which it was."""
    found = connection.execute(
        "SELECT * FROM remarks WHERE kind = ? AND thing_id = ? ORDER BY id", (kind.value, thing_id)
    )
    return [_property(row) for row in found]


def add_properties(
    connection: Connection,
    kind: ThingKind,
    thing_id: int,
    pairs: Sequence[tuple[str, str]],
    *,
    created_on: datetime,
    created_by: int,
) -> list[Property]:
    """Store keys and values of a thing, and return them."""
    added = []
    for key, value in pairs:
        row = connection.execute(
            "INSERT INTO remarks (kind, thing_id, key, value, created_on, created_by) "
            "VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
            (kind.value, thing_id, key, value, time_text(created_on), created_by),
        ).fetchone()
        added.append(_property(row))
    return added


def update_property(connection: Connection, one: Property, changed_on: datetime) -> Property:
    """Store the key and the value of a property as given, and return it."""
    row = connection.execute(
        "UPDATE remarks SET key = ?, value = ?, changed_on = ? WHERE id = ? RETURNING *",
        (one.key, one.value, time_text(changed_on), one.id),
    ).fetchone()
    return _property(row)


def remove_property(connection: Connection, property_id: int) -> None:
    """Remove a property."""
    connection.execute("DELETE FROM remarks WHERE id = ?", (property_id,))


def description(connection: Connection, kind: ThingKind, thing_id: int) -> Description | None:
    """Return the description of a thing, if it has one."""
    row = connection.execute(
        "SELECT * FROM descriptions WHERE kind = ? AND thing_id = ?", (kind.value, thing_id)
    ).fetchone()
    if row is None:
        return None
    return Description(
        kind=kind,
        thing_id=thing_id,
        html=row["html"],
        created_on=time_of(row["created_on"]),
        created_by=row["created_by"],
        changed_on=maybe_time_of(row["changed_on"]),
    )


def put_description(  # noqa: PLR0917 (a row)
    connection: Connection,
    kind: ThingKind,
    thing_id: int,
    html: str,
    now: datetime,
    user_id: int,
) -> None:
    """Describe a thing in place of what was there."""
    connection.execute(
        "INSERT INTO descriptions (kind, thing_id, html, created_on, created_by) "
        "VALUES (:kind, :thing, :html, :now, :user) ON CONFLICT (kind, thing_id) "
        "DO UPDATE SET html = excluded.html, changed_on = excluded.created_on",
        {
            "kind": kind.value,
            "thing": thing_id,
            "html": html,
            "now": time_text(now),
            "user": user_id,
        },
    )


def remove_description(connection: Connection, kind: ThingKind, thing_id: int) -> None:
    """Remove the description of a thing."""
    connection.execute(
        "DELETE FROM descriptions WHERE kind = ? AND thing_id = ?", (kind.value, thing_id)
    )


def _property(row: Row) -> Property:
    return Property(
        id=row["id"],
        kind=ThingKind(row["kind"]),
        thing_id=row["thing_id"],
        key=row["key"],
        value=row["value"],
        created_on=time_of(row["created_on"]),
        created_by=row["created_by"],
        changed_on=maybe_time_of(row["changed_on"]),
    )
