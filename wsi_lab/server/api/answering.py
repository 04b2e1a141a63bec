"""What the handlers of `v1` have in common: forms in, JSON and images out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import TypeVar
from urllib.parse import quote

import msgspec
from tornado import web
from tornado.iostream import StreamClosedError

from wsi_lab.server import parsing
from wsi_lab.server.api import forms
from wsi_lab.server.base import LOG, SECONDS_PER_CHUNK, Handler
from wsi_lab.server.failures import BodyUnsupported
from wsi_lab.service.tiles import TileAnswer

F = TypeVar("F", bound=msgspec.Struct)

FOR_A_DAY = "private, max-age=86400, immutable"
ASK_EACH_TIME = "private, no-cache"
LARGEST_READ_AT_ONCE = 64 << 10
"""Bytes of JSON. What is larger is read in a thread."""


class JsonHandler(Handler):
    """A handler that speaks JSON."""

    def query(self, form: type[F]) -> F:
        """Return the query as a form, or raise `Invalid` with every problem."""
        return parsing.from_query(form, self.request.query_arguments, not_ours=self.not_ours)

    def body(self, form: type[F]) -> F:
        """Return the body as a form, or raise `Invalid` with every problem."""
        return parsing.from_json(form, self.document())

    def document(self) -> bytes:
        """Return the body, which somebody says is JSON, as it came."""
        self.query(forms.NoQuery)
        if not parsing.is_json(self.request.headers.get("Content-Type")):
            raise BodyUnsupported("The body of this request must be JSON (application/json).")
        return self.request.body

    async def large_body(self, form: type[F]) -> F:
        """Return the body as a form, as `body` does, without holding anybody up."""
        if len(self.request.body) <= LARGEST_READ_AT_ONCE:
            return self.body(form)
        return await self.wait_in(self.site.transfers, self.body, form)

    def revision(self) -> int:
        """Return the revision a change was made from; see `parsing.revision_of`."""
        return parsing.revision_of(self.request.headers)

    def send(
        self,
        answer: forms.Json,
        *,
        status: int = 200,
        revision: int | None = None,
        location: str | None = None,
    ) -> None:
        """Send JSON.

        Parameters
        ----------
        revision
            Goes into the ETag, which a change hands back. It names the revision and not the
            bytes: an answer holds more than what the revision counts (numbers of slides, the
            asker's rights), so answers in JSON are never `304`.
        location
            Where a thing just made is, below the mount.
        """
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        if revision is not None:
            self.set_header("Etag", f'"r{revision}"')
        if location is not None:
            self.set_header("Location", self.mount + location)
        self.write(forms.encode(answer))

    def send_nothing(self) -> None:
        """Say that it was done and that there is nothing to tell."""
        self.set_status(204)

    async def send_pieces(self, pieces: Iterator[bytes]) -> None:
        """Send a body that is made, in a thread, while it is sent; a short one at once."""
        lane = self.site.transfers
        piece = await self.wait_in(lane, next, pieces, b"")
        following = await self.wait_in(lane, next, pieces, b"")
        if not following:
            await self.send_body(piece)
            return
        if self.request.method == "HEAD":
            rest = await self.wait_in(lane, lambda: sum(map(len, pieces)))
            self.set_header("Content-Length", str(len(piece) + len(following) + rest))
            return
        try:
            while piece:
                self.write(piece)
                await asyncio.wait_for(self.flush(), SECONDS_PER_CHUNK)
                piece = following
                following = await self.wait_in(lane, next, pieces, b"")
        except (StreamClosedError, TimeoutError):
            self._hang_up()
        except web.Finish:
            raise
        except Exception:  # noqa: BLE001 (whatever it is: an answer that ended here would look whole)
            LOG.exception("Unforeseen: %s", self.summary())
            self._hang_up()


class ImageHandler(JsonHandler):
    """A handler that sends images a browser may keep."""

    def asked_version(self) -> str | None:
        """Return the version of the slide in the query, if the query names one."""
        query = self.request.query
        if not query:
            return None
        if query.startswith("v=") and query[2:].isalnum():
            return query[2:]
        return self.query(forms.ImageQuery).v

    def send_image(self, image: TileAnswer, version: str | None) -> Awaitable[None]:
        """Send an image, or 304 where the browser has it already; see `send_body`.

        Parameters
        ----------
        version
            What `asked_version` returned. An address that names the version shown may be kept
            without asking again.
        """
        headers = self._headers
        headers["Content-Type"] = image.media_type
        self.may_be_kept(image.etag, version)
        return self.send_tagged(image.data)

    def may_be_kept(self, etag: str, version: str | None) -> None:
        """Say for how long a browser may keep an answer."""
        self._headers["Etag"] = etag
        current = version is not None and etag.startswith(f'"{version}-')
        self._headers["Cache-Control"] = FOR_A_DAY if current else ASK_EACH_TIME


def disposition(name: str, ending: str) -> str:
    r"""Return a Content-Disposition that saves under a name (RFC 6266).

    Examples
    --------
    >>> disposition('Fall "7"/ü', "png")
    'inline; filename="Fall _7___.png"; filename*=UTF-8\'\'Fall%20%227%22_%C3%BC.png'
    """
    whole = name.replace("/", "_").replace("\\", "_")
    plain = "".join(
        each if each.isascii() and each.isprintable() and each not in '"%' else "_"
        for each in whole
    )
    encoded = quote(whole, safe="")
    return f"inline; filename=\"{plain}.{ending}\"; filename*=UTF-8''{encoded}.{ending}"
