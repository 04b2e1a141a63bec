"""Slides opened once, seen through when they change, and read by those who can."""

from __future__ import annotations

import gc
import io
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import simplejpeg
import tifffile
from PIL import Image

from wsi_lab.errors import (
    Busy,
    DamagedSlide,
    SlideMissing,
    UnsupportedSlide,
)
from wsi_lab.model.slide import (
    Region,
    map_grid,
)
from wsi_lab.slides.engine import EngineSettings, OpenSlide, SlideEngine
from wsi_lab.slides.reader import EncodedImage, Pixels
from wsi_lab.slides.readers.tiff import TiffReader
from wsi_lab.slides.source import SlideFile
from wsi_lab.slides.tiff_pages import read_index

Write = Callable[..., Path]


class Shelf:
    """An `IndexStore` in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.kept[key] = data


@pytest.fixture
def copy(demo_slide: Path, tmp_path: Path) -> str:
    return str(shutil.copy(demo_slide, tmp_path / "copy.svs"))


def decoded(image: EncodedImage) -> Pixels:
    assert image.media_type == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(image.data), formats=["JPEG"]).convert("RGB"))


class TestOpening:
    def test_a_slide_stays_open(self, alone: SlideEngine, copy: str) -> None:
        assert alone.open_at_once(copy) is None
        slide = alone.open(copy)
        assert alone.open(copy) is slide
        assert alone.open_at_once(copy) is slide

    def test_the_version_is_that_of_the_file(self, alone: SlideEngine, copy: str) -> None:
        slide = alone.open(copy)
        with SlideFile(copy) as source:
            assert slide.version == slide.properties.version == source.version

    def test_a_file_that_is_replaced_is_opened_anew(
        self, alone: SlideEngine, copy: str, pyramid: Write
    ) -> None:
        before = alone.open(copy)
        pyramid().replace(copy)
        assert alone.open_at_once(copy) is None
        after = alone.open(copy)
        assert after.version != before.version
        assert (after.properties.width, before.properties.width) == (960, 2220)
        # Whoever still holds the old one sees the old file, whole.
        grid = map_grid(before.properties)
        assert before.tile(grid, grid.level_count - 1, 1, 1)

    def test_tiles_at_once_are_all_of_one_version_or_none(
        self, alone: SlideEngine, copy: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slide = alone.open(copy)
        grid = map_grid(slide.properties)
        zoom, places = grid.level_count - 1, [(1, 1), (2, 1), (1, 2)]
        expected = [slide.tile(grid, zoom, *place) for place in places]
        answer = slide.tiles_at_once(grid, zoom, places)
        if answer is None:
            pytest.skip("this file system cannot tell what is in the page cache")
        assert answer == expected
        stored_tile = TiffReader.stored_tile

        def touched_after_reading(*asked: Any, **options: Any) -> EncodedImage | None:
            image = stored_tile(*asked, **options)
            os.utime(copy, ns=(1, 1))
            return image

        monkeypatch.setattr(TiffReader, "stored_tile", touched_after_reading)
        assert slide.tiles_at_once(grid, zoom, places) is None

    def test_a_file_that_is_written_to_is_busy_for_whoever_holds_the_old_one(
        self, alone: SlideEngine, copy: str
    ) -> None:
        slide = alone.open(copy)
        grid = map_grid(slide.properties)
        place = (grid, grid.level_count - 1, 1, 1)
        assert slide.tile(*place)
        made = (grid, 0, 0, 0)
        assert slide.tile(*made)
        os.utime(copy, ns=(1, 1))
        for address in (place, made):
            assert slide.tile_at_once(*address) is None
            with pytest.raises(Busy):
                slide.tile(*address)
        with pytest.raises(Busy):
            slide.region(Region(0, 0, 10, 10, 1.0))
        with pytest.raises(Busy):
            slide.thumbnail(64, 64)
        with pytest.raises(Busy):
            slide.level_tile(0, 0, 0, quality=80, recode=False)
        assert alone.open(copy).tile(*place)

    def test_a_file_that_is_gone_is_missing(self, alone: SlideEngine, copy: str) -> None:
        alone.open(copy)
        Path(copy).unlink()
        for look in (alone.open, alone.open_at_once):
            with pytest.raises(SlideMissing):
                look(copy)

    def test_slides_used_least_lately_are_closed(
        self, workers: Any, demo_slide: Path, tmp_path: Path
    ) -> None:
        engine = SlideEngine(EngineSettings(), workers=workers, open_slides=2)
        paths = [str(shutil.copy(demo_slide, tmp_path / f"{n}.svs")) for n in range(3)]
        for path in (paths[0], paths[1], paths[0], paths[2]):
            engine.open(path)
        assert [engine.open_at_once(path) is not None for path in paths] == [True, False, True]

    def test_descriptors_stay_flat_over_500_opens(
        self, workers: Any, demo_slide: Path, tmp_path: Path
    ) -> None:
        engine = SlideEngine(EngineSettings(), workers=workers, open_slides=4)
        paths = [str(shutil.copy(demo_slide, tmp_path / f"{n}.svs")) for n in range(10)]
        gc.collect()
        process = psutil.Process()
        before = process.num_fds()
        for n in range(500):
            slide = engine.open(paths[n % 10])
            grid = map_grid(slide.properties)
            slide.tile(grid, grid.level_count - 1, n % 9, n % 12)
        del slide
        # What others left may be closed meanwhile.
        assert process.num_fds() <= before + 4
        engine.close()
        gc.collect()
        assert process.num_fds() <= before

    def test_refused_files_leave_no_descriptor(self, alone: SlideEngine, shared_data: Path) -> None:
        gc.collect()
        process = psutil.Process()
        before = process.num_fds()
        gc.disable()
        try:
            for path in sorted((shared_data / "corrupt").iterdir()) * 20:
                with pytest.raises((DamagedSlide, UnsupportedSlide)):
                    alone.open(str(path))
            # What others left may be closed meanwhile.
            assert process.num_fds() <= before
        finally:
            gc.enable()

    def test_what_preflight_refuses_reaches_no_worker(
        self, alone: SlideEngine, workers: Any, shared_data: Path
    ) -> None:
        for path in sorted((shared_data / "corrupt").iterdir()):
            with pytest.raises((DamagedSlide, UnsupportedSlide)):
                alone.open(str(path))
        assert workers.opened == []

    def test_a_slide_is_opened_once_however_many_ask(self, alone: SlideEngine, copy: str) -> None:
        everybody_asks = threading.Barrier(8)

        def ask(_: int) -> OpenSlide:
            everybody_asks.wait(10)
            return alone.open(copy)

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(ask, range(8)))) == 1

    def test_everything_else_is_opened_by_a_worker(
        self, alone: SlideEngine, workers: Any, shared_data: Path
    ) -> None:
        names = ("slides/test_slide.png", "slides/dicom-tiny-sm.dcm", "slides/kidney-48-5.tif")
        for name in names:
            assert alone.open(str(shared_data / name)).properties.format == "Fake"
        assert workers.opened == [str(shared_data / name) for name in names]

    def test_a_worker_gets_its_slide_closed(
        self, alone: SlideEngine, workers: Any, shared_data: Path
    ) -> None:
        alone.open(str(shared_data / "slides" / "test_slide.png"))
        alone.close()
        gc.collect()
        assert workers.reader.closed == 1
        assert workers.closed

    def test_a_file_replaced_under_a_worker_is_busy(
        self, alone: SlideEngine, shared_data: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "picture.png"
        shutil.copy(shared_data / "slides" / "test_slide.png", path)
        slide = alone.open(str(path))
        assert slide.region(Region(0, 0, 8, 8, 1.0)).shape == (8, 8, 3)
        shutil.copy(path, tmp_path / "other.png")
        (tmp_path / "other.png").replace(path)
        with pytest.raises(Busy):
            slide.region(Region(0, 0, 8, 8, 1.0))
        assert alone.open(str(path)) is not slide


class TestStoredIndexes:
    def test_a_stored_index_spares_parsing(
        self, workers: Any, copy: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shelf = Shelf()
        made = SlideEngine(EngineSettings(), shelf, workers=workers).open(copy)
        assert len(shelf.kept) == 1
        monkeypatch.setattr(tifffile, "TiffFile", lambda *_: pytest.fail("it was parsed again"))
        again = SlideEngine(EngineSettings(), shelf, workers=workers).open(copy)
        assert again.properties == made.properties
        grid = map_grid(made.properties)
        address = (grid, grid.level_count - 1, 2, 3)
        assert again.tile(*address) == made.tile(*address)

    def test_a_damaged_index_is_made_anew(self, workers: Any, copy: str) -> None:
        shelf = Shelf()
        expected = SlideEngine(EngineSettings(), shelf, workers=workers).open(copy).properties
        (key,) = shelf.kept
        good = shelf.kept[key]
        shelf.kept[key] = b"nonsense"
        engine = SlideEngine(EngineSettings(), shelf, workers=workers)
        assert engine.open(copy).properties == expected
        assert shelf.kept[key] == good

    def test_an_index_made_while_the_file_changes_is_not_kept(
        self, workers: Any, copy: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def changed_meanwhile(source: SlideFile, structure: Any) -> Any:
            index = read_index(source, structure)
            os.utime(copy, ns=(1, 1))
            return index

        shelf = Shelf()
        engine = SlideEngine(EngineSettings(), shelf, workers=workers)
        with monkeypatch.context() as patch:
            patch.setattr("wsi_lab.slides.engine.read_index", changed_meanwhile)
            with pytest.raises(Busy):
                engine.open(copy)
        assert not shelf.kept
        assert engine.open(copy).properties.width == 2220

    def test_an_index_of_another_version_of_the_file_is_not_used(
        self, workers: Any, copy: str, pyramid: Write
    ) -> None:
        shelf = Shelf()
        engine = SlideEngine(EngineSettings(), shelf, workers=workers)
        engine.open(copy)
        pyramid().replace(copy)
        assert engine.open(copy).properties.width == 960
        assert len(shelf.kept) == 2


def test_a_slide_replaced_under_load_never_mixes_versions(
    alone: SlideEngine, tmp_path: Path, pyramid: Write
) -> None:
    """Two slides of plain colours take each other's place while eight threads look."""
    plain = {
        colour: simplejpeg.encode_jpeg(np.full((128, 128, 3), value, np.uint8), 90, "RGB", "420")
        for colour, value in (("dark", 40), ("light", 200))
    }
    masters = {
        # Of different length, so that the offsets of one are nonsense in the other.
        colour: pyramid(
            change=lambda _level, _number, _tile, colour=colour: plain[colour],
            software=colour * (1 if colour == "dark" else 500),
        )
        for colour in plain
    }
    path = tmp_path / "swapped.tif"
    shutil.copy(masters["dark"], path)
    colour_of_version: dict[str, set[str]] = {}
    stop = threading.Event()
    problems: list[Any] = []

    def look(number: int) -> None:
        random = np.random.default_rng(number)
        while not stop.is_set():
            try:
                slide = alone.open(str(path))
                grid = map_grid(slide.properties)
                zoom = int(random.integers(grid.level_count))
                level = grid.level(zoom)
                column = int(random.integers(max(1, level.columns - 1)))
                row = int(random.integers(max(1, level.rows - 1)))
                image = slide.tile_at_once(grid, zoom, column, row) or slide.tile(
                    grid, zoom, column, row
                )
            except (Busy, SlideMissing):
                continue
            except Exception as error:  # noqa: BLE001  any other is what this test looks for
                problems.append(error)
                return
            mean = float(decoded(image)[:16, :16].mean())
            seen = "dark" if mean < 60 else "light" if mean > 180 else f"mixed {mean}"
            colour_of_version.setdefault(slide.version, set()).add(seen)

    threads = [threading.Thread(target=look, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for swap in range(40):
        seen = len(colour_of_version)
        new = tmp_path / "new.tif"
        shutil.copy(masters["light" if swap % 2 else "dark"], new)
        new.replace(path)
        alone.open(str(path))
        # Some versions are seen before they are replaced, however slow those are who look.
        deadline = time.monotonic() + 30
        while (
            swap % 3 == 0
            and len(colour_of_version) == seen
            and time.monotonic() < deadline
            and not problems
        ):
            stop.wait(0.005)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not problems
    assert len(colour_of_version) > 10
    assert all(colours in ({"dark"}, {"light"}) for colours in colour_of_version.values())


def test_nothing_heavy_is_imported_until_it_is_needed(demo_slide: Path) -> None:
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from wsi_lab.slides.engine import EngineSettings, SlideEngine\n"
        "from wsi_lab.model.slide import map_grid\n"
        "heavy = {'large_image', 'openslide', 'PIL', 'tifffile', 'pandas', 'imagecodecs._jpeg2k'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        f"slide = SlideEngine(EngineSettings()).open({str(demo_slide)!r})\n"
        "grid = map_grid(slide.properties)\n"
        "assert slide.tile(grid, grid.level_count - 1, 1, 1).data\n"
        "heavy -= {'tifffile'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
