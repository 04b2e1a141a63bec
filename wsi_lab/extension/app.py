"""Settings as traits, the lab below Jupyter's base URL, and what kernels are told."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import logging
import os
import re
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from tornado.routing import PathMatches, Rule
from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, default, validate

from wsi_lab.errors import WsiLabError
from wsi_lab.extension.handlers import dressed
from wsi_lab.model.people import Actor
from wsi_lab.model.source import Source, is_address
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.routing import LabRouter, Route
from wsi_lab.server.site import Site
from wsi_lab.server.streamer.routes import streamer_routes
from wsi_lab.server.streamer.settings import Access, StreamerSettings
from wsi_lab.service.home import default_home
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.settings import SMTP_TLS, letters_from_environment

MOUNT = "wsi-lab/"
REACHED_AT = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "localhost": "127.0.0.1"}  # noqa: S104 (compared with, not listened at)


class WsiLab(ExtensionApp):
    """Whole-slide pathology below ``{base_url}wsi-lab/`` of this Jupyter server."""

    name = "wsi_lab"
    load_other_extensions = True

    home = Unicode(
        help="""The lab's own folder: its database and settings. The default is WSI_LAB_HOME, or
        the platform's folder for the data of applications.""",
    ).tag(config=True)
    owner = Unicode(
        help="""What whoever is signed in to this Jupyter server is called in the lab, where they
        are a site administrator. The default is the name of the Hub's user, or the login of
        whoever runs the server.""",
    ).tag(config=True)
    slide_roots = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        help="""Folders that slides may be added from, and addresses of buckets or web servers,
        as in `source`. By default site administrators may add files from anywhere, and nobody
        else may add any.""",
    ).tag(config=True)
    source = Unicode(
        help="""A folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or
        https://host/folder, whose slides are served by their keys there, outside all studies,
        below wsi-lab/tiles/, slides/ and view/. Only for site administrators (whoever Jupyter
        has signed in, or a token that may do all), for signed addresses and for viewer tokens.
        By default there is none.""",
    ).tag(config=True)
    source_endpoint = Unicode(
        help="""The address of a store that speaks S3 and is not Amazon's, for `source` and
        `slide_roots`. The default is what the environment says.""",
    ).tag(config=True)
    source_region = Unicode(
        help="""The region of the buckets. The default is what the environment says.""",
    ).tag(config=True)
    source_anonymous = Bool(
        False,  # noqa: FBT003 (how traits are made)
        help="""Ask for the buckets' objects without credentials, as public buckets want it.""",
    ).tag(config=True)
    source_public = Bool(
        False,  # noqa: FBT003 (how traits are made)
        help="""The slides of `source` are for everybody who can reach this server, known or
        not; with a `source_secret`, for every signed address, and every slide's page is open.""",
    ).tag(config=True)
    source_secret = Unicode(
        help="""What addresses are signed with by `wsi-lab sign`. The default is a secret that
        only this server knows.""",
    ).tag(config=True)
    source_cors_origins = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        help="""Origins whose pages may read what the source's addresses answer. The default is
        none, and any if `source_public`.""",
    ).tag(config=True)
    open_slides = Int(64, min=1, help="""How many slides are kept open.""").tag(config=True)
    workers = Int(
        2, min=1, max=64, help="""Processes that decode what cannot be handed out as stored."""
    ).tag(config=True)
    worker_memory_bytes = Int(
        1 << 30,
        min=128 << 20,
        help="""Memory that one of them may use for one request, in bytes.""",
    ).tag(config=True)
    worker_seconds = Float(
        30.0, min=1.0, help="""Time that one of them may use for one request, in seconds."""
    ).tag(config=True)
    tile_cache_bytes = Int(
        64 << 20, min=0, help="""Memory that drawn tiles may take, in bytes."""
    ).tag(config=True)
    network_home = Bool(
        False,  # noqa: FBT003 (how traits are made)
        help="""Accept a home on a network file system, where the database can lose data.""",
    ).tag(config=True)
    public_url = Unicode(
        help="""The address that people reach this server's lab by, for links in letters. The
        default is WSI_LAB_PUBLIC_URL.""",
    ).tag(config=True)
    smtp_host = Unicode(
        help="""The server that letters to the members of a study are sent by. The default is
        WSI_LAB_SMTP_HOST; without one there are no letters.""",
    ).tag(config=True)
    smtp_port = Int(
        587,
        min=1,
        max=65535,
        help="""Its port. The default is WSI_LAB_SMTP_PORT, or 587.""",
    ).tag(config=True)
    smtp_user = Unicode(
        help="""Who signs in to it; without one, nobody does. The default is WSI_LAB_SMTP_USER.
        The password is in WSI_LAB_SMTP_PASSWORD and nowhere else.""",
    ).tag(config=True)
    smtp_sender = Unicode(
        help="""Who letters come from. The default is WSI_LAB_SMTP_SENDER.""",
    ).tag(config=True)
    smtp_tls = Enum(
        SMTP_TLS,
        SMTP_TLS[0],
        help="""How what is said to it is encrypted: after a greeting (starttls), from the first
        byte (tls), or not at all (none). The default is WSI_LAB_SMTP_TLS, or starttls.""",
    ).tag(config=True)

    site: Site | None = None
    _told: dict[str, str]

    @default("owner")
    def _default_owner(self) -> str:
        return os.environ.get("JUPYTERHUB_USER", "")

    @default("public_url")
    def _default_public_url(self) -> str:
        return str(self._from_environment("public_url"))

    @default("smtp_host")
    def _default_smtp_host(self) -> str:
        return str(self._from_environment("smtp_host"))

    @default("smtp_port")
    def _default_smtp_port(self) -> int:
        return int(self._from_environment("smtp_port"))

    @default("smtp_user")
    def _default_smtp_user(self) -> str:
        return str(self._from_environment("smtp_user"))

    @default("smtp_sender")
    def _default_smtp_sender(self) -> str:
        return str(self._from_environment("smtp_sender"))

    @default("smtp_tls")
    def _default_smtp_tls(self) -> str:
        return str(self._from_environment("smtp_tls"))

    @staticmethod
    def _from_environment(name: str) -> Any:
        try:
            return getattr(LabSettings(Path(), **letters_from_environment()), name)
        except WsiLabError as error:
            raise TraitError(f"The environment: {error.message}") from None

    @validate("source", "slide_roots")
    def _validate_places(self, proposal: dict[str, Any]) -> Any:
        given = proposal["value"]
        try:
            for text in [given] if isinstance(given, str) else given or ():
                self._place(text)
        except WsiLabError as error:
            raise TraitError(f"WsiLab.{proposal['trait'].name}: {error.message}") from None
        return given

    def lab_settings(self) -> LabSettings:
        """Return the traits as the settings of a lab."""
        home = Path(self.home).expanduser() if self.home else default_home()
        roots = self.slide_roots
        return LabSettings(
            home=home,
            slide_roots=None if roots is None else tuple(map(self._place, roots)),
            source=self._source(),
            workers=self.workers,
            worker_memory_bytes=self.worker_memory_bytes,
            worker_seconds=self.worker_seconds,
            tile_cache_bytes=self.tile_cache_bytes,
            open_slides=self.open_slides,
            network_home=self.network_home,
            public_url=self.public_url,
            smtp_host=self.smtp_host,
            smtp_port=self.smtp_port,
            smtp_user=self.smtp_user,
            smtp_password=str(self._from_environment("smtp_password")),
            smtp_sender=self.smtp_sender,
            smtp_tls=self.smtp_tls,
        )

    def routes(self) -> tuple[Route, ...]:
        """Return every address that the lab answers."""
        if not self.source:
            return LAB_ROUTES
        if self.source_public:
            access = Access.SIGNED if self.source_secret else Access.OPEN
        else:
            access = Access.CLOSED
        streamer = StreamerSettings(
            access,
            secret=self.source_secret or None,
            cors_origins=_origins(self.source_cors_origins, is_public=self.source_public),
        )
        return (*streamer_routes(streamer), *LAB_ROUTES)

    def _source(self) -> Source | None:
        return self._place(self.source) if self.source else None

    def _place(self, text: str) -> Source:
        if not is_address(text):
            return Source.at(str(Path(text).expanduser().absolute()))
        return Source.at(
            text,
            endpoint=self.source_endpoint or None,
            region=self.source_region or None,
            anonymous=self.source_anonymous,
        )

    def initialize_handlers(self) -> None:
        """Put the lab below the base URL. It is opened when the server has started."""
        server = self._server()
        self._told = {}
        self.site = Site(
            functools.partial(Lab.open, self.lab_settings()),
            owner_name=self.owner or None,
            opened=self._give_kernels_a_token,
        )
        mount = server.base_url + MOUNT
        router = LabRouter(server.web_app, self.routes(), self.site, mount=mount, dress=dressed)
        # Before the rules of Jupyter and other extensions, hundreds of which would be tried for
        # every tile. `add_handlers` knows no routers; the lab's own checks stand in for its.
        server.web_app.default_router.rules.insert(
            0, Rule(PathMatches(re.escape(mount) + ".*"), router)
        )
        _log_with(server.log, server.log_level)
        atexit.register(self.site.close)

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Open the lab, now that the event loop runs and the port is known."""
        if self.site is None:
            return
        self._tell_kernels("WSI_LAB_BASE_URL", serverapp.base_url)
        if not serverapp.sock:
            self._tell_kernels("WSI_LAB_URL", local_url(serverapp))
        # A lab that cannot be opened has said so in the log, says so to everybody who asks, and
        # is no reason for Jupyter not to run.
        with contextlib.suppress(WsiLabError):
            await self.site.ready()

    async def stop_extension(self) -> None:
        """Close the lab."""
        if self.site is None:
            return
        for name, value in self._told.items():
            if os.environ.get(name) == value:
                del os.environ[name]
        atexit.unregister(self.site.close)
        await asyncio.get_running_loop().run_in_executor(None, self.site.close)
        _log_with(logging.root, logging.NOTSET)

    def _give_kernels_a_token(self, lab: Lab, owner: Actor) -> None:
        self._tell_kernels("WSI_LAB_TOKEN", lab.people.process_token(owner, name="kernels"))

    def _tell_kernels(self, name: str, value: str) -> None:
        # They inherit the environment of the server that starts them.
        self._told[name] = os.environ[name] = value

    def _server(self) -> ServerApp:
        server: Any = self.serverapp
        if not isinstance(server, ServerApp):
            raise TypeError("The lab is loaded by a Jupyter server, and there is none.")
        return server


def local_url(server: ServerApp) -> str:
    """Return the address that the lab has for programs on the same machine."""
    scheme = "https" if server.certfile else "http"
    host = REACHED_AT.get(server.ip, server.ip)
    if ":" in host:
        host = "[::1]" if host == "::" else f"[{host}]"
    return f"{scheme}://{host}:{server.port}{server.base_url}{MOUNT}"


def _origins(stated: list[str] | None, *, is_public: bool) -> tuple[str, ...] | None:
    if stated is not None:
        return tuple(stated)
    # A page of another site has no business here, unless everybody has.
    return None if is_public else ()


def _log_with(parent: logging.Logger, level: Any) -> None:
    # Jupyter does the same with tornado's loggers: the root's have no handlers here. Its own
    # logger takes everything and its handlers drop what is below the level, after the line has
    # been made; a line for every tile must not be made.
    logger = logging.getLogger("wsi_lab")
    logger.parent = parent
    logger.setLevel(level)
