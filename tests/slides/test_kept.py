"""What was made a moment ago is remembered, and made once for all who ask at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wsi_lab.slides.kept import Kept


def test_no_more_is_remembered_than_fits() -> None:
    kept: Kept[bytes] = Kept(10, len)

    for key in "abc":
        kept.make(key, lambda: b"1234")

    assert [kept.get(key) is not None for key in "abc"] == [False, True, True]


def test_what_was_asked_for_last_stays() -> None:
    kept: Kept[bytes] = Kept(10, len)
    for key in "ab":
        kept.make(key, lambda: b"1234")

    kept.get("a")
    kept.make("c", lambda: b"1234")

    assert [kept.get(key) is not None for key in "abc"] == [True, False, True]


def test_one_that_is_too_large_is_remembered_alone_where_that_is_wanted() -> None:
    kept: Kept[bytes] = Kept(10, len, keep_last=True)
    kept.make("a", lambda: b"1234")

    kept.make("b", lambda: b"1" * 100)

    assert kept.get("a") is None
    assert kept.get("b") == b"1" * 100


def test_one_that_is_too_large_pushes_nothing_else_out() -> None:
    kept: Kept[bytes] = Kept(10, len)
    kept.make("a", lambda: b"1234")

    kept.make("b", lambda: b"1" * 100)

    assert kept.get("a") == b"1234"
    assert kept.get("b") is None


def test_what_many_ask_for_at_once_is_made_once() -> None:
    kept: Kept[bytes] = Kept(100, len)
    under_way, go_on, made = threading.Event(), threading.Event(), []

    def make() -> bytes:
        made.append(1)
        under_way.set()
        assert go_on.wait(60)
        return b"x"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(kept.make, "a", make)
        assert under_way.wait(60)
        others = [pool.submit(kept.make, "a", make) for _ in range(3)]
        go_on.set()
        found = {each.result(60) for each in (first, *others)}

    assert found == {b"x"}
    assert len(made) == 1


def test_what_fails_is_made_anew() -> None:
    kept: Kept[bytes] = Kept(100, len)

    def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept.make("a", fail)
    assert kept.make("a", lambda: b"x") == b"x"
