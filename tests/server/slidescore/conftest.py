"""The door over real HTTP, at the root and below a prefix, and the released SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from site_server import MOUNTS, SiteServer
from slidescore import APIClient

from wsi_lab.server.site import Site, site_of


class DoorServer(SiteServer):
    """The door, and ways to call its methods."""

    def __init__(self, site: Site, mount: str, world: Any) -> None:
        super().__init__(site, mount)
        self.world = world

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
