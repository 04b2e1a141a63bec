"""What is compared at an object store: ways to read, and the figures that come out."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench import object_readers, objects
from bench.blocks import BLOCK_BYTES, KEPT_BLOCKS, BlockSource
from bench.object_readers import (
    BLOCKS,
    FIRST,
    INDEXED,
    LIMIT,
    NEVER_SEEN,
    READERS,
    REOPENED,
    VIEW,
    NotTheTile,
    Place,
)
from bench.object_server import ObjectServer
from bench.report import Verdict
from bench.stored import StoredTiles

Fetched = list[tuple[int, int]]


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def stored(demo_slide: Path) -> Iterator[StoredTiles]:
    found = StoredTiles(demo_slide)
    yield found
    found.close()


@pytest.fixture
def place(
    demo_slide: Path, stored: StoredTiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    for name, value in object_readers.ACCESS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "bucket").mkdir()
    shutil.copy(demo_slide, tmp_path / "bucket")
    with ObjectServer(tmp_path / "bucket") as server:
        yield Place(server.url, demo_slide.name, stored, tmp_path / "indexes.sqlite3")


def blocks_of(data: bytes) -> tuple[BlockSource, Fetched]:
    fetched: Fetched = []

    def fetch(offset: int, size: int) -> bytes:
        fetched.append((offset, size))
        return data[offset : offset + size]

    return BlockSource(fetch, len(data)), fetched


def test_a_read_fetches_the_blocks_it_touches_one_after_another_and_once():
    data = os.urandom(3 * BLOCK_BYTES + 100)
    source, fetched = blocks_of(data)
    assert source.read(BLOCK_BYTES - 5, 10) == data[BLOCK_BYTES - 5 : BLOCK_BYTES + 5]
    assert source.read_several([(7, 3), (len(data) - 9, 9)]) == [data[7:10], data[-9:]]
    assert fetched == [(0, BLOCK_BYTES), (BLOCK_BYTES, BLOCK_BYTES), (3 * BLOCK_BYTES, 100)]


def test_the_block_fetched_first_is_forgotten_first():
    data = bytes(BLOCK_BYTES * (KEPT_BLOCKS + 1))
    source, fetched = blocks_of(data)
    for number in range(KEPT_BLOCKS + 1):
        source.read(number * BLOCK_BYTES, 1)
    source.read(BLOCK_BYTES, 1)
    assert len(fetched) == KEPT_BLOCKS + 1
    source.read(0, 1)
    assert fetched[-1] == (0, BLOCK_BYTES)
    assert len(fetched) == KEPT_BLOCKS + 2


def test_many_who_need_the_same_block_wait_for_one_fetch():
    asked, go_on = threading.Semaphore(0), threading.Event()
    fetched: Fetched = []

    def fetch(offset: int, size: int) -> bytes:
        fetched.append((offset, size))
        go_on.wait(10)
        return bytes(size)

    source = BlockSource(fetch, BLOCK_BYTES)

    def read(position: int) -> bytes:
        asked.release()
        return source.read(position, 1)

    with ThreadPoolExecutor(5) as threads:
        reads = [threads.submit(read, position) for position in range(5)]
        for _ in reads:
            assert asked.acquire(timeout=10)
        go_on.set()
        assert [each.result(10) for each in reads] == [b"\0"] * 5
    assert fetched == [(0, BLOCK_BYTES)]


def test_a_block_that_could_not_be_fetched_is_tried_again():
    answers = iter([OSError("gone"), bytes(10)])

    def fetch(_offset: int, _size: int) -> bytes:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    source = BlockSource(fetch, 10)
    with pytest.raises(OSError, match="gone"):
        source.read(0, 1)
    assert source.read(0, 10) == bytes(10)


def test_a_view_is_a_screen_of_neighbours_of_the_full_resolution(stored: StoredTiles):
    tiles = object_readers.view(stored)
    assert len(set(tiles)) == 35
    assert {tile.level for tile in tiles} == {0}
    columns, rows = {tile.column for tile in tiles}, {tile.row for tile in tiles}
    assert (max(columns) - min(columns), max(rows) - min(rows)) == (6, 4)
    assert tiles == tuple(sorted(tiles, key=lambda tile: (tile.row, tile.column)))


@pytest.mark.parametrize("name", READERS)
def test_every_reader_brings_the_stored_bytes_and_is_counted(name: str, place: Place):
    figures = object_readers.steps(name, place)
    assert list(figures) == [FIRST, REOPENED, VIEW]
    for step in figures.values():
        assert set(step) == {"ms", "cpu_ms", "requests", "kb"}
        assert step["ms"] > 0


def test_the_limit_is_exactly_the_ranges_of_the_tiles(place: Place):
    figures = object_readers.steps(LIMIT, place)
    (tile,) = object_readers.first_tile(place.stored)
    level = place.stored.levels[tile.level]
    assert figures[FIRST]["requests"] == 1
    assert figures[FIRST]["kb"] * 1000 == level.counts[tile.row * level.columns + tile.column]
    assert figures[VIEW]["requests"] == object_readers.VIEW_ROWS


def test_a_slide_that_was_seen_once_takes_one_request(place: Place):
    assert object_readers.steps(NEVER_SEEN, place)[FIRST]["requests"] > 1
    assert object_readers.steps(INDEXED, place)[FIRST]["requests"] == 1


def test_blocks_remember_nothing_and_come_whole(place: Place):
    figures = object_readers.steps(BLOCKS, place)
    assert figures[FIRST]["requests"] == figures[REOPENED]["requests"] > 1
    assert figures[FIRST]["kb"] >= BLOCK_BYTES / 1000


def test_other_bytes_than_the_file_holds_are_no_measurement(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    bucket = Path(place.indexes).parent / "bucket"
    damaged = bytearray((bucket / place.key).read_bytes())
    (tile,) = object_readers.first_tile(place.stored)
    level = place.stored.levels[tile.level]
    piece = tile.row * level.columns + tile.column
    damaged[level.offsets[piece] + level.counts[piece] - 10] ^= 1
    (bucket / place.key).write_bytes(damaged)
    with pytest.raises(NotTheTile):
        object_readers.steps(LIMIT, place)


def test_a_slide_is_measured_at_every_distance_in_processes_of_their_own(demo_slide: Path):
    case = objects.Case("demo", demo_slide, directories=4)
    findings = objects.measure([case], objects.Effort(rounds=1, latencies=(0, 2)), quiet)
    assert findings.failures == []
    assert [[row[0] for row in table.rows] for table in findings.tables] == [list(READERS)] * 3
    assert all(goal.verdict is not Verdict.UNKNOWN for goal in findings.goals)
    assert findings.rounds["demo, first, 2 ms: " + LIMIT][0]["ms"] >= 2


def test_a_reader_that_fails_is_reported_with_its_last_words(tmp_path: Path):
    (tmp_path / "no-slide.tif").write_bytes(b"no slide")
    case = objects.Case("none", tmp_path / "no-slide.tif", directories=4)
    findings = objects.measure([case], objects.Effort(rounds=1), quiet)
    assert len(findings.failures) == 1
    assert findings.failures[0].startswith(f"none: {NEVER_SEEN}: tifffile")
