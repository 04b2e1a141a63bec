"""What is done with a result that is still to come."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def after(first: Future[A], then: Callable[[A], B | Future[B]]) -> Future[B]:
    """Return the future of what `then` makes of the result of another one.

    `then` runs in the thread that ends `first`, so it is quick, or returns a future itself.
    What `first` or `then` raises is the outcome. To cancel the future that is returned does not
    cancel `first`, for which others may be waiting.

    Examples
    --------
    >>> first: Future[int] = Future()
    >>> second = after(first, lambda number: number + 1)
    >>> first.set_result(6)
    >>> second.result()
    7
    """
    outcome: Future[B] = Future()

    def go_on(ended: Future[A]) -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            made = then(ended.result())
        # Everything, a cancelled `first` too: whoever waits for the outcome must not wait for ever.
        except BaseException as error:  # noqa: BLE001 (see above)
            outcome.set_exception(error)
            return
        if isinstance(made, Future):
            made.add_done_callback(hand_over)
        else:
            outcome.set_result(made)

    def hand_over(made: Future[B]) -> None:
        try:
            outcome.set_result(made.result())
        except BaseException as error:  # noqa: BLE001 (see above)
            outcome.set_exception(error)

    first.add_done_callback(go_on)
    return outcome
