from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wsi_lab.errors import Busy, HomeUnusable
from wsi_lab.store.connection import Connection, SqliteError, open_plain, open_writer
from wsi_lab.store.db import Database


def put(name: str) -> object:
    def change(connection: Connection) -> str:
        connection.execute("INSERT INTO secrets (name, value) VALUES (?, x'00')", (name,))
        return name

    return change


def fail(connection: Connection) -> None:
    connection.execute("INSERT INTO secrets (name, value) VALUES ('half', x'00')")
    raise LookupError("no")


def names(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM secrets ORDER BY name")]


def test_what_is_written_is_read(database: Database) -> None:
    assert database.write(put("a")) == "a"
    assert database.read(names) == ["a"]


def test_database_file_is_for_its_owner_only(database: Database) -> None:
    database.write(put("a"))
    for path in database.path.parent.glob("lab.sqlite3*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_failed_change_leaves_nothing_and_tells_why(database: Database) -> None:
    with pytest.raises(LookupError, match="no"):
        database.write(fail)
    with pytest.raises(LookupError, match="no"):
        database.submit(fail).result()
    assert database.read(names) == []


def test_failed_change_takes_no_other_of_its_group_with_it(database: Database) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    first = database.submit(hold)
    assert begun.wait(10)
    queued = [database.submit(put("a")), database.submit(fail), database.submit(put("b"))]
    gate.set()
    assert [first.result(), queued[0].result(), queued[2].result()] == [None, "a", "b"]
    with pytest.raises(LookupError):
        queued[1].result()
    assert database.read(names) == ["a", "b"]


def test_waiting_changes_share_one_commit(database: Database) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    before = database.generation()
    first = database.submit(hold)
    assert begun.wait(10)
    queued = [database.submit(put(str(number))) for number in range(50)]
    gate.set()
    for future in [first, *queued]:
        future.result()
    assert database.generation() == before + 1
    assert len(database.read(names)) == 50


def test_future_is_resolved_only_after_the_commit(database: Database) -> None:
    seen: list[bool] = []
    gate, begun = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    database.submit(hold)
    assert begun.wait(10)
    early = database.submit(put("early"))

    def look(connection: Connection) -> None:
        seen.append(early.done())

    late = database.submit(look)
    gate.set()
    late.result()
    assert seen == [False]
    assert early.result() == "early"


def test_cancelled_change_is_not_run(database: Database) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    first = database.submit(hold)
    assert begun.wait(10)
    unwanted = database.submit(put("unwanted"))
    assert unwanted.cancel()
    gate.set()
    first.result()
    assert database.write(put("a")) == "a"
    assert database.read(names) == ["a"]


def test_change_that_ends_its_transaction_is_refused(database: Database) -> None:
    def change(connection: Connection) -> None:
        connection.execute("COMMIT")

    with pytest.raises(RuntimeError, match="may not end"):
        database.write(change)
    assert database.write(put("a")) == "a"


def test_change_that_waits_for_a_change_is_refused(database: Database) -> None:
    def outer(connection: Connection) -> None:
        database.write(put("inner"))

    with pytest.raises(RuntimeError, match="wait for ever"):
        database.write(outer)
    with pytest.raises(RuntimeError, match="wait for ever"):
        database.submit(outer).result()


def test_query_sees_one_moment(database: Database) -> None:
    def query(connection: Connection) -> tuple[int, int]:
        before = len(names(connection))
        database.write(put("meanwhile"))
        return before, len(names(connection))

    assert database.read(query) == (0, 0)
    assert database.read(names) == ["meanwhile"]


def test_query_that_fails_does_not_spoil_the_next(database: Database) -> None:
    with pytest.raises(HomeUnusable):
        database.read(put("written"))
    with pytest.raises(SqliteError):
        database.read(lambda connection: connection.execute("SELEKT 1"))
    with pytest.raises(AttributeError):
        database.read(lambda connection: connection.no_such_thing)
    assert database.read(names) == []


def test_generation_tells_of_own_and_of_foreign_commits(database: Database) -> None:
    quiet = database.generation()
    database.read(names)
    assert database.generation() == quiet
    database.write(put("own"))
    own = database.generation()
    assert own != quiet
    other = Database(database.path)
    other.write(put("foreign"))
    other.close()
    assert database.generation() not in {quiet, own}


def test_generation_stays_where_nothing_was_changed(database: Database) -> None:
    before = database.generation()
    database.write(names)
    with pytest.raises(LookupError):
        database.write(fail)
    assert database.generation() == before


def test_generation_may_be_asked_from_many_threads(database: Database) -> None:
    def look(_: int) -> int:
        return max(database.generation() for _ in range(300))

    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(look, number) for number in range(8)]
        for number in range(20):
            database.write(put(str(number)))
        assert {isinstance(look.result(), int) for look in looks} == {True}


def test_eight_threads_lose_nothing(database: Database) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            database.write(put(f"{thread}-{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert set(database.read(names)) == {f"{t}-{n}" for t in range(8) for n in range(50)}


def test_database_that_stays_locked_is_busy(tmp_path: Path) -> None:
    database = Database(tmp_path / "lab.sqlite3", busy_seconds=0.05)
    other = open_writer(database.path)
    other.execute("BEGIN IMMEDIATE")
    futures = [database.submit(put(str(number))) for number in range(3)]
    for future in futures:
        with pytest.raises(Busy):
            future.result()
    with pytest.raises(Busy):
        database.write(put("x"))
    other.execute("ROLLBACK")
    other.close()
    assert database.write(put("y")) == "y"
    database.close()


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    database = Database(tmp_path / "lab.sqlite3")
    futures = [database.submit(put(str(number))) for number in range(200)]
    database.close()
    database.close()
    assert [future.result() for future in futures] == [str(number) for number in range(200)]
    assert not list(tmp_path.glob("*-wal"))
    with pytest.raises(RuntimeError, match="closed"):
        database.write(put("late"))
    with pytest.raises(RuntimeError, match="closed"):
        database.submit(put("late"))
    with pytest.raises(RuntimeError, match="closed"):
        database.read(names)


def test_opening_and_closing_leaks_no_descriptor(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def use() -> None:
        database = Database(tmp_path / "lab.sqlite3")
        database.write(put("a") if not database.read(names) else names)
        database.close()

    use()
    before = descriptors()
    for _ in range(50):
        use()
    assert descriptors() <= before + 2


@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_file_that_is_no_database_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lab.sqlite3"
    path.write_bytes(content)
    with pytest.raises(HomeUnusable) as refused:
        Database(path)
    assert path.read_bytes() == content
    assert str(tmp_path) not in str(refused.value)


def test_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "lab.sqlite3"
    other = open_plain(path, busy_seconds=1)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(HomeUnusable, match="not made by wsi-lab"):
        Database(path)
    assert path.read_bytes() == before
