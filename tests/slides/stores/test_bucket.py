"""Google's and Microsoft's stores, as far as a server that speaks a little of both can tell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import wsi_lab.slides.stores.bucket
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
    hasty: ObjectStore,
    facts: ObjectFacts,
    objects: ObjectServer,
    hasty_limits: StoreLimits,
    fault: Trouble,
    error: type[Exception],
) -> None:
    asked = hasty if error is SourceTimeout else store
    started = time.monotonic()
    with objects.in_trouble(fault), pytest.raises(error) as caught:
        asked.read("a.svs", 1000, 100, facts)
    # With much time for a busy machine: to go on to the end of an answer takes longer.
    assert time.monotonic() - started < hasty_limits.call_seconds + 7
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


@pytest.fixture
def google(opened, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store that asks for two keys at a time."""
    monkeypatch.setattr(wsi_lab.slides.stores.bucket, "_PAGE_KEYS", 2)
    objects.page_keys = 2
    return opened(Source.at("gs://slides", endpoint=objects.url, anonymous=True))


def test_a_list_begins_before_its_prefix_and_ends_behind_it(
    google: ObjectStore, objects: ObjectServer, folder: Path
) -> None:
    for number in range(40):
        for letter in "bz":
            (folder / f"{letter}{number:02}.svs").write_bytes(b"x")
    (folder / "m.svs").write_bytes(b"x")
    for prefix, found in (("m", ["m.svs"]), ("n", []), ("b39", ["b39.svs"]), ("", ["a.svs"])):
        keys = google.keys(prefix=prefix)
        assert [next(keys)] == found if not prefix else list(filter(None, keys)) == found
        assert len(objects.take_log()) <= 3


def test_pages_without_a_key_that_is_wanted_go_by_one_at_a_time(
    google: ObjectStore, objects: ObjectServer, folder: Path
) -> None:
    # They begin as the key before the prefix does, and the library lists no part of a name.
    for number in range(20):
        (folder / f"l\u00fc{number:02}.svs").write_bytes(b"x")
    (folder / "m.svs").write_bytes(b"x")
    keys = google.keys(prefix="m")
    assert next(keys) is None
    assert len(objects.take_log()) <= 2
    assert list(filter(None, keys)) == ["m.svs"]


@pytest.mark.parametrize(
    "text", ["b//", "/", "b/../c", "b/.", "b\x01", "b\x01/c", "b.svs/", "b~#%"]
)
def test_any_text_may_be_where_a_list_begins(google: ObjectStore, folder: Path, text: str) -> None:
    names = ["0.svs", "a.svs", "b!.svs", "b.svs", "b0.svs", "b~#%.svs", "c.svs"]
    for name in names:
        (folder / name).write_bytes(b"x")
    after = [name for name in names if name > text]
    assert list(filter(None, google.keys(after=text))) == after
    found = [name for name in names if name.startswith(text)]
    assert list(filter(None, google.keys(prefix=text))) == found


def test_a_store_that_promises_more_for_ever_is_given_up(
    hasty: ObjectStore, hasty_limits: StoreLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = time.monotonic() + 40 * hasty_limits.call_seconds

    def answer(handler: Any, asked: dict[str, str]) -> None:
        more = str(time.monotonic()) if time.monotonic() < until else ""
        body = (
            f"<EnumerationResults><Blobs/><NextMarker>{more}</NextMarker></EnumerationResults>"
            if "comp" in asked
            else f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
            f"<NextContinuationToken>{more}</NextContinuationToken></ListBucketResult>"
        ).encode()
        handler._send(200, [("Content-Length", str(len(body)))], body, "")

    monkeypatch.setattr("bench.object_server._Handler._list", answer)
    with pytest.raises(SourceTimeout):
        list(hasty.keys())
    assert time.monotonic() < until


def test_containers_of_one_name_are_told_apart_by_their_accounts(
    limits: StoreLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for account in ("lab", "clinic"):
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", account)
        for endpoint in (None, "http://one:1", "http://two:1"):
            source = Source.at("az://slides", endpoint=endpoint, anonymous=True)
            found.add(open_store(source, limits).origin)
    assert len(found) == 6
    assert open_store(Source.at("gs://slides", anonymous=True), limits).origin == ""


def test_settings_that_are_not_complete_are_said_at_once(limits: StoreLimits) -> None:
    with pytest.raises(Invalid, match="not complete"):
        open_store(Source.at("az://slides"), limits)
