from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wsi_lab.errors import Conflict, HomeUnusable
from wsi_lab.store.backup import copy_database
from wsi_lab.store.connection import Connection, open_plain
from wsi_lab.store.db import Database


def put(name: str):
    def change(connection: Connection) -> None:
        connection.execute("INSERT INTO secrets (name, value) VALUES (?, x'00')", (name,))

    return change


def names(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM secrets ORDER BY name")]


def test_backup_is_a_whole_database_of_one_moment(database: Database, tmp_path: Path) -> None:
    for number in range(20):
        database.write(put(str(number)))
    database.backup(tmp_path / "copy.sqlite3")
    database.write(put("later"))
    assert stat.S_IMODE((tmp_path / "copy.sqlite3").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == [
        "copy.sqlite3"
    ]
    copy = Database(tmp_path / "copy.sqlite3")
    assert len(copy.read(names)) == 20
    copy.close()


def test_backup_under_load_is_consistent(database: Database, tmp_path: Path) -> None:
    stop = threading.Event()

    def write_pairs() -> None:
        number = 0
        while not stop.is_set():
            number += 1

            def pair(connection: Connection, number: int = number) -> None:
                put(f"left-{number}")(connection)
                put(f"right-{number}")(connection)

            database.write(pair)

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(write_pairs)
        for round_ in range(5):
            database.backup(tmp_path / f"{round_}.sqlite3")
        stop.set()
        writing.result()
    for round_ in range(5):
        copy = Database(tmp_path / f"{round_}.sqlite3")
        found = copy.read(names)
        copy.close()
        assert sum(name.startswith("left") for name in found) * 2 == len(found)


def test_backup_never_replaces_a_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(Conflict):
        database.backup(tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"


def test_backup_that_cannot_be_written_leaves_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable) as refused:
        database.backup(tmp_path / "missing" / "copy")
    assert str(tmp_path) not in str(refused.value)
    assert not (tmp_path / "missing").exists()


def test_copy_of_what_is_no_database_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    other = open_plain(tmp_path / "theirs", busy_seconds=1)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    (tmp_path / "empty").touch()
    for name in ("text", "theirs", "missing", "empty"):
        with pytest.raises(HomeUnusable):
            copy_database(tmp_path / name, tmp_path / "copy")
    assert not [path.name for path in tmp_path.iterdir() if "copy" in path.name]


def test_two_copies_to_one_name_are_one_copy(database: Database, tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def copy(_: int) -> bool:
        together.wait(10)
        try:
            database.backup(tmp_path / "copy")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(copy, range(4))) == 1
