"""Files in the bodies of requests: written to the disk while they come in."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, BinaryIO

from wsi_lab.errors import StorageFull, WsiLabError
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.receiving import Receiver

WRITTEN_AT_ONCE = 4 << 20
LARGEST_DROPPED = 16 << 20
"""Bytes of a refused body that are read on, so that the client comes to reading the answer."""


class FileReceiver(Receiver, JsonHandler):
    """A handler whose body becomes a file, of whoever `get_ready` lets in.

    Its classes are marked with tornado's `stream_request_body`.
    """

    def initialize(self, **known: Any) -> None:
        """Get ready to take a file."""
        super().initialize(**known)
        self._file: BinaryIO | None = None
        self._held = 0
        self._dropped = 0
        self._is_writing = False

    async def get_ready(self) -> None:
        """Find out whether the file is wanted, before any of it is taken."""

    def make_room(self, announced: int) -> None:
        """Take no memory for it: it goes to the disk."""

    async def _enter(self) -> None:
        await super()._enter()
        if self._refusal is not None or self.request.method == "OPTIONS":
            # Who only asks what may be sent sends nothing.
            return
        try:
            await self.get_ready()
            self._file = await self.site.transfers.submit(self.lab.exchange.new_file)
        except WsiLabError as error:
            self._refusal = error

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep a piece of the body; what is returned ends when there is room for more."""
        if self._refusal is not None:
            self._drop(chunk)
            return None
        super().data_received(chunk)
        self._held += len(chunk)
        return self._write() if self._held >= WRITTEN_AT_ONCE else None

    async def received_file(self) -> BinaryIO:
        """Return the file, once it is whole; from then on it is the caller's to close.

        Raises
        ------
        WsiLabError
            Whoever asked was not let in, or the disk is full.
        """
        self._pieces = [await self.received(bytes)]
        await self._write()
        if self._refusal is not None:
            raise self._refusal
        file, self._file = self._file, None
        assert file is not None  # noqa: S101 (there is one where nothing was refused)
        return file

    async def _write(self) -> None:
        pieces, self._pieces, self._held = self._pieces, [], 0
        file = self._file
        if file is None:
            return
        self._is_writing = True
        try:
            # Not `wait_in`: tornado has no use for what that raises when the client is gone.
            await self.site.transfers.submit(file.writelines, pieces)
        except OSError:
            self._refusal = StorageFull("The lab's disk is full; nothing was stored.")
        except WsiLabError as error:
            self._refusal = error
        finally:
            self._is_writing = False
            if self.is_gone:
                self._close()

    def _drop(self, chunk: bytes) -> None:
        self._dropped += len(chunk)
        stream = getattr(self.request.connection, "stream", None)
        if self._dropped > LARGEST_DROPPED and stream is not None:
            stream.close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def on_finish(self) -> None:
        """Let go of the request and of the file, unless somebody has taken that."""
        if not self._is_writing:
            self._close()
        super().on_finish()
