"""Small slides made for one test each: honest ones by tifffile, hostile ones byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import simplejpeg
import tifffile
from buckets import Bucket, Decoding
from raw_tiffs import Entry, build_tiff, tiled_directory

from bench.object_server import ObjectServer
from wsi_lab.errors import NotFound
from wsi_lab.model.slide import Level, Region, SlideProperties
from wsi_lab.slides import codecs
from wsi_lab.slides.engine import EngineSettings, SlideEngine
from wsi_lab.slides.pool import PoolSettings, WorkerPool
from wsi_lab.slides.preflight import Preflight, preflight
from wsi_lab.slides.reader import EncodedImage, Pixels, tile_region
from wsi_lab.slides.readers.tiff import TiffReader
from wsi_lab.slides.source import SlideFile
from wsi_lab.slides.tiff_pages import read_index


@pytest.fixture(scope="session")
def raw_tiff() -> Callable[..., bytes]:
    """`build_tiff`."""
    return build_tiff


@pytest.fixture(scope="session")
def tiled() -> Callable[..., dict[int, Entry]]:
    """`tiled_directory`."""
    return tiled_directory


@pytest.fixture
def looked_at(tmp_path: Path) -> Callable[..., Preflight]:
    """Gives what `preflight` finds in a file of these bytes."""

    def look(content: bytes, name: str = "slide.tif") -> Preflight:
        path = tmp_path / name
        path.write_bytes(content)
        with SlideFile(str(path)) as source:
            return preflight(source)

    return look


@pytest.fixture(scope="session")
def tissue(demo_slide: Path) -> Pixels:
    """960 x 720 pixels of stained tissue, ``(720, 960, 3)``."""
    with openslide.OpenSlide(str(demo_slide)) as slide:
        picture = slide.read_region((600, 900), 0, (960, 720)).convert("RGB")
    return np.ascontiguousarray(np.asarray(picture))


def split_jpeg(data: bytes) -> tuple[bytes, bytes]:
    """Return the tables of a JPEG as a stream of their own, and the JPEG without them."""
    tables, rest, at = b"\xff\xd8", b"\xff\xd8", 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] in {0xDB, 0xC4}:
            tables += data[at:end]
        elif not 0xE0 <= data[at + 1] <= 0xEF:
            rest += data[at:end]
        at = end
    return tables + b"\xff\xd9", rest + data[at:]


@pytest.fixture(scope="session")
def split() -> Callable[[bytes], tuple[bytes, bytes]]:
    """`split_jpeg`."""
    return split_jpeg


def jpeg_tiles(pixels: Pixels, side: int, quality: int, subsampling: str) -> list[bytes]:
    """Return whole JPEG files of all tiles; edge tiles repeat the last pixels, as scanners do."""
    rows, columns = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -rows % side), (0, -columns % side), (0, 0)), mode="edge")
    return [
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(padded[y : y + side, x : x + side]), quality, "RGB", subsampling
        )
        for y in range(0, padded.shape[0], side)
        for x in range(0, padded.shape[1], side)
    ]


def write_pyramid(
    path: Path,
    pixels: Pixels,
    *,
    levels: int = 3,
    step: int = 2,
    side: int = 128,
    tables: bool = True,
    subsampling: str = "420",
    change: Callable[[int, int, bytes], bytes] | None = None,
    **options: Any,
) -> Path:
    """Write a JPEG pyramid the way scanners do, with shared tables and abbreviated tiles.

    Parameters
    ----------
    change
        Gets level, number and bytes of each stored tile, and gives what is stored instead.
    """
    factors = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}[subsampling]
    with tifffile.TiffWriter(path, bigtiff=options.pop("bigtiff", False)) as writer:
        for level in range(levels):
            scale = step**level
            rows, columns = (s // scale for s in pixels.shape[:2])
            cut = pixels[: rows * scale, : columns * scale]
            small = cut.reshape(rows, scale, columns, scale, 3).mean((1, 3)).astype(np.uint8)
            split = [split_jpeg(tile) for tile in jpeg_tiles(small, side, 85, subsampling)]
            stored = [rest for _, rest in split]
            if not tables:
                stored = jpeg_tiles(small, side, 85, subsampling)
            if change is not None:
                stored = [change(level, n, tile) for n, tile in enumerate(stored)]
            writer.write(
                iter(stored),
                shape=small.shape,
                dtype="uint8",
                tile=(side, side),
                photometric="ycbcr",
                subsampling=factors,
                compression="jpeg",
                jpegtables=split[0][0] if tables else None,
                subfiletype=1 if level else 0,
                metadata=None,
                **options,
            )
    return path


@pytest.fixture
def pyramid(tmp_path: Path, tissue: Pixels) -> Callable[..., Path]:
    """`write_pyramid` of the tissue into a new file."""
    made = iter(range(1000))

    def write(**options: Any) -> Path:
        pixels = options.pop("pixels", tissue)
        return write_pyramid(tmp_path / f"pyramid-{next(made)}.tif", pixels, **options)

    return write


@pytest.fixture(scope="module")
def engine() -> Iterator[SlideEngine]:
    """An engine with two workers, shared by tests that leave it as it was.

    Of a module, so that its idle workers do not end while tests elsewhere count processes.
    """
    engine = SlideEngine(EngineSettings())
    yield engine
    engine.close()


class FakeReader:
    """A slide that a worker would have opened: every pixel tells where it lies."""

    def __init__(self) -> None:
        self.properties = SlideProperties(
            format="Fake", levels=(Level(1000, 800, 256, 256, 1.0), Level(250, 200, 256, 256, 4.0))
        )
        self.regions: list[Region] = []
        self.closed = 0

    has_coarse_colour = False
    compression = ""

    def stored_quality(self, level: int) -> None:
        del level

    def stored_tile(self, *_place: int, **_how: bool) -> EncodedImage | None:
        return None

    def stored_tiles(
        self, _level: int, places: Sequence[tuple[int, int]], **_how: bool
    ) -> list[EncodedImage | None]:
        return [None] * len(places)

    def stored_tile_soon(self, *_place: int, **_how: bool) -> None:
        return None

    def read_tile(self, level: int, column: int, row: int) -> Pixels:
        return self.read_region(tile_region(self.properties, level, column, row))

    def read_region(self, region: Region) -> Pixels:
        self.regions.append(region)
        x = (region.x + np.arange(region.width) * region.downsample) / 8
        y = (region.y + np.arange(region.height) * region.downsample) / 8
        red, green = np.meshgrid(x, y)
        return np.stack([red, green, 0 * red], axis=2).clip(0, 255).astype(np.uint8)

    def read_associated(self, name: str) -> Pixels:
        raise NotFound(f"no {name}")

    def close(self) -> None:
        self.closed += 1


class FakeWorkers:
    """Workers that count, and start no process."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.reader = FakeReader()
        self.closed = False

    def open(self, path: str) -> FakeReader:
        self.opened.append(path)
        return self.reader

    def decode_tile(self, data: bytes, **facts: int) -> Pixels:
        raise AssertionError(f"{len(data)} bytes were to be decoded in a worker: {facts}")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers()


@pytest.fixture
def alone(workers: FakeWorkers) -> Iterator[SlideEngine]:
    """An engine of this test alone, whose workers are only pretended."""
    engine = SlideEngine(EngineSettings(), workers=workers)
    yield engine
    engine.close()


class InProcess:
    """A decoder that does here what a worker would do."""

    def __init__(self) -> None:
        self.asked: list[dict[str, int]] = []

    def decode_tile(self, data: bytes, **facts: Any) -> Pixels:
        self.asked.append(facts)
        return codecs.decode_tile(data, **facts)


@pytest.fixture
def in_process() -> InProcess:
    """A decoder that needs no worker, and remembers what it was asked."""
    return InProcess()


class NoDecoder:
    """A decoder for slides that need none: being asked is the failure."""

    def decode_tile(self, data: bytes, **facts: int) -> Pixels:
        raise AssertionError(f"{len(data)} bytes were to be decoded in a worker: {facts}")


@pytest.fixture
def opened() -> Iterator[Callable[..., TiffReader]]:
    """Opens a file natively; what was opened is closed after the test."""
    readers: list[TiffReader] = []

    def open_it(path: Path | str, decoder: Any = None) -> TiffReader:
        source = SlideFile(str(path))
        structure = preflight(source).structure
        assert structure is not None
        readers.append(TiffReader(source, read_index(source, structure), decoder or NoDecoder()))
        return readers[-1]

    yield open_it
    for reader in readers:
        reader.close()


def seen_by_openslide(
    slide: openslide.OpenSlide, level: int, x: int, y: int, size: tuple[int, int]
) -> Pixels:
    """Return what OpenSlide shows from pixel ``(x, y)`` of a level on, over white."""
    from PIL import Image

    downsample = slide.level_downsamples[level]
    picture = slide.read_region((round(x * downsample), round(y * downsample)), level, size)
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"))


@pytest.fixture(scope="session")
def openslide_pixels() -> Callable[..., Pixels]:
    """`seen_by_openslide`."""
    return seen_by_openslide


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """Return a pool that no test harms."""
    with WorkerPool() as pool:
        yield pool


@pytest.fixture
def new_pool() -> Iterator[Callable[..., WorkerPool]]:
    """Return what makes pools that a test may harm."""
    pools: list[WorkerPool] = []

    def make(**settings: float) -> WorkerPool:
        pools.append(WorkerPool(PoolSettings(**settings)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Return threads that ask."""
    with ThreadPoolExecutor(24) as threads:
        yield threads


@pytest.fixture
def bucket(tmp_path: Path, in_process: Any) -> Iterator[Bucket]:
    folder = tmp_path / "bucket"
    folder.mkdir()
    with ObjectServer(folder) as server:
        bucket = Bucket(server, Decoding(in_process))
        yield bucket
        for each in (*bucket.engines, *bucket.stores):
            each.close()
