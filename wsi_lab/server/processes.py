"""Several server processes behind one port, and a parent that only watches over them.

Each process listens at the port itself (``SO_REUSEPORT``) and the system shares the connections
out; none of them knows of the others. The parent reserves the port, starts a process again when
one dies, passes on the signal to end, and answers nobody. Should it be killed, its end of a pipe
closes, and the processes end as if they had been told to.
"""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import json
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any, TextIO, TypeVar

import msgspec

from wsi_lab.errors import Busy, HomeUnusable, Invalid, WsiLabError, error_class
from wsi_lab.server.app import (
    STOP_SECONDS,
    Serving,
    listen,
    log_to_stderr,
    run,
    url_of,
)
from wsi_lab.server.ending import end_process

T = TypeVar("T")

LOG = logging.getLogger("wsi_lab.server")

_MODULE = "wsi_lab.server.processes"
_READY = "ready"
START_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0
"""A process that lived for so long is started again at once when it dies."""


def serve_with_processes(serving: Serving, count: int, *, started: Callable[[str], None]) -> int:
    """Serve with `count` processes until SIGTERM or SIGINT, and return the exit code.

    Parameters
    ----------
    started
        Called with the URL once all of them take requests.

    Raises
    ------
    Invalid
        The address cannot be listened at.
    WsiLabError
        Whatever keeps the first processes from starting.
    """
    if serving.log_level is not None:
        log_to_stderr(serving.log_level)
    with _reserved(serving.host, serving.port) as port:
        watch = _Watch(replace(serving, port=port, is_one_of_several=True), count)
        return asyncio.run(watch.run(lambda: started(url_of(serving.host, port))))


class _Watch:
    """The processes, and what becomes of them."""

    def __init__(self, serving: Serving, count: int) -> None:
        self._serving = serving
        self._count = count
        self._stop = asyncio.Event()
        self._failed: WsiLabError | None = None
        self._codes: list[int] = []

    async def run(self, started: Callable[[], None]) -> int:
        """Return the exit code when all of them have ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        ready = [asyncio.Event() for _ in range(self._count)]
        keepers = [asyncio.create_task(self._keep(each)) for each in ready]
        if await self._unless_stopped(_all_set(ready)):
            started()
        await asyncio.gather(*keepers)
        if self._failed is not None:
            raise self._failed
        return 1 if any(self._codes) else 0

    async def _keep(self, ready: asyncio.Event) -> None:
        """Keep one process alive until all are to stop."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            begun = time.monotonic()
            code = await self._one_life(ready)
            if self._stop.is_set():
                self._codes.append(code)
                return
            LOG.warning("A server process ended by itself (%s) and is started again.", _how(code))
            if time.monotonic() - begun > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await self._unless_stopped(asyncio.sleep(pause))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _one_life(self, ready: asyncio.Event) -> int:
        """Start a process, and return its exit code when it has ended."""
        try:
            process = await _start(self._serving)
        except OSError:
            self._fail_unless(ready, Busy("The system has no room for another process."))
            return 1
        said = await self._unless_stopped(_first_line(process))
        if said == _READY:
            ready.set()
            await self._unless_stopped(process.wait())
        elif said is not None:
            self._fail_unless(ready, _error_of(said))
        return await _end(process)

    def _fail_unless(self, ready: asyncio.Event, error: WsiLabError) -> None:
        """Stop all, if one cannot even start: what keeps it from that keeps all of them."""
        if not ready.is_set():
            self._failed = self._failed or error
            self._stop.set()

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what comes out, or `None` if all are to stop before that."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        result = working.result() if working.done() else None
        working.cancel()
        stopping.cancel()
        return result


async def _start(serving: Serving) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        # Not the folder that the server was started in, which may hold anybody's modules.
        *("-P", "-m", _MODULE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # The terminal's Ctrl-C is for the parent alone, which passes it on.
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 (it was asked for)
    # Not on the command line, which everybody on the machine can read: secrets are in it.
    with contextlib.suppress(ConnectionError):
        process.stdin.write(binascii.b2a_base64(packed(serving)))
        await process.stdin.drain()
    return process


async def _first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None  # noqa: S101 (it was asked for)
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError:
        return ""
    return line.decode(errors="replace").strip()


async def _end(process: asyncio.subprocess.Process) -> int:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        code = await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        code = await process.wait()
    # One that had not come so far as to listen for the signal was ended by it.
    return 0 if code == -signal.SIGTERM else code


async def _all_set(events: Sequence[asyncio.Event]) -> bool:
    for event in events:
        await event.wait()
    return True


def _error_of(said: str) -> WsiLabError:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        told = json.loads(said)
        return error_class(told["code"])(told["message"])
    return HomeUnusable("A server process could not start; what it said stands above.")


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"


@contextlib.contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Hold an address for processes to come, without answering there."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise Invalid("On this system only one server process can listen at a port.")
    # Another server of the same user may share its port, too. Whoever asks without wanting to
    # share learns whether there is one.
    sockets = listen(host, port)
    addresses = [(each.family, each.getsockname()) for each in sockets]
    for each in sockets:
        each.close()
    with contextlib.ExitStack() as held:
        for family, address in addresses:
            place = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                place.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Bound and never listening, it gets no connection.
            place.bind(address)
        yield addresses[0][1][1]


def packed(serving: Serving) -> bytes:
    """Return what to serve as bytes that `unpacked` understands."""
    return msgspec.msgpack.encode(serving, enc_hook=str)


def unpacked(message: bytes) -> Serving:
    """Return what to serve, from its bytes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from wsi_lab.service.lab import LabSettings
    >>> serving = Serving(LabSettings(Path("home")), port=8000)
    >>> unpacked(packed(serving)) == serving
    True
    """
    return msgspec.msgpack.decode(message, type=Serving, dec_hook=lambda kind, text: kind(text))


def _main() -> int:
    """Be one of the processes: what to serve comes on standard input."""
    told = sys.stdout
    try:
        # A line, because the pipe stays open: its end is the sign to end.
        serving = unpacked(binascii.a2b_base64(sys.stdin.buffer.readline()))
        # Whatever is printed by mistake must not stand where the parent reads.
        sys.stdout = sys.stderr
        code = run(serving, started=lambda _url: _tell(told, _READY), lifeline=sys.stdin.fileno())
        return end_process(code)
    except WsiLabError as error:
        _tell(told, json.dumps({"code": error.code, "message": error.message}))
        return 1


def _tell(parent: TextIO, line: str) -> None:
    parent.write(f"{line}\n")
    parent.flush()


if __name__ == "__main__":
    sys.exit(_main())
