"""Bytes on their way from a connection to the disk."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import Any, NamedTuple

from wsi_lab.errors import Invalid, TooLarge, WsiLabError
from wsi_lab.server.site import Lane
from wsi_lab.server.tus.door import ChecksumWrong
from wsi_lab.service.uploading.uploads import Partial

WRITTEN_AT_ONCE = 1 << 20
"""Bytes. Going to a thread and back for each piece of a connection would take longer."""
CHECKSUMS = ("sha1", "sha256", "md5")


class Checksum(NamedTuple):
    """What the bytes of one request must add up to."""

    digest: Any
    expected: bytes


def checksum_of(header: str | None) -> Checksum | None:
    """Return the checksum that a header states.

    Raises
    ------
    Invalid
        It states none that is known here.
    """
    if header is None:
        return None
    name, _, value = header.strip().partition(" ")
    if name.lower() not in CHECKSUMS:
        raise Invalid(f"Upload-Checksum can be one of: {', '.join(CHECKSUMS)}.")
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("Upload-Checksum holds a name and a value in base64.") from error
    return Checksum(hashlib.new(name.lower(), usedforsecurity=False), expected)


class Receiver:
    """Takes the bytes of one request and writes them to an upload, in the threads of a lane.

    While one piece is written, the next is received; then whoever sends has to wait. Only one
    thread at a time has to do with the file.

    Parameters
    ----------
    most
        Bytes that the file still lacks.

    Attributes
    ----------
    received
        Bytes.
    is_waiting
        Whether it is the disk that is waited for.
    """

    def __init__(
        self, lane: Lane, partial: Partial, *, most: int, checksum: Checksum | None = None
    ) -> None:
        self.received = 0
        self.is_waiting = False
        self._lane = lane
        self._partial = partial
        self._start = partial.size
        self._most = most
        self._checksum = checksum
        self._pieces: list[bytes] = []
        self._kept = 0
        self._writing: asyncio.Future[None] | None = None

    async def take(self, piece: bytes) -> None:
        """Take some bytes; returns when there is room for more.

        Raises
        ------
        TooLarge
            There are more than the file lacks; none of this piece is kept.
        StorageFull
            The disk is full.
        """
        if self.received + len(piece) > self._most:
            raise TooLarge("More was sent than was announced as the length of this upload.")
        self.received += len(piece)
        self._pieces.append(piece)
        self._kept += len(piece)
        if self._kept >= WRITTEN_AT_ONCE:
            self.is_waiting = True
            try:
                await self._write_on()
            finally:
                self.is_waiting = False

    async def finish(self) -> int:
        """Have everything on disk, and return the new size of the file.

        Raises
        ------
        ChecksumWrong
            It does not add up; nothing of it was kept.
        StorageFull
            The disk is full.
        """
        try:
            await self._write_on()
            await self._written()
            if self._checksum is not None and not self._adds_up(self._checksum):
                await self._lane.submit(self._partial.cut_to, self._start)
                raise ChecksumWrong("The bytes do not add up to their checksum; send them again.")
            await self._lane.submit(self._partial.sync)
            return self._start + self.received
        finally:
            self._partial.close()

    async def salvage(self) -> None:
        """Keep what came until the connection was lost; without its end no checksum can be told."""
        try:
            if self._checksum is None:
                await self._write_on()
            await self._written()
            if self._checksum is not None:
                await self._lane.submit(self._partial.cut_to, self._start)
        except (WsiLabError, OSError):
            # What is there is there; how much that is says the file.
            pass
        finally:
            await self._settled()
            self._partial.close()

    async def _write_on(self) -> None:
        await self._written()
        if self._pieces:
            pieces, self._pieces, self._kept = self._pieces, [], 0
            self._writing = self._lane.submit(self._write, pieces)

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            # Whoever is cancelled meanwhile must not take the write off the queue.
            await asyncio.shield(writing)

    async def _settled(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await asyncio.wait([writing])

    def _write(self, pieces: list[bytes]) -> None:
        if self._checksum is not None:
            for piece in pieces:
                self._checksum.digest.update(piece)
        self._partial.append(pieces)

    @staticmethod
    def _adds_up(checksum: Checksum) -> bool:
        return bool(checksum.digest.digest() == checksum.expected)
