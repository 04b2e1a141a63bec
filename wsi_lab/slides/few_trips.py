"""A file far away while its directories are read: few trips, and no byte fetched twice."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from wsi_lab.errors import CutShort, DamagedSlide
from wsi_lab.slides.source import ByteSource

HEAD_BYTES = 64 * 1024
"""What is fetched before anything is known of a file."""

DIRECTORY_BYTES = 32 * 1024
"""What is fetched of a directory before its size is known; mostly its lists lie behind it."""

MOST_BYTES = 32 * 1024 * 1024
"""The lists of a slide with two million tiles, and a quarter more."""

# Where the first directory lies behind the pixels, so do its lists, and there are about this
# many bytes of pixels per byte of list. To ask for both at once spares a trip.
_PIXELS_PER_LIST = 768
_LARGEST_FIRST = 1024 * 1024
_JOINED_GAP = 4 * 1024

Range = tuple[int, int]
"""Offset and number of bytes."""


class FewTrips:
    """A remote `ByteSource` of which everything fetched is remembered.

    It lives as long as the directories are being read.

    Parameters
    ----------
    source
        Where the bytes come from.
    head
        The first bytes of it, if they are known already.

    Raises
    ------
    DamagedSlide
        More is asked for than the directories of any slide have.
    """

    is_remote: ClassVar[bool] = True

    def __init__(self, source: ByteSource, head: bytes = b"") -> None:
        self._source = source
        self.name, self.size, self.version = source.name, source.size, source.version
        # Sorted by offset; none touches another.
        self._starts: list[int] = []
        self._blocks: list[bytes] = []
        self._fetched = 0
        self._step = min(max(self.size // _PIXELS_PER_LIST, HEAD_BYTES), _LARGEST_FIRST)
        if head:
            self._remember(0, head)
            if _first_directory(head) < len(head):
                self._step = DIRECTORY_BYTES

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset` on."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise CutShort("The slide's file ends too early; it was not copied completely.")
        if not self._has(offset, size):
            self._fetch([(offset, max(size, self._step))])
            self._step = DIRECTORY_BYTES
        number = bisect_right(self._starts, offset) - 1
        at = offset - self._starts[number]
        return self._blocks[number][at : at + size]

    def expect(self, values: Sequence[Range], following: int) -> None:
        """Fetch what is going to be read, all at once.

        Parameters
        ----------
        values
            Where the values of a directory lie.
        following
            Where the next directory lies, 0 if there is none.
        """
        wanted = [each for each in values if not self._has(*each)]
        if 0 < following < self.size and not self._has(following, 2):
            wanted.append((following, DIRECTORY_BYTES))
        if wanted:
            self._fetch(wanted)

    def read_several(self, ranges: Sequence[Range]) -> list[bytes]:
        """Return what `read` gives for each."""
        return [self.read(offset, size) for offset, size in ranges]

    def read_soon(self, offset: int, size: int) -> None:
        """Return `None`: whoever reads directories cannot go on without them."""

    def read_at_once(self, offset: int, size: int) -> None:
        """Return `None`, as for `read_soon`."""

    def unchanged(self, *, wait: bool = True) -> bool:
        """Return whether the version still tells the truth."""
        return self._source.unchanged(wait=wait)

    def close(self) -> None:
        """Leave the source open: it is needed when the directories are known."""

    def _has(self, offset: int, size: int) -> bool:
        number = bisect_right(self._starts, offset) - 1
        return number >= 0 and offset + size <= self._starts[number] + len(self._blocks[number])

    def _fetch(self, wanted: Sequence[Range]) -> None:
        gaps = [gap for each in _joined(wanted, self.size) for gap in self._gaps(*each)]
        self._fetched += sum(stop - start for start, stop in gaps)
        if self._fetched > MOST_BYTES:
            raise DamagedSlide("The directories of this slide are larger than those of any slide.")
        ranges = [(start, stop - start) for start, stop in gaps]
        for (start, _), data in zip(gaps, self._source.read_several(ranges), strict=True):
            self._remember(start, data)

    def _gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return what of ``[start, stop)`` is not there yet."""
        gaps = []
        for known, block in zip(self._starts, self._blocks, strict=True):
            if known + len(block) <= start or known >= stop:
                continue
            if start < known:
                gaps.append((start, known))
            start = known + len(block)
        if start < stop:
            gaps.append((start, stop))
        return gaps

    def _remember(self, start: int, data: bytes) -> None:
        number = bisect_right(self._starts, start)
        if number < len(self._starts) and self._starts[number] == start + len(data):
            data += self._blocks.pop(number)
            self._starts.pop(number)
        before = number - 1
        if before >= 0 and self._starts[before] + len(self._blocks[before]) == start:
            self._blocks[before] += data
        else:
            self._starts.insert(number, start)
            self._blocks.insert(number, data)


def _first_directory(head: bytes) -> int:
    """Return where the first directory of a TIFF file lies."""
    if len(head) < 16:
        return 0
    order = "<" if head.startswith(b"II") else ">"
    is_big = struct.unpack_from(f"{order}H", head, 2)[0] == 43
    start: int = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", head, 4 + 4 * is_big)[0]
    return start


def _joined(ranges: Sequence[Range], size: int) -> list[tuple[int, int]]:
    """Return ranges as ``(start, stop)`` within a file, those close together as one."""
    joined: list[tuple[int, int]] = []
    for offset, length in sorted(ranges):
        stop = min(offset + length, size)
        if joined and offset <= joined[-1][1] + _JOINED_GAP:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((offset, stop))
    return joined
