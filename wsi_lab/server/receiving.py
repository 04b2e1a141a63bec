"""Large bodies: received piece by piece, from those who are let in, and not too many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from wsi_lab.errors import WsiLabError
from wsi_lab.server.base import Handler
from wsi_lab.server.routing import LARGEST_BODY

T = TypeVar("T")

SHORT_BODY = 64 << 10
"""Bytes. What is longer is put together and read in a thread."""


class Receiver(Handler):
    """A handler whose body is received after it is clear who asks.

    Should they be refused, it is read to its end and dropped, so that the client comes to
    reading the answer. Each method asks for what was `received`, and is told of the refusal there.
    Its classes are marked with tornado's `stream_request_body`.
    """

    def initialize(self, **known: Any) -> None:
        """Get ready to take a body."""
        super().initialize(**known)
        self._pieces: list[bytes] = []
        self._received = 0
        self._is_whole = False
        self._refusal: WsiLabError | None = None
        self._room = ExitStack()

    def prepare(self) -> Awaitable[None] | None:
        """Let in who may ask, and make room for what they send."""
        return self._enter()

    async def _enter(self) -> None:
        # tornado hangs up on a client that is answered before its body was read, even if there
        # is none.
        try:
            entering = super().prepare()
            if entering is not None:
                await entering
            announced = self._announced()
            if announced > LARGEST_BODY:
                self.make_room(announced)
        except WsiLabError as error:
            self._refusal = error

    def make_room(self, announced: int) -> None:
        """Make room for a large body.

        Raises
        ------
        Busy
            There is none.
        """
        self._room.enter_context(self.site.room_for(announced))

    def _announced(self) -> int:
        headers = self.request.headers
        if "Transfer-Encoding" in headers:
            # How long it will be is not said, so that it may be as long as any.
            return self.route.body_limit
        announced = headers.get("Content-Length", "0")
        return int(announced) if announced.isdigit() else 0

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep a piece of the body."""
        if self._refusal is None:
            self._received += len(chunk)
            self._pieces.append(chunk)
        return None

    async def received(self, read: Callable[[bytes], T]) -> T:
        """Return what `read` makes of the body, once that has been received.

        Raises
        ------
        WsiLabError
            Whoever asked was not let in, or `read` did not like it.
        """
        self._is_whole = True
        if self._refusal is not None:
            raise self._refusal
        if self._received <= SHORT_BODY:
            return self._read(read)
        return await self.wait_in(self.site.transfers, self._read, read)

    async def nothing(self) -> None:
        """Wait until the request has been received whole, whatever is in it."""
        await self.received(len)

    def _read(self, read: Callable[[bytes], T]) -> T:
        body = b"".join(self._pieces)
        self._pieces.clear()
        return read(body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in the words of the door; say so where the connection ends with this."""
        if not self._is_whole:
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def on_connection_close(self) -> None:
        """Let go of the request if its body was never received whole."""
        super().on_connection_close()
        if not self._is_whole:
            # tornado neither runs nor finishes such a handler.
            self.on_finish()

    def on_finish(self) -> None:
        """Let go of the request and of what it brought."""
        self._pieces.clear()
        self._room.close()
        super().on_finish()
