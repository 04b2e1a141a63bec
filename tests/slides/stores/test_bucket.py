"""Google's and Microsoft's stores, as far as a server that speaks a little of both can tell."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import (
    Invalid,
    SlideChanged,
    SlideMissing,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
)
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import ObjectFacts, ObjectStore, StoreLimits, open_store


@pytest.fixture(params=["gs", "az"])
def store(
    request: pytest.FixtureRequest, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch, opened
) -> ObjectStore:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "lab")
    return opened(Source.at(f"{request.param}://slides", endpoint=objects.url, anonymous=True))


@pytest.fixture
def facts(store: ObjectStore) -> ObjectFacts:
    return store.facts("a.svs")


def test_head_and_facts_and_read_agree(store: ObjectStore, content: bytes) -> None:
    data, facts = store.head("a.svs", 1000)
    assert data == content[:1000]
    assert facts == store.facts("a.svs")
    assert store.read("a.svs", 50_000, 100, facts) == content[50_000:50_100]


def test_an_empty_object_is_one_of_no_bytes(store: ObjectStore, folder: Path) -> None:
    (folder / "empty.svs").write_bytes(b"")
    data, facts = store.head("empty.svs", 100)
    assert (data, facts.size) == (b"", 0)


def test_nothing_with_that_key_is_missing(store: ObjectStore, objects: ObjectServer) -> None:
    with pytest.raises(SlideMissing):
        store.head("absent.svs", 100)
    objects.take_log()
    for key in ("../a.svs", "/a.svs", "a//b.svs", "a.svs/", "a\x01.svs", ""):
        with pytest.raises(SlideMissing):
            store.facts(key)
    assert objects.take_log() == []


@pytest.mark.parametrize("fault", [Fault.OTHER_ETAG, Fault.DEAF])
def test_another_version_is_never_read(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, fault: Fault
) -> None:
    with objects.in_trouble(Trouble(fault)), pytest.raises(SlideChanged):
        store.read("a.svs", 0, 100, facts)


@pytest.mark.parametrize(
    "fault",
    [
        Trouble(Fault.STATUS, times=2),
        Trouble(Fault.DIE, times=1),
        Trouble(Fault.SHORT, times=1),
        Trouble(Fault.LENGTH, times=1),
    ],
    ids=lambda trouble: str(trouble.fault),
)
def test_what_goes_wrong_a_few_times_is_tried_again(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, content: bytes, fault: Trouble
) -> None:
    with objects.in_trouble(fault):
        assert store.read("a.svs", 1000, 100, facts) == content[1000:1100]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Trouble(Fault.STALL), SourceTimeout),
        (Trouble(Fault.SLOW), SourceTimeout),
        (Trouble(Fault.DIE), SourceUnavailable),
        (Trouble(Fault.STATUS), SourceUnavailable),
        (Trouble(Fault.SHORT), SourceUnavailable),
        (Trouble(Fault.SHIFTED), SourceUnavailable),
        (Trouble(Fault.STATUS, status=403), SourceRefused),
        (Trouble(Fault.STATUS, status=400), SourceRefused),
    ],
    ids=lambda what: str(getattr(what, "fault", what)),
)
def test_what_always_goes_wrong_ends_in_time(
    store: ObjectStore,
    facts: ObjectFacts,
    objects: ObjectServer,
    limits: StoreLimits,
    fault: Trouble,
    error: type[Exception],
) -> None:
    started = time.monotonic()
    with objects.in_trouble(fault), pytest.raises(error) as caught:
        store.read("a.svs", 1000, 100, facts)
    assert time.monotonic() - started < limits.call_seconds + 1.5
    assert str(objects.port) not in str(caught.value)


def test_keys_of_google_come_in_order(opened, objects: ObjectServer, folder: Path) -> None:
    for name in ("b.svs", "b/a+ü %.svs", "b/z.svs", "c.svs"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    objects.page_keys = 2
    store = opened(Source.at("gs://slides", endpoint=objects.url, anonymous=True))
    assert list(store.keys()) == ["a.svs", "b.svs", "b/a+ü %.svs", "b/z.svs", "c.svs"]
    assert list(store.keys(prefix="b/")) == ["b/a+ü %.svs", "b/z.svs"]
    assert list(store.keys(prefix="b", after="b.svs")) == ["b/a+ü %.svs", "b/z.svs"]
    below = opened(Source.at("gs://slides/b", endpoint=objects.url, anonymous=True))
    assert list(below.keys()) == ["a+ü %.svs", "z.svs"]
    assert below.head("z.svs", 5)[0] == b"x"


def test_settings_that_are_not_complete_are_said_at_once(limits: StoreLimits) -> None:
    with pytest.raises(Invalid, match="not complete"):
        open_store(Source.at("az://slides"), limits)
