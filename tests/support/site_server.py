"""A site behind its doors, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Self

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule

from wsi_lab.server.app import server_limits
from wsi_lab.server.base import Handler
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.routing import LabRouter, Route
from wsi_lab.server.site import Site

PREFIX = "/a%40b/wsi-lab/"
MOUNTS = ("/", PREFIX)

Dress = Callable[[type[Handler]], type[Handler]]


class SiteServer:
    """A server in a thread of its own, with its own event loop.

    Parameters
    ----------
    dress
        Makes of each handler the one that answers.
    behind_proxy
        Whether what a proxy says of the request is believed, such as that it came by TLS.

    Attributes
    ----------
    base
        What a user tells a client: up to the mount, without a slash at its end.
    """

    def __init__(
        self,
        site: Site,
        mount: str = "/",
        routes: Sequence[Route] = LAB_ROUTES,
        *,
        dress: Dress = lambda handler: handler,
        behind_proxy: bool = False,
    ) -> None:
        self.site = site
        self.mount = mount
        self.routes = routes
        self.base = ""
        self.port = 0
        self.loop: asyncio.AbstractEventLoop
        self._dress = dress
        self._behind_proxy = behind_proxy
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        application = web.Application(autoreload=False, serve_traceback=False)
        router = LabRouter(application, self.routes, self.site, mount=self.mount, dress=self._dress)
        application.default_router.rules.insert(0, Rule(AnyMatches(), router))
        server = HTTPServer(application, xheaders=self._behind_proxy, **server_limits())
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}{self.mount}".rstrip("/")
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.site.close_lanes()
