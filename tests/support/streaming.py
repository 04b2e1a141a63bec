"""A site behind its doors, served in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule

from wsi_lab.server.routing import LabRouter, Route
from wsi_lab.server.site import Site
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.routes import streamer_routes


@contextmanager
def streaming(site: Site, door: StreamerDoor, *, mount: str = "/") -> Iterator[str]:
    """Serve a source of slides behind the door of WSI Streamer; see `serving`."""
    with serving(site, streamer_routes(door.settings, door), mount=mount) as url:
        yield url


@contextmanager
def serving(site: Site, routes: Sequence[Route], *, mount: str = "/") -> Iterator[str]:
    """Serve a site until the block ends; its URL ends with the mount."""
    started = threading.Event()
    url: list[str] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        application = web.Application(autoreload=False, serve_traceback=False)
        router = LabRouter(application, routes, site, mount=mount)
        application.default_router.rules.insert(0, Rule(AnyMatches(), router))
        server = HTTPServer(application)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        stopped = asyncio.Event()
        url.append(f"http://127.0.0.1:{sockets[0].getsockname()[1]}{mount}")
        stop.append((asyncio.get_running_loop(), stopped))
        started.set()
        await stopped.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield url[0]
    finally:
        for loop, stopped in stop:
            loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        site.close_lanes()
