from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wsi_lab.store.indexes import SlideIndexes


@pytest.fixture
def indexes(tmp_path: Path):
    indexes = SlideIndexes(tmp_path / "indexes.sqlite3", largest_total_bytes=1000)
    yield indexes
    indexes.close()


def test_what_is_put_is_got(indexes: SlideIndexes) -> None:
    assert indexes.get("a") is None
    indexes.put("a", b"\0one")
    indexes.put("a", b"\0two")
    assert indexes.get("a") == b"\0two"


def test_indexes_outlive_the_process(indexes: SlideIndexes, tmp_path: Path) -> None:
    indexes.put("a", b"1")
    indexes.close()
    assert indexes.get("a") == b"1"
    other = SlideIndexes(tmp_path / "indexes.sqlite3")
    assert other.get("a") == b"1"
    other.close()


def test_oldest_are_forgotten_first(indexes: SlideIndexes) -> None:
    for number in range(9):
        indexes.put(str(number), bytes(200))
    assert [str(number) for number in range(9) if indexes.get(str(number))] == list("45678")


def test_what_is_too_large_is_not_kept(indexes: SlideIndexes) -> None:
    indexes.put("small", bytes(100))
    indexes.put("large", bytes(251))
    assert indexes.get("large") is None
    assert indexes.get("small") == bytes(100)


@pytest.mark.parametrize(
    "damage", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "x").write_bytes(damage)
    indexes = SlideIndexes(tmp_path / "x")
    assert indexes.get("a") is None
    indexes.put("a", b"1")
    assert indexes.get("a") == b"1"
    indexes.close()


def test_place_that_cannot_be_written_is_only_a_pity(tmp_path: Path) -> None:
    indexes = SlideIndexes(tmp_path / "missing" / "x")
    indexes.put("a", b"1")
    assert indexes.get("a") is None
    indexes.close()


def test_two_processes_worth_of_users_share_the_file(tmp_path: Path) -> None:
    both = [SlideIndexes(tmp_path / "x") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: both[n % 2].put(str(n), str(n).encode()), range(60)))
    assert all(both[(n + 1) % 2].get(str(n)) == str(n).encode() for n in range(60))
    for indexes in both:
        indexes.close()
