"""One version of one object: exact bytes, few questions, and an end when it is replaced."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import CutShort, SlideChanged, SlideMissing, SourceUnavailable
from wsi_lab.model.source import Source
from wsi_lab.slides import remote_source
from wsi_lab.slides.fetching import Fetcher
from wsi_lab.slides.remote_source import RemoteSource
from wsi_lab.slides.source import ByteSource
from wsi_lab.slides.stores import StoreLimits, open_store

HEAD = 4096


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.svs").write_bytes(random.Random(5).randbytes(200_000))
    return tmp_path


@pytest.fixture
def content(folder: Path) -> bytes:
    return (folder / "a.svs").read_bytes()


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectServer]:
    with ObjectServer(folder) as server:
        yield server


@pytest.fixture
def fetcher(objects: ObjectServer) -> Iterator[Fetcher]:
    limits = StoreLimits(silence_seconds=20.0, call_seconds=40.0, first_wait_seconds=0.01)
    fetcher = Fetcher(open_store(Source.at(f"{objects.url}/slides"), limits))
    yield fetcher
    fetcher.close()


@pytest.fixture
def source(fetcher: Fetcher, objects: ObjectServer) -> RemoteSource:
    head, facts = fetcher.store.head("a.svs", HEAD)
    objects.take_log()
    return RemoteSource(fetcher, "a.svs", facts, address="http://x/a.svs", head=head)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds go by at once."""
    passed = 0.0
    clock = remote_source.time.monotonic

    class Time:
        @staticmethod
        def monotonic() -> float:
            return clock() + passed

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(remote_source, "time", Time)
    return wait


def replace_object(folder: Path) -> None:
    (folder / "new").write_bytes(bytes(200_000))
    (folder / "new").replace(folder / "a.svs")


def test_it_is_a_byte_source(source: RemoteSource) -> None:
    as_such: ByteSource = source
    assert as_such.is_remote
    assert as_such.size == 200_000
    assert as_such.read_at_once(0, 1) is None


def test_all_ways_of_reading_give_the_same(source: RemoteSource, content: bytes) -> None:
    ranges = [(0, 10), (HEAD - 5, 5), (HEAD - 5, 10), (100_000, 300), (199_999, 1), (5, 0)]
    expected = [content[offset : offset + size] for offset, size in ranges]
    assert [source.read(*each) for each in ranges] == expected
    assert source.read_several(ranges) == expected
    assert [source.read_soon(*each).result(60) for each in ranges] == expected
    assert source.read_several([]) == []


def test_bytes_of_the_head_are_not_asked_for_again(
    source: RemoteSource, objects: ObjectServer
) -> None:
    source.read(0, HEAD)
    source.read_several([(0, 5), (100, 50)])
    source.read_soon(7, 9).result(60)
    assert objects.take_log() == []
    source.read_several([(0, 5), (HEAD, 50)])
    assert [each.range for each in objects.take_log()] == [f"bytes={HEAD}-{HEAD + 49}"]


@pytest.mark.parametrize(("offset", "size"), [(199_999, 2), (1 << 40, 1), (-1, 4), (0, -1)])
def test_reading_past_the_end_is_damage_and_asks_nothing(
    source: RemoteSource, objects: ObjectServer, offset: int, size: int
) -> None:
    for read in (source.read, source.read_soon, lambda *each: source.read_several([each])):
        with pytest.raises(CutShort):
            read(offset, size)
    assert objects.take_log() == []


def test_what_was_just_read_is_unchanged_without_asking(
    source: RemoteSource, objects: ObjectServer, later: Callable[[float], None]
) -> None:
    assert source.unchanged(wait=False)
    for read in (
        lambda: source.read(HEAD, 10),
        lambda: source.read_several([(HEAD, 10)]),
        lambda: source.read_soon(HEAD, 10).result(60),
    ):
        later(100)
        assert not source.unchanged(wait=False)
        read()
        assert source.unchanged(wait=False)
    assert {each.method for each in objects.take_log()} == {"GET"}


def test_after_a_while_one_question_confirms_it(
    source: RemoteSource, objects: ObjectServer, later: Callable[[float], None]
) -> None:
    later(6)
    assert source.unchanged()
    assert source.unchanged()
    assert [each.method for each in objects.take_log()] == ["HEAD"]


def test_many_who_want_to_know_ask_once(
    source: RemoteSource, objects: ObjectServer, later: Callable[[float], None]
) -> None:
    later(remote_source.FRESH_SECONDS + 1)
    objects.latency = 0.05
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: source.unchanged(), range(8)))
    assert [asked.method for asked in objects.take_log()] == ["HEAD"]


def test_many_who_wait_for_a_store_that_does_not_answer_wait_for_one_question(
    source: RemoteSource,
    fetcher: Fetcher,
    objects: ObjectServer,
    later: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    later(remote_source.FRESH_SECONDS + 1)
    patient = fetcher.store._limits
    monkeypatch.setattr(fetcher.store, "_limits", replace(patient, call_seconds=2.0))

    def refusal(_: int) -> BaseException | None:
        with pytest.raises(SourceUnavailable) as refused:
            source.unchanged()
        return refused.value

    started = time.monotonic()
    with objects.in_trouble(Trouble(Fault.MUTE)), ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(refusal, range(8)))) == 1
    # One call takes two seconds; one after the other, it would be sixteen.
    assert time.monotonic() - started < 10
    monkeypatch.setattr(fetcher.store, "_limits", patient)
    assert source.unchanged()


def test_facts_alone_confirm_nothing(fetcher: Fetcher, objects: ObjectServer) -> None:
    facts = fetcher.store.facts("a.svs")
    objects.take_log()
    remembered = RemoteSource(fetcher, "a.svs", facts, address="x")
    assert not remembered.unchanged(wait=False)
    assert remembered.unchanged()
    assert len(objects.take_log()) == 1


@pytest.mark.parametrize("way", ["read", "several", "soon", "ask"])
def test_a_replaced_object_is_outdated_for_ever(
    source: RemoteSource, folder: Path, later: Callable[[float], None], way: str
) -> None:
    later(6)
    old = folder / "old"
    (folder / "a.svs").rename(old)
    replace_object(folder)
    if way == "ask":
        assert not source.unchanged()
    else:
        read = {
            "read": lambda: source.read(HEAD, 10),
            "several": lambda: source.read_several([(HEAD, 10), (HEAD + 100_000, 10)]),
            "soon": lambda: source.read_soon(HEAD, 10).result(60),
        }[way]
        with pytest.raises(SlideChanged):
            read()
    assert source.is_outdated
    old.replace(folder / "a.svs")
    assert not source.unchanged()


@pytest.mark.parametrize("way", ["read", "ask"])
def test_a_removed_object_is_outdated(
    source: RemoteSource, folder: Path, later: Callable[[float], None], way: str
) -> None:
    later(6)
    (folder / "a.svs").unlink()
    if way == "ask":
        assert not source.unchanged()
    else:
        with pytest.raises(SlideMissing):
            source.read(HEAD, 10)
    assert source.is_outdated


def test_a_store_that_does_not_answer_makes_nothing_outdated(
    source: RemoteSource, objects: ObjectServer, later: Callable[[float], None]
) -> None:
    later(6)
    with objects.in_trouble(Trouble(Fault.DIE)):
        with pytest.raises(SourceUnavailable):
            source.unchanged()
        with pytest.raises(SourceUnavailable):
            source.read(HEAD, 10)
    assert not source.is_outdated
    assert source.unchanged()


def test_a_closed_source_cannot_be_read(source: RemoteSource) -> None:
    source.close()
    source.close()
    for read in (source.read, source.read_soon):
        with pytest.raises(ValueError, match="closed"):
            read(0, 1)


def test_no_read_mixes_two_versions_while_an_object_is_swapped(
    fetcher: Fetcher, folder: Path
) -> None:
    """Blocks of the same byte: any mixture of versions shows."""
    for version in range(1, 30):
        (folder / "new").write_bytes(bytes([version]) * 200_000)
        (folder / "new").replace(folder / "a.svs")
        head, facts = fetcher.store.head("a.svs", 100)
        source = RemoteSource(fetcher, "a.svs", facts, address="x", head=head)
        futures = [source.read_soon(n * 30_000 + 100, 1000) for n in range(6)]
        (folder / "new").write_bytes(bytes([version + 100]) * 200_000)
        (folder / "new").replace(folder / "a.svs")
        for future in futures:
            error = future.exception(60)
            if error is None:
                assert set(future.result()) == {head[0]}
            else:
                assert isinstance(error, SlideChanged)
