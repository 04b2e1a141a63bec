"""The lab, or the slides of one source, as a server of its own, without Jupyter."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from socket import gaierror, socket
from typing import Any

from tornado import web
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, Rule

from wsi_lab.errors import Invalid
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.listening import ListeningServer, most_connections, raise_file_limit
from wsi_lab.server.routing import LabRouter, Route
from wsi_lab.server.site import Site, site_of
from wsi_lab.server.streamer.routes import streamer_routes
from wsi_lab.server.streamer.settings import StreamerSettings
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.source_alone import open_source

LOG = logging.getLogger("wsi_lab.server")

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8950
LARGEST_HEADERS = 16 << 10
LARGEST_BODY = 2 << 20
IDLE_SECONDS = 30.0
BODY_SECONDS = 30.0
DRAIN_SECONDS = 2.5
CLOSE_SECONDS = 1.5
STOP_SECONDS = 4.6
"""What ending takes at most, threads and all."""

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@dataclass(frozen=True, slots=True)
class Serving:
    """What one server process serves, and where.

    Attributes
    ----------
    settings
        Of the lab, and of the source.
    host, port
        An address of this machine; port 0 takes any that is free.
    streamer
        How the door to the slides of the source is set up; `None`: there is no such door.
    studies
        Whether the lab itself is served. A source alone needs no database.
    log_level
        From where on the server's log goes to standard error; `None` leaves logging alone.
    is_one_of_several
        Whether other processes listen at the same port.
    """

    settings: LabSettings
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    streamer: StreamerSettings | None = None
    studies: bool = True
    log_level: int | None = None
    is_one_of_several: bool = False

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every address that is answered."""
        lab = LAB_ROUTES if self.studies else ()
        return lab if self.streamer is None else (*streamer_routes(self.streamer), *lab)

    def open_site(self) -> Site:
        """Return what stands behind the addresses.

        Raises
        ------
        HomeUnusable
            The lab cannot be opened.
        """
        if self.studies:
            # Opened here and not when first needed: whoever starts a server wants to know.
            return site_of(Lab.open(self.settings))
        return Site(None, source=open_source(self.settings))


def make_app(lab: Lab | Site, routes: Sequence[Route] = LAB_ROUTES) -> web.Application:
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
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    started: Callable[[str], None] | None = None,
) -> int:
    """Serve a lab until SIGTERM or SIGINT, and return the exit code; see `run`.

    Parameters
    ----------
    host
        An address of this machine. The default can be reached from nowhere else.
    port
        0 takes any that is free.
    """
    return run(Serving(settings, host, port), started=started)


def run(
    serving: Serving,
    *,
    started: Callable[[str], None] | None = None,
    lifeline: int | None = None,
) -> int:
    """Serve in this process until SIGTERM or SIGINT, and return the exit code.

    At the signal nobody new is accepted, what is being answered is answered, and the lab is
    closed; that takes at most `STOP_SECONDS`.

    Parameters
    ----------
    started
        Called with the URL once requests are taken; the default prints it.
    lifeline
        A descriptor of a pipe whose other end somebody holds: when it closes, that is as good
        as a signal.

    Raises
    ------
    HomeUnusable
        The lab cannot be opened.
    Invalid
        The address cannot be listened at.
    """
    if serving.log_level is not None:
        log_to_stderr(serving.log_level)
    return asyncio.run(_serve(serving, started or _print, lifeline))


def log_to_stderr(level: int) -> None:
    """Write what the server has to say to standard error."""
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    logging.getLogger("wsi_lab").setLevel(level)


def server_limits() -> dict[str, Any]:
    """Return how much a client may send and how long it may take, for tornado's `HTTPServer`."""
    return {
        "max_header_size": LARGEST_HEADERS,
        "max_body_size": LARGEST_BODY,
        "max_buffer_size": LARGEST_BODY,
        "idle_connection_timeout": IDLE_SECONDS,
        "body_timeout": BODY_SECONDS,
    }


def listen(host: str, port: int, *, shared: bool = False) -> list[socket]:
    """Return sockets that listen at an address.

    Parameters
    ----------
    shared
        Whether other processes may listen there, too.

    Raises
    ------
    Invalid
        Nobody can, or somebody does.
    """
    try:
        return bind_sockets(port, host, reuse_port=shared)
    except OSError as error:
        advice = "Choose another port, or stop what uses this one."
        if isinstance(error, gaierror) or error.errno == errno.EADDRNOTAVAIL:
            advice = "Choose a host that is an address or a name of this machine."
        elif error.errno == errno.EACCES:
            advice = "Choose a port from 1024 on; those below are for the system."
        raise Invalid(
            f"{host}:{port} cannot be listened at: {error.strerror or 'no such address'}. {advice}"
        ) from error


def url_of(host: str, port: int) -> str:
    """Return the URL of a server that listens at an address."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


async def _serve(serving: Serving, started: Callable[[str], None], lifeline: int | None) -> int:
    most = most_connections(raise_file_limit(), serving.settings.open_slides)
    site = serving.open_site()
    if site.has_lab:
        await site.ready()
    server = ListeningServer(make_app(site, serving.routes), most=most, **server_limits())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        # Nobody ever writes to it: that it can be read means that it is closed.
        loop.add_reader(lifeline, _let_go, loop, lifeline, stop)
    try:
        sockets = listen(serving.host, serving.port, shared=serving.is_one_of_several)
        server.add_sockets(sockets)
        started(url_of(serving.host, sockets[0].getsockname()[1]))
        await stop.wait()
    finally:
        server.stop()
        drained = await site.drain(DRAIN_SECONDS)
        await server.close_all_connections()
        closed = await _close(site)
    if not drained:
        LOG.warning("Some requests were cut off, because they took too long to answer.")
    return 0 if closed else 1


def _let_go(loop: asyncio.AbstractEventLoop, lifeline: int, stop: asyncio.Event) -> None:
    loop.remove_reader(lifeline)
    stop.set()


async def _close(site: Site) -> bool:
    # Not the loop's own executor: the loop would wait for it, however long that takes.
    thread = ThreadPoolExecutor(1, "wsi-lab-closing")
    closing = asyncio.get_running_loop().run_in_executor(thread, site.close)
    thread.shutdown(wait=False)
    done, _ = await asyncio.wait([closing], timeout=CLOSE_SECONDS)
    return bool(done)


def _print(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
