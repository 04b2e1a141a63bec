from __future__ import annotations

from concurrent.futures import CancelledError, Future

import pytest

from wsi_lab.slides.futures import after


def done(value: int) -> Future[int]:
    future: Future[int] = Future()
    future.set_result(value)
    return future


def test_what_is_made_of_a_result_comes_after_it() -> None:
    first: Future[int] = Future()
    second = after(first, str)
    assert not second.done()
    first.set_result(7)
    assert second.result(0) == "7"


def test_a_future_that_is_made_of_a_result_is_waited_for() -> None:
    inner: Future[str] = Future()
    second = after(done(1), lambda _: inner)
    assert not second.done()
    inner.set_result("made")
    assert second.result(0) == "made"


@pytest.mark.parametrize("where", ["first", "then", "inner"])
def test_a_failure_anywhere_is_the_outcome(where: str) -> None:
    failed: Future[int] = Future()
    failed.set_exception(KeyError(where))

    def then(_value: int) -> Future[int]:
        if where == "then":
            raise KeyError(where)
        return failed

    outcome = after(failed if where == "first" else done(1), then)
    with pytest.raises(KeyError, match=where):
        outcome.result(0)


def test_nobody_waits_for_ever_when_the_first_is_cancelled() -> None:
    first: Future[int] = Future()
    second = after(first, str)
    first.cancel()
    first.set_running_or_notify_cancel()
    with pytest.raises(CancelledError):
        second.result(0)


def test_to_cancel_the_outcome_leaves_the_first_to_others() -> None:
    first: Future[int] = Future()
    made = []
    second, other = after(first, made.append), after(first, str)
    assert second.cancel()
    first.set_result(3)
    assert made == []
    assert other.result(0) == "3"
