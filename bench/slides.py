"""The two slides everything is measured on, made once and kept.

Both show the same pixels as JPEG of quality 80, abbreviated streams with shared tables, as
scanners write them:

- *pyramid*: generic BigTIFF, 256-pixel tiles, 4:2:0, every level half of the one before;
- *aperio*: 240-pixel tiles, 4:2:2, every level a quarter of the one before, Aperio's
  description and thumbnail, so that every other zoom lies between stored levels.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile
from PIL import Image

from bench.painting import BLOCK, Painting

QUALITY = 80
RECIPE = 1
"""Part of the file names: raise it when other pixels are painted or encoded."""


@dataclass(frozen=True)
class BenchSlides:
    """Where the slides lie."""

    pyramid: Path
    aperio: Path


@dataclass(frozen=True)
class Size:
    width: int
    height: int
    texture_side: int
    level_count: int


FULL = Size(width=49152, height=40960, texture_side=4096, level_count=8)
MIDDLE = Size(width=36864, height=28672, texture_side=4096, level_count=8)
"""Its Aperio slide has about 140 MB, as many slides have."""
QUICK = Size(width=24576, height=20480, texture_side=2048, level_count=7)


def slides(folder: Path, size: Size, say: Callable[[str], None] = print) -> BenchSlides:
    """Return the slides, after making them where they are missing."""
    stem = f"he-{size.width}x{size.height}-{RECIPE}"
    made = BenchSlides(folder / f"{stem}-pyramid.tif", folder / f"{stem}-aperio.svs")
    if not (made.pyramid.exists() and made.aperio.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        say(f"Making the slides ({size.width:,} x {size.height:,} pixels) in {folder} …")
        started = time.perf_counter()
        _make(size, made)
        say(f"  done in {time.perf_counter() - started:.0f} s")
    return made


@dataclass
class _Encoder:
    """Collects the tiles of one level as they come, from the top down."""

    width: int
    height: int
    tile: int
    subsampling: str
    tables: bytes = b""
    tiles: list[bytes] = field(default_factory=list)

    def add(self, rows: np.ndarray, pool: ThreadPoolExecutor) -> None:
        """Encode further rows of pixels; their number is a multiple of the tile, or the last."""
        tops = range(0, len(rows), self.tile)
        for encoded in pool.map(lambda top: self._row(rows[top : top + self.tile]), tops):
            for tables, tile in encoded:
                if self.tables not in {b"", tables}:
                    raise RuntimeError("simplejpeg no longer uses the same tables for all tiles")
                self.tables = tables
                self.tiles.append(tile)

    def _row(self, pixels: np.ndarray) -> list[tuple[bytes, bytes]]:
        encoded = []
        for left in range(0, pixels.shape[1], self.tile):
            tile = pixels[:, left : left + self.tile]
            missing = (self.tile - tile.shape[0], self.tile - tile.shape[1])
            if any(missing):
                tile = np.pad(tile, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
            tile = np.ascontiguousarray(tile)
            encoded.append(
                split_tables(simplejpeg.encode_jpeg(tile, QUALITY, "RGB", self.subsampling))
            )
        return encoded


def split_tables(jpeg: bytes) -> tuple[bytes, bytes]:
    """Return a JPEG as a TIFF holds it: its tables as a stream, and the stream without them."""
    start_of_image, end_of_image = b"\xff\xd8", b"\xff\xd9"
    tables = rest = start_of_image
    position = 2
    while (marker := jpeg[position + 1]) != 0xDA:
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        segment = jpeg[position:end]
        if marker in {0xDB, 0xC4}:
            tables += segment
        elif not 0xE0 <= marker <= 0xEF:
            rest += segment
        position = end
    return tables + end_of_image, rest + jpeg[position:]


def _make(size: Size, made: BenchSlides) -> None:
    def encoder(level: int, tile: int, subsampling: str) -> _Encoder:
        return _Encoder(size.width >> level, size.height >> level, tile, subsampling)

    pyramid = [encoder(level, 256, "420") for level in range(size.level_count)]
    aperio = [encoder(level, 240, "422") for level in (0, 2, 4)]
    quarter = np.empty((size.height >> 2, size.width >> 2, 3), np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        filled = 0
        for full, half in _strips(size, pool):
            pyramid[0].add(full, pool)
            aperio[0].add(full, pool)
            pyramid[1].add(half, pool)
            fourth = halved(half)
            quarter[filled : filled + len(fourth)] = fourth
            filled += len(fourth)
        pixels = {2: quarter}
        for level in range(3, size.level_count):
            pixels[level] = halved(pixels[level - 1])
        for level, image in pixels.items():
            pyramid[level].add(image, pool)
        aperio[1].add(pixels[2], pool)
        aperio[2].add(pixels[4], pool)
    _write(made.pyramid, lambda writer: _write_pyramid(writer, pyramid))
    _write(made.aperio, lambda writer: _write_aperio(writer, aperio, pixels[max(pixels)]))


def _strips(size: Size, pool: ThreadPoolExecutor) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield level 0 and level 1 from the top down, two blocks high at a time."""
    painting = Painting.of_size(size.width, size.height, texture_side=size.texture_side)
    columns, rows = -(-size.width // BLOCK), -(-size.height // BLOCK)
    for first in range(0, rows, 2):
        height = min(2 * BLOCK, size.height - first * BLOCK)
        full = np.empty((height, size.width, 3), np.uint8)
        half = np.empty((height // 2, size.width // 2, 3), np.uint8)

        def paint(place: tuple[int, int], first: int = first, full=full, half=half) -> None:
            column, row = place
            block = painting.block(column, row)
            top, left = (row - first) * BLOCK, column * BLOCK
            full[top : top + block.shape[0], left : left + block.shape[1]] = block
            small = halved(block)
            top, left = top // 2, left // 2
            half[top : top + small.shape[0], left : left + small.shape[1]] = small

        places = [(x, y) for y in range(first, min(first + 2, rows)) for x in range(columns)]
        for _ in pool.map(paint, places):
            pass
        yield full, half


def halved(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of every two by two pixels."""
    return np.asarray(Image.fromarray(pixels).reduce(2))


def _write(path: Path, fill: Callable[[tifffile.TiffWriter], None]) -> None:
    """Write under another name first: a run that is cut short leaves no half slide behind."""
    unfinished = path.with_suffix(".part")
    with tifffile.TiffWriter(unfinished, bigtiff=True) as writer:
        fill(writer)
    unfinished.rename(path)


def _write_pyramid(writer: tifffile.TiffWriter, levels: list[_Encoder]) -> None:
    for number, level in enumerate(levels):
        per_centimetre = 40_000 / 2**number  # 0.25 µm per pixel at level 0
        writer.write(
            iter(level.tiles),
            **_tiled(level),
            subsampling=(2, 2),
            subfiletype=1 if number else 0,
            resolution=(per_centimetre, per_centimetre),
            resolutionunit=3,
            description=None if number else "synthetic H&E",
        )


def _write_aperio(
    writer: tifffile.TiffWriter, levels: list[_Encoder], thumbnail: np.ndarray
) -> None:
    width, height = levels[0].width, levels[0].height
    head = f"Aperio Image Library v12.0.15 \r\n{width}x{height} [0,0 {width}x{height}] (240x240)"
    for number, level in enumerate(levels):
        scaled = f" -> {level.width}x{level.height}" if number else ""
        writer.write(
            iter(level.tiles),
            **_tiled(level),
            subsampling=(2, 1),
            subfiletype=0,
            description=f"{head}{scaled} JPEG/RGB Q={QUALITY}|AppMag = 40|MPP = 0.2500",
        )
        if number == 0:  # Aperio puts a stripped thumbnail second
            writer.write(
                thumbnail,
                photometric="ycbcr",
                subsampling=(2, 2),
                compression="jpeg",
                compressionargs={"level": QUALITY},
                rowsperstrip=16,
                metadata=None,
                description=f"{head} -> {thumbnail.shape[1]}x{thumbnail.shape[0]} - |AppMag = 40",
            )


def _tiled(level: _Encoder) -> dict[str, object]:
    return {
        "shape": (level.height, level.width, 3),
        "dtype": "uint8",
        "tile": (level.tile, level.tile),
        "photometric": "ycbcr",
        "compression": "jpeg",
        "jpegtables": level.tables,
        "metadata": None,
    }
