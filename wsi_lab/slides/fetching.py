"""Many small reads of objects, turned into few requests to their store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from wsi_lab.errors import SourceUnavailable, WsiLabError

if TYPE_CHECKING:
    from wsi_lab.slides.stores.objects import ObjectFacts, ObjectStore

JOINED_GAP = 16 * 1024
"""Bytes that nobody asked for, when fetching them costs less than another request."""
JOINED_BYTES = 4 * 1024 * 1024
"""Of a joined request: more is faster in two at once."""

MOST_SECONDS = 8.0
"""From asking for a piece to its bytes, or to an error."""

Range = tuple[int, int]
"""``(offset, size)``."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an object of one version; equal pieces are the same bytes."""

    key: str
    facts: ObjectFacts
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A piece, who gets it, and until when."""

    piece: _Piece
    future: Future[bytes]
    deadline: float


class Fetcher:
    """Reads of one store: equal ones share a request, and neighbours are fetched together.

    Safe to use from several threads.

    Parameters
    ----------
    store
        Who is asked. It is closed with the fetcher.
    threads
        How many requests go on at once on behalf of those who do not wait.
    idle_seconds, longest_wait_seconds
        What `read_soon` asks for is sent as soon as nothing new came for the first, or the
        oldest has waited for the second.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        threads: int = 16,
        idle_seconds: float = 0.0015,
        longest_wait_seconds: float = 0.012,
    ) -> None:
        self.store = store
        self._threads = _Threads(threads)
        self._idle = idle_seconds
        self._longest_wait = longest_wait_seconds
        self._lock = threading.Lock()
        self._flying: dict[_Piece, Future[bytes]] = {}
        self._lingering: list[_Wanted] = []
        self._closed = False

    def read(self, key: str, offset: int, size: int, facts: ObjectFacts) -> bytes:
        """Return exactly `size` bytes from `offset` on, asked for at once."""
        return self.read_several(key, [(offset, size)], facts)[0]

    def read_several(self, key: str, ranges: Sequence[Range], facts: ObjectFacts) -> list[bytes]:
        """Return the bytes of several ranges of an object, asked for at once and in parallel."""
        futures, wanted = self._wanted([_Piece(key, facts, *each) for each in ranges])
        groups = joined(wanted)
        self._submit(groups[1:])
        if groups:
            # The caller waits anyway; so it may as well do something.
            self._fetch(groups[0])
        return [future.result() for future in futures]

    def read_soon(self, key: str, offset: int, size: int, facts: ObjectFacts) -> Future[bytes]:
        """Return the same bytes later, fetched with what is asked for at the same time.

        The future cannot be cancelled: others may wait for the same bytes.
        """
        (future,), wanted = self._wanted([_Piece(key, facts, offset, size)])
        if wanted:
            with self._lock:
                is_first = not self._lingering
                self._lingering += wanted
            if is_first and not self._threads.run(self._send_lingering):
                self._send_lingering()
        return future

    def close(self) -> None:
        """End all threads as soon as they are done, and close the store."""
        with self._lock:
            self._closed = True
        self._threads.close()
        self.store.close()

    def _wanted(self, pieces: Sequence[_Piece]) -> tuple[list[Future[bytes]], list[_Wanted]]:
        """Return a future for each piece, and those that nobody has asked for yet."""
        futures: list[Future[bytes]] = []
        wanted: list[_Wanted] = []
        deadline = time.monotonic() + MOST_SECONDS
        with self._lock:
            if self._closed:
                raise ValueError("this store is closed")
            for piece in pieces:
                future = self._flying.get(piece)
                if future is None:
                    future = Future()
                    future.set_running_or_notify_cancel()
                    self._flying[piece] = future
                    wanted.append(_Wanted(piece, future, deadline))
                futures.append(future)
        return futures, wanted

    def _send_lingering(self) -> None:
        started, seen = time.monotonic(), 0
        while seen < len(self._lingering) and time.monotonic() - started < self._longest_wait:
            seen = len(self._lingering)
            time.sleep(self._idle)
        with self._lock:
            wanted, self._lingering = self._lingering, []
        groups = joined(wanted)
        self._submit(groups[1:])
        self._fetch(groups[0])

    def _submit(self, groups: Sequence[Sequence[_Wanted]]) -> None:
        for group in groups:
            # Without threads, because the fetcher is being closed, it is done here.
            if not self._threads.run(partial(self._fetch, group)):
                self._fetch(group)

    def _fetch(self, group: Sequence[_Wanted]) -> None:
        """Fetch pieces that lie close together by one request, and hand each its bytes."""
        first = group[0].piece
        end = max(each.piece.end for each in group)
        # All threads may have been waiting for a store that does not answer.
        left = min(each.deadline for each in group) - time.monotonic()
        try:
            data = self.store.read(
                first.key, first.offset, end - first.offset, first.facts, within=max(0.0, left)
            )
        except BaseException as error:
            self._land(group)
            for each in group:
                each.future.set_exception(_own(error))
            # An error is for those who wait for the bytes, an end of the program for all.
            if not isinstance(error, Exception):
                raise
            return
        self._land(group)
        for each in group:
            begin = each.piece.offset - first.offset
            each.future.set_result(data[begin : begin + each.piece.size])

    def _land(self, group: Sequence[_Wanted]) -> None:
        with self._lock:
            for each in group:
                self._flying.pop(each.piece, None)


def joined(wanted: Sequence[_Wanted]) -> list[list[_Wanted]]:
    """Return pieces in groups, each of which is best fetched by one request."""
    groups: list[list[_Wanted]] = []
    start = end = 0
    order = sorted(
        wanted, key=lambda one: (one.piece.key, one.piece.facts.version, one.piece.offset)
    )
    for each in order:
        piece = each.piece
        before = groups[-1][-1].piece if groups else None
        if (
            before is not None
            and before.key == piece.key
            and before.facts == piece.facts
            and piece.offset <= end + JOINED_GAP
            and max(end, piece.end) - start <= JOINED_BYTES
        ):
            groups[-1].append(each)
            end = max(end, piece.end)
        else:
            groups.append([each])
            start, end = piece.offset, piece.end
    return groups


class _Threads:
    """Threads that do one thing after another, started when there is something to do.

    The interpreter does not wait for them when it ends; the standard library's pool would make
    it wait for a store that does not answer.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._things: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0
        self._free = 0
        self._closed = False

    def run(self, thing: Callable[[], None]) -> bool:
        """Have something done as soon as a thread is free; `False` if none ever will be."""
        with self._lock:
            if self._closed:
                return False
            if self._free <= 0 and self._started < self._most:
                self._started += 1
                threading.Thread(target=self._work, name="fetch", daemon=True).start()
            else:
                # Below nothing it counts what waits for a thread.
                self._free -= 1
            self._things.put(thing)
        return True

    def close(self) -> None:
        """End the threads after all that was to be done before."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(self._started):
                    self._things.put(None)

    def _work(self) -> None:
        while (thing := self._things.get()) is not None:
            thing()
            with self._lock:
                self._free += 1


def _own(error: BaseException) -> BaseException:
    """Return an error for one of several who wait: raising it adds to its traceback."""
    if isinstance(error, WsiLabError):
        return type(error)(error.message, **error.details)
    if isinstance(error, Exception):
        return error
    return SourceUnavailable("Reading from the place where the slides are kept was broken off.")
