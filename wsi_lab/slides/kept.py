"""Things that were made lately, kept as long as they fit; nobody makes the same one twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Remembers things up to a number of bytes; the least lately used ones go first.

    Safe to use from several threads.

    Parameters
    ----------
    size_of
        Returns the bytes of a thing, with what key and bookkeeping take.
    keep_last
        Whether the last thing stays even where it alone has more bytes; else it is not kept.

    Examples
    --------
    >>> kept = Kept(10_000, len)
    >>> kept.make("a", lambda: b"made")
    b'made'
    >>> kept.get("a"), kept.get("b")
    (b'made', None)
    """

    def __init__(
        self, most_bytes: int, size_of: Callable[[T], int], *, keep_last: bool = False
    ) -> None:
        self._most_bytes = most_bytes
        self._size_of = size_of
        self._fewest = 1 if keep_last else 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[Hashable, Future[T]] = {}

    def get(self, key: Hashable) -> T | None:
        """Return what was made for `key` if it is still there."""
        with self._lock:
            return self._at_hand(key)

    def make(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what belongs to `key`, made by `make` unless it is there or being made.

        What `make` raises is raised for everybody who waits for it, and not remembered.
        """
        with self._lock:
            thing = self._at_hand(key)
            if thing is not None:
                return thing
            under_way = self._under_way.get(key)
            if under_way is None:
                mine: Future[T] = Future()
                self._under_way[key] = mine
        if under_way is not None:
            return under_way.result()
        try:
            thing = make()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            mine.set_exception(error)
            # The error knows this frame; it must not lead back to the error from here, or what
            # the frames hold stays open until the garbage is collected.
            del mine
            raise
        with self._lock:
            del self._under_way[key]
            self._keep(key, thing)
        mine.set_result(thing)
        return thing

    def keep(self, key: Hashable, thing: T) -> None:
        """Remember a thing that somebody made or fetched without `make`."""
        with self._lock:
            if key not in self._kept:
                self._keep(key, thing)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _at_hand(self, key: Hashable) -> T | None:
        thing = self._kept.get(key)
        if thing is not None:
            self._kept.move_to_end(key)
        return thing

    def _keep(self, key: Hashable, thing: T) -> None:
        size = self._size_of(thing)
        if size > self._most_bytes and not self._fewest:
            return
        self._kept[key] = thing
        self._bytes += size
        while self._bytes > self._most_bytes and len(self._kept) > self._fewest:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= self._size_of(oldest)
