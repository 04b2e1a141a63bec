from __future__ import annotations

from pathlib import Path

import pytest

from wsi_lab.errors import HomeUnusable
from wsi_lab.store.connection import (
    SqliteError,
    check_sqlite_version,
    in_words,
    open_plain,
    open_reader,
    open_writer,
)


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2), (2, 99, 99)])
def test_sqlite_that_can_damage_its_log_is_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(HomeUnusable, match=r"3\.51\.3"):
        check_sqlite_version(version)


def test_sqlite_in_use_is_new_enough() -> None:
    check_sqlite_version()
    check_sqlite_version((3, 51, 3))


def test_writer_flushes_every_commit(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    connection = open_writer(tmp_path / "x")
    settings = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
    }
    connection.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
    }


def test_reader_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    writer = open_writer(tmp_path / "x")
    writer.execute("CREATE TABLE t (a)")
    reader = open_reader(tmp_path / "x")
    with pytest.raises(SqliteError) as refused:
        reader.execute("INSERT INTO t VALUES (1)")
    assert isinstance(in_words(refused.value), HomeUnusable)
    reader.close()
    writer.close()


def test_path_with_signs_that_mean_something_in_an_address_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory#b%41 ü"
    path.touch()
    writer = open_writer(path)
    writer.execute("CREATE TABLE t (a)")
    writer.close()
    assert path.stat().st_size > 0


def test_database_that_refuses_a_log_is_refused(tmp_path: Path) -> None:
    # An in-memory database has no write-ahead log: the pragma is answered with "memory".
    connection = open_plain(Path(":memory:"), busy_seconds=0)
    assert connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "memory"
    connection.close()
    with pytest.raises(SqliteError):
        open_writer(tmp_path / "missing" / "x")


def test_mistake_of_ours_is_not_dressed_up() -> None:
    assert in_words(ValueError("no")) is None
    connection = open_plain(Path(":memory:"), busy_seconds=0)
    with pytest.raises(SqliteError) as wrong:
        connection.execute("SELEKT 1")
    connection.close()
    assert in_words(wrong.value) is None
