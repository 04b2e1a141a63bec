"""Patches are OpenSlide's, pixel by pixel, wherever OpenSlide opens the file."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from buckets import Bucket

from wsi_lab.errors import Busy, DamagedSlide, Invalid, OutOfRange, SlideChanged, TooLarge
from wsi_lab.model.slide import Patch, Region
from wsi_lab.slides.engine import EngineSettings, OpenSlide, SlideEngine
from wsi_lab.slides.pool import RemoteReader, WorkerPool
from wsi_lab.slides.reader import Pixels

SLIDES = (
    "slides/CMU-1-Small-Region.svs",
    "slides/tcga-cr-7395-01a-01-ts1.svs",
    "slides/bigtiff-pyramid-board.tif",
    "slides/slidescore-test-image.tiff",
    "tiff-variants/tiled-jpeg-rgb-u8.tif",
    "tiff-variants/test_orient1.tif",
    "slides/dicom-cmu-1-small-region/volume.dcm",
    "slides/dicom-tiny-sm.dcm",
)

Both = tuple[OpenSlide, openslide.OpenSlide]


def truth(slide: openslide.OpenSlide, patch: Patch) -> Pixels:
    size = patch.width, patch.height
    return np.asarray(slide.read_region((patch.x, patch.y), patch.level, size))


def assert_equal(both: Both, patch: Patch) -> None:
    slide, reference = both
    ours, theirs = slide.patches.read(patch), truth(reference, patch)
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs), (patch, np.abs(ours.astype(int) - theirs).max())


@pytest.fixture(params=SLIDES)
def both(request: pytest.FixtureRequest, shared_data: Path, engine: SlideEngine) -> Iterator[Both]:
    path = str(shared_data / request.param)
    with openslide.OpenSlide(path) as reference:
        yield engine.open(path), reference


def test_levels_are_openslides_to_the_last_digit(both: Both) -> None:
    slide, reference = both
    levels = slide.patches.properties().levels
    assert tuple(level.downsample for level in levels) == reference.level_downsamples
    assert tuple((level.width, level.height) for level in levels) == reference.level_dimensions


def test_patches_anywhere_on_every_level_are_equal(both: Both) -> None:
    _, reference = both
    random = np.random.default_rng(6)
    for number, (columns, rows) in enumerate(reference.level_dimensions):
        scale = reference.level_downsamples[number]
        for _ in range(40):
            width, height = (int(side) for side in random.integers(1, 150, 2))
            x = int(random.integers(-2 * width, columns + width) * scale) + int(random.integers(4))
            y = int(random.integers(-2 * height, rows + height) * scale) + int(random.integers(4))
            assert_equal(both, Patch(number, x, y, width, height))


def test_edges_and_corners_are_equal(both: Both) -> None:
    _, reference = both
    right, bottom = reference.dimensions
    for number, scale in enumerate(reference.level_downsamples):
        for x in (-1, -int(3 * scale), right - 1, right - int(7 * scale), int(right - 20 * scale)):
            for y in (-2, -int(5 * scale), bottom - 1, int(bottom - 3 * scale)):
                assert_equal(both, Patch(number, x, y, 33, 27))


def test_a_patch_is_cut_around_a_pixel_as_phas_does(both: Both) -> None:
    slide, reference = both
    for number, scale in enumerate(reference.level_downsamples):
        for centre, size in (((101, 57), (31, 20)), ((-9, 12), (64, 65)), ((40, 41), (1, 1))):
            corner = tuple(
                middle - int(0.5 * side * scale) for middle, side in zip(centre, size, strict=True)
            )
            expected = np.asarray(reference.read_region(corner, number, size))
            assert np.array_equal(slide.patches.around(number, centre, size), expected)


def test_outside_the_slide_it_is_black_and_clear_however_far(both: Both) -> None:
    slide, reference = both
    right, bottom = reference.dimensions
    for number, scale in enumerate(reference.level_downsamples):
        far = int(50 * scale)
        for x, y in ((-far, 0), (0, -far), (right + far, 0), (0, bottom + far)):
            patch = Patch(number, x, y, 40, 30)
            assert not truth(reference, patch).any()
            assert_equal(both, patch)
        for x in (10**30, -(10**30)):
            assert not slide.patches.read(Patch(number, x, -x, 8, 9)).any()


def test_what_is_on_the_slide_is_opaque(both: Both) -> None:
    slide, reference = both
    for number, (columns, rows) in enumerate(reference.level_dimensions):
        whole = slide.patches.read(Patch(number, 0, 0, columns + 1, rows + 1))
        assert (whole[:rows, :columns, 3] == 255).all()
        assert not whole[rows:].any()
        assert not whole[:, columns:].any()


def test_a_patch_that_openslide_reads_in_pieces_is_equal(
    shared_data: Path, engine: SlideEngine
) -> None:
    path = str(shared_data / "slides" / "slidescore-test-image.tiff")
    with openslide.OpenSlide(path) as reference:
        both = engine.open(path), reference
        # The second piece begins 4096 pixels after the corner, and there in the slide.
        x = -int(4050 * reference.level_downsamples[1])
        assert_equal(both, Patch(1, x, 0, 4300, 40))
        assert_equal(both, Patch(0, -4050, 0, 4300, 40))


def test_tiles_that_the_scanner_left_out_are_as_openslide_shows_them(
    tmp_path: Path, demo_slide: Path, pyramid: Callable[..., Path], engine: SlideEngine
) -> None:
    sparse_svs = tmp_path / "sparse.svs"
    shutil.copy(demo_slide, sparse_svs)
    with tifffile.TiffFile(demo_slide) as file:
        counts = file.pages[0].tags["TileByteCounts"].valueoffset
        offsets = file.pages[0].tags["TileOffsets"].valueoffset
    with sparse_svs.open("r+b") as changed:
        for place in (counts, offsets):
            changed.seek(place + 3 * 4)
            changed.write(struct.pack("<I", 0))
    sparse_tiff = pyramid(
        change=lambda _level, number, tile: b"" if number in {0, 2} else tile, tables=False
    )
    for path, left_out in ((sparse_svs, 240), (sparse_tiff, 128)):
        with openslide.OpenSlide(str(path)) as reference:
            slide = engine.open(str(path))
            patch = Patch(0, 2 * left_out - 20, 0, 2 * left_out, 60)
            # What would be asked if nobody looked for them.
            assert not np.array_equal(
                slide.region(Region(patch.x, patch.y, patch.width, patch.height, 1.0)),
                truth(reference, patch)[..., :3],
            )
            assert_equal((slide, reference), patch)
            for number in range(reference.level_count):
                columns, rows = reference.level_dimensions[number]
                assert_equal((slide, reference), Patch(number, 0, 0, columns, rows))


class TestWhoReads:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[Patch]:
        """The patches that workers are asked for."""
        asked: list[Patch] = []
        read = RemoteReader.read_patch

        def noting(reader: RemoteReader, patch: Patch) -> Pixels:
            asked.append(patch)
            return read(reader, patch)

        monkeypatch.setattr(RemoteReader, "read_patch", noting)
        return asked

    def test_full_resolution_needs_no_worker(
        self, shared_data: Path, engine: SlideEngine, asked: list[Patch]
    ) -> None:
        slide = engine.open(str(shared_data / "slides" / "bigtiff-pyramid-board.tif"))
        slide.patches.read(Patch(0, 701, 333, 512, 512))
        slide.patches.read(Patch(1, 400, 804, 300, 300))
        assert asked == []

    def test_openslide_opens_nothing_before_it_is_needed(
        self, shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []
        open_it = WorkerPool.open_by_openslide

        def noting(pool: WorkerPool, path: str) -> RemoteReader:
            opened.append(path)
            return open_it(pool, path)

        monkeypatch.setattr(WorkerPool, "open_by_openslide", noting)
        path = str(shared_data / "slides" / "bigtiff-pyramid-board.tif")
        engine = SlideEngine(EngineSettings(workers=1))
        slide = engine.open(path)
        slide.patches.read(Patch(0, 701, 333, 512, 512))
        slide.patches.read(Patch(0, 10**30, 0, 8, 9))
        slide.patches.around(0, (701, 333), (300, 200))
        assert opened == []
        for _ in range(2):
            slide.patches.read(Patch(1, 400, 804, 300, 300))
        assert opened == [path]
        engine.close()

    def test_what_lies_between_stored_pixels_is_left_to_openslide(
        self, shared_data: Path, engine: SlideEngine, asked: list[Patch]
    ) -> None:
        slide = engine.open(str(shared_data / "slides" / "bigtiff-pyramid-board.tif"))
        patch = Patch(1, 401, 804, 300, 300)
        slide.patches.read(patch)
        assert asked == [patch]

    def test_what_libraries_may_decode_differently_is_left_to_openslide(
        self, shared_data: Path, engine: SlideEngine, asked: list[Patch]
    ) -> None:
        slide = engine.open(str(shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs"))
        assert slide.compression == "JPEG 2000"
        patch = Patch(0, 401, 804, 30, 30)
        slide.patches.read(patch)
        assert asked == [patch]

    def test_nobody_is_asked_for_what_lies_beside_the_slide(
        self, shared_data: Path, engine: SlideEngine, asked: list[Patch]
    ) -> None:
        slide = engine.open(str(shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs"))
        slide.patches.read(Patch(1, -100, 50_000, 30, 30))
        assert asked == []


def test_turned_slides_have_the_patches_of_what_is_shown(
    shared_data: Path, engine: SlideEngine
) -> None:
    slide = engine.open(str(shared_data / "tiff-variants" / "test_orient6.tif"))
    assert slide.patches.properties() == slide.properties
    patch = slide.patches.read(Patch(0, -5, 10, 30, 20))
    assert not patch[:, :5].any()
    assert (patch[:, 5:, 3] == 255).all()
    shown = slide.region(Region(0, 10, 25, 20, 1.0))
    assert np.array_equal(patch[:, 5:, :3], shown)


def test_files_that_openslide_refuses_have_patches_too(
    shared_data: Path, engine: SlideEngine
) -> None:
    for name in ("kidney-48-5.tif", "test_slide.png"):
        slide = engine.open(str(shared_data / "slides" / name))
        patch = slide.patches.read(Patch(0, -7, 11, 90, 60))
        assert np.array_equal(patch[:, 7:, :3], slide.region(Region(0, 11, 83, 60, 1.0)))
        assert (patch[:, 7:, 3] == 255).all()
        assert not patch[:, :7].any()


def test_a_slide_whose_openslide_fails_is_read_without_it(
    pyramid: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pool: WorkerPool, path: str) -> RemoteReader:
        raise DamagedSlide("It crashed.")

    monkeypatch.setattr(WorkerPool, "open_by_openslide", refuse)
    engine = SlideEngine(EngineSettings(workers=1))
    path = str(pyramid())
    slide = engine.open(path)
    with openslide.OpenSlide(path) as reference:
        assert_equal((slide, reference), Patch(0, 3, 5, 70, 80))
        between = Patch(1, 301, 201, 100, 90)
        off = np.abs(slide.patches.read(between).astype(int) - truth(reference, between))
        assert 0 < off.max() <= 3
    engine.close()


def test_a_lack_of_workers_passes(pyramid: Callable[..., Path]) -> None:
    class Taken(WorkerPool):
        busy = True

        def open_by_openslide(self, path: str) -> RemoteReader:
            if self.busy:
                raise Busy("All are taken.")
            return super().open_by_openslide(path)

    pool = Taken()
    engine = SlideEngine(EngineSettings(), workers=pool)
    path = str(pyramid())
    slide = engine.open(path)
    with openslide.OpenSlide(path) as reference:
        with pytest.raises(Busy):
            slide.patches.read(Patch(1, 301, 201, 40, 30))
        pool.busy = False
        assert_equal((slide, reference), Patch(1, 301, 201, 40, 30))
    engine.close()


def test_a_slide_whose_file_is_replaced_has_no_patches_of_the_other(
    tmp_path: Path, demo_slide: Path, shared_data: Path, engine: SlideEngine
) -> None:
    path, new = tmp_path / "slide.tif", tmp_path / "new"
    slides = shared_data / "slides"
    shutil.copy(slides / "bigtiff-pyramid-board.tif", path)
    unread = engine.open(str(path))
    begun = SlideEngine(EngineSettings(workers=1))
    read_before = begun.open(str(path))
    read_before.patches.read(Patch(1, 1, 1, 9, 9))
    shutil.copy(demo_slide, new)
    new.replace(path)
    for read in (unread.patches.properties, lambda: unread.patches.read(Patch(1, 1, 1, 9, 9))):
        with pytest.raises(SlideChanged):
            read()
    # What needs no OpenSlide is of the file that was opened, as all else of this slide.
    with openslide.OpenSlide(str(slides / "bigtiff-pyramid-board.tif")) as reference:
        assert_equal((unread, reference), Patch(0, 0, 0, 9, 9))
    with pytest.raises(Busy):
        read_before.patches.read(Patch(1, 1, 1, 9, 9))
    begun.close()
    assert len(engine.open(str(path)).patches.properties().levels) == 1


def test_slides_far_away_are_nearly_as_openslide_would_read_them(
    bucket: Bucket, shared_data: Path
) -> None:
    for name in ("CMU-1-Small-Region.svs", "slidescore-test-image.tiff"):
        path = shared_data / "slides" / name
        slide = bucket.engine().open(bucket.put(path, name))
        with openslide.OpenSlide(str(path)) as reference:
            assert_equal((slide, reference), Patch(0, -30, 17, 200, 150))
            for number in range(1, reference.level_count):
                patch = Patch(number, 21, 33, 80, 70)
                ours = slide.patches.read(patch).astype(int)
                assert np.abs(ours - truth(reference, patch)).max() <= 3


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        (Patch(1, 0, 0, 10, 10), OutOfRange),
        (Patch(-1, 0, 0, 10, 10), OutOfRange),
        (Patch(0, 0, 0, 0, 10), Invalid),
        (Patch(0, 0, 0, 10, -1), Invalid),
        (Patch(0, 0, 0, 40_001, 1_000), TooLarge),
        (Patch(0, 0, 0, 10**400, 1), TooLarge),
    ],
)
def test_patches_that_cannot_be_are_refused(
    demo_slide: Path, engine: SlideEngine, patch: Patch, error: type[Exception]
) -> None:
    slide = engine.open(str(demo_slide))
    with pytest.raises(error):
        slide.patches.read(patch)
    with pytest.raises(error):
        slide.patches.around(patch.level, (patch.x, patch.y), (patch.width, patch.height))


def test_the_largest_patch_fits_into_a_worker(shared_data: Path, engine: SlideEngine) -> None:
    slide: Any = engine.open(str(shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs"))
    assert slide.patches.read(Patch(0, -100, -100, 8_000, 5_000)).shape == (5_000, 8_000, 4)
