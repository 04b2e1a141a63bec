"""The door over real HTTP, at the root and below a prefix, and the released SDK."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from slidescore import APIClient
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule

from wsi_lab.server.app import server_limits
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.routing import LabRouter, Route
from wsi_lab.server.site import Site, site_of

MOUNTS = ("/", "/a%40b/wsi-lab/")


@dataclass
class DoorServer:
    """A server in a thread of its own, and a way to call its methods.

    Attributes
    ----------
    base
        What a user tells a client, without a slash at its end.
    """

    site: Site
    mount: str
    world: Any
    routes: tuple[Route, ...] = LAB_ROUTES
    base: str = ""
    _ready: threading.Event = field(default_factory=threading.Event)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        application = web.Application(autoreload=False, serve_traceback=False)
        router = LabRouter(application, self.routes, self.site, mount=self.mount)
        application.default_router.rules.insert(0, Rule(AnyMatches(), router))
        server = HTTPServer(application, **server_limits())
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        port = sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{port}{self.mount}".rstrip("/")
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()

    def __enter__(self) -> DoorServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self.site.close_lanes()

    def headers(self, who: str) -> dict[str, str]:
        """Return the credentials of a kind of person, or of a token."""
        text = who if who.startswith("wsi_") else self.world.tokens[who]
        return {} if text is None else {"Authorization": f"Bearer {text}"}

    def get(self, method: str, who: str = "site_admin", **params: Any) -> requests.Response:
        """Call a method as the SDK reads: GET with a form as its body."""
        return self.send("GET", f"/Api/{method}", who, data=params)

    def post(self, method: str, who: str = "site_admin", **params: Any) -> requests.Response:
        """Call a method as the SDK changes."""
        return self.send("POST", f"/Api/{method}", who, data=params)

    def send(self, verb: str, path: str, who: str = "site_admin", **how: Any) -> requests.Response:
        """Ask for a path below the mount, and follow nowhere."""
        headers = {"Accept": "application/json", **self.headers(who), **how.pop("headers", {})}
        return requests.request(
            verb, self.base + path, headers=headers, timeout=60, allow_redirects=False, **how
        )

    def sdk(self, who: str = "site_admin") -> APIClient:
        """Return the released client."""
        text = who if who.startswith("wsi_") else self.world.tokens[who]
        return APIClient(self.base, text)


@pytest.fixture(scope="module", params=MOUNTS, ids=["root", "prefix"])
def door(request: pytest.FixtureRequest, world: Any) -> Iterator[DoorServer]:
    """The lab of `world`, at the root and below a prefix."""
    with DoorServer(site_of(world.lab), request.param, world) as server:
        yield server


@pytest.fixture(scope="module")
def root_door(world: Any) -> Iterator[DoorServer]:
    """The lab of `world`, at the root."""
    with DoorServer(site_of(world.lab), "/", world) as server:
        yield server
