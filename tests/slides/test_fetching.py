"""Many reads become few requests, everybody gets exactly their bytes, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from looping import run_in_loop
from waiting import wait_until

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import SlideChanged, SourceTimeout
from wsi_lab.model.source import Source
from wsi_lab.slides import fetching
from wsi_lab.slides.fetching import JOINED_BYTES, JOINED_GAP, Fetcher
from wsi_lab.slides.stores import ObjectFacts, StoreLimits, open_store

SIZE = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    (folder / "a.svs").write_bytes(random.Random(2).randbytes(SIZE))
    (folder / "b.svs").write_bytes(random.Random(3).randbytes(50_000))
    return folder


@pytest.fixture
def content(folder: Path) -> bytes:
    return (folder / "a.svs").read_bytes()


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectServer]:
    with ObjectServer(folder) as server:
        yield server


@pytest.fixture
def fetcher(objects: ObjectServer) -> Iterator[Fetcher]:
    limits = StoreLimits(silence_seconds=20, call_seconds=40, first_wait_seconds=0.01)
    fetcher = Fetcher(open_store(Source.at(f"{objects.url}/slides"), limits))
    yield fetcher
    fetcher.close()


@pytest.fixture
def facts(fetcher: Fetcher, objects: ObjectServer) -> ObjectFacts:
    facts = fetcher.store.facts("a.svs")
    objects.take_log()
    return facts


class Held:
    """A store whose reads wait until they are let go. Reads give zeros."""

    source = Source.at("s3://held")

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reads: list[tuple[str, int, int, float | None]] = []
        self.error: BaseException | None = None

    def read(
        self, key: str, offset: int, size: int, _facts: ObjectFacts, *, within: float | None = None
    ) -> bytes:
        self.reads.append((key, offset, size, within))
        assert self.go.wait(60)
        if self.error is not None:
            raise self.error
        return bytes(size)

    def close(self) -> None:
        self.go.set()


FACTS = ObjectFacts(SIZE, '"e"')


@contextmanager
def held(threads: int = 2) -> Iterator[tuple[Held, Fetcher]]:
    store = Held()
    fetcher = Fetcher(store, threads=threads)  # type: ignore[arg-type]
    try:
        yield store, fetcher
    finally:
        store.go.set()
        fetcher.close()


def test_a_read_is_one_request_for_just_that(
    fetcher: Fetcher, facts: ObjectFacts, objects: ObjectServer, content: bytes
) -> None:
    assert fetcher.read("a.svs", 7, 100, facts) == content[7:107]
    assert [each.range for each in objects.take_log()] == ["bytes=7-106"]


def test_neighbours_are_fetched_together_and_others_apart(
    fetcher: Fetcher, facts: ObjectFacts, objects: ObjectServer, content: bytes
) -> None:
    ranges = [
        (10_000, 500),
        (0, 100),
        (100, 50),
        (150 + JOINED_GAP - 6_000, 10),
        (1_000_000, 10),
        (1_000_010 + JOINED_GAP + 1, 10),
        (1_000_000, 10),
        (1_000_002, 4),
        (SIZE - 1, 1),
    ]
    assert fetcher.read_several("a.svs", ranges, facts) == [
        content[offset : offset + size] for offset, size in ranges
    ]
    assert len(objects.take_log()) == 4


def test_a_joined_request_has_a_size(
    fetcher: Fetcher, facts: ObjectFacts, objects: ObjectServer, content: bytes
) -> None:
    ranges = [(offset, 500_000) for offset in range(0, SIZE - 500_000, 500_000)]
    assert fetcher.read_several("a.svs", ranges, facts) == [
        content[offset : offset + size] for offset, size in ranges
    ]
    sizes = [each.sent for each in objects.take_log()]
    assert max(sizes) <= JOINED_BYTES
    assert len(sizes) == 2


def test_a_single_piece_may_be_larger(fetcher: Fetcher, facts: ObjectFacts, content: bytes) -> None:
    assert fetcher.read("a.svs", 0, SIZE, facts) == content


def test_nothing_and_no_bytes_are_given_without_a_request(
    fetcher: Fetcher, facts: ObjectFacts, objects: ObjectServer
) -> None:
    assert fetcher.read_several("a.svs", [], facts) == []
    assert fetcher.read("a.svs", 5, 0, facts) == b""
    assert objects.take_log() == []


@pytest.mark.usefixtures("whole_views")
def test_a_view_of_tiles_asked_for_one_by_one_is_few_requests(
    fetcher: Fetcher,
    facts: ObjectFacts,
    objects: ObjectServer,
    content: bytes,
) -> None:
    # Seven tiles in each of five rows that lie far apart in the file.
    places = [
        (row * 1_000_000 + column * 12_000, 11_000) for row in range(5) for column in range(7)
    ]
    random.Random(4).shuffle(places)
    futures = [fetcher.read_soon("a.svs", offset, size, facts) for offset, size in places]
    assert [future.result(60) for future in futures] == [
        content[offset : offset + size] for offset, size in places
    ]
    assert len(objects.take_log()) <= 6


def test_what_is_asked_for_in_different_threads_and_objects_keeps_apart(
    fetcher: Fetcher, facts: ObjectFacts, objects: ObjectServer, folder: Path, content: bytes
) -> None:
    other = (folder / "b.svs").read_bytes()
    other_facts = fetcher.store.facts("b.svs")

    def ask(number: int) -> bool:
        offset = number * 100
        one = fetcher.read_soon("a.svs", offset, 60, facts)
        two = fetcher.read_soon("b.svs", offset, 70, other_facts)
        return (one.result(60), two.result(60)) == (
            content[offset : offset + 60],
            other[offset : offset + 70],
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(200)))


def test_equal_reads_on_their_way_share_a_request() -> None:
    with held() as (store, fetcher), ThreadPoolExecutor(4) as threads:
        soon = [fetcher.read_soon("a", 0, 10, FACTS) for _ in range(3)]
        wait_until(lambda: len(store.reads) == 1)
        late = [threads.submit(fetcher.read, "a", 0, 10, FACTS) for _ in range(3)]
        other = threads.submit(fetcher.read, "a", 0, 10, ObjectFacts(SIZE, '"other"'))
        wait_until(lambda: len(store.reads) == 2)
        store.go.set()
        assert {each.result(60) for each in (*soon, *late, other)} == {bytes(10)}
        assert len(store.reads) == 2
        assert fetcher.read("a", 0, 10, FACTS) == bytes(10)
        assert len(store.reads) == 3, "nothing is remembered after it has arrived"


def test_an_error_reaches_everybody_as_an_error_of_their_own() -> None:
    with held() as (store, fetcher):
        store.error = SlideChanged("It is another.", now=3)
        futures = [fetcher.read_soon("a", offset, 10, FACTS) for offset in (0, 10, 20, 0)]
        store.go.set()
        errors = [future.exception(60) for future in futures]
        assert all(isinstance(error, SlideChanged) for error in errors)
        assert len({id(error) for error in errors}) == 3
        assert errors[0].details == {"now": 3}
        with pytest.raises(SlideChanged):
            fetcher.read_several("a", [(0, 5), (10**6, 5), (2 * 10**6, 5)], FACTS)


def test_an_error_of_one_request_is_none_of_the_others(
    fetcher: Fetcher, facts: ObjectFacts, objects: ObjectServer, content: bytes
) -> None:
    # All are asked for before any is answered, so that equal ones share an answer.
    objects.latency = 0.3
    refusal = Trouble(Fault.STATUS, times=1, status=403)
    with objects.in_trouble(refusal):
        futures = [fetcher.read_soon("a.svs", offset, 10, facts) for offset in (0, 10**6, 10**6)]
        failed = [future.exception(60) is not None for future in futures]
    assert failed[1] == failed[2]
    assert failed[0] != failed[1]


def test_a_failure_nobody_foresaw_is_handed_on_and_leaves_the_threads_alive() -> None:
    with held(threads=1) as (store, fetcher):
        store.go.set()
        store.error = ZeroDivisionError()
        assert isinstance(fetcher.read_soon("a", 0, 1, FACTS).exception(60), ZeroDivisionError)
        store.error = None
        assert fetcher.read_soon("a", 0, 1, FACTS).result(60) == b"\0"


def test_a_wait_that_is_given_up_takes_nothing_from_others() -> None:
    async def give_up() -> None:
        with held() as (store, fetcher):
            one = fetcher.read_soon("a", 0, 10, FACTS)
            two = fetcher.read_soon("a", 0, 10, FACTS)
            given_up = asyncio.wrap_future(one)
            await asyncio.sleep(0)
            given_up.cancel()
            store.go.set()
            assert await asyncio.wrap_future(two) == bytes(10)

    run_in_loop(give_up())


def test_who_waits_behind_a_store_that_hangs_has_less_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", 20.0)
    with held(threads=1) as (store, fetcher):
        first = fetcher.read_soon("a", 0, 10, FACTS)
        wait_until(lambda: len(store.reads) == 1)
        second = fetcher.read_soon("b", 0, 10, FACTS)
        started = time.monotonic()
        wait_until(lambda: time.monotonic() - started > 0.2)
        store.go.set()
        assert (first.result(60), second.result(60)) == (bytes(10), bytes(10))
        within = [read[3] for read in store.reads]
        assert 10 < within[0] <= 20
        assert 0 < within[1] <= 19.8


def test_all_futures_of_a_hanging_store_fail_in_time(
    fetcher: Fetcher,
    facts: ObjectFacts,
    objects: ObjectServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.5)
    with objects.in_trouble(Trouble(Fault.STALL)):
        started = time.monotonic()
        futures = [fetcher.read_soon("a.svs", n * 100_000, 10, facts) for n in range(40)]
        assert all(isinstance(each.exception(60), SourceTimeout) for each in futures)
        # A call may take twenty seconds, and those of 40 pieces go in three rounds.
        assert time.monotonic() - started < 10


def fetch_threads() -> int:
    return sum(thread.name == "fetch" for thread in threading.enumerate())


def test_no_more_requests_than_threads_go_on_at_once() -> None:
    before = fetch_threads()
    with held(threads=3) as (store, fetcher):
        futures = [fetcher.read_soon(f"k{number}", 0, 1, FACTS) for number in range(20)]
        wait_until(lambda: len(store.reads) == 3)
        store.go.set()
        assert all(future.result(60) == b"\0" for future in futures)
        assert fetch_threads() <= before + 3


def test_reading_after_closing_fails_and_what_goes_on_ends_well() -> None:
    with held() as (store, fetcher):
        future = fetcher.read_soon("a", 0, 1, FACTS)
        wait_until(lambda: len(store.reads) == 1)
        fetcher.close()
        assert future.result(60) == b"\0"
        for ask in (fetcher.read, fetcher.read_soon):
            with pytest.raises(ValueError, match="closed"):
                ask("a", 0, 1, FACTS)
        fetcher.close()


def test_threads_end_with_the_fetcher() -> None:
    before = fetch_threads()
    with held(threads=4) as (store, fetcher):
        store.go.set()
        for number in range(50):
            fetcher.read_soon(f"k{number}", 0, 1, FACTS).result(60)
    wait_until(lambda: fetch_threads() <= before)


HANGS = """
import sys
from wsi_lab.model.source import Source
from wsi_lab.slides import fetching
from wsi_lab.slides.stores import ObjectFacts, StoreLimits, Stores
# Longer than its end is waited for.
fetching.MOST_SECONDS = 300.0
stores = Stores([Source.at(sys.argv[1])], StoreLimits(300.0, 300.0, 300.0))
fetcher, key = stores.for_address(sys.argv[1] + "/a.svs")
facts = fetcher.store.facts(key)
print("seen", flush=True)
sys.stdin.readline()
waiting = [fetcher.read_soon(key, n * 100_000, 10, facts) for n in range(20)]
if sys.argv[2] == "close":
    stores.close()
"""


@pytest.mark.parametrize("close", ["close", "leave"])
def test_a_program_ends_while_a_store_hangs(objects: ObjectServer, close: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HANGS, f"{objects.url}/slides", close],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "seen\n"
    with objects.in_trouble(Trouble(Fault.STALL)):
        _, errors = process.communicate("\n", timeout=60)
    assert (process.returncode, errors) == (0, "")
