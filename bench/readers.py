"""Libraries that read slides in this process, each behind the same two functions.

A patch reader returns ``(size, size, 3) uint8`` for a corner in level-0 pixels and a stored
level. A tile drawer returns the JPEG of a tile of 240 pixels at a whole downsample.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import simplejpeg

from bench.stored import StoredTiles

PatchReader = Callable[[int, int, int, int], np.ndarray]
TileDrawer = Callable[[int, int, int], bytes]

DECODING = "bare simplejpeg decoding"
OPENSLIDE = "OpenSlide"
LARGE_IMAGE = "large_image"
WSI_LAB = "wsi-lab"

DRAWN_TILE = 240
QUALITY = 80


def decoding_patches(path: Path) -> PatchReader:
    """Decode the tiles that a patch touches and nothing else: no patch comes out of it."""
    stored = StoredTiles(path)
    local = threading.local()

    def read(x: int, y: int, level: int, size: int) -> np.ndarray:
        here = stored.levels[level]
        side = here.tile
        left, top = x // here.downsample, y // here.downsample
        buffer = getattr(local, "buffer", None)
        if buffer is None:
            buffer = local.buffer = np.empty((side, side, 3), np.uint8)
        for row in range(top // side, min((top + size - 1) // side + 1, here.rows)):
            for column in range(left // side, min((left + size - 1) // side + 1, here.columns)):
                simplejpeg.decode_jpeg(stored.jpeg(level, column, row), "RGB", buffer=buffer)
        return buffer

    return read


def openslide_patches(path: Path) -> PatchReader:
    from openslide import OpenSlide

    slide = OpenSlide(str(path))

    def read(x: int, y: int, level: int, size: int) -> np.ndarray:
        return np.asarray(slide.read_region((x, y), level, (size, size)).convert("RGB"))

    return read


def large_image_patches(path: Path) -> PatchReader:
    import large_image
    from large_image.constants import TILE_FORMAT_NUMPY

    source = large_image.open(str(path))
    stored = StoredTiles(path).levels

    def read(x: int, y: int, level: int, size: int) -> np.ndarray:
        side = size * stored[level].downsample
        pixels, _ = source.getRegion(
            region={"left": x, "top": y, "width": side, "height": side},
            output={"maxWidth": size, "maxHeight": size},
            format=TILE_FORMAT_NUMPY,
        )
        return pixels[..., :3]

    return read


def openslide_tiles(path: Path) -> TileDrawer:
    from openslide import OpenSlide
    from openslide.deepzoom import DeepZoomGenerator

    generator = DeepZoomGenerator(OpenSlide(str(path)), DRAWN_TILE, 0)

    def draw(downsample: int, column: int, row: int) -> bytes:
        level = generator.level_count - downsample.bit_length()
        buffer = io.BytesIO()
        generator.get_tile(level, (column, row)).save(buffer, "jpeg", quality=QUALITY)
        return buffer.getvalue()

    return draw


def large_image_tiles(path: Path) -> TileDrawer:
    import large_image

    source = large_image.open(str(path), encoding="JPEG", jpegQuality=QUALITY)

    def draw(downsample: int, column: int, row: int) -> bytes:
        return source.getTile(column, row, source.levels - downsample.bit_length(), encoding="JPEG")

    return draw


@contextmanager
def wsi_lab_engine() -> Iterator[object]:
    """Open the engine that the service opens, with its own defaults."""
    from wsi_lab.slides.engine import EngineSettings, SlideEngine

    engine = SlideEngine(EngineSettings())
    try:
        yield engine
    finally:
        engine.close()


def wsi_lab_patches(path: Path, engine) -> PatchReader:
    from wsi_lab.model.slide import Region

    slide = engine.open(str(path))
    downsamples = [level.downsample for level in slide.properties.levels]

    def read(x: int, y: int, level: int, size: int) -> np.ndarray:
        return slide.region(Region(x, y, size, size, downsamples[level]))

    return read


def wsi_lab_tiles(path: Path, engine) -> TileDrawer:
    from wsi_lab.model.slide import map_grid

    slide = engine.open(str(path))
    grid = map_grid(slide.properties)

    def draw(downsample: int, column: int, row: int) -> bytes:
        zoom = grid.level_count - downsample.bit_length()
        return slide.tile(grid, zoom, column, row).data

    return draw
