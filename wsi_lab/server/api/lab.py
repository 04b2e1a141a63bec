"""What the lab is, what it can be asked, and who the asker is."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import ASK_EACH_TIME, JsonHandler
from wsi_lab.version import __version__

API = 1


class RootHandler(JsonHandler):
    """Which lab this is."""

    def get(self) -> None:
        """Return the version."""
        self.query(forms.NoQuery)
        self.send({"version": __version__, "api": API})


class OpenApiHandler(JsonHandler):
    """The contract of `v1`."""

    def get(self) -> None:
        """Return the OpenAPI file."""
        self.query(forms.NoQuery)
        contract, etag = _contract()
        self.set_header("Content-Type", "application/yaml")
        self.set_header("Etag", etag)
        self.set_header("Cache-Control", ASK_EACH_TIME)
        if self.check_etag_header():
            self.set_status(304)
        else:
            self.write(contract)


class MeHandler(JsonHandler):
    """The asker."""

    async def get(self) -> None:
        """Return the asker's account and the door they came through."""
        self.query(forms.NoQuery)
        me = await self.ask(self.lab.people.me, self.actor)
        self.send({"user": forms.user(me), "door": self.actor.door})


@cache
def _contract() -> tuple[bytes, str]:
    contract = files("wsi_lab.server").joinpath("openapi.yaml").read_bytes()
    return contract, f'"{sha256(contract).hexdigest()[:16]}"'
