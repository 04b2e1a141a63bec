"""The lab as a server of its own, without Jupyter."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule

from wsi_lab.errors import Invalid
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.routing import LabRouter, Route
from wsi_lab.server.site import Site, site_of
from wsi_lab.service.lab import Lab, LabSettings

LOG = logging.getLogger("wsi_lab.server")

DEFAULT_PORT = 8950
LARGEST_HEADERS = 16 << 10
LARGEST_BODY = 2 << 20
IDLE_SECONDS = 120.0
BODY_SECONDS = 30.0
DRAIN_SECONDS = 3.0
CLOSE_SECONDS = 1.5


def make_app(lab: Lab | Site, routes: Sequence[Route] = V1_ROUTES) -> web.Application:
    """Return the tornado application that answers for a lab at ``/``.

    Only bearer tokens are taken.

    Parameters
    ----------
    lab
        An open lab; whoever opened it closes it. Or a site, which opens its own.
    routes
        What it answers.
    """
    site = lab if isinstance(lab, Site) else site_of(lab)
    # The router needs the application and the application its rules: one of them comes later.
    application = web.Application(autoreload=False, serve_traceback=False)
    router = LabRouter(application, routes, site)
    application.default_router.rules.insert(0, Rule(AnyMatches(), router))
    return application


def serve(
    settings: LabSettings,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    started: Callable[[str], None] | None = None,
) -> int:
    """Serve a lab until SIGTERM or SIGINT, and return the exit code.

    At the signal nobody new is accepted, what is being answered is answered, and the lab is
    closed; that takes at most five seconds.

    Parameters
    ----------
    host
        An address of this machine. The default can be reached from nowhere else.
    port
        0 takes any that is free.
    started
        Called with the URL once requests are taken; the default prints it.

    Raises
    ------
    HomeUnusable
        The lab cannot be opened.
    Invalid
        The address cannot be listened at.
    """
    # Opened here and not when first needed: whoever starts a server wants to know at once.
    site = site_of(Lab.open(settings))
    return asyncio.run(_serve(site, host, port, started or _print))


def server_limits() -> dict[str, Any]:
    """Return how much a client may send and how long it may take, for tornado's `HTTPServer`."""
    return {
        "max_header_size": LARGEST_HEADERS,
        "max_body_size": LARGEST_BODY,
        "max_buffer_size": LARGEST_BODY,
        "idle_connection_timeout": IDLE_SECONDS,
        "body_timeout": BODY_SECONDS,
    }


async def _serve(site: Site, host: str, port: int, started: Callable[[str], None]) -> int:
    await site.ready()
    server = HTTPServer(
        make_app(site),
        **server_limits(),
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        try:
            sockets = bind_sockets(port, host)
        except OSError as error:
            raise Invalid(
                f"{host}:{port} cannot be listened at: {error.strerror or 'no such address'}. "
                "Choose another port, or stop what uses this one."
            ) from error
        server.add_sockets(sockets)
        started(_url(host, sockets[0].getsockname()[1]))
        await stop.wait()
    finally:
        server.stop()
        drained = await site.drain(DRAIN_SECONDS)
        await server.close_all_connections()
        closed = await _close(site)
    if not drained:
        LOG.warning("Some requests were cut off, because they took too long to answer.")
    return 0 if closed else 1


async def _close(site: Site) -> bool:
    loop = asyncio.get_running_loop()
    closing = loop.run_in_executor(None, site.close)
    done, _ = await asyncio.wait([closing], timeout=CLOSE_SECONDS)
    return bool(done)


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def _print(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
