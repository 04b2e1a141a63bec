"""Too many connections, and those that take nothing of what is sent, do not stop the server."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from looping import run_in_loop
from tornado import web
from tornado.netutil import bind_sockets
from waiting import wait_until

from wsi_lab.server import listening
from wsi_lab.server.app import IDLE_SECONDS, server_limits
from wsi_lab.server.listening import ListeningServer

HALF = b"GET /health HTTP/1.1\r\nHost: a\r\n"
LARGE = 16 << 20

PROGRAM = """
import resource, sys
from pathlib import Path
from wsi_lab.model.source import Source
from wsi_lab.server.app import Serving, run
from wsi_lab.server.ending import end_process
from wsi_lab.server.streamer.settings import StreamerSettings
from wsi_lab.service.lab import LabSettings

soft, hard = int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
settings = LabSettings(Path(sys.argv[1]), source=Source.at(sys.argv[2]), workers=1)
sys.exit(end_process(run(Serving(settings, port=0, streamer=StreamerSettings(), studies=False))))
"""


class Large(web.RequestHandler):
    """Sends a lot, at once."""

    def get(self) -> None:
        self.finish(bytes(LARGE))


class Small(web.RequestHandler):
    """Sends little."""

    def get(self) -> None:
        self.finish("yes")


@contextlib.asynccontextmanager
async def listening_server(
    most: int, dressed: Callable[[socket.socket], socket.socket] = lambda each: each
) -> AsyncIterator[tuple[ListeningServer, int]]:
    """Serve small and large answers, and lend the server and its port."""
    application = web.Application([("/small", Small), ("/large", Large)])
    server = ListeningServer(application, most=most, **server_limits())
    sockets = [dressed(each) for each in bind_sockets(0, "127.0.0.1")]
    server.add_sockets(sockets)
    try:
        yield server, sockets[0].getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


async def true_soon(condition: Callable[[], bool]) -> None:
    """`wait_until`, while the loop runs."""
    await asyncio.get_running_loop().run_in_executor(None, wait_until, condition)


async def answered(port: int) -> bool:
    """Return whether a new connection is served."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return (await reader.read()).endswith(b"yes")
    except ConnectionError:
        return False
    finally:
        writer.close()


@pytest.fixture
def program(tmp_path: Path, slides: Path) -> Any:
    """Return a function that runs a server whose files are limited, and lends it and its URL."""

    @contextlib.contextmanager
    def run(soft: int, hard: int) -> Any:
        arguments = [str(tmp_path / "home"), str(slides), str(soft), str(hard)]
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url
            yield process, httpx.URL(url)
        finally:
            process.kill()
            process.communicate()

    return run


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """A folder without slides."""
    folder = tmp_path / "slides"
    folder.mkdir()
    return folder


def test_half_open_requests_beyond_the_limit_of_files_do_not_kill_the_server(
    program: Any,
) -> None:
    with program(80, 80) as (process, url), contextlib.ExitStack() as clients:
        early = clients.enter_context(httpx.Client(base_url=url, timeout=30))
        assert early.get("health").status_code == 200
        for _ in range(160):
            # It takes the connection, or closes it again.
            client = clients.enter_context(socket.create_connection((url.host, url.port)))
            with contextlib.suppress(ConnectionError):
                client.sendall(HALF)
        for _ in range(20):
            assert early.get("health").status_code == 200
        clients.close()
        wait_until(lambda: _is_healthy(url))
        process.terminate()
        assert process.wait(30) == 0
        said = process.stderr.read()
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1


def _is_healthy(url: httpx.URL) -> bool:
    try:
        return httpx.get(url.join("health")).status_code == 200
    except httpx.TransportError:
        return False


def test_server_takes_as_many_files_as_it_may(program: Any) -> None:
    with program(80, 400) as (process, _):
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (400, 400)


@pytest.mark.parametrize(
    ("limits", "is_raised", "files"),
    [
        ((1024, 4096), True, 4096),
        ((1024, resource.RLIM_INFINITY), True, listening.MOST_FILES),
        ((1024, 1 << 30), True, listening.MOST_FILES),
        ((4096, 4096), False, 4096),
        ((1 << 30, 1 << 30), False, listening.MOST_FILES),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), False, listening.MOST_FILES),
    ],
)
def test_limit_of_files_is_raised_within_reason_and_never_lowered(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], is_raised: bool, files: int
) -> None:
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: asked.append(new))
    assert listening.raise_file_limit() == files
    assert asked == ([(files, limits[1])] if is_raised else [])


def test_system_that_raises_no_limit_is_lived_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert listening.raise_file_limit() == 256


def test_one_connection_too_many_is_closed_and_the_others_are_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        async with listening_server(most=3) as (server, port):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await true_soon(lambda: server.connections == 3)
            for _ in range(5):
                assert not await answered(port)
            reader, writer = held[0]
            writer.write(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"yes")).startswith(b"HTTP/1.1 200")
            writer.close()
            await true_soon(lambda: server.connections == 2)
            assert await answered(port)
            for _, each in held:
                each.close()
            await true_soon(lambda: server.connections == 0)

    run_in_loop(run())
    assert len([line for line in caplog.messages if "as many connections" in line]) == 1


class Short(socket.socket):
    """A listening socket of a system that has no file to spare."""

    is_short = True
    tried = 0

    def accept(self) -> Any:
        type(self).tried += 1
        if self.is_short:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def short(listens: socket.socket) -> Short:
    return Short(fileno=listens.detach())


def test_server_rests_while_the_system_has_no_room(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(Short, "tried", 0)
    monkeypatch.setattr(Short, "is_short", True)

    async def run() -> None:
        async with listening_server(4, short) as (_, port):
            waiting = asyncio.ensure_future(answered(port))
            begun = time.monotonic()
            await true_soon(lambda: Short.tried >= 5)
            assert time.monotonic() - begun > 4 * 0.05 * 0.9
            assert not waiting.done()
            Short.is_short = False
            assert await waiting

    run_in_loop(run())
    lines = [line for line in caplog.messages if "no further connections" in line]
    assert lines == ["The system gives no further connections: Too many open files."]
    assert not [each for each in caplog.records if each.levelno > logging.WARNING]


def test_server_that_rests_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Short, "tried", 0)
    monkeypatch.setattr(Short, "is_short", True)
    monkeypatch.setattr(listening, "PAUSE_SECONDS", 0.01)

    async def run() -> None:
        async with listening_server(4, short) as (_, port):
            client = socket.create_connection(("127.0.0.1", port))
            await true_soon(lambda: Short.tried > 0)
        client.close()
        tried, later = Short.tried, asyncio.Event()
        asyncio.get_running_loop().call_later(5 * listening.PAUSE_SECONDS, later.set)
        await later.wait()
        assert Short.tried == tried

    run_in_loop(run())
    assert not [each for each in caplog.records if each.levelno > logging.WARNING]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such limit")
@pytest.mark.parametrize("reads", [0, 100_000])
def test_client_that_takes_nothing_of_what_is_sent_is_dropped(
    monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setattr(listening, "UNREAD_SECONDS", 1.0)

    async def run() -> None:
        async with listening_server(most=4) as (server, port):
            loop = asyncio.get_running_loop()
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", port))
                await loop.sock_sendall(client, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                # Something has come: so it still is once the connection is dropped.
                await true_soon(lambda: bool(select.select([client], [], [], 0)[0]))
                left = reads
                while left > 0:
                    data = await loop.sock_recv(client, left)
                    assert data, "dropped while it still read"
                    left -= len(data)
                await true_soon(lambda: server.connections == 0)
            assert await answered(port)

    run_in_loop(run())


def test_client_that_takes_its_time_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "UNREAD_SECONDS", 2.0)

    async def run() -> None:
        async with listening_server(most=4) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
            writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            begun, size = time.monotonic(), 0
            while data := await reader.read(1 << 18):
                size += len(data)
                await asyncio.sleep(0.04)
            assert size == LARGE
            assert time.monotonic() - begun > 2.0
            writer.close()

    run_in_loop(run())


def test_connection_that_asks_nothing_is_soon_let_go() -> None:
    assert IDLE_SECONDS <= 30
    assert server_limits()["idle_connection_timeout"] == IDLE_SECONDS
