"""What handlers of dialects have in common: names in addresses, JSON and files out."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec

from wsi_lab.errors import NotFound
from wsi_lab.server.base import Handler
from wsi_lab.server.sending import disposition

JSON = "application/json"


class DialectHandler(Handler):
    """Base of handlers whose clients know nothing of the lab's own interface."""

    def decode_argument(self, value: bytes, name: str | None = None) -> str:  # noqa: ARG002 (tornado's)
        """Return a part of the address as text; what is no text names nothing."""
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise NotFound("There is nothing at this address.") from error

    def send_json(self, answer: Any) -> Awaitable[None]:
        """Send JSON."""
        return self.send_file(msgspec.json.encode(answer), JSON)

    def send_file(
        self, data: bytes, media_type: str, *, saved_as: str | None = None
    ) -> Awaitable[None]:
        """Send a file.

        Parameters
        ----------
        saved_as
            What a browser is to save it as, instead of showing it.
        """
        self._headers["Content-Type"] = media_type
        if saved_as is not None:
            self._headers["Content-Disposition"] = disposition(saved_as)
        return self.send_body(data)
