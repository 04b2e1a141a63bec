from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wsi_lab.errors import HomeUnusable
from wsi_lab.store.connection import Connection, SqliteError, open_writer
from wsi_lab.store.db import Database
from wsi_lab.store.migrations import applied, migrate
from wsi_lab.store.steps import STEPS, Step

FIRST = Step("first", ("CREATE TABLE one (a)", "INSERT INTO one VALUES (1)"))
SECOND = Step("second", ("CREATE TABLE two (a)",))


@pytest.fixture
def connection(tmp_path: Path):
    (tmp_path / "x").touch()
    connection = open_writer(tmp_path / "x")
    yield connection
    connection.close()


def tables(connection: Connection) -> set[str]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {name for (name,) in found if not name.startswith("sqlite_")}


def test_steps_run_once_each(connection: Connection) -> None:
    migrate(connection, [FIRST])
    migrate(connection, [FIRST, SECOND])
    migrate(connection, [FIRST, SECOND])
    assert applied(connection) == {"first", "second"}
    assert connection.execute("SELECT count(*) FROM one").fetchone()[0] == 1


def test_step_that_fails_leaves_nothing_of_itself(connection: Connection) -> None:
    bad = Step("bad", ("CREATE TABLE half (a)", "CREATE TABLE half (a)"))
    with pytest.raises(SqliteError):
        migrate(connection, [FIRST, bad])
    assert applied(connection) == {"first"}
    assert tables(connection) == {"_sqlite_migrations", "one"}
    assert not connection.in_transaction


def test_asking_what_is_applied_writes_nothing(connection: Connection) -> None:
    assert applied(connection) == frozenset()
    assert tables(connection) == set()


def test_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    Database(path).close()
    newer = open_writer(path)
    migrate(newer, [*STEPS, Step("of-the-future", ("CREATE TABLE future (a)",))])
    newer.close()
    before = path.read_bytes()
    with pytest.raises(HomeUnusable, match=r"newer wsi-lab.*of-the-future"):
        Database(path)
    assert path.read_bytes() == before


def test_names_of_steps_are_unique() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_many_may_open_a_new_home_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(6)

    def open_it(_: int) -> frozenset[str]:
        together.wait(10)
        database = Database(tmp_path / "lab.sqlite3")
        found = database.read(applied)
        database.close()
        return found

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(open_it, range(6))) == {frozenset(step.name for step in STEPS)}
