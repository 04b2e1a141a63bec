"""What slides in a bucket cost: requests and bytes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from buckets import Bucket, sent
from large_slides import TILE, write_large_slide

from wsi_lab.model.slide import Region, map_grid
from wsi_lab.slides import remote_source
from wsi_lab.slides.engine import EngineSettings, SlideEngine
from wsi_lab.slides.reader import Pixels

Write = Callable[..., Path]
AS_STORED: dict[str, Any] = {"quality": 80, "recode": False}
NATIVE = (
    "CMU-1-Small-Region.svs",
    "bigtiff-pyramid-board.tif",
    "slidescore-test-image.tiff",
    "tcga-cr-7395-01a-01-ts1.svs",
)


class TestRequests:
    @pytest.fixture
    def large(self, bucket: Bucket, tissue: Pixels, split: Any) -> Callable[..., Any]:
        def write(*, directory_first: bool) -> tuple[str, tuple[int, int]]:
            pixels = np.ascontiguousarray(tissue[:TILE, :TILE])
            tables, tile = split(simplejpeg.encode_jpeg(pixels, 80, "RGB", "420"))
            path = bucket.server.folder / "large.svs"
            middle = write_large_slide(path, tables, tile, directory_first=directory_first)
            return bucket.source.address_of(path.name), middle

        return write

    @pytest.mark.parametrize("directory_first", [True, False])
    def test_a_slide_of_130_mb_never_seen_takes_8_requests_and_half_a_megabyte(
        self, bucket: Bucket, large: Callable[..., Any], directory_first: bool
    ) -> None:
        address, middle = large(directory_first=directory_first)
        assert (bucket.server.folder / "large.svs").stat().st_size > 129e6
        slide = bucket.engine().open(address)
        assert [len(slide.properties.levels), *slide.properties.associated] == [
            *(3, "thumbnail", "label", "macro")
        ]
        tile = slide.level_tile(0, *middle, **AS_STORED).image.data
        asked = bucket.asked()
        assert simplejpeg.decode_jpeg_header(tile)[:2] == (TILE, TILE)
        assert len(asked) <= 8
        assert sent(asked) <= 500_000
        assert {each.method for each in asked} == {"GET"}

    def test_registering_takes_two_requests_more_than_there_are_directories(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        for name, directories in zip(NATIVE, (4, 3, 3, 3), strict=True):
            bucket.engine().open(bucket.put(shared_data / "slides" / name, name))
            assert len(bucket.asked()) <= directories + 2

    @pytest.mark.parametrize("directory_first", [True, False])
    def test_a_slide_that_is_known_takes_one_request_for_its_tile_and_no_more_bytes(
        self, bucket: Bucket, large: Callable[..., Any], directory_first: bool
    ) -> None:
        address, middle = large(directory_first=directory_first)
        first = bucket.engine().open(address)
        bucket.asked()
        slide = bucket.engine().open(address)
        assert slide.properties == first.properties
        assert bucket.asked() == []
        tile = slide.level_tile(0, *middle, **AS_STORED).image.data
        (asked,) = bucket.asked()
        assert asked.headers["If-Match"] == bucket.server.etag(bucket.server.folder / "large.svs")
        assert asked.sent <= 1.1 * len(tile)

    @pytest.mark.usefixtures("whole_views")
    def test_a_view_of_35_tiles_takes_6_requests_and_no_thread(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        slide = bucket.engine().open(bucket.put(shared_data / "slides" / NATIVE[0]))
        places = [(column, row) for column in range(1, 8) for row in range(3, 8)]
        near = SlideEngine(EngineSettings(), workers=None).open(
            str(shared_data / "slides" / NATIVE[0])
        )
        expected = [near.level_tile(0, *place, **AS_STORED).image for place in places]
        bucket.asked()
        soon = [slide.level_tile_soon(0, *place, **AS_STORED) for place in places]
        tiles = [future.result(60) for future in soon if future is not None]
        assert [tile.image for tile in tiles] == expected
        assert not any(tile.was_kept for tile in tiles)
        asked = bucket.asked()
        assert len(asked) <= 6
        # Whole rows of the slide lie side by side in the file; what nobody asked for is little.
        assert sent(asked) <= 2 * sum(len(image.data) for image in expected)

    def test_the_same_tile_for_many_at_the_same_time_is_fetched_once(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        slide = bucket.engine().open(bucket.put(shared_data / "slides" / NATIVE[0]))
        bucket.asked()
        # All ask before the first answer, even where threads are slow to start.
        bucket.server.latency = 0.5
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(slide.level_tile, 0, 4, 5, **AS_STORED) for _ in range(8)]
            soon = [slide.level_tile_soon(0, 4, 5, **AS_STORED) for _ in range(8)]
            images = {each.result(60).image.data for each in (*asked, *soon) if each is not None}
        assert len(images) == 1
        assert len(bucket.asked()) == 1

    def test_a_bundle_is_read_in_few_trips(self, bucket: Bucket, pyramid: Write) -> None:
        slide = bucket.engine().open(bucket.put(pyramid()))
        grid = map_grid(slide.properties)
        places = [(column, row) for column in range(8) for row in range(6)]
        bucket.asked()
        tiles = slide.tiles(grid, grid.level_count - 1, places)
        assert len(tiles) == 48
        # The tiles at the edge are drawn, each from what it needs.
        assert len(bucket.asked()) <= 2 + 13

    def test_a_region_and_a_thumbnail_take_few_requests(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        slide = bucket.engine().open(bucket.put(shared_data / "slides" / NATIVE[0]))
        bucket.asked()
        slide.region(Region(0, 0, 2220, 1000, 1.0))
        assert len(bucket.asked()) <= 2
        slide.thumbnail(512, 512)
        assert len(bucket.asked()) <= 2

    def test_what_is_kept_is_confirmed_once_in_a_while_and_not_fetched_again(
        self, bucket: Bucket, shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slide = bucket.engine().open(bucket.put(shared_data / "slides" / NATIVE[0]))
        asks: list[Callable[[], Any]] = [
            lambda: slide.level_tile(0, 2, 2, **AS_STORED),
            lambda: slide.thumbnail_tile(100, 100, quality=70),
        ]
        first = [ask() for ask in asks]
        assert not any(each.was_kept for each in first)
        bucket.asked()
        for ask, before in zip(asks, first, strict=True):
            again = ask()
            assert again.was_kept
            assert again.image is before.image
        assert slide.level_tile_at_once(0, 2, 2, **AS_STORED) is not None
        slide.require_unchanged()
        assert bucket.asked() == []
        monkeypatch.setattr(remote_source, "FRESH_SECONDS", -1.0)
        assert slide.level_tile_at_once(0, 2, 2, **AS_STORED) is None
        assert slide.level_tile_soon(0, 2, 2, **AS_STORED) is None
        assert slide.level_tile(0, 2, 2, **AS_STORED).was_kept
        assert [each.method for each in bucket.asked()] == ["HEAD"]
