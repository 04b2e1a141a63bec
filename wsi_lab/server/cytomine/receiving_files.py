"""Files that come in a form, however large: to the disk while they are received."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from tornado import web

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.server.cytomine.handlers import CytomineHandler
from wsi_lab.server.cytomine.multipart import Begun, FormFile

WRITTEN_AT_ONCE = 1 << 20
"""Bytes. Going to a thread and back for each piece of a connection would take longer."""
LARGEST_DROPPED = 16 << 20
"""Bytes of a refused body that are read on, so that the client comes to reading the answer."""
SECONDS_PER_LOOK = 20.0
LEAST_BYTES_PER_LOOK = 1 << 14
"""A client that sends less between two looks loses its connection."""


class Arriving(Protocol):
    """A file on its way to the disk."""

    def write(self, pieces: Sequence[bytes]) -> None:
        """Keep what has come."""

    def close(self) -> None:
        """Forget it, unless something became of it. Twice is once."""


@web.stream_request_body
class FormFileHandler(CytomineHandler):
    """Base of handlers that take a form with one file in it."""

    def initialize(self, **known: Any) -> None:
        """Get ready to take a body."""
        super().initialize(**known)
        self._form: FormFile | None = None
        self._arriving: Arriving | None = None
        self._refusal: WsiLabError | None = None
        self._pieces: list[bytes] = []
        self._kept = self._came = self._seen = 0
        self._is_writing = self._is_received = False
        self._look: asyncio.TimerHandle | None = None

    async def begin(self, file_name: str) -> Arriving:
        """Return what the file is written to, for whoever may send it."""
        raise NotImplementedError

    async def finish_file(self, arriving: Arriving) -> None:
        """Make what it is to be of a file that has come whole, and answer."""
        raise NotImplementedError

    def prepare(self) -> Awaitable[None] | None:
        """Let in who may ask."""
        return self._enter()

    async def _enter(self) -> None:
        if self.request.method == "POST":
            self._look = asyncio.get_running_loop().call_later(SECONDS_PER_LOOK, self._look_after)
        try:
            entering = super().prepare()
            if entering is not None:
                await entering
            if self.request.method == "POST":
                self._form = FormFile(self.request.headers.get("Content-Type", ""))
        except WsiLabError as error:
            self._refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """Write some of the body; returns when there is room for more."""
        self._came += len(chunk)
        if self._refusal is not None or self._form is None:
            if self._came > LARGEST_DROPPED:
                self._hang_up_at_last()
            return
        try:
            for found in self._form.feed(chunk):
                await self._take(found)
        except WsiLabError as error:
            self._refuse_on_the_way(error)

    async def post(self) -> None:
        """Answer, once the file is there."""
        self._is_received = True
        self._stop_looking()
        if self._refusal is not None:
            raise self._refusal
        if self._form is None or self._arriving is None or not self._form.is_whole:
            raise Invalid("There is no whole file in the form of this request.")
        await self._write()
        await self.finish_file(self._arriving)

    async def _take(self, found: Begun | bytes) -> None:
        if isinstance(found, Begun):
            self._arriving = await self.begin(found.file_name)
            return
        self._pieces.append(found)
        self._kept += len(found)
        if self._kept >= WRITTEN_AT_ONCE:
            await self._write()

    async def _write(self) -> None:
        pieces, self._pieces, self._kept = self._pieces, [], 0
        if pieces and self._arriving is not None:
            self._is_writing = True
            try:
                # Not `wait_in`: whoever is gone must not take the write off the queue.
                await self.site.transfers.submit(self._arriving.write, pieces)
            finally:
                self._is_writing = False

    def _refuse(self, error: WsiLabError) -> None:
        # After an early answer tornado closes the connection, and a client that is still sending
        # may never read it. So the answer waits for the body, unless that is not worth it.
        announced = self.request.headers.get("Content-Length", "")
        if not announced.isdigit() or int(announced) > LARGEST_DROPPED:
            raise error
        self._refusal = error

    def _refuse_on_the_way(self, error: WsiLabError) -> None:
        # tornado would lose an error that is raised in the middle of a body.
        try:
            self._refuse(error)
        except WsiLabError:
            self._refusal = error
            self._handle_request_exception(error)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in the words of the door; say so where the connection ends with this."""
        if not self._is_received:
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def _look_after(self) -> None:
        if not self._is_writing and self._came - self._seen < LEAST_BYTES_PER_LOOK:
            self._hang_up_at_last()
            return
        self._seen = self._came
        self._look = asyncio.get_running_loop().call_later(SECONDS_PER_LOOK, self._look_after)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _hang_up_at_last(self) -> None:
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.close()

    def on_connection_close(self) -> None:
        """Let go of the request if its body was never received whole."""
        super().on_connection_close()
        if not self._is_received:
            # tornado neither runs nor finishes such a handler.
            self.on_finish()

    def on_finish(self) -> None:
        """Let go of the request, and of a file that nothing became of."""
        self._stop_looking()
        self._pieces.clear()
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            self.site.transfers.submit(arriving.close)
        super().on_finish()
