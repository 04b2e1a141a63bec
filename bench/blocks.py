"""The other way to read a slide from a store: whole blocks, kept in memory.

It is what the original WSI Streamer does under its decoder: a file is seen through numbered
blocks of 256 KiB, of which the last hundred are kept, first in, first out. A read over several
blocks fetches them one after another; whoever needs a block that is on its way waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

BLOCK_BYTES = 256 * 1024
KEPT_BLOCKS = 100


class BlockSource:
    """A `wsi_lab.slides.source.ByteSource` that reads an object by blocks.

    Parameters
    ----------
    fetch
        Returns the bytes of an offset and a size by one request.
    size
        Of the whole object.
    """

    is_remote = True
    version = "blocks"

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, *, name: str = "") -> None:
        self.name = name
        self.size = size
        self._fetch = fetch
        self._lock = threading.Lock()
        self._blocks: dict[int, Future[bytes]] = {}

    def read(self, offset: int, size: int) -> bytes:
        first, last = offset // BLOCK_BYTES, (offset + size - 1) // BLOCK_BYTES
        data = b"".join(self._block(number) for number in range(first, last + 1))
        start = offset - first * BLOCK_BYTES
        return data[start : start + size]

    def read_several(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(offset, size) for offset, size in ranges]

    def read_soon(self, _offset: int, _size: int) -> None:
        """Return `None`: nothing is fetched together."""

    def read_at_once(self, _offset: int, _size: int) -> None:
        """Return `None`: every reader takes a thread of its own."""

    def unchanged(self, *, wait: bool = True) -> bool:  # noqa: ARG002 (nobody ever looks)
        return True

    def close(self) -> None:
        self._blocks.clear()

    def _block(self, number: int) -> bytes:
        with self._lock:
            block = self._blocks.get(number)
            is_mine = block is None
            if block is None:
                block = self._blocks[number] = Future()
                while len(self._blocks) > KEPT_BLOCKS:
                    del self._blocks[next(iter(self._blocks))]
        if is_mine:
            start = number * BLOCK_BYTES
            try:
                block.set_result(self._fetch(start, min(BLOCK_BYTES, self.size - start)))
            except BaseException as error:
                # Whoever waits for it learns of it; the next one tries again.
                self._blocks.pop(number, None)
                block.set_exception(error)
                raise
        return block.result()
