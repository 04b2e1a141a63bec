"""Pictures that were made a moment ago, and those that are being made."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Remembers what was made last, by keys that say all there is to know of it.

    What several ask for at the same time is made once.

    Parameters
    ----------
    most_bytes
        What is remembered has no more together, but for the last one.
    size_of
        Of one of them, in bytes.

    Examples
    --------
    >>> kept = Kept(10, len)
    >>> kept.made("a", lambda: b"123"), kept.at_hand("a"), kept.at_hand("b")
    (b'123', b'123', None)
    """

    def __init__(self, most_bytes: int, size_of: Callable[[T], int]) -> None:
        self._most_bytes = most_bytes
        self._size_of = size_of
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def at_hand(self, key: Hashable) -> T | None:
        """Return what is remembered, without waiting for anything."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is remembered, or what another thread is making, or make it."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
            other = self._under_way.get(key)
            if other is None:
                own = self._under_way[key] = Future()
        if other is not None:
            return other.result()
        try:
            found = make()
        except BaseException as error:
            own.set_exception(error)
            raise
        else:
            own.set_result(found)
            self._keep(key, found)
            return found
        finally:
            with self._lock:
                del self._under_way[key]

    def _keep(self, key: Hashable, found: T) -> None:
        with self._lock:
            self._kept[key] = found
            self._bytes += self._size_of(found)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= self._size_of(oldest)
