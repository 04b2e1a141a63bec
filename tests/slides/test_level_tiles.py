"""Whole tiles of a slide's own levels as JPEG: as stored where that will do, else encoded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import openslide
import pytest
import simplejpeg
import tifffile
from buckets import Bucket, Decoding

from wsi_lab.errors import CutShort, DamagedSlide, Invalid, OutOfRange, SlideChanged
from wsi_lab.slides import render
from wsi_lab.slides.engine import EngineSettings, OpenSlide, SlideEngine
from wsi_lab.slides.jpeg_quality import jpeg_quality
from wsi_lab.slides.reader import EncodedImage, Pixels

Write = Callable[..., Path]
Truth = Callable[..., Pixels]

REAL = (
    "slides/CMU-1-Small-Region.svs",
    "slides/bigtiff-pyramid-board.tif",
    "slides/slidescore-test-image.tiff",
    "slides/tcga-cr-7395-01a-01-ts1.svs",
    "tiff-variants/tiled-jpeg-rgb-u8.tif",
)


def decoded(image: EncodedImage) -> Pixels:
    assert image.media_type == "image/jpeg"
    pixels: Pixels = simplejpeg.decode_jpeg(image.data, "RGB")
    return pixels


def differ(one: Pixels, other: Pixels) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.fixture
def here(in_process: Any) -> Iterator[SlideEngine]:
    """An engine that decodes in this process."""
    engine = SlideEngine(EngineSettings(), workers=Decoding(in_process))
    yield engine
    engine.close()


@pytest.fixture
def svs(alone: SlideEngine, demo_slide: Path) -> OpenSlide:
    """The demo slide: one level of RGB-coded JPEG of quality 30."""
    return alone.open(str(demo_slide))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("recode", [False, True])
def test_every_level_shows_what_openslide_shows(
    here: SlideEngine, shared_data: Path, openslide_pixels: Truth, name: str, recode: bool
) -> None:
    path = shared_data / name
    slide = here.open(str(path), tiled_only=True)
    worst = {"JPEG": 0.0, "JPEG 2000": 2.0}[slide.compression]
    with openslide.OpenSlide(str(path)) as truth:
        for number, level in enumerate(slide.properties.levels):
            columns, rows = level.tile_width, level.tile_height
            places = {(0, 0), (level.columns // 2, level.rows // 2), (level.columns - 1, 0)}
            for column, row in places:
                tile = slide.level_tile(number, column, row, quality=95, recode=recode).image
                x, y = column * columns, row * rows
                width, height = min(columns, level.width - x), min(rows, level.height - y)
                assert decoded(tile).shape == (rows, columns, 3), "edge tiles are whole"
                # Between its pixels OpenSlide interpolates, so lower levels are read from 0, 0 on.
                left, top = (x, y) if number == 0 else (0, 0)
                size = x - left + width, y - top + height
                theirs = openslide_pixels(truth, number, left, top, size)[y - top :, x - left :]
                assert differ(decoded(tile)[:height, :width], theirs) <= worst


class TestKept:
    def test_what_was_given_once_is_kept(self, svs: OpenSlide) -> None:
        first = svs.level_tile(0, 3, 4, quality=80, recode=False)
        again = svs.level_tile(0, 3, 4, quality=80, recode=False)
        at_once = svs.level_tile_at_once(0, 3, 4, quality=80, recode=False)
        assert (first.was_kept, again.was_kept) == (False, True)
        assert again.image is first.image
        assert at_once == again

    def test_what_came_at_once_is_kept_too(self, svs: OpenSlide) -> None:
        svs.level_tile(0, 3, 4, quality=80, recode=False)
        other = svs.level_tile_at_once(0, 3, 4, quality=81, recode=False)
        if other is None:
            pytest.skip("this file system cannot tell what is in the page cache")
        assert not other.was_kept
        assert svs.level_tile_at_once(0, 3, 4, quality=81, recode=False) == (other.image, True)

    def test_another_quality_is_another_tile(self, svs: OpenSlide) -> None:
        for quality, recode in ((80, False), (81, False), (80, True), (20, True)):
            assert not svs.level_tile(0, 0, 0, quality=quality, recode=recode).was_kept

    def test_what_has_to_be_encoded_does_not_come_at_once_but_from_then_on(
        self, svs: OpenSlide
    ) -> None:
        svs.level_tile(0, 1, 1, quality=80, recode=False)
        assert svs.level_tile_at_once(0, 1, 1, quality=20, recode=True) is None
        made = svs.level_tile(0, 1, 1, quality=20, recode=True)
        assert svs.level_tile_at_once(0, 1, 1, quality=20, recode=True) == (made.image, True)

    def test_a_local_slide_has_nothing_to_come_soon(self, svs: OpenSlide) -> None:
        assert svs.level_tile_soon(0, 1, 1, quality=20, recode=False) is None

    def test_thumbnails_are_kept_by_size_and_quality(self, svs: OpenSlide) -> None:
        first = svs.thumbnail_tile(200, 200, quality=60)
        assert not first.was_kept
        assert svs.thumbnail_tile(200, 200, quality=60) == (first.image, True)
        for box in ((200, 201, 60), (200, 200, 61)):
            assert not svs.thumbnail_tile(*box[:2], quality=box[2]).was_kept
        assert jpeg_quality(first.image.data) == 60

    def test_nothing_kept_is_given_when_the_file_has_changed(
        self, alone: SlideEngine, demo_slide: Path, tmp_path: Path
    ) -> None:
        path = Path(shutil.copy(demo_slide, tmp_path / "copy.svs"))
        slide = alone.open(str(path))
        slide.level_tile(0, 0, 0, quality=80, recode=False)
        os.utime(path, ns=(1, 1))
        assert slide.level_tile_at_once(0, 0, 0, quality=80, recode=False) is None
        with pytest.raises(SlideChanged):
            slide.level_tile(0, 0, 0, quality=80, recode=False)
        with pytest.raises(SlideChanged):
            slide.require_unchanged()

    def test_what_looks_damaged_because_the_file_was_replaced_is_no_damage(
        self, alone: SlideEngine, demo_slide: Path, tmp_path: Path
    ) -> None:
        path = Path(shutil.copy(demo_slide, tmp_path / "copy.svs"))
        slide = alone.open(str(path))
        os.truncate(path, 10_000)
        with pytest.raises(SlideChanged):
            slide.level_tile(0, 9, 12, quality=80, recode=False)


class TestRecoding:
    def test_stored_bytes_go_out_as_they_are_whatever_the_quality(
        self, svs: OpenSlide, demo_slide: Path
    ) -> None:
        content = demo_slide.read_bytes()
        for quality in (1, 30, 100):
            data = svs.level_tile(0, 2, 2, quality=quality, recode=False).image.data
            assert data[data.index(b"\xff\xda") :] in content

    def test_stored_bytes_go_out_as_long_as_they_are_no_finer_than_asked(
        self, svs: OpenSlide
    ) -> None:
        stored = svs.level_tile(0, 2, 2, quality=1, recode=False).image
        assert jpeg_quality(stored.data) == 30
        for quality in (30, 31, 100):
            assert svs.level_tile(0, 2, 2, quality=quality, recode=True).image == stored
        for quality in (29, 10, 1):
            made = svs.level_tile(0, 2, 2, quality=quality, recode=True).image
            assert jpeg_quality(made.data) == quality
            assert len(made.data) < len(stored.data)

    def test_what_is_encoded_keeps_all_colours(self, svs: OpenSlide) -> None:
        made = svs.level_tile(0, 2, 2, quality=25, recode=True).image
        assert simplejpeg.decode_jpeg_header(made.data)[3] == "444"
        stored = svs.level_tile(0, 2, 2, quality=80, recode=False).image
        assert differ(decoded(made), decoded(stored)) < 6

    def test_of_tables_that_nobody_knows_nothing_is_handed_out(
        self, alone: SlideEngine, pyramid: Write
    ) -> None:
        def strange(_level: int, _number: int, tile: bytes) -> bytes:
            at = tile.index(b"\xff\xdb") + 5
            return tile[:at] + bytes([tile[at] + 1]) + tile[at + 1 :]

        slide = alone.open(str(pyramid(tables=False, change=strange)))
        stored = slide.level_tile(0, 0, 0, quality=100, recode=False).image
        assert jpeg_quality(stored.data) is None
        assert jpeg_quality(slide.level_tile(0, 0, 0, quality=100, recode=True).image.data) == 100

    def test_a_damaged_tile_is_not_encoded_anew(self, alone: SlideEngine, pyramid: Write) -> None:
        half = lambda _level, _number, tile: tile[: len(tile) // 2] + b"\xff\xd9"  # noqa: E731 (one line)
        slide = alone.open(str(pyramid(change=half)))
        with pytest.raises(DamagedSlide):
            slide.level_tile(0, 0, 0, quality=5, recode=True)


def write_j2k(path: Path, tissue: Pixels, compression: int) -> Path:
    """Write two levels of JPEG 2000 tiles as scanners do: YCbCr in 33003, RGB in 33005."""
    with tifffile.TiffWriter(path) as writer:
        for scale in (1, 2):
            small = np.ascontiguousarray(tissue[::scale, ::scale])
            rows, columns = small.shape[:2]
            padded = np.pad(small, ((0, -rows % 240), (0, -columns % 240), (0, 0)), mode="edge")
            if compression == 33003:
                padded = ycbcr(padded)
            tiles = [
                imagecodecs.jpeg2k_encode(
                    np.ascontiguousarray(padded[y : y + 240, x : x + 240]),
                    level=0,
                    codecformat="j2k",
                    mct=False,
                    colorspace=0,
                )
                for y in range(0, padded.shape[0], 240)
                for x in range(0, padded.shape[1], 240)
            ]
            writer.write(
                iter(tiles),
                shape=small.shape,
                dtype="uint8",
                tile=(240, 240),
                compression=compression,
                photometric="rgb",
                description="Aperio Image Library v12\r\n960x720|MPP = 0.5" if scale == 1 else "",
                metadata=None,
            )
    return path


def ycbcr(rgb: Pixels) -> Pixels:
    red, green, blue = np.moveaxis(rgb.astype(float), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    parts = [luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    return np.stack(parts, axis=2).round().clip(0, 255).astype(np.uint8)


class TestOtherKinds:
    @pytest.mark.parametrize("compression", [33003, 33005])
    def test_jpeg_2000_shows_its_colours(
        self, here: SlideEngine, tissue: Pixels, tmp_path: Path, compression: int
    ) -> None:
        slide = here.open(str(write_j2k(tmp_path / "j2k.svs", tissue, compression)))
        assert (slide.compression, len(slide.properties.levels)) == ("JPEG 2000", 2)
        assert slide.level_tile_at_once(0, 1, 1, quality=95, recode=False) is None
        tile = slide.level_tile(0, 1, 1, quality=95, recode=False).image
        assert jpeg_quality(tile.data) == 95
        assert differ(decoded(tile), tissue[240:480, 240:480]) < 2.5
        assert slide.level_tile_at_once(0, 1, 1, quality=95, recode=False) == (tile, True)

    @pytest.mark.parametrize(
        ("compression", "name"), [("lzw", "LZW"), ("deflate", "Deflate"), (None, "none")]
    )
    def test_others_are_named_and_encoded(
        self,
        here: SlideEngine,
        tissue: Pixels,
        tmp_path: Path,
        compression: str | None,
        name: str,
    ) -> None:
        path = tmp_path / "other.tif"
        tifffile.imwrite(path, tissue, tile=(240, 240), compression=compression, metadata=None)
        slide = here.open(str(path), tiled_only=True)
        assert slide.compression == name
        tile = slide.level_tile(0, 3, 2, quality=90, recode=False).image
        assert differ(decoded(tile), tissue[480:720, 720:960]) < 4

    def test_levels_stored_in_several_ways_are_all_named(
        self, here: SlideEngine, tissue: Pixels, tmp_path: Path
    ) -> None:
        path = tmp_path / "mixed.tif"
        with tifffile.TiffWriter(path) as writer:
            options = {"tile": (240, 240), "metadata": None}
            writer.write(tissue, compression="lzw", **options)
            writer.write(tissue[::2, ::2], compression="deflate", subfiletype=1, **options)
        assert here.open(str(path)).compression == "LZW, Deflate"

    @pytest.mark.parametrize("bigtiff", [False, True])
    def test_big_files_are_as_small_ones(
        self, alone: SlideEngine, pyramid: Write, bigtiff: bool
    ) -> None:
        slide = alone.open(str(pyramid(bigtiff=bigtiff)))
        assert decoded(slide.level_tile(2, 1, 1, quality=80, recode=False).image).shape[0] == 128

    def test_a_tile_that_was_left_out_is_white(self, alone: SlideEngine, pyramid: Write) -> None:
        path = pyramid(levels=1)
        with tifffile.TiffFile(path, mode="r+") as file:
            tag = file.pages[0].tags["TileByteCounts"]
            tag.overwrite([0, *tag.value[1:]])
        slide = alone.open(str(path))
        assert slide.level_tile_at_once(0, 0, 0, quality=80, recode=False) is None
        for recode in (False, True):
            tile = slide.level_tile(0, 0, 0, quality=80, recode=recode).image
            assert (decoded(tile) == render.WHITE).all()
            assert decoded(tile).shape == (128, 128, 3)

    def test_what_lies_beyond_the_edge_is_the_files(
        self, alone: SlideEngine, pyramid: Write
    ) -> None:
        edge = decoded(
            alone.open(str(pyramid())).level_tile(0, 7, 5, quality=80, recode=False).image
        )
        assert edge.shape == (128, 128, 3)
        assert edge[100, 100].mean() < 250, "the file repeats the last pixels there"

    def test_slides_that_a_worker_reads_have_tiles_too(
        self, alone: SlideEngine, shared_data: Path
    ) -> None:
        slide = alone.open(str(shared_data / "slides" / "test_slide.png"))
        assert slide.compression == ""
        tile = slide.level_tile(0, 3, 3, quality=80, recode=False)
        assert decoded(tile.image).shape == (256, 256, 3)


class TestRefusals:
    @pytest.mark.parametrize("quality", [0, 101, -1])
    def test_a_quality_that_does_not_exist_is_invalid(self, svs: OpenSlide, quality: int) -> None:
        for ask in (svs.level_tile, svs.level_tile_at_once, svs.level_tile_soon):
            with pytest.raises(Invalid, match="1 to 100"):
                ask(0, 0, 0, quality=quality, recode=False)
        with pytest.raises(Invalid, match="1 to 100"):
            svs.thumbnail_tile(10, 10, quality=quality)

    def test_tiles_that_do_not_exist_are_out_of_range(self, svs: OpenSlide) -> None:
        for place in ((1, 0, 0), (-1, 0, 0), (0, 10, 0), (0, 0, 13), (0, -1, 0)):
            for ask in (svs.level_tile, svs.level_tile_at_once, svs.level_tile_soon):
                with pytest.raises(OutOfRange):
                    ask(*place, quality=80, recode=False)

    def test_a_slide_cut_short_opens_where_each_tile_is_judged_by_itself(
        self, alone: SlideEngine, demo_slide: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "cut.svs"
        shutil.copy(demo_slide, path)
        with tifffile.TiffFile(path, mode="r+") as file:
            tag = file.pages[0].tags["TileOffsets"]
            tag.overwrite([*tag.value[:-1], path.stat().st_size - 3])
        with pytest.raises(CutShort):
            alone.open(str(path))
        slide = alone.open(str(path), tiled_only=True)
        assert slide.level_tile(0, 8, 12, quality=80, recode=False)
        with pytest.raises(CutShort):
            slide.level_tile(0, 9, 12, quality=80, recode=False)
        assert alone.open(str(path), tiled_only=True) is slide
        with pytest.raises(CutShort):
            alone.open(str(path))


class TestSoon:
    """From far away, where `level_tile_soon` is made for."""

    def test_what_needs_decoding_is_for_a_thread(self, bucket: Bucket, shared_data: Path) -> None:
        folder = shared_data / "slides"
        slide = bucket.engine().open(bucket.put(folder / "CMU-1-Small-Region.svs"))
        assert slide.level_tile_soon(0, 5, 5, quality=29, recode=True) is None
        soon = slide.level_tile_soon(0, 5, 5, quality=30, recode=True)
        assert soon is not None
        assert jpeg_quality(soon.result(60).image.data) == 30
        made = slide.level_tile(0, 6, 6, quality=29, recode=True)
        assert jpeg_quality(made.image.data) == 29
        slide = bucket.engine().open(bucket.put(folder / "tcga-cr-7395-01a-01-ts1.svs", "b.svs"))
        assert slide.level_tile_soon(0, 5, 5, quality=80, recode=False) is None
        bucket.asked()
        assert slide.level_tile(0, 5, 5, quality=80, recode=False)
        assert len(bucket.asked()) == 1

    def test_a_tile_that_turns_out_to_need_decoding_comes_all_the_same(
        self, bucket: Bucket, pyramid: Write, tissue: Pixels
    ) -> None:
        import io

        from PIL import Image

        def progressive(level: int, number: int, tile: bytes) -> bytes:
            if (level, number) != (0, 9):
                return tile
            file = io.BytesIO()
            part = Image.fromarray(tissue[128:256, 128:256])
            part.save(file, "JPEG", quality=85, subsampling="4:2:0", progressive=True)
            return file.getvalue()

        slide = bucket.engine().open(bucket.put(pyramid(change=progressive)))
        soon = slide.level_tile_soon(0, 1, 1, quality=90, recode=False)
        assert soon is not None
        tile = soon.result(60)
        assert jpeg_quality(tile.image.data) == 90
        assert differ(decoded(tile.image), tissue[128:256, 128:256]) < 6

    def test_a_damaged_tile_is_an_error_that_comes_with_the_future(
        self, bucket: Bucket, pyramid: Write
    ) -> None:
        slide = bucket.engine().open(
            bucket.put(pyramid(change=lambda _level, _number, tile: tile[: len(tile) // 2]))
        )
        soon = slide.level_tile_soon(0, 1, 1, quality=90, recode=False)
        assert soon is not None
        with pytest.raises(DamagedSlide):
            soon.result(60)
