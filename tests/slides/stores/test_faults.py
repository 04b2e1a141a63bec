"""What stores do when the network or the other side does not: bounded time, exact bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import (
    SlideChanged,
    SlideMissing,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    WsiLabError,
)
from wsi_lab.slides.stores import ObjectFacts, ObjectStore, StoreLimits


@contextmanager
def in_time(limits: StoreLimits) -> Iterator[None]:
    """Fail if what is done takes longer than a store may, with much time for a busy machine."""
    started = time.monotonic()
    yield
    # To wait for the end of an answer that comes byte by byte takes ten seconds.
    assert time.monotonic() - started < limits.call_seconds + 7


@pytest.fixture
def facts(store: ObjectStore) -> ObjectFacts:
    return store.facts("a.svs")


def test_the_usual_limits_keep_a_call_below_ten_seconds() -> None:
    usual = StoreLimits()
    assert usual.call_seconds == 8
    assert usual.connect_seconds < usual.silence_seconds < usual.call_seconds


def test_head_and_facts_and_read_agree(store: ObjectStore, content: bytes) -> None:
    data, facts = store.head("a.svs", 1000)
    assert data == content[:1000]
    assert facts == store.facts("a.svs")
    assert facts.size == len(content)
    assert store.read("a.svs", 99_990, 10, facts) == content[-10:]
    assert store.read("a.svs", 0, len(content), facts) == content


def test_head_of_a_small_object_is_all_of_it(store: ObjectStore, folder: Path) -> None:
    (folder / "small.svs").write_bytes(b"II*")
    assert store.head("small.svs", 65536)[0] == b"II*"


def test_an_empty_object_is_one_of_no_bytes(store: ObjectStore, folder: Path) -> None:
    (folder / "empty.svs").write_bytes(b"")
    data, facts = store.head("empty.svs", 100)
    assert (data, facts.size) == (b"", 0)
    assert store.read("empty.svs", 0, 0, facts) == b""


def test_opening_is_one_request_and_reading_another(
    store: ObjectStore, objects: ObjectServer
) -> None:
    _, facts = store.head("a.svs", 100)
    store.read("a.svs", 5, 10, facts)
    asked = objects.take_log()
    assert [(each.method, each.range) for each in asked] == [
        ("GET", "bytes=0-99"),
        ("GET", "bytes=5-14"),
    ]
    assert [each.headers.get("If-Match") for each in asked] == [None, facts.etag]
    assert objects.connections == 1


def test_nothing_with_that_key_is_missing(store: ObjectStore) -> None:
    for key in ("absent.svs", "a.svs/b", "A.svs"):
        with pytest.raises(SlideMissing):
            store.head(key, 100)
        with pytest.raises(SlideMissing):
            store.facts(key)


@pytest.mark.parametrize(
    "key", ["", "..", "../a.svs", "b/../a.svs", "./a.svs", "a\0.svs", "\ud800.svs", "x" * 1025]
)
def test_a_key_that_leads_elsewhere_is_missing_and_never_asked_for(
    store: ObjectStore, objects: ObjectServer, key: str
) -> None:
    for ask in (store.facts, lambda key: store.head(key, 10)):
        with pytest.raises(SlideMissing):
            ask(key)
    assert objects.take_log() == []


def test_a_store_that_is_gone_is_said_to_be_so_in_time(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, hasty_limits: StoreLimits
) -> None:
    objects.stop()
    with in_time(hasty_limits), pytest.raises(SourceUnavailable) as caught:
        store.read("a.svs", 0, 100, facts)
    assert not isinstance(caught.value, SourceTimeout | SourceRefused)


def test_a_store_that_never_answers_is_too_slow(
    hasty: ObjectStore, facts: ObjectFacts, objects: ObjectServer, hasty_limits: StoreLimits
) -> None:
    mute = Trouble(Fault.MUTE)
    with objects.in_trouble(mute), in_time(hasty_limits), pytest.raises(SourceTimeout):
        hasty.read("a.svs", 0, 100, facts)


@pytest.mark.parametrize("after", [0, 50])
def test_a_stall_is_too_slow(
    hasty: ObjectStore,
    facts: ObjectFacts,
    objects: ObjectServer,
    hasty_limits: StoreLimits,
    after: int,
) -> None:
    stall = Trouble(Fault.STALL, after=after)
    with objects.in_trouble(stall), in_time(hasty_limits), pytest.raises(SourceTimeout):
        hasty.read("a.svs", 0, 100, facts)


def test_a_stall_is_mended_by_another_try(
    store: ObjectStore,
    facts: ObjectFacts,
    objects: ObjectServer,
    content: bytes,
    opened: Callable[..., ObjectStore],
    limits: StoreLimits,
) -> None:
    # On a busy machine the second try may look like a stall, too.
    store = opened(store.source, replace(limits, silence_seconds=0.4, most_tries=20))
    with objects.in_trouble(Trouble(Fault.STALL, times=1, after=50)):
        assert store.read("a.svs", 0, 100, facts) == content[:100]


def test_one_byte_a_moment_is_too_slow_even_if_it_never_stops(
    hasty: ObjectStore, facts: ObjectFacts, objects: ObjectServer, hasty_limits: StoreLimits
) -> None:
    for ask in (lambda: hasty.read("a.svs", 0, 100, facts), lambda: hasty.facts("a.svs")):
        slow = objects.in_trouble(Trouble(Fault.SLOW))
        with slow, in_time(hasty_limits), pytest.raises(SourceTimeout):
            ask()


@pytest.mark.parametrize(
    "fault",
    [
        Trouble(Fault.DIE, times=2),
        Trouble(Fault.STATUS, times=3, status=503),
        Trouble(Fault.STATUS, times=2, status=500),
        Trouble(Fault.STATUS, times=1, status=429, headers=(("Retry-After", "0"),)),
        Trouble(Fault.SHORT, times=2),
        Trouble(Fault.LENGTH, times=1),
        Trouble(Fault.SHIFTED, times=1),
    ],
    ids=lambda trouble: f"{trouble.fault} {trouble.status}",
)
def test_what_goes_wrong_a_few_times_is_tried_again(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, content: bytes, fault: Trouble
) -> None:
    with objects.in_trouble(fault):
        assert store.read("a.svs", 1000, 5000, facts) == content[1000:6000]
        assert fault.times == 0


@pytest.mark.parametrize(
    "fault", [Fault.DIE, Fault.STATUS, Fault.SHORT, Fault.LENGTH, Fault.SHIFTED]
)
def test_what_always_goes_wrong_ends_in_time_and_never_in_other_bytes(
    store: ObjectStore,
    facts: ObjectFacts,
    objects: ObjectServer,
    limits: StoreLimits,
    hasty_limits: StoreLimits,
    fault: Fault,
) -> None:
    with objects.in_trouble(Trouble(fault)), in_time(hasty_limits):
        with pytest.raises(SourceUnavailable) as caught:
            store.read("a.svs", 1000, 5000, facts)
        assert not isinstance(caught.value, SourceRefused)
    tries = len([each for each in objects.take_log() if each.method == "GET"])
    # One more when the first met a connection that was kept from before.
    assert 1 < tries <= limits.most_tries + 1


def test_a_wait_that_the_store_asks_for_is_kept_or_the_try_given_up(
    store: ObjectStore,
    facts: ObjectFacts,
    objects: ObjectServer,
    opened: Callable[..., ObjectStore],
    limits: StoreLimits,
    hasty_limits: StoreLimits,
) -> None:
    # No wait is longer than five seconds, whatever the store asks for.
    store = opened(store.source, replace(limits, call_seconds=3.0))
    patience = Trouble(Fault.STATUS, status=503, headers=(("Retry-After", "600"),))
    objects.take_log()
    with objects.in_trouble(patience), in_time(hasty_limits), pytest.raises(SourceUnavailable):
        store.read("a.svs", 0, 100, facts)
    assert len(objects.take_log()) == 1


@pytest.mark.parametrize("fault", [Fault.OTHER_ETAG, Fault.DEAF])
def test_another_version_is_never_read_whether_the_store_heeds_conditions_or_not(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, fault: Fault
) -> None:
    with objects.in_trouble(Trouble(fault)), pytest.raises(SlideChanged):
        store.read("a.svs", 0, 100, facts)


@pytest.mark.parametrize("size", [100_000, 200_000, 50])
def test_a_replaced_object_has_changed_whatever_its_size(
    store: ObjectStore, facts: ObjectFacts, folder: Path, size: int
) -> None:
    other = folder / "new.tmp"
    other.write_bytes(bytes(size))
    os.utime(other, ns=(1, 1))
    other.replace(folder / "a.svs")
    with pytest.raises(SlideChanged):
        store.read("a.svs", 1000, 100, facts)
    assert store.facts("a.svs").version != facts.version


def test_a_removed_object_is_missing(store: ObjectStore, facts: ObjectFacts, folder: Path) -> None:
    (folder / "a.svs").unlink()
    with pytest.raises(SlideMissing):
        store.read("a.svs", 0, 100, facts)


@pytest.mark.parametrize("status", [400, 401, 403, 405])
def test_a_refusal_is_said_at_once(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, status: int
) -> None:
    objects.take_log()
    refusal = Trouble(Fault.STATUS, status=status, code="AccessDenied")
    with objects.in_trouble(refusal):
        for ask in (
            lambda: store.read("a.svs", 0, 100, facts),
            lambda: store.head("a.svs", 100),
            lambda: store.facts("a.svs"),
        ):
            with pytest.raises(SourceRefused):
                ask()
    assert len(objects.take_log()) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_not_followed(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, folder: Path, status: int
) -> None:
    with ObjectServer(folder) as elsewhere:
        location = (("Location", f"{elsewhere.url}/slides/a.svs"),)
        redirect = Trouble(Fault.STATUS, status=status, headers=location)
        with objects.in_trouble(redirect):
            for ask in (
                lambda: store.read("a.svs", 0, 100, facts),
                lambda: store.head("a.svs", 100),
                lambda: store.facts("a.svs"),
            ):
                with pytest.raises(SourceRefused):
                    ask()
        assert elsewhere.connections == 0


def test_a_server_that_gives_no_parts_is_refused_unless_all_is_wanted(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, content: bytes
) -> None:
    with objects.in_trouble(Trouble(Fault.WHOLE)):
        assert store.head("a.svs", 1000) == (content[:1000], facts)
        assert store.read("a.svs", 0, len(content), facts) == content
        with pytest.raises(SourceRefused, match="parts"):
            store.read("a.svs", 1000, 100, facts)


def test_fewer_seconds_than_usual_are_kept_to(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer
) -> None:
    started = time.monotonic()
    with objects.in_trouble(Trouble(Fault.MUTE)), pytest.raises(SourceTimeout):
        store.read("a.svs", 0, 100, facts, within=0.1)
    # Its limits allow twenty.
    assert time.monotonic() - started < 10


def test_a_connection_that_was_closed_meanwhile_is_no_failure(
    store: ObjectStore, facts: ObjectFacts, objects: ObjectServer, content: bytes
) -> None:
    objects._http.close_connections()
    assert store.read("a.svs", 0, 100, facts) == content[:100]
    assert objects.connections == 2


def test_no_message_names_the_host_or_the_bucket(
    hasty: ObjectStore, facts: ObjectFacts, objects: ObjectServer
) -> None:
    messages = []
    for fault in Fault:
        if fault is Fault.SLOW:
            continue
        with objects.in_trouble(Trouble(fault, location="http://127.0.0.1:1/")):
            try:
                hasty.read("a.svs", 1000, 100, facts)
            except WsiLabError as error:
                messages.append(error.message)
    assert len(messages) >= 8
    for message in messages:
        assert str(objects.port) not in message
        assert "127.0.0.1" not in message
        assert "slides/" not in message
        assert "a.svs" not in message
