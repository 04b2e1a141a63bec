"""Who may use which worker process, and who waits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wsi_lab.errors import Busy, WsiLabError
from wsi_lab.slides.process import WorkerLost, WorkerProcess

_CLOSING_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class _Waiter:
    """A thread that waits for a seat."""

    called: threading.Event = field(default_factory=threading.Event)
    has_seat: bool = False
    worker: WorkerProcess | None = None


class Seats:
    """A bounded number of worker processes, one request each at a time.

    Processes start when somebody needs one and none is free, and end when nobody has for a
    while. Whoever comes while all are taken waits in line, first come, first served; whoever
    comes while the line is full is sent away.

    Parameters
    ----------
    start
        Starts a process.
    workers
        How many there may be.
    queue
        How many may wait.
    wait_seconds
        How long each waits at most.
    idle_seconds
        When a process that nobody needs is ended.
    """

    def __init__(
        self,
        start: Callable[[], WorkerProcess],
        *,
        workers: int,
        queue: int,
        wait_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._start = start
        self._workers = workers
        self._queue = queue
        self._wait_seconds = wait_seconds
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._closed = False
        self._taken = 0
        self._busy: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._waiting: deque[_Waiter] = deque()
        self._to_forget: deque[str] = deque()
        self._tender: threading.Thread | None = None

    def pids(self) -> list[int]:
        """Return the system's numbers of the processes that run now."""
        with self._changed:
            return [worker.pid for worker in (*self._busy, *self._idle)]

    def forget(self, path: str) -> None:
        """Let workers close a slide with their next request.

        Takes no lock: readers are also let go by the garbage collector, at any moment.
        """
        self._to_forget.append(path)

    @contextlib.contextmanager
    def worker(self, path: str | None = None) -> Iterator[WorkerProcess]:
        """Give a worker to this thread, if possible one that has `path` open already.

        Raises
        ------
        Busy
            Too many wait, it took too long, or the pool is closed.
        """
        worker = self._take(path)
        survived = True
        try:
            yield worker
        except WsiLabError:
            raise
        except WorkerLost:
            survived = False
            raise
        except BaseException:
            # Interrupted within the exchange: nobody knows what is in the line.
            survived = False
            worker.kill()
            raise
        finally:
            self._give_back(worker, survived=survived)

    def close(self) -> None:
        """End all processes. Requests under way are cut off, those that wait are refused."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, deque()
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.interrupt()
            self._changed.notify_all()
        for waiter in waiting:
            waiter.called.set()
        for worker in idle:
            worker.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._taken, timeout=_CLOSING_SECONDS)
        tender = self._tender
        if tender is not None and tender is not threading.current_thread():
            tender.join(_CLOSING_SECONDS)

    def is_closed(self) -> bool:
        """Return whether `close` was called."""
        return self._closed

    def _take(self, path: str | None) -> WorkerProcess:
        waiter = None
        with self._changed:
            if self._closed:
                raise _closing()
            self._pass_on_forgetting()
            worker = None if self._waiting else self._idle_worker(path)
            if worker is None and (self._waiting or self._taken >= self._workers):
                if len(self._waiting) >= self._queue:
                    raise _busy()
                waiter = _Waiter()
                self._waiting.append(waiter)
            else:
                self._taken += 1
                if worker is not None:
                    self._busy.add(worker)
        if waiter is not None:
            worker = self._wait(waiter)
        if worker is not None and worker.is_alive():
            return worker
        return self._replacement(worker)

    def _wait(self, waiter: _Waiter) -> WorkerProcess | None:
        waiter.called.wait(self._wait_seconds)
        with self._changed:
            if waiter.has_seat:
                return waiter.worker
            if self._closed:
                raise _closing()
            self._waiting.remove(waiter)
        raise _busy()

    def _replacement(self, dead: WorkerProcess | None) -> WorkerProcess:
        """Return a new process for a seat that this thread has."""
        if dead is not None:
            dead.stop()
        try:
            worker = self._start()
        except BaseException:
            self._give_back(dead, survived=False)
            raise
        with self._changed:
            if dead is not None:
                self._busy.discard(dead)
            self._busy.add(worker)
            closed = self._closed
        if closed:
            self._give_back(worker, survived=True)
            raise _closing()
        return worker

    def _give_back(self, worker: WorkerProcess | None, *, survived: bool) -> None:
        keep = worker is not None and survived and not worker.wants_to_retire
        with self._changed:
            if worker is not None:
                self._busy.discard(worker)
                worker.idle_since = time.monotonic()
            keep = keep and not self._closed
            if self._waiting:
                waiter = self._waiting.popleft()
                waiter.has_seat = True
                if keep and worker is not None:
                    waiter.worker = worker
                    self._busy.add(worker)
                waiter.called.set()
            else:
                self._taken -= 1
                if keep and worker is not None:
                    self._idle.append(worker)
                    self._tend_later()
                self._changed.notify_all()
        if worker is not None and survived and not keep:
            worker.stop()

    def _idle_worker(self, path: str | None) -> WorkerProcess | None:
        """Return the idle worker that suits best; the latest used, so that the others end."""
        if not self._idle:
            return None
        for place in range(len(self._idle) - 1, -1, -1):
            if path is not None and self._idle[place].has_open(path):
                return self._idle.pop(place)
        return self._idle.pop()

    def _pass_on_forgetting(self) -> None:
        while self._to_forget:
            path = self._to_forget.popleft()
            for worker in (*self._busy, *self._idle):
                worker.forget(path)

    def _tend_later(self) -> None:
        if self._tender is None:
            self._tender = threading.Thread(
                target=self._tend, name="wsi-lab slide workers", daemon=True
            )
            self._tender.start()

    def _tend(self) -> None:
        """End workers that nobody needs; runs in its own thread while there are workers."""
        while True:
            with self._changed:
                now = time.monotonic()
                expired = [
                    worker
                    for worker in self._idle
                    if now - worker.idle_since >= self._idle_seconds or not worker.is_alive()
                ]
                self._idle = [worker for worker in self._idle if worker not in expired]
                if not expired:
                    if self._closed or not (self._idle or self._taken):
                        self._tender = None
                        return
                    oldest = min((worker.idle_since for worker in self._idle), default=now)
                    self._changed.wait(max(oldest + self._idle_seconds - now, 0.01))
            for worker in expired:
                worker.stop()


def _busy() -> Busy:
    return Busy("Too many slides are being read right now; ask again in a moment.")


def _closing() -> Busy:
    return Busy("The server is shutting down.")
