"""Stored tiles handed out as they are, and regions of exactly the stored pixels."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
import tifffile
from PIL import Image

from wsi_lab.errors import (
    DamagedSlide,
    NotFound,
    OutOfRange,
    TooLarge,
    UnsupportedSlide,
)
from wsi_lab.model.slide import Region
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers import tiff
from wsi_lab.slides.readers.tiff import TiffReader
from wsi_lab.slides.tiff_index import TiffIndex

Open = Callable[..., TiffReader]
Write = Callable[..., Path]


def changed(level: int, number: int, change: Callable[[bytes], bytes]) -> Callable[..., bytes]:
    """Return a `change` for `pyramid` that touches one tile only."""
    return lambda lev, n, tile: change(tile) if (lev, n) == (level, number) else tile


def everything(reader: TiffReader, level: int = 0) -> Pixels:
    facts = reader.properties.levels[level]
    return reader.read_region(Region(0, 0, facts.width, facts.height, facts.downsample))


def test_a_stored_tile_is_the_scanners_own_data(demo_slide: Path, opened: Open) -> None:
    reader = opened(demo_slide)
    with tifffile.TiffFile(demo_slide) as file:
        page = file.pages[0]
        stored = demo_slide.read_bytes()[page.dataoffsets[23] :][: page.databytecounts[23]]
        tables = page.jpegtables
    tile = reader.stored_tile(0, 3, 2)
    assert tile is not None
    assert tile.media_type == "image/jpeg"
    assert tile.data.endswith(stored[2:])
    assert tables[2:-2] in tile.data
    assert len(tile.data) == len(stored) - 2 + len(tables) - 2 + 16


def test_a_tile_from_the_page_cache_is_the_same(demo_slide: Path, opened: Open) -> None:
    reader = opened(demo_slide)
    waited = reader.stored_tile(0, 1, 1)
    assert reader.stored_tile(0, 1, 1, wait=False) in {waited, None}


def test_a_tile_that_would_have_to_be_waited_for_is_none(
    demo_slide: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = opened(demo_slide)
    monkeypatch.setattr(os, "preadv", lambda *_: 0)
    monkeypatch.setattr(os, "pread", lambda *_: pytest.fail("it waited"))
    assert reader.stored_tile(0, 1, 1, wait=False) is None


def test_a_huge_tile_is_never_read_where_others_wait(
    pyramid: Write, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = 1 << 20
    reader = opened(pyramid(side=1024, change=changed(0, 0, lambda tile: tile.ljust(huge, b"\0"))))
    larger = opened(pyramid(side=1024, change=changed(0, 0, lambda tile: tile.ljust(huge + 1))))
    sizes = []

    def read(_descriptor: int, buffers: list[bytearray], *_: int) -> int:
        sizes.append(len(buffers[0]))
        return 0

    monkeypatch.setattr(os, "preadv", read)
    for each in (reader, larger):
        assert each.stored_tile(0, 0, 0, whole=True, wait=False) is None
        assert each.stored_tile(0, 0, 0, whole=True) is not None
    assert sizes == [huge]


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("tables", [True, False])
def test_tiles_with_and_without_their_own_tables_become_files(
    pyramid: Write, opened: Open, subsampling: str, tables: bool
) -> None:
    reader = opened(pyramid(subsampling=subsampling, tables=tables))
    pixels = everything(reader)
    for column, row in ((0, 0), (6, 4), (3, 2)):
        tile = reader.stored_tile(0, column, row)
        assert tile is not None
        shown = np.asarray(Image.open(io.BytesIO(tile.data), formats=["JPEG"]).convert("RGB"))
        part = pixels[row * 128 : row * 128 + 128, column * 128 : column * 128 + 128]
        assert np.abs(shown.astype(int) - part).mean() < 0.1


def test_colours_of_rgb_tiles_are_right_for_every_viewer(
    demo_slide: Path, opened: Open, openslide_pixels: Callable[..., Pixels]
) -> None:
    import openslide

    tile = opened(demo_slide).stored_tile(0, 4, 5)
    assert tile is not None
    shown = np.asarray(Image.open(io.BytesIO(tile.data), formats=["JPEG"]).convert("RGB"))
    with openslide.OpenSlide(str(demo_slide)) as slide:
        truth = openslide_pixels(slide, 0, 4 * 240, 5 * 240, (240, 240))
    assert np.abs(shown.astype(int) - truth).mean() < 0.1


def test_grey_tiles_stay_grey_and_get_no_colour_marker(shared_data: Path, opened: Open) -> None:
    tile = opened(shared_data / "tiff-variants" / "test_orient1.tif").stored_tile(0, 0, 0)
    assert tile is not None
    assert b"Adobe" not in tile.data
    assert simplejpeg.decode_jpeg_header(tile.data)[2] == "Gray"


def test_what_a_tile_says_of_itself_is_not_passed_on(
    pyramid: Write, opened: Open, tissue: Pixels
) -> None:
    def gossiping(_level: int, _number: int, tile: bytes) -> bytes:
        exif = b"\xff\xe1\x00\x0eExif\0\0Mrs Do"
        transform = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
        jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
        comment = b"\xff\xfe\x00\x09Mrs Doe"
        return tile[:2] + jfif + exif + transform + comment + tile[2:]

    plain, gossip = opened(pyramid()), opened(pyramid(change=gossiping))
    for column, row in ((0, 0), (2, 1)):
        assert gossip.stored_tile(0, column, row) == plain.stored_tile(0, column, row)
    assert (everything(gossip) == everything(plain)).all()


def test_edge_tiles_are_handed_out_only_if_wanted_whole(pyramid: Write, opened: Open) -> None:
    reader = opened(pyramid())
    assert reader.properties.levels[0].columns == 8
    assert reader.stored_tile(0, 7, 0) is None
    assert reader.stored_tile(0, 0, 5) is None
    whole = reader.stored_tile(0, 7, 5, whole=True)
    assert whole is not None
    assert simplejpeg.decode_jpeg_header(whole.data)[:2] == (128, 128)
    pixels = reader.read_tile(0, 7, 5)
    assert (pixels == simplejpeg.decode_jpeg(whole.data)).all()


@pytest.mark.parametrize(
    ("level", "column", "row"),
    [(0, 8, 0), (0, 0, 6), (0, -1, 0), (0, 0, -1), (3, 0, 0), (-1, 0, 0)],
)
def test_tiles_that_do_not_exist_are_out_of_range(
    pyramid: Write, opened: Open, level: int, column: int, row: int
) -> None:
    reader = opened(pyramid())
    with pytest.raises(OutOfRange):
        reader.stored_tile(level, column, row)
    with pytest.raises(OutOfRange):
        reader.stored_tile(level, column, row, wait=False)
    with pytest.raises(OutOfRange):
        reader.read_tile(level, column, row)


def test_a_tile_the_scanner_left_out_is_white(pyramid: Write, opened: Open) -> None:
    reader = opened(pyramid(change=changed(0, 9, lambda _: b"")))
    assert reader.stored_tile(0, 1, 1) is None
    assert reader.stored_tile(0, 1, 1, wait=False) is None
    assert (reader.read_tile(0, 1, 1) == 255).all()
    assert (reader.read_region(Region(128, 128, 128, 128, 1.0)) == 255).all()
    assert (reader.read_region(Region(100, 100, 20, 20, 1.0)) < 255).any()


def test_a_region_outside_the_slide_is_white(pyramid: Write, opened: Open) -> None:
    reader = opened(pyramid())
    for x, y in ((-500, 0), (0, -500), (960, 0), (0, 720), (1e12, 0), (-1e300, 1e300)):
        for downsample in (1.0, 1.7, 4.0, 100.0):
            region = Region(x - 300 * downsample * (x < 0), y, 200, 100, downsample)
            pixels = reader.read_region(region)
            assert pixels.shape == (100, 200, 3)
            if x in {-500, 960, 1e12} or y in {720, 1e300}:
                assert (pixels == 255).all()


def test_a_region_is_white_exactly_where_the_slide_ends(
    pyramid: Write, opened: Open, tissue: Pixels
) -> None:
    reader = opened(pyramid(pixels=np.zeros_like(tissue)))
    pixels = reader.read_region(Region(-10, -20, 1000, 800, 1.0))
    black = (pixels == 0).all(axis=2)
    assert black[20:740, 10:970].all()
    assert black.sum() == 720 * 960


@pytest.mark.parametrize("downsample", [2, 4, 8, 16])
def test_white_does_not_bleed_into_the_edge_of_a_smaller_picture(
    pyramid: Write, opened: Open, tissue: Pixels, downsample: int
) -> None:
    reader = opened(pyramid(pixels=np.zeros_like(tissue), levels=1))
    pixels = reader.read_region(Region(0, 0, 1200 // downsample, 900 // downsample, downsample))
    rows, columns = 720 // downsample, 960 // downsample
    assert (pixels[:rows, :columns] == 0).all()
    assert (pixels[-(-720 // downsample) :] == 255).all()
    assert (pixels[:, -(-960 // downsample) :] == 255).all()


@pytest.mark.parametrize("downsample", [1.0, 1.3, 2.0, 2.7, 3.0, 4.0, 5.5, 8.0, 11.0, 16.0, 40.0])
def test_smaller_pictures_are_means_of_what_they_stand_for(
    pyramid: Write, opened: Open, downsample: float
) -> None:
    reader = opened(pyramid(levels=1))
    full = everything(reader).astype(float)
    x, y, width, height = 96.0, 64.0, int(640 / downsample), int(480 / downsample)
    pixels = reader.read_region(Region(x, y, width, height, downsample))
    sums = np.pad(full.cumsum(0).cumsum(1), ((1, 0), (1, 0), (0, 0)))

    def at(positions: np.ndarray, sums: np.ndarray) -> np.ndarray:
        whole = np.minimum(positions.astype(int), len(sums) - 2)
        part = (positions - whole)[(...,) + (None,) * (sums.ndim - 1)]
        return sums[whole] * (1 - part) + sums[whole + 1] * part

    rows = np.diff(at(y + np.arange(height + 1) * downsample, sums), axis=0)
    columns = np.diff(at(x + np.arange(width + 1) * downsample, rows.swapaxes(0, 1)), axis=0)
    exact = columns.swapaxes(0, 1) / downsample**2
    # What the last step shrinks by 2.75 (5.5 and 11 here) is furthest off.
    assert np.abs(pixels - exact).mean() < (2.5 if downsample in {5.5, 11.0} else 1.5)


def test_the_best_stored_level_is_used(pyramid: Write, opened: Open) -> None:
    """Each level is of another colour here."""
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    plain = {
        level: simplejpeg.encode_jpeg(np.full((128, 128, 3), colour, np.uint8), 95, "RGB", "420")
        for level, colour in enumerate(colours)
    }
    reader = opened(pyramid(change=lambda level, _number, _tile: plain[level]))
    for downsample, level in ((0.5, 0), (1.0, 0), (1.9, 0), (2.0, 1), (2.4, 1), (4.0, 2), (9.0, 2)):
        pixels = reader.read_region(Region(64, 64, 16, 16, downsample))
        assert pixels[8, 8].argmax() == level, downsample


def test_larger_pictures_than_level_0_are_smooth(pyramid: Write, opened: Open) -> None:
    reader = opened(pyramid())
    pixels = reader.read_region(Region(100, 100, 200, 200, 0.25)).astype(int)
    assert np.abs(np.diff(pixels, axis=1)).max() < 60
    assert np.abs(pixels.mean() - reader.read_region(Region(100, 100, 50, 50, 1.0)).mean()) < 1


def test_regions_that_need_too_many_tiles_are_refused_with_advice(
    pyramid: Write, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = opened(pyramid(levels=1))
    monkeypatch.setattr(tiff, "MOST_SOURCE_TILES", 40)
    with pytest.raises(TooLarge, match="pyramid"):
        reader.read_region(Region(0, 0, 96, 72, 10.0))
    # Outside of the slide there is nothing to do.
    assert reader.read_region(Region(-4800, 0, 960, 720, 5.0)).shape == (720, 960, 3)
    monkeypatch.setattr(tiff, "MOST_SOURCE_TILES", 1000)
    monkeypatch.setattr(tiff, "MOST_SOURCE_PIXELS", 100_000)
    with pytest.raises(TooLarge):
        reader.read_region(Region(0, 0, 960, 720, 1.0))


def test_large_regions_between_levels_are_made_in_bands_without_seams(
    pyramid: Write, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = opened(pyramid())
    region = Region(-31.5, -20.25, 500, 400, 1.7)
    at_once = reader.read_region(region)
    monkeypatch.setattr(tiff, "_MOST_BUFFER_PIXELS", 20_000)
    in_bands = reader.read_region(region)
    assert np.abs(at_once.astype(int) - in_bands).max() <= 1


@pytest.mark.parametrize("name", ["label", "macro", "thumbnail"])
def test_images_beside_the_pyramid_are_read(
    demo_slide: Path, opened: Open, in_process: Any, name: str
) -> None:
    import openslide

    reader = opened(demo_slide, in_process)
    with openslide.OpenSlide(str(demo_slide)) as slide:
        truth = np.asarray(slide.associated_images[name].convert("RGB"))
    assert (reader.read_associated(name) == truth).all()


def test_there_is_no_image_of_another_name(demo_slide: Path, opened: Open) -> None:
    with pytest.raises(NotFound):
        opened(demo_slide).read_associated("Label")


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "jpeg2000"])
@pytest.mark.parametrize("grey", [False, True])
def test_other_compressions_give_the_exact_pixels(
    tmp_path: Path, tissue: Pixels, opened: Open, in_process: Any, compression: str, grey: bool
) -> None:
    pixels = tissue[:300, :400, 0] if grey else tissue[:300, :400]
    path = tmp_path / "slide.tif"
    tifffile.imwrite(
        path,
        pixels,
        tile=(128, 128),
        photometric="minisblack" if grey else "rgb",
        compression=compression,
        predictor=2 if compression in {"lzw", "deflate"} else None,
        metadata=None,
    )
    reader = opened(path, in_process)
    expected = np.repeat(pixels[..., None], 3, axis=2) if grey else pixels
    assert (everything(reader) == expected).all()
    assert reader.stored_tile(0, 0, 0) is None
    half = reader.read_region(Region(0, 0, 200, 150, 2.0))
    exact = expected.reshape(150, 2, 200, 2, 3).mean((1, 3))
    assert np.abs(half - exact).max() <= 1


def test_an_uncompressed_tile_that_is_too_short_is_damage(
    tmp_path: Path, tissue: Pixels, opened: Open
) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, tissue, tile=(128, 128), photometric="rgb", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        tag = file.pages[0].tags["TileByteCounts"]
        tag.overwrite([100, *tag.value[1:]])
    with pytest.raises(DamagedSlide):
        everything(opened(path))


def test_a_slide_that_is_not_native_is_refused(
    opened: Open, in_process: Any, demo_slide: Path
) -> None:
    source = opened(demo_slide)._source
    with pytest.raises(UnsupportedSlide, match="not stored in tiles"):
        TiffReader(source, TiffIndex(format="TIFF", levels=()), in_process)


def test_many_threads_get_the_same_pixels(pyramid: Write, opened: Open) -> None:
    from concurrent.futures import ThreadPoolExecutor

    reader = opened(pyramid())
    regions = [Region(x, y, 300, 200, d) for x in (0, 111) for y in (5, 77) for d in (1, 1.5, 2, 4)]
    expected = [reader.read_region(region) for region in regions]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            found = list(threads.map(reader.read_region, regions))
            assert all((a == b).all() for a, b in zip(found, expected, strict=True))
