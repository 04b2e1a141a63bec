from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from wsi_lab.model.people import Actor
from wsi_lab.store import audit, people
from wsi_lab.store.connection import Connection, IntegrityError
from wsi_lab.store.db import Database


@pytest.fixture
def actor(database: Database, noon: datetime) -> Actor:
    user = database.write(
        lambda c: people.add_user(c, "a@lab", "A", is_admin=True, created_on=noon)
    )
    return Actor(user, door="tests")


@pytest.fixture
def written(database: Database, actor: Actor, noon: datetime) -> audit.Entry:
    database.write(
        lambda c: audit.record(
            c, actor, "create", "user", 1, happened_on=noon, study_id=7, after=actor.user
        )
    )
    return database.read(audit.entries)[0]


def test_entry_says_who_what_when_and_by_which_door(
    written: audit.Entry, actor: Actor, noon: datetime
) -> None:
    assert (written.user_id, written.email, written.token_id) == (actor.user.id, "a@lab", None)
    assert (written.verb, written.kind, written.thing_id) == ("create", "user", 1)
    assert (written.door, written.happened_on, written.study_id) == ("tests", noon, 7)
    assert written.before is None
    assert '"email":"a@lab"' in (written.after or "")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET email = 'b@lab'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "INSERT OR IGNORE INTO audit SELECT * FROM audit",
        "UPDATE OR REPLACE audit SET id = id + 1",
    ],
)
def test_entry_is_never_changed(database: Database, written: audit.Entry, statement: str) -> None:
    def change(connection: Connection) -> None:
        connection.execute(statement)

    with pytest.raises(IntegrityError, match="only ever added to"):
        database.write(change)
    assert database.read(audit.entries) == [written]


def test_entries_are_in_the_order_of_what_happened_whatever_the_clock_says(
    database: Database, actor: Actor, noon: datetime
) -> None:
    for number, when in enumerate([noon, noon - timedelta(days=3650), noon + timedelta(hours=1)]):
        database.write(
            lambda c, n=number, w=when: audit.record(c, actor, "change", "user", n, happened_on=w)
        )
    assert [entry.thing_id for entry in database.read(audit.entries)] == [0, 1, 2]


def test_entries_can_be_those_of_a_study_and_those_after_another(
    database: Database, actor: Actor, written: audit.Entry, noon: datetime
) -> None:
    database.write(lambda c: audit.record(c, actor, "remove", "user", 1, happened_on=noon))
    assert database.read(lambda c: audit.entries(c, study_id=7)) == [written]
    later = database.read(lambda c: audit.entries(c, after=written.id))
    assert [entry.verb for entry in later] == ["remove"]
