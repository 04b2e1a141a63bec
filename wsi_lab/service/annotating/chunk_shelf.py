"""Chunks of loads, kept in memory: they never change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from wsi_lab.slides.kept import Kept
from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    from wsi_lab.geometry.packing import PackedShapes
    from wsi_lab.store.bulk.chunks import Directory

LARGEST_CHUNKS = 64 << 20
LARGEST_DIRECTORIES = 16 << 20
"""Bytes of all that are kept."""


class ChunkShelf:
    """Reads chunks of loads, and keeps those that were used last.

    Ids of loads are never given twice, so that what is kept is never another load's.
    """

    def __init__(self) -> None:
        self._chunks: Kept[PackedShapes] = Kept(LARGEST_CHUNKS, lambda each: each.nbytes)
        self._directories: Kept[Directory] = Kept(
            LARGEST_DIRECTORIES, lambda each: 48 * len(each.ids) + 1000
        )

    def directory(self, connection: Connection, load_id: int) -> Directory:
        """Return where the chunks of a load are."""
        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (whoever opens a lab needs none)

        found = self._directories.get(load_id)
        if found is None:
            found = chunks.directory(connection, load_id)
            self._directories.keep(load_id, found)
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
                if keep and found.nbytes <= LARGEST_CHUNKS // 4:
                    self._chunks.keep(key, found)
            yield found
