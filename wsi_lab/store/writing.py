"""The one connection that writes, and how what is waiting is grouped into one commit."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from wsi_lab.store.connection import Connection, in_words

T = TypeVar("T")

LARGEST_GROUP = 512


@dataclass(slots=True)
class _Change:
    """A change that somebody waits for."""

    run: Callable[[Connection], Any]
    future: Future[Any]
    result: Any = None
    error: BaseException | None = None

    def settle(self, group_error: BaseException | None = None) -> None:
        """Tell who waits: only now is it certain what is on disk."""
        error = self.error or group_error
        if self.future.cancelled():
            return
        if not self.future.running() and not self.future.set_running_or_notify_cancel():
            return
        if error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(in_words(error) or error)


class Writer:
    """Runs changes one after the other on one connection.

    Changes that wait together share a transaction and its one flush to disk. Each runs inside
    a savepoint, so that one that fails takes back its own doing and no other's. A future is
    resolved only when the transaction is on disk.

    Attributes
    ----------
    commits
        How many there were; counted before anybody is told of theirs.
    """

    def __init__(self, connection: Connection) -> None:
        self.commits = 0
        self._connection = connection
        self._turn = threading.Lock()
        self._whose_turn: int | None = None
        self._queue: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._ended = False
        self._last_group = 1
        self._thread: threading.Thread | None = None

    def submit(self, change: Callable[[Connection], T]) -> Future[T]:
        """Queue a change; the future holds what it returned once that is on disk."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="wsi-lab-writer", daemon=True
                )
                self._thread.start()
            self._queue.put(_Change(change, future))
        return future

    def run(self, change: Callable[[Connection], T]) -> T:
        """Run a change and return what it returned, once that is on disk."""
        if self._whose_turn == threading.get_ident():
            raise RuntimeError("a change that waits for another change would wait for ever")
        future: Future[T] = Future()
        # While nobody else writes, handing the change to the thread and back only takes time.
        alone = self._last_group == 1 and self._queue.empty()
        if alone and self._turn.acquire(blocking=False):
            try:
                if self._closed:
                    raise RuntimeError("the database is closed")
                self._group(_Change(change, future), alone=True)
            finally:
                self._turn.release()
        else:
            future = self.submit(change)
        return future.result()

    def close(self) -> None:
        """Finish what is queued, then close the connection."""
        with self._lock:
            if not self._closed and self._thread is not None:
                self._queue.put(None)
            self._closed = True
        if self._thread is not None:
            self._thread.join()
        with self._turn:
            self._connection.close()

    def _run(self) -> None:
        while (change := self._next(wait=True)) is not None:
            with self._turn:
                self._group(change)

    def _group(self, change: _Change, *, alone: bool = False) -> None:
        """Run a change, and what else is waiting, in one transaction."""
        group = [change]
        self._whose_turn = threading.get_ident()
        try:
            self._begin(group, alone=alone)
            self._attempt(change)
            while not alone and len(group) < LARGEST_GROUP and (more := self._next(wait=False)):
                group.append(more)
                self._attempt(more)
            # A group of which nothing is left would still be written and flushed.
            kept = any(one.error is None for one in group)
            self._connection.execute("COMMIT" if kept else "ROLLBACK")
        except BaseException as error:  # noqa: BLE001 (whoever waits must be told of any end)
            self._take_back()
            for one in group:
                one.settle(error)
        else:
            self.commits += 1
            for one in group:
                one.settle()
        finally:
            self._last_group = len(group)
            self._whose_turn = None

    def _next(self, *, wait: bool) -> _Change | None:
        if self._ended:
            return None
        try:
            change = self._queue.get(block=wait)
        except queue.Empty:
            return None
        self._ended = change is None
        return change

    def _begin(self, group: list[_Change], *, alone: bool) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            # Whoever holds the lock for so long will not let the others pass either.
            while not alone and (change := self._next(wait=False)):
                group.append(change)
            raise

    def _attempt(self, change: _Change) -> None:
        if not change.future.set_running_or_notify_cancel():
            return
        connection = self._connection
        connection.execute("SAVEPOINT change")
        try:
            change.result = change.run(connection)
        except BaseException as error:
            if not connection.in_transaction:
                # SQLite took back the whole transaction, as it does when the disk is full.
                raise
            connection.execute("ROLLBACK TO change")
            change.error = error
        if not connection.in_transaction:
            raise RuntimeError("a change may not end the transaction it runs in")
        connection.execute("RELEASE change")

    def _take_back(self) -> None:
        with contextlib.suppress(Exception):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
