from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wsi_lab.store.db import Database
from wsi_lab.store.keys import server_key


def test_server_key_is_made_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: server_key(database), range(16)))
    assert [len(key) for key in keys] == [32]
    again = Database(database.path)
    assert server_key(again) in keys
    again.close()


def test_two_labs_have_two_keys(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path / "other.sqlite3")
    assert server_key(other) != server_key(database)
    other.close()
