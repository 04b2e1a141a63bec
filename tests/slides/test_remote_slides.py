"""Slides in a bucket: the same pixels, and never two versions mixed."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from buckets import Bucket, Decoding
from PIL import Image

from bench.object_server import ObjectServer
from wsi_lab.errors import SlideChanged, SlideMissing
from wsi_lab.model.slide import Region, map_grid
from wsi_lab.slides import remote_source
from wsi_lab.slides.engine import EngineSettings, OpenSlide, SlideEngine
from wsi_lab.slides.level_tiles import LevelTile
from wsi_lab.slides.reader import Pixels

Write = Callable[..., Path]
AS_STORED: dict[str, Any] = {"quality": 80, "recode": False}
NATIVE = (
    "CMU-1-Small-Region.svs",
    "bigtiff-pyramid-board.tif",
    "slidescore-test-image.tiff",
    "tcga-cr-7395-01a-01-ts1.svs",
)


@pytest.fixture
def no_longer_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a store said count for nothing a moment later."""
    monkeypatch.setattr(remote_source, "FRESH_SECONDS", -1.0)


@pytest.mark.parametrize("name", NATIVE)
class TestSamePixels:
    @pytest.fixture
    def both(
        self, bucket: Bucket, shared_data: Path, name: str, in_process: Any
    ) -> Iterator[tuple[OpenSlide, OpenSlide]]:
        path = shared_data / "slides" / name
        near = SlideEngine(EngineSettings(), workers=Decoding(in_process))
        yield bucket.engine().open(bucket.put(path, name)), near.open(str(path))
        near.close()

    def test_every_level_has_the_same_tiles(self, both: tuple[OpenSlide, OpenSlide]) -> None:
        far, near = both
        assert far.is_remote
        assert not near.is_remote
        assert far.compression == near.compression
        for number, level in enumerate(near.properties.levels):
            for place in ((0, 0), (level.columns - 1, level.rows - 1)):
                tile = near.level_tile(number, *place, **AS_STORED)
                assert far.level_tile(number, *place, **AS_STORED) == tile

    def test_grids_regions_and_thumbnails_are_the_same(
        self, both: tuple[OpenSlide, OpenSlide]
    ) -> None:
        far, near = both
        grid = map_grid(near.properties)
        for zoom in range(grid.level_count):
            level = grid.level(zoom)
            places = [(0, 0), (level.columns // 2, level.rows // 2)]
            tiles = near.tiles(grid, zoom, places)
            assert far.tiles(grid, zoom, places) == tiles
            assert [far.tile(grid, zoom, *place) for place in places] == tiles
        for region in (Region(-40, 300, 500, 400, 1.0), Region(10, 20, 150, 120, 3.3)):
            assert (far.region(region) == near.region(region)).all()
        assert far.thumbnail(200, 200) == near.thumbnail(200, 200)
        for picture in set(near.properties.associated) & {"label", "macro"}:
            assert far.associated(picture) == near.associated(picture)


class TestKnownFromBefore:
    @pytest.mark.parametrize("damaged", ["facts", "tiff"])
    def test_what_is_kept_and_damaged_is_asked_for_anew(
        self, bucket: Bucket, shared_data: Path, damaged: str
    ) -> None:
        address = bucket.put(shared_data / "slides" / NATIVE[0])
        expected = bucket.engine().open(address).properties
        (key,) = (key for key in bucket.shelf.kept if key.startswith(damaged))
        good = bucket.shelf.kept[key]
        bucket.shelf.kept[key] = b"nonsense"
        assert bucket.engine().open(address).properties == expected
        assert bucket.shelf.kept[key] == good

    def test_without_a_place_to_keep_it_everything_is_asked_anew(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        address = bucket.put(shared_data / "slides" / NATIVE[0])
        bucket.engine().open(address)
        bucket.shelf.kept.clear()
        bucket.asked()
        assert bucket.engine().open(address).properties.width == 2220
        assert bucket.asked()

    def test_one_slide_is_opened_once_however_many_ask(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        address, engine = bucket.put(shared_data / "slides" / NATIVE[0]), bucket.engine()
        bucket.server.latency = 0.02
        with ThreadPoolExecutor(8) as threads:
            slides = set(threads.map(lambda _: engine.open(address), range(8)))
        assert len(slides) == 1
        assert len(bucket.asked()) <= 6

    def test_a_map_tile_that_turns_out_to_need_decoding_comes_all_the_same(
        self, bucket: Bucket, pyramid: Write, tissue: Pixels
    ) -> None:
        def progressive(level: int, number: int, tile: bytes) -> bytes:
            if (level, number) != (0, 9):
                return tile
            file = io.BytesIO()
            part = Image.fromarray(tissue[128:256, 128:256])
            part.save(file, "JPEG", quality=85, subsampling="4:2:0", progressive=True)
            return file.getvalue()

        slide = bucket.engine().open(bucket.put(pyramid(change=progressive)))
        grid = map_grid(slide.properties)
        place = grid, grid.level_count - 1, 1, 1
        soon = slide.tile_soon(*place)
        assert soon is not None
        image = soon.result(60)
        assert (
            np.abs(simplejpeg.decode_jpeg(image.data).astype(int) - tissue[128:256, 128:256]).mean()
            < 6
        )
        assert slide.tile_at_once(*place) is image


class TestChanges:
    def test_a_replaced_slide_is_found_out_by_the_next_read_and_opened_anew(
        self, bucket: Bucket, shared_data: Path, pyramid: Write
    ) -> None:
        engine = bucket.engine()
        address = bucket.put(shared_data / "slides" / NATIVE[0])
        old = engine.open(address)
        old.level_tile(0, 0, 0, **AS_STORED)
        bucket.put(pyramid())
        for ask in (
            lambda: old.level_tile(0, 5, 8, **AS_STORED),
            lambda: old.region(Region(0, 0, 500, 500, 1.0)),
            lambda: old.thumbnail(100, 100),
            old.require_unchanged,
        ):
            with pytest.raises(SlideChanged):
                ask()
        assert old.level_tile_at_once(0, 0, 0, **AS_STORED) is None, "it is not given from memory"
        assert engine.open_at_once(address) is None
        new = engine.open(address)
        assert (new.version != old.version, new.properties.width) == (True, 960)
        assert new.level_tile(0, 1, 1, **AS_STORED)

    def test_a_slide_replaced_between_two_runs_is_found_out_too(
        self, bucket: Bucket, shared_data: Path, pyramid: Write
    ) -> None:
        address = bucket.put(shared_data / "slides" / NATIVE[0])
        bucket.engine().open(address)
        bucket.put(pyramid())
        engine = bucket.engine()
        soon = engine.open(address).level_tile_soon(0, 1, 1, **AS_STORED)
        assert soon is not None
        with pytest.raises(SlideChanged):
            soon.result(60)
        assert engine.open(address).properties.width == 960

    def test_what_is_told_from_memory_is_of_the_version_that_the_store_has(
        self, bucket: Bucket, shared_data: Path, pyramid: Write
    ) -> None:
        address = bucket.put(shared_data / "slides" / NATIVE[0])
        bucket.engine().open(address)
        bucket.put(pyramid())
        engine = bucket.engine()
        slide = engine.open(address)
        with pytest.raises(SlideChanged):
            slide.require_unchanged()
        engine.open(address).require_unchanged()

    @pytest.mark.usefixtures("no_longer_fresh")
    def test_a_slide_that_is_gone_is_missing(self, bucket: Bucket, shared_data: Path) -> None:
        engine = bucket.engine()
        address = bucket.put(shared_data / "slides" / NATIVE[0])
        slide = engine.open(address)
        slide.level_tile(0, 0, 0, **AS_STORED)
        (bucket.server.folder / "a.svs").unlink()
        with pytest.raises((SlideMissing, SlideChanged)):
            slide.level_tile(0, 0, 0, **AS_STORED)
        with pytest.raises(SlideMissing):
            engine.open(address)

    def test_a_slide_replaced_under_load_never_mixes_versions(
        self, bucket: Bucket, pyramid: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_source, "FRESH_SECONDS", 0.02)
        plain = {
            colour: simplejpeg.encode_jpeg(
                np.full((128, 128, 3), value, np.uint8), 90, "RGB", "420"
            )
            for colour, value in (("dark", 40), ("light", 200))
        }
        masters = [
            pyramid(
                change=lambda _level, _number, _tile, colour=colour: plain[colour],
                software=colour * (1 if colour == "dark" else 500),
            )
            for colour in plain
        ]
        engine, address = bucket.engine(), bucket.put(masters[0])
        shades: dict[str, set[str]] = {}
        stop, problems = threading.Event(), []

        def look(number: int) -> None:
            random = np.random.default_rng(number)
            while not stop.is_set():
                try:
                    slide = engine.open(address)
                    tile = looked_at(slide, int(random.integers(7)), int(random.integers(5)))
                except SlideChanged:
                    continue
                except Exception as error:  # noqa: BLE001  any other is what this test looks for
                    problems.append(error)
                    return
                mean = float(simplejpeg.decode_jpeg(tile.image.data).mean())
                shade = "dark" if mean < 60 else "light" if mean > 180 else f"mixed {mean}"
                shades.setdefault(slide.version, set()).add(shade)

        threads = [threading.Thread(target=look, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for swap in range(20):
            # It may be seen before putting returns.
            seen = len(shades)
            bucket.put(masters[(swap + 1) % 2])
            deadline = time.monotonic() + 30
            while len(shades) == seen and time.monotonic() < deadline and not problems:
                stop.wait(0.005)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert not problems
        assert len(shades) >= 20
        assert all(each in ({"dark"}, {"light"}) for each in shades.values())

    def test_an_index_is_not_used_for_another_object_of_the_same_version(
        self, bucket: Bucket, shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with servers whose ETags are made of size and time only."""
        monkeypatch.setattr(ObjectServer, "etag", lambda *_: '"the same"')
        engine = bucket.engine()
        for name in NATIVE[:2]:
            path = shared_data / "slides" / name
            content = path.read_bytes().ljust(2_000_000, b"\0")
            (bucket.server.folder / name).write_bytes(content)
        widths = [
            engine.open(bucket.source.address_of(name)).properties.width for name in NATIVE[:2]
        ]
        assert widths == [2220, 2560]


def looked_at(slide: OpenSlide, column: int, row: int) -> LevelTile:
    """Return a tile in whichever way a server would."""
    at_once = slide.level_tile_at_once(0, column, row, **AS_STORED)
    if at_once is not None:
        return at_once
    soon = slide.level_tile_soon(0, column, row, **AS_STORED)
    return slide.level_tile(0, column, row, **AS_STORED) if soon is None else soon.result(60)


def test_buckets_of_one_name_in_two_stores_are_not_taken_for_each_other(
    bucket: Bucket, shared_data: Path, tmp_path: Path, in_process: Any
) -> None:
    slides = shared_data / "slides"
    address = bucket.put(slides / "CMU-1-Small-Region.svs")
    here = bucket.engine().open(address)
    (tmp_path / "elsewhere").mkdir()
    with ObjectServer(tmp_path / "elsewhere") as server:
        other = Bucket(server, Decoding(in_process))
        other.shelf = bucket.shelf
        assert other.put(slides / "tcga-cr-7395-01a-01-ts1.svs") == address
        there = other.engine().open(address)
        assert (there.properties.width, there.version) != (here.properties.width, here.version)
        for engine in other.engines:
            engine.close()
        for stores in other.stores:
            stores.close()
    # Facts and an index of each.
    assert len(bucket.shelf.kept) == 4
