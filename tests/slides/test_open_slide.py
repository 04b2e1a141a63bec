"""Tiles of grids: stored ones as they are, others made once and lining up with them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
import tifffile
from PIL import Image

from wsi_lab.errors import (
    Busy,
    Invalid,
    NotFound,
    OutOfRange,
    TooLarge,
)
from wsi_lab.model.slide import (
    EdgeTiles,
    Region,
    TileGrid,
    deepzoom_grid,
    map_grid,
)
from wsi_lab.slides import render
from wsi_lab.slides.engine import EngineSettings, OpenSlide, SlideEngine
from wsi_lab.slides.reader import EncodedImage, Pixels

Write = Callable[..., Path]


def decoded(image: EncodedImage) -> Pixels:
    assert image.media_type == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(image.data), formats=["JPEG"]).convert("RGB"))


def differ(one: Pixels, other: Pixels) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


def whole_tile(slide: OpenSlide, *place: int) -> EncodedImage:
    return slide.level_tile(*place, quality=80, recode=False).image


class TestGridTiles:
    def test_stored_levels_pass_through(self, alone: SlideEngine, pyramid: Write) -> None:
        slide = alone.open(str(pyramid()))
        for grid in (map_grid(slide.properties), deepzoom_grid(slide.properties)):
            for level in range(3):
                zoom = grid.level_count - 1 - level
                image = slide.tile(grid, zoom, 0, 0)
                assert image == whole_tile(slide, level, 0, 0)
                assert slide.tile_at_once(grid, zoom, 0, 0) in {image, None}

    def test_levels_rounded_up_or_down_pass_through(
        self, alone: SlideEngine, pyramid: Write, tissue: Pixels
    ) -> None:
        slide = alone.open(str(pyramid(pixels=tissue[:719, :957])))
        assert [level.width for level in slide.properties.levels] == [957, 478, 239]
        grid = map_grid(slide.properties)
        assert grid.level(grid.level_count - 2).width == 479
        for level in range(3):
            image = slide.tile(grid, grid.level_count - 1 - level, 0, 0)
            assert image == whole_tile(slide, level, 0, 0)

    def test_edge_tiles_of_a_map_are_white_beyond_the_slide(
        self, alone: SlideEngine, pyramid: Write
    ) -> None:
        slide = alone.open(str(pyramid()))
        grid = map_grid(slide.properties)
        pixels = decoded(slide.tile(grid, grid.level_count - 1, 7, 5))
        assert pixels.shape == (128, 128, 3)
        assert (pixels[80 + 8 :] > 250).all()
        assert (pixels[:, 64 + 8 :] > 250).all()
        truth = slide.region(Region(896, 640, 64, 80, 1.0))
        assert differ(pixels[:80, :64], truth) < 4

    def test_edge_tiles_of_deep_zoom_end_with_the_slide(
        self, alone: SlideEngine, pyramid: Write
    ) -> None:
        slide = alone.open(str(pyramid()))
        grid = deepzoom_grid(slide.properties)
        pixels = decoded(slide.tile(grid, grid.level_count - 1, 7, 5))
        assert differ(pixels, slide.region(Region(896, 640, 64, 80, 1.0))) < 4
        assert decoded(slide.tile(grid, 0, 0, 0)).shape == (1, 1, 3)

    @pytest.mark.parametrize("kind", [map_grid, deepzoom_grid])
    def test_every_tile_of_every_zoom_has_its_size(
        self, alone: SlideEngine, pyramid: Write, tissue: Pixels, kind: Callable[..., TileGrid]
    ) -> None:
        slide = alone.open(str(pyramid(pixels=tissue[:385, :513], levels=2, step=4)))
        grid = kind(slide.properties)
        for zoom in range(grid.level_count):
            level = grid.level(zoom)
            for column in range(level.columns):
                for row in range(level.rows):
                    pixels = decoded(slide.tile(grid, zoom, column, row))
                    if grid.edges is EdgeTiles.PADDED:
                        assert pixels.shape == (128, 128, 3)
                    else:
                        width = min(128, level.width - column * 128)
                        height = min(128, level.height - row * 128)
                        assert pixels.shape == (height, width, 3)

    @pytest.mark.parametrize("tissue_size", [(720, 960), (719, 957), (385, 513)])
    def test_zooms_between_and_below_stored_levels_line_up(
        self, alone: SlideEngine, pyramid: Write, tissue: Pixels, tissue_size: tuple[int, int]
    ) -> None:
        """Put together, the tiles of each zoom are the whole slide at that size."""
        pixels = tissue[: tissue_size[0], : tissue_size[1]]
        slide = alone.open(str(pyramid(pixels=pixels, levels=2, step=4)))
        grid = deepzoom_grid(slide.properties)
        for zoom in range(grid.level_count - 1, grid.level_count - 6, -1):
            level = grid.level(zoom)
            whole = np.zeros((level.height, level.width, 3), np.uint8)
            for column in range(level.columns):
                for row in range(level.rows):
                    tile = decoded(slide.tile(grid, zoom, column, row))
                    x, y = column * 128, row * 128
                    whole[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
            ideal = np.asarray(Image.fromarray(pixels).reduce(level.downsample))
            assert differ(whole, ideal) < 10, zoom
            assert whole[-1, -1].min() < 200, "the last pixel is of the slide, not white"
            if level.width > 32:
                shifted = [differ(whole[:, 1:], ideal[:, :-1]), differ(whole[1:], ideal[:-1])]
                assert differ(whole, ideal) < 0.7 * min(shifted), zoom

    def test_another_tile_size_than_the_files_is_cut_anew(
        self, alone: SlideEngine, shared_data: Path
    ) -> None:
        slide = alone.open(str(shared_data / "slides" / "bigtiff-pyramid-board.tif"))
        grid = map_grid(slide.properties)
        pixels = decoded(slide.tile(grid, grid.level_count - 3, 1, 1))
        assert differ(pixels, slide.region(Region(1024, 1024, 256, 256, 4.0))) < 1

    @pytest.mark.parametrize(
        ("zoom", "column", "row"), [(-1, 0, 0), (99, 0, 0), (3, 8, 0), (3, 0, 6), (3, -1, 0)]
    )
    def test_tiles_that_do_not_exist_are_out_of_range(
        self, alone: SlideEngine, pyramid: Write, zoom: int, column: int, row: int
    ) -> None:
        slide = alone.open(str(pyramid()))
        grid = map_grid(slide.properties)
        assert grid.level_count == 4
        for ask in (slide.tile, slide.tile_at_once):
            with pytest.raises(OutOfRange):
                ask(grid, zoom, column, row)

    def test_a_tile_is_made_once_and_then_comes_at_once(
        self, alone: SlideEngine, workers: Any, shared_data: Path
    ) -> None:
        slide = alone.open(str(shared_data / "slides" / "test_slide.png"))
        grid = map_grid(slide.properties)
        assert slide.tile_at_once(grid, 1, 1, 0) is None
        image = slide.tile(grid, 1, 1, 0)
        assert slide.tile(grid, 1, 1, 0) is image
        assert slide.tile_at_once(grid, 1, 1, 0) is image
        assert len(workers.reader.regions) == 1

    def test_parallel_requests_share_one_rendering(
        self, alone: SlideEngine, workers: Any, shared_data: Path
    ) -> None:
        slide = alone.open(str(shared_data / "slides" / "test_slide.png"))
        grid = map_grid(slide.properties)
        read, goes_on = workers.reader.read_region, threading.Event()

        def slowly(region: Region) -> Pixels:
            assert goes_on.wait(60)
            return read(region)

        workers.reader.read_region = slowly  # type: ignore[method-assign]  # it is a fake
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(slide.tile, grid, 1, 0, 0) for _ in range(8)]
            goes_on.set()
            assert len({id(future.result(60)) for future in asked}) == 1
        assert len(workers.reader.regions) == 1

    def test_a_failed_rendering_is_tried_again(
        self, alone: SlideEngine, workers: Any, shared_data: Path
    ) -> None:
        slide = alone.open(str(shared_data / "slides" / "test_slide.png"))
        grid = map_grid(slide.properties)
        read = workers.reader.read_region

        def fail(_region: Region) -> Pixels:
            raise Busy("All workers are taken.")

        workers.reader.read_region = fail  # type: ignore[method-assign]  # it is a fake
        with pytest.raises(Busy):
            slide.tile(grid, 1, 0, 0)
        workers.reader.read_region = read  # type: ignore[method-assign]  # it is a fake
        assert slide.tile(grid, 1, 0, 0)

    def test_rendered_tiles_take_no_more_memory_than_they_may(
        self, workers: Any, shared_data: Path
    ) -> None:
        engine = SlideEngine(EngineSettings(tile_cache_bytes=40_000), workers=workers)
        slide = engine.open(str(shared_data / "slides" / "test_slide.png"))
        grid = map_grid(slide.properties)
        places = [(c, r) for c in range(4) for r in range(4)]
        for column, row in places:
            slide.tile(grid, 2, column, row)
        kept = [slide.tile_at_once(grid, 2, column, row) for column, row in places]
        sizes = [len(image.data) for image in kept if image is not None]
        assert 0 < sum(sizes) <= 40_000
        assert kept[-1] is not None
        assert kept[0] is None


class TestOtherPictures:
    def test_a_region_is_the_readers(self, alone: SlideEngine, pyramid: Write) -> None:
        slide = alone.open(str(pyramid()))
        assert slide.region(Region(5, 6, 70, 80, 1.0)).shape == (80, 70, 3)

    @pytest.mark.parametrize(
        "region",
        [
            Region(float("nan"), 0, 1, 1, 1.0),
            Region(0, float("inf"), 1, 1, 1.0),
            Region(0, 0, 0, 1, 1.0),
            Region(0, 0, 1, -1, 1.0),
            Region(0, 0, 1, 1, 0.0),
            Region(0, 0, 1, 1, -2.0),
            Region(0, 0, 1, 1, float("nan")),
        ],
    )
    def test_a_region_without_sense_is_invalid(
        self, alone: SlideEngine, demo_slide: Path, region: Region
    ) -> None:
        with pytest.raises(Invalid):
            alone.open(str(demo_slide)).region(region)

    def test_a_region_of_too_many_pixels_is_too_large(
        self, alone: SlideEngine, demo_slide: Path
    ) -> None:
        with pytest.raises(TooLarge):
            alone.open(str(demo_slide)).region(Region(0, 0, 10_000, 4_001, 1.0))

    @pytest.mark.parametrize(
        ("box", "size"),
        [((256, 256), (192, 256)), ((100, 1000), (100, 134)), ((4096, 4096), (2220, 2967))],
    )
    def test_a_thumbnail_fits_and_is_never_larger_than_the_slide(
        self, alone: SlideEngine, demo_slide: Path, box: tuple[int, int], size: tuple[int, int]
    ) -> None:
        pixels = decoded(alone.open(str(demo_slide)).thumbnail(*box))
        assert pixels.shape == (size[1], size[0], 3)

    def test_a_thumbnail_shows_the_slide_and_not_what_the_file_calls_so(
        self, alone: SlideEngine, tmp_path: Path, tissue: Pixels
    ) -> None:
        path = tmp_path / "secret.svs"
        with tifffile.TiffWriter(path) as writer:
            text = "Aperio Image Library v12\r\n960x720 (128x128)"
            options = {"photometric": "rgb", "metadata": None}
            writer.write(tissue, tile=(128, 128), description=text, **options)
            label = np.zeros((768, 1024, 3), np.uint8)
            writer.write(label, rowsperstrip=16, description=text + " -> 1024x768", **options)
        slide = alone.open(str(path))
        assert slide.properties.associated == ("thumbnail",)
        shown = decoded(slide.thumbnail(240, 180))
        ideal = np.asarray(Image.fromarray(tissue).reduce(4))
        assert differ(shown, ideal) < 5

    @pytest.mark.parametrize("box", [(0, 100), (100, 0), (4097, 1), (-5, 5)])
    def test_a_thumbnail_without_sense_is_invalid(
        self, alone: SlideEngine, demo_slide: Path, box: tuple[int, int]
    ) -> None:
        with pytest.raises(Invalid):
            alone.open(str(demo_slide)).thumbnail(*box)

    def test_associated_images_come_as_jpeg(self, engine: SlideEngine, demo_slide: Path) -> None:
        slide = engine.open(str(demo_slide))
        assert decoded(slide.associated("label")).shape == (463, 387, 3)
        with pytest.raises(NotFound):
            slide.associated("barcode")


def test_slides_stored_as_rgb_keep_their_colours_at_full_resolution(
    alone: SlideEngine, demo_slide: Path, pyramid: Write
) -> None:
    for path, subsampling in ((demo_slide, "444"), (pyramid(), "420")):
        slide = alone.open(str(path))
        grid = map_grid(slide.properties)
        image = slide.tile(grid, grid.level_count - 2 if path is demo_slide else 0, 0, 0)
        assert simplejpeg.decode_jpeg_header(image.data)[3] == subsampling


def test_renderings_are_made_with_the_default_quality(alone: SlideEngine, demo_slide: Path) -> None:
    slide = alone.open(str(demo_slide))
    pixels = slide.region(Region(0, 0, 240, 240, 2.0))
    grid = map_grid(slide.properties)
    assert slide.tile(grid, grid.level_count - 2, 0, 0) == render.jpeg(pixels)
