"""Reading the directories of a slide in few, large steps, and never without end."""

from __future__ import annotations

import io
from collections.abc import Sequence

from wsi_lab.errors import DamagedSlide
from wsi_lab.slides.few_trips import FewTrips, Range
from wsi_lab.slides.source import ByteSource

STEP_BYTES = 64 * 1024
"""Directories and their values lie close together: one step mostly brings several of them."""

MOST_BYTES = 128 * 1024 * 1024
"""The directories of the largest slides known here (120,000 tiles) are below 2 MiB."""

_KEPT_STEPS = 8
_LARGEST_KEPT = 4 * STEP_BYTES
_COST_OF_A_CALL = 256


class ReadAhead:
    """A `ByteSource` seen through a few remembered blocks, with a cap on the work it does.

    The cap counts what is read and what is handed out, and every call, so that a parser that
    runs in circles over remembered bytes ends too.

    Raises
    ------
    DamagedSlide
        Reading goes past the end of the source, or beyond `most_bytes` of work.
    """

    def __init__(self, source: ByteSource, *, most_bytes: int = MOST_BYTES) -> None:
        self._source = source
        self._far = source if isinstance(source, FewTrips) else None
        self._left = most_bytes
        self._blocks: list[tuple[int, bytes]] = []
        self.size = source.size

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset` on."""
        self._spend(max(size, _COST_OF_A_CALL))
        for start, block in self._blocks:
            if start <= offset and offset + size <= start + len(block):
                return block[offset - start : offset - start + size]
        if offset < 0 or offset + size > self.size:
            raise DamagedSlide(
                "The slide's directories point beyond the end of the file; "
                "it was probably not copied completely."
            )
        # One far away knows better how much to ask for.
        step = size if self._far else min(max(size, STEP_BYTES), self.size - offset)
        self._spend(step)
        block = self._source.read(offset, step)
        if len(block) <= _LARGEST_KEPT:
            self._blocks.insert(0, (offset, block))
            del self._blocks[_KEPT_STEPS:]
        return block[:size]

    def expect(self, values: Sequence[Range], following: int) -> None:
        """Say what will be read next: the values of a directory, and the one that follows it.

        From far away, it is fetched in one trip; of a local file nothing is read.
        """
        if self._far is not None:
            self._far.expect(values, following)

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise DamagedSlide("The slide's directories are larger than those of any real slide.")


class ReadAheadFile(io.RawIOBase):
    """A `ReadAhead` as the seekable file that parsers of other people want."""

    def __init__(self, reader: ReadAhead) -> None:
        super().__init__()
        self._reader = reader
        self._position = 0

    def readable(self) -> bool:
        """Return `True`."""
        return True

    def seekable(self) -> bool:
        """Return `True`."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, and return the new position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}
        self._position = max(0, start[whence] + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, fewer at the end of the file."""
        left = max(0, self._reader.size - self._position)
        wanted = left if size < 0 else min(size, left)
        data = self._reader.read(self._position, wanted)
        self._position += wanted
        return data

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` with the next bytes, and return how many there were."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # any writable buffer
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
