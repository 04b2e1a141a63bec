"""Chunks of loads, kept in memory: they never change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    from wsi_lab.geometry.packing import PackedShapes
    from wsi_lab.store.bulk.chunks import Directory

LARGEST_CHUNKS = 64 << 20
LARGEST_DIRECTORIES = 16 << 20
"""Bytes of all that are kept."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Kept(Generic[K, V]):
    """The things that were used last, as many as fit."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._things: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            found = self._things.get(key)
            if found is None:
                return None
            self._things.move_to_end(key)
            return found[0]

    def put(self, key: K, thing: V, size: int) -> None:
        with self._lock:
            if size > self._most_bytes // 4 or key in self._things:
                return
            self._things[key] = thing, size
            self._bytes += size
            while self._bytes > self._most_bytes:
                _, (_, dropped) = self._things.popitem(last=False)
                self._bytes -= dropped


class ChunkShelf:
    """Reads chunks of loads, and keeps those that were used last.

    Ids of loads are never given twice, so that what is kept is never another load's.
    """

    def __init__(self) -> None:
        self._chunks: _Kept[tuple[int, int], PackedShapes] = _Kept(LARGEST_CHUNKS)
        self._directories: _Kept[int, Directory] = _Kept(LARGEST_DIRECTORIES)

    def directory(self, connection: Connection, load_id: int) -> Directory:
        """Return where the chunks of a load are."""
        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (whoever opens a lab needs none)

        found = self._directories.get(load_id)
        if found is None:
            found = chunks.directory(connection, load_id)
            self._directories.put(load_id, found, 48 * len(found.ids) + 1000)
        return found

    def chunks(
        self, connection: Connection, load_id: int, chunk_ids: Iterable[int], *, keep: bool = True
    ) -> Iterator[PackedShapes | None]:
        """Yield chunks of a load in their order; `None` for those that are gone.

        Parameters
        ----------
        keep
            Not for whoever reads all of a load, which would push out what others look at.
        """
        from wsi_lab.geometry.packing import unpack  # noqa: PLC0415 (as above)
        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

        for chunk_id in chunk_ids:
            key = load_id, chunk_id
            found = self._chunks.get(key)
            if found is None:
                body = next(chunks.bodies(connection, (chunk_id,)))
                if body is None:
                    yield None
                    continue
                found = unpack(body)
                if keep:
                    self._chunks.put(key, found, found.nbytes)
            yield found
