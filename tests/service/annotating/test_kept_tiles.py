"""What was made a moment ago is remembered, and made once for all who ask at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wsi_lab.service.annotating.kept_tiles import Kept


def test_no_more_is_remembered_than_fits() -> None:
    kept: Kept[bytes] = Kept(10, len)

    for key in "abc":
        kept.made(key, lambda: b"1234")

    assert [kept.at_hand(key) is not None for key in "abc"] == [False, True, True]


def test_what_was_asked_for_last_stays() -> None:
    kept: Kept[bytes] = Kept(10, len)
    for key in "ab":
        kept.made(key, lambda: b"1234")

    kept.at_hand("a")
    kept.made("c", lambda: b"1234")

    assert [kept.at_hand(key) is not None for key in "abc"] == [True, False, True]


def test_one_that_is_too_large_is_remembered_alone() -> None:
    kept: Kept[bytes] = Kept(10, len)
    kept.made("a", lambda: b"1234")

    kept.made("b", lambda: b"1" * 100)

    assert kept.at_hand("a") is None
    assert kept.at_hand("b") == b"1" * 100


def test_what_many_ask_for_at_once_is_made_once() -> None:
    kept: Kept[bytes] = Kept(100, len)
    under_way, go_on, made = threading.Event(), threading.Event(), []

    def make() -> bytes:
        made.append(1)
        under_way.set()
        assert go_on.wait(10)
        return b"x"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(kept.made, "a", make)
        assert under_way.wait(10)
        others = [pool.submit(kept.made, "a", make) for _ in range(3)]
        go_on.set()
        found = {each.result(10) for each in (first, *others)}

    assert found == {b"x"}
    assert len(made) == 1


def test_what_fails_is_made_anew() -> None:
    kept: Kept[bytes] = Kept(100, len)

    def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept.made("a", fail)
    assert kept.made("a", lambda: b"x") == b"x"
