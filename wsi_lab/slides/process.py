"""The server's end of one worker process."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import OrderedDict

import msgspec
import numpy as np

from wsi_lab.errors import (
    Busy,
    DamagedSlide,
    NotFound,
    SlideMissing,
    SourceUnavailable,
    TooLarge,
    UnsupportedSlide,
    WsiLabError,
    error_class,
)
from wsi_lab.slides.frames import (
    AnyAnswer,
    AnyRequest,
    DecodeTile,
    Disconnected,
    Line,
    NotUnderstood,
    Picture,
    ReadPatch,
    Ready,
    Refused,
)
from wsi_lab.slides.limits import worker_environment
from wsi_lab.slides.reader import Pixels

_MODULE = "wsi_lab.slides.worker"
_GRACE_SECONDS = 2.0
"""How long after the server should have ended a request the worker ends by itself."""

_LOADING_SECONDS = 30.0
"""How long interpreter and libraries may take to load; from a network disk that is long."""

_CONNECTION_BYTES = 1 << 20
_LARGEST_PICTURE_BYTES = 3 * 64_000_000
_LONGEST_MESSAGE = 400

_ENDED_BY_SOMEBODY = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP})

_REFUSALS = frozenset(
    {Busy, DamagedSlide, NotFound, SlideMissing, SourceUnavailable, TooLarge, UnsupportedSlide}
)

_log = logging.getLogger(__name__)


class WorkerLost(Exception):
    """A worker process did not survive a request.

    Attributes
    ----------
    why
        The end of a sentence for the user: what the request did.
    how
        For the log, without anything of the slide.
    by_somebody_else
        Neither the server nor a fault of the process itself ended it.
    """

    def __init__(self, why: str, how: str, *, by_somebody_else: bool = False) -> None:
        super().__init__(how)
        self.why = why
        self.how = how
        self.by_somebody_else = by_somebody_else


class WorkerProcess:
    """One worker process, used by one thread at a time.

    Parameters
    ----------
    memory_bytes
        All the addresses it may have.
    seconds
        The longest that any request may take.
    open_slides
        How many slides it keeps open.

    Attributes
    ----------
    idle_since
        When its last request ended, by `time.monotonic`.
    wants_to_retire
        It asked to be replaced.

    Raises
    ------
    Busy
        The system has no room for another process.
    """

    def __init__(self, *, memory_bytes: int, seconds: float, open_slides: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CONNECTION_BYTES)
            command = [
                sys.executable,
                # Neither the folder the server was started in, which may hold anybody's
                # numpy.py, nor writing of byte code, which its limits forbid.
                *("-P", "-B", "-W", "ignore", "-m", _MODULE),
                *(str(theirs.fileno()), str(memory_bytes)),
                *(str(seconds + _GRACE_SECONDS), str(open_slides)),
            ]
            try:
                self._process = subprocess.Popen(  # noqa: S603 (our own module, no user's word)
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=worker_environment(),
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise _not_started() from None
        self._line = Line(ours)
        self._open_slides = open_slides
        self._open: OrderedDict[str, None] = OrderedDict()
        self._open_lock = threading.Lock()
        self._to_forget: list[str] = []
        self._ready_for: set[bool] = set()
        self.idle_since = time.monotonic()
        self.wants_to_retire = False

    @property
    def pid(self) -> int:
        """The system's number of the process."""
        return self._process.pid

    def has_open(self, path: str) -> bool:
        """Return whether that slide is probably open there."""
        with self._open_lock:
            return path in self._open

    def is_alive(self) -> bool:
        """Return whether the process is still there."""
        return self._process.poll() is None

    def forget(self, path: str) -> None:
        """Close a slide with the next request."""
        with self._open_lock:
            if path in self._open:
                del self._open[path]
                self._to_forget.append(path)

    def ask(
        self,
        request: AnyRequest,
        body: bytes = b"",
        *,
        seconds: float,
        path: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> tuple[AnyAnswer, Pixels | None]:
        """Send a request and wait for its answer.

        Parameters
        ----------
        seconds
            How long it may take; the process is ended then.
        path
            The slide that will be open afterwards.
        size
            ``(rows, columns)`` that a picture must have; `None` takes any that is not huge.

        Returns
        -------
        tuple
            The answer and, if it is a picture, its pixels.

        Raises
        ------
        WorkerLost
            The process crashed, took too long or answered nonsense. It is gone now.
        WsiLabError
            What it refuses.
        """
        with self._open_lock:
            if self._to_forget:
                request = msgspec.structs.replace(request, forget=tuple(self._to_forget))
                self._to_forget.clear()
        try:
            self._make_ready(request, body, seconds)
            answer, length = self._line.next_answer()
            samples = 4 if isinstance(request, ReadPatch) else 3
            pixels = self._receive(answer, length, size, samples)
        except TimeoutError:
            self.kill()
            raise WorkerLost("took too long", f"ended after {seconds:g} s") from None
        except Disconnected:
            how = self._how_it_ended()
            raise WorkerLost(
                "needed too much memory or crashed the decoder",
                how,
                # Faults of a process raise other signals.
                by_somebody_else=self._process.returncode in _ENDED_BY_SOMEBODY,
            ) from None
        except NotUnderstood:
            self.kill()
            raise WorkerLost("confused the decoder", "ended because of its answer") from None
        self.wants_to_retire = answer.retire
        if isinstance(answer, Refused):
            raise _error(answer)
        if path is not None:
            self._note_open(path)
        return answer, pixels

    def _make_ready(self, request: AnyRequest, body: bytes, seconds: float) -> None:
        """Send a request, and wait until the process has all that it needs to begin with it."""
        decodes_tile = isinstance(request, DecodeTile)
        if decodes_tile in self._ready_for:
            self._line.set_deadline(time.monotonic() + seconds)
            self._line.ask(request, body)
            return
        self._line.set_deadline(time.monotonic() + _LOADING_SECONDS)
        try:
            self._line.ask(request, body)
            answer, length = self._line.next_answer()
        except (TimeoutError, Disconnected) as silence:
            # No slide has been touched yet.
            how = "too slow" if isinstance(silence, TimeoutError) else self._how_it_ended()
            self.kill()
            self.wants_to_retire = True
            _log.error("A slide worker could not start: %s.", how)
            raise _not_started() from None
        if length or not isinstance(answer, Ready):
            raise NotUnderstood
        self._ready_for.add(decodes_tile)
        self._line.set_deadline(time.monotonic() + seconds)

    def _note_open(self, path: str) -> None:
        with self._open_lock:
            self._open[path] = None
            self._open.move_to_end(path)
            while len(self._open) > self._open_slides:
                self._open.popitem(last=False)

    def _receive(
        self, answer: AnyAnswer, length: int, size: tuple[int, int] | None, samples: int
    ) -> Pixels | None:
        if not isinstance(answer, Picture):
            if length:
                raise NotUnderstood
            return None
        rows, columns = answer.rows, answer.columns
        if (
            min(rows, columns) < 1
            or length != rows * columns * samples
            or length > _LARGEST_PICTURE_BYTES
        ):
            raise NotUnderstood
        if size is not None and size != (rows, columns):
            raise NotUnderstood
        pixels = np.empty((rows, columns, samples), np.uint8)
        self._line.receive_body(pixels.data.cast("B"))
        return pixels

    def _how_it_ended(self) -> str:
        self._line.close()
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            return "hung up"
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        return f"ended with {code}"

    def stop(self) -> None:
        """Let the process end; only while no request is under way."""
        self._line.close()
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.interrupt()
        self._process.wait()
        self._line.close()

    def interrupt(self) -> None:
        """End the process from another thread; the one that asked it something notices."""
        self._process.kill()


def _not_started() -> Busy:
    return Busy("No process could be started to read the slide; ask again in a moment.")


def _error(refusal: Refused) -> WsiLabError:
    """Return what a worker refuses; a slide may speak through it, so its words are checked."""
    if refusal.surprise.isidentifier():
        _log.warning("A slide could not be read: %.60s in a worker.", refusal.surprise)
    kind = error_class(refusal.code)
    message = "".join(c for c in refusal.message if c.isprintable())[:_LONGEST_MESSAGE]
    return kind(message) if kind in _REFUSALS else DamagedSlide("This slide cannot be read.")
