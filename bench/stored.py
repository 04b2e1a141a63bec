"""The tiles as the file holds them: what is fair to serve, and what a region costs at least.

Read by tifffile, independently of wsi-lab's own index, so that "byte-identical" is not the
product compared with itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import tifffile

START_OF_IMAGE = b"\xff\xd8"
ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""Says that the three channels are red, green and blue; decoders assume YCbCr without it."""


@dataclass(frozen=True)
class StoredLevel:
    """One tiled resolution; `prefix` makes each of its tiles a JPEG file."""

    width: int
    height: int
    tile: int
    downsample: int
    prefix: bytes
    offsets: list[int]
    counts: list[int]

    @property
    def columns(self) -> int:
        return -(-self.width // self.tile)

    @property
    def rows(self) -> int:
        return -(-self.height // self.tile)


class StoredTiles:
    """The stored tiles of a slide, from the full resolution down."""

    def __init__(self, path: Path) -> None:
        self.levels: list[StoredLevel] = []
        with tifffile.TiffFile(path) as tiff:
            pages = [page for page in tiff.pages if page.is_tiled]
            for page in pages:
                tables = page.tags["JPEGTables"].value[2:-2] if "JPEGTables" in page.tags else b""
                is_rgb = page.photometric == tifffile.PHOTOMETRIC.RGB
                self.levels.append(
                    StoredLevel(
                        width=page.imagewidth,
                        height=page.imagelength,
                        tile=page.tilewidth,
                        downsample=round(pages[0].imagewidth / page.imagewidth),
                        prefix=START_OF_IMAGE + (ADOBE_RGB if is_rgb else b"") + tables,
                        offsets=list(page.dataoffsets),
                        counts=list(page.databytecounts),
                    )
                )
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def tile(self, level: int, column: int, row: int) -> bytes:
        """Return the bytes of a stored tile, without the two that start an image."""
        stored = self.levels[level]
        index = row * stored.columns + column
        start = len(START_OF_IMAGE)
        return os.pread(
            self._descriptor, stored.counts[index] - start, stored.offsets[index] + start
        )

    def jpeg(self, level: int, column: int, row: int) -> bytes:
        """Return a stored tile as a JPEG file, nothing decoded."""
        return self.levels[level].prefix + self.tile(level, column, row)

    def warm(self) -> None:
        """Bring the whole file into the page cache: no reader waits for the disk."""
        position = 0
        while chunk := os.pread(self._descriptor, 1 << 24, position):
            position += len(chunk)

    def close(self) -> None:
        os.close(self._descriptor)
