"""The tile server as it is run alone, before a store that can be made to fail."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from bench.object_server import BUCKET, ObjectServer
from wsi_lab.model.source import Source
from wsi_lab.server.app import Serving, make_app, server_limits
from wsi_lab.server.streamer.settings import StreamerSettings
from wsi_lab.service.lab import LabSettings

BEAT_SECONDS = 0.005


@dataclass
class TileServer:
    """A server that runs.

    Attributes
    ----------
    late
        By how many seconds each heartbeat in the server's loop was late.
    """

    port: int = 0
    late: list[float] = field(default_factory=list)


@contextmanager
def tile_server(source: Source, home: Path) -> Iterator[TileServer]:
    """Serve the slides of a source to everybody, until the block ends."""
    serving = Serving(
        LabSettings(home, source=source, workers=1), streamer=StreamerSettings(), studies=False
    )
    running, started = TileServer(), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def beat() -> None:
        while True:
            due = loop.time() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            running.late.append(loop.time() - due)

    async def serve() -> None:
        site = serving.open_site()
        server = HTTPServer(make_app(site, serving.routes), **server_limits())
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        running.port = sockets[0].getsockname()[1]
        heart = asyncio.ensure_future(beat())
        started.set()
        await stop.wait()
        heart.cancel()
        server.stop()
        await server.close_all_connections()
        site.close()

    thread = threading.Thread(target=lambda: asyncio.Runner(loop_factory=lambda: loop).run(serve()))
    thread.start()
    try:
        assert started.wait(60)
        yield running
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()


class Store:
    """An object server that can leave its address, and come back to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = ObjectServer(folder).start()
        self.port = self.objects.port
        self.source = Source.at(f"s3://{BUCKET}", endpoint=self.objects.url, anonymous=True)

    def close(self) -> None:
        self.objects.stop()

    @contextmanager
    def away(self, *, swallowing: bool = False) -> Iterator[None]:
        """Have nobody at the address, or one who never lets anybody in."""
        self.objects.stop()
        try:
            with swallower(self.port) if swallowing else held(self.port):
                yield
        finally:
            self.objects = ObjectServer(self.folder, port=self.port).start()


@contextmanager
def held(port: int) -> Iterator[None]:
    """Refuse all connections to a port that was free a moment ago, lest others get it."""
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind(("127.0.0.1", port))
        yield


@contextmanager
def swallower(port: int) -> Iterator[None]:
    """Take a port and let its queue of connections be full."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(0)
        for _ in range(4):
            line = stack.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", port))
        yield


def forget_stores(patch: pytest.MonkeyPatch, user: Path) -> None:
    """Take away what would lead to another store than a test's own."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            patch.delenv(name)
    patch.setenv("HOME", str(user))


@dataclass(frozen=True)
class Timed:
    """An answer, and after how many seconds it was there."""

    path: str
    status: int
    body: bytes
    seconds: float


def ask_all(port: int, paths: Sequence[str], *, within: float = 90.0) -> list[Timed]:
    """Return the answers to paths that are asked for in the same moment, from one thread.

    Threads of clients would take from the server they measure.
    """
    found: list[Timed] = []
    received: dict[int, bytes] = {}
    begun = time.monotonic()
    with selectors.DefaultSelector() as waiting:
        for number, path in enumerate(paths):
            line = socket.create_connection(("127.0.0.1", port))
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            waiting.register(line, selectors.EVENT_READ, number)
            received[number] = b""
        while len(found) < len(paths):
            left = begun + within - time.monotonic()
            assert left > 0, f"{len(paths) - len(found)} answers never came"
            for key, _ in waiting.select(left):
                line, number = key.fileobj, key.data
                assert isinstance(line, socket.socket)
                data = line.recv(1 << 20)
                received[number] += data
                if not data:
                    waiting.unregister(line)
                    line.close()
                    head, _, body = received[number].partition(b"\r\n\r\n")
                    seconds = time.monotonic() - begun
                    found.append(Timed(paths[number], int(head.split()[1]), body, seconds))
    return sorted(found, key=lambda each: paths.index(each.path))


def tell(text: str) -> None:
    """Print what was measured, for whoever runs the tests with ``-s``."""
    print(f"\n{text}", end="")  # noqa: T201 (what it is for)
