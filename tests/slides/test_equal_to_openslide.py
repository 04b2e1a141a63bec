"""What is shown is what OpenSlide shows; what OpenSlide cannot open is what the file says."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from wsi_lab.errors import DamagedSlide, UnsupportedSlide, WsiLabError
from wsi_lab.model.slide import Region, deepzoom_grid, map_grid
from wsi_lab.slides.engine import EngineSettings, OpenSlide, SlideEngine
from wsi_lab.slides.reader import EncodedImage, Pixels
from wsi_lab.slides.readers.tiff import TiffReader

NATIVE = (
    "slides/CMU-1-Small-Region.svs",
    "slides/bigtiff-pyramid-board.tif",
    "slides/slidescore-test-image.tiff",
    "slides/tcga-cr-7395-01a-01-ts1.svs",
    "tiff-variants/test_orient0.tif",
    "tiff-variants/test_orient1.tif",
    "tiff-variants/tiled-jpeg-rgb-u8.tif",
)
IN_WORKERS = (
    "slides/dicom-camelyon-lowres-jpeg.dcm",
    "slides/dicom-cmu-1-small-region/volume.dcm",
    "slides/dicom-tiny-sm.dcm",
)
PLAIN = (
    "slides/test_slide.png",
    "slides/kidney-48-5.tif",
    "tiff-variants/BigTIFF.tif",
    "tiff-variants/BigTIFFMotorola.tif",
    "tiff-variants/palette-1c-8b.tiff",
    "tiff-variants/planar-rgb-u8.tif",
    "tiff-variants/tiled-jpeg-ycbcr.tif",
    "tiff-variants/grey10kx5k.tif",
    "nuclei/hgsc_nest.jpg",
)
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}

Truth = Callable[..., Pixels]


def decoded(image: EncodedImage) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(image.data), formats=["JPEG"]).convert("RGB"))


def differ(one: Pixels, other: Pixels) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.fixture(params=NATIVE + IN_WORKERS)
def both(
    request: pytest.FixtureRequest, shared_data: Path, engine: SlideEngine
) -> Iterator[tuple[OpenSlide, openslide.OpenSlide]]:
    path = shared_data / request.param
    with openslide.OpenSlide(str(path)) as truth:
        slide = engine.open(str(path))
        assert isinstance(slide._reader, TiffReader) == (request.param in NATIVE)
        yield slide, truth


def test_levels_and_scale_are_the_same(both: tuple[OpenSlide, openslide.OpenSlide]) -> None:
    slide, truth = both
    ours = slide.properties
    assert tuple((x.width, x.height) for x in ours.levels) == truth.level_dimensions
    assert tuple(x.downsample for x in ours.levels) == pytest.approx(truth.level_downsamples)
    stated = truth.properties.get("openslide.mpp-x")
    if ours.mpp_x is not None:
        assert ours.mpp_x == pytest.approx(float(stated))
    else:
        assert stated is None or float(stated) > 50


def test_every_level_is_the_same_pixel_by_pixel(
    both: tuple[OpenSlide, openslide.OpenSlide], openslide_pixels: Truth
) -> None:
    slide, truth = both
    for number, level in enumerate(slide.properties.levels):
        region = Region(0, 0, level.width, level.height, level.downsample)
        ours = slide.region(region)
        assert (ours == openslide_pixels(truth, number, 0, 0, (level.width, level.height))).all()


def test_parts_anywhere_are_the_same_pixel_by_pixel(
    both: tuple[OpenSlide, openslide.OpenSlide], openslide_pixels: Truth
) -> None:
    slide, truth = both
    random = np.random.default_rng(4)
    for number, level in enumerate(slide.properties.levels):
        if level.downsample != round(level.downsample):
            # OpenSlide takes whole level-0 pixels, which are no whole pixels here.
            continue
        for _ in range(15):
            x, y = int(random.integers(-50, level.width)), int(random.integers(-50, level.height))
            width, height = (int(side) for side in random.integers(1, 400, 2))
            scale = level.downsample
            ours = slide.region(Region(x * scale, y * scale, width, height, scale))
            assert (ours == openslide_pixels(truth, number, x, y, (width, height))).all()


def test_every_map_tile_shows_the_same(
    both: tuple[OpenSlide, openslide.OpenSlide], openslide_pixels: Truth
) -> None:
    slide, truth = both
    grid = map_grid(slide.properties)
    zoom = grid.level_count - 1
    side = grid.tile_size
    passed, made = [], []
    level = grid.level(zoom)
    # A slide with many tiles is looked at in every third row.
    for row in range(0, level.rows, 1 if level.rows * level.columns < 150 else 3):
        for column in range(level.columns):
            ours = decoded(slide.tile(grid, zoom, column, row))
            theirs = openslide_pixels(truth, 0, column * side, row * side, (side, side))
            is_stored = side == slide.properties.levels[0].tile_width and slide._reader.stored_tile(
                0, column, row
            )
            (passed if is_stored else made).append(differ(ours, theirs))
    assert passed or made
    assert all(error == 0 for error in passed)
    assert not made or (np.mean(made) < 2 and max(made) < 5)


def test_passed_tiles_of_lower_levels_show_the_same(
    shared_data: Path, engine: SlideEngine, openslide_pixels: Truth
) -> None:
    path = shared_data / "slides" / "slidescore-test-image.tiff"
    slide = engine.open(str(path))
    grid = deepzoom_grid(slide.properties)
    with openslide.OpenSlide(str(path)) as truth:
        for number in (1, 2):
            ours = decoded(slide.tile(grid, grid.level_count - 1 - number, 0, 0))
            rows, columns = ours.shape[:2]
            theirs = openslide_pixels(truth, number, 0, 0, (columns, rows))
            # The grid's 251 x 233 pixels lie over 250 x 232 stored ones.
            assert differ(ours[:116, :125], theirs[:116, :125]) < 2


def test_passed_tiles_of_jpeg_slides_are_most_of_them(
    shared_data: Path, engine: SlideEngine
) -> None:
    for name, share in (("CMU-1-Small-Region.svs", 0.8), ("bigtiff-pyramid-board.tif", 1.0)):
        slide = engine.open(str(shared_data / "slides" / name))
        level = slide.properties.levels[0]
        passed = [
            slide._reader.stored_tile(0, column, row) is not None
            for column in range(level.columns)
            for row in range(level.rows)
        ]
        assert np.mean(passed) >= share


@pytest.mark.parametrize("orientation", TURNS)
def test_turned_and_mirrored_slides_are_shown_upright(
    shared_data: Path, engine: SlideEngine, openslide_pixels: Truth, orientation: int
) -> None:
    slide = engine.open(str(shared_data / "tiff-variants" / f"test_orient{orientation}.tif"))
    # All eight store the same pixels. Of those with a tag OpenSlide turns each tile by itself.
    upright_one = shared_data / "tiff-variants" / "test_orient1.tif"
    with openslide.OpenSlide(str(upright_one)) as truth:
        for number, level in enumerate(slide.properties.levels[:2]):
            stored = openslide_pixels(truth, number, 0, 0, truth.level_dimensions[number])
            upright = TURNS[orientation](stored)
            assert (level.height, level.width) == upright.shape[:2]
            whole = Region(0, 0, level.width, level.height, level.downsample)
            assert (slide.region(whole) == upright).all()
            part = Region(8 * level.downsample, 3 * level.downsample, 40, 30, level.downsample)
            assert (slide.region(part) == upright[3:33, 8:48]).all()
        grid = map_grid(slide.properties)
        tile = decoded(slide.tile(grid, grid.level_count - 1, 0, 0))
        whole_slide = TURNS[orientation](openslide_pixels(truth, 0, 0, 0, truth.dimensions))
        expected = whole_slide[: grid.tile_size, : grid.tile_size]
        assert differ(tile[: expected.shape[0], : expected.shape[1]], expected) < 2


@pytest.mark.parametrize("name", PLAIN)
def test_ordinary_pictures_show_what_they_hold(
    shared_data: Path, engine: SlideEngine, name: str
) -> None:
    path = shared_data / name
    slide = engine.open(str(path))
    if path.suffix.startswith(".tif") and "palette" not in name:
        truth = tifffile.imread(path)
        truth = np.moveaxis(truth, 0, 2) if truth.shape[0] == 3 else truth
        truth = np.repeat(truth[..., None], 3, axis=2) if truth.ndim == 2 else truth
    else:
        truth = np.asarray(Image.open(path).convert("RGB"))
    assert (slide.properties.height, slide.properties.width) == truth.shape[:2]
    height, width = (min(side, 500) for side in truth.shape[:2])
    x, y = truth.shape[1] - width, truth.shape[0] - height
    shown = slide.region(Region(x, y, width, height, 1.0))
    # Strips of JPEG may be decoded a grey level apart by two libraries.
    assert differ(shown, truth[y:, x:]) < (1 if "jpeg" in name else 0.01)


def test_every_real_file_is_shown_or_refused_in_time(
    shared_data: Path, engine: SlideEngine
) -> None:
    shown, refused = [], {}
    for folder in ("slides", "slides/dicom-cmu-1-small-region", "tiff-variants"):
        for path in sorted((shared_data / folder).glob("*.*")):
            started = time.monotonic()
            try:
                slide = engine.open(str(path))
                image = slide.thumbnail(64, 64)
            except (UnsupportedSlide, DamagedSlide) as refusal:
                refused[path.name] = refusal.message
            else:
                assert max(decoded(image).shape) <= 64
                shown.append(path.name)
            assert time.monotonic() - started < 60, path.name
    assert len(shown) >= 25
    assert all(message.endswith(".") for message in refused.values()), refused
    assert not any("too long" in message for message in refused.values()), refused


@pytest.mark.parametrize(
    "name",
    [
        "broken.svs",
        "colormap-shl-overflow.tiff",
        "graydepth-invert-overflow-5a0aad5024cc4ff3.tiff",
        "graydepth-invert-overflow-9f2f479685f84884.tiff",
        "notanimage.txt",
        "sample-get-lzw-stuck.tiff",
        "zero_gi.tif",
    ],
)
def test_damaged_files_are_refused_in_seconds(
    shared_data: Path, engine: SlideEngine, name: str
) -> None:
    started = time.monotonic()
    with pytest.raises((UnsupportedSlide, DamagedSlide)) as caught:
        engine.open(str(shared_data / "corrupt" / name))
    assert time.monotonic() - started < 30
    assert "too long" not in caught.value.message
    assert str(shared_data) not in caught.value.message


class NoWorkers:
    """Damage that a worker would have to judge is not the matter here."""

    def open(self, path: str) -> TiffReader:
        raise UnsupportedSlide(f"A worker would open {path}.")

    def decode_tile(self, data: bytes, **facts: int) -> Pixels:
        raise DamagedSlide(f"A worker would decode {len(data)} bytes: {facts}.")

    def close(self) -> None:
        """There is nothing to end."""


@pytest.mark.parametrize("seed", range(4))
def test_a_slide_with_random_damage_is_shown_or_refused_and_never_hangs(
    demo_slide: Path, tmp_path: Path, seed: int
) -> None:
    """100 copies each with 1 to 6 changed bytes, most of them where the directories are."""
    random = np.random.default_rng(seed)
    honest = demo_slide.read_bytes()
    with tifffile.TiffFile(demo_slide) as file:
        page = file.pages[0]
        places = [page.offset + n for n in range(400)]
        places += [page.tags[tag].valueoffset + n for tag in (324, 325, 347) for n in range(300)]
        places += [p.offset + n for p in file.pages[1:] for n in range(250)]
        places += [n for offset in page.dataoffsets for n in range(offset, offset + 40)]
    engine = SlideEngine(EngineSettings(), workers=NoWorkers())
    outcomes = {"shown": 0, "refused": 0}
    for number in range(100):
        content = bytearray(honest)
        for _ in range(random.integers(1, 7)):
            anywhere = random.random() < 0.2
            at = random.integers(len(content)) if anywhere else random.choice(places)
            content[int(at)] = random.integers(256)
        path = tmp_path / f"{number}.svs"
        path.write_bytes(content)
        started = time.process_time()
        try:
            slide = engine.open(str(path))
            grid = map_grid(slide.properties)
            for zoom in range(grid.level_count):
                level = grid.level(zoom)
                slide.tile(grid, zoom, level.columns - 1, 0)
                slide.tile_at_once(grid, zoom, 0, level.rows - 1)
                slide.tile(grid, zoom, level.columns // 2, level.rows // 2)
            for row in range(slide.properties.levels[0].rows):
                slide.level_tile(0, 0, row, quality=80, recode=False)
            for name in slide.properties.associated:
                slide.associated(name)
        except WsiLabError:
            outcomes["refused"] += 1
        else:
            outcomes["shown"] += 1
        path.unlink()
        assert time.process_time() - started < 5
    assert outcomes["refused"] > 20
    engine.close()
