"""A site behind its doors, served in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from site_server import SiteServer

from wsi_lab.server.routing import Route
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
    with SiteServer(site, mount, routes) as server:
        yield f"{server.base}/"
