"""One changed thing in one tile, and the error that has to come of it."""

from __future__ import annotations

import io
import os
import time
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
    UnsupportedSlide,
    WsiLabError,
)
from wsi_lab.model.slide import Region
from wsi_lab.slides.jpeg_stream import TileSplicer, ends_whole
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers.tiff import TiffReader

Open = Callable[..., TiffReader]
Write = Callable[..., Path]


def changed(level: int, number: int, change: Callable[[bytes], bytes]) -> Callable[..., bytes]:
    """Return a `change` for `pyramid` that touches one tile only."""
    return lambda lev, n, tile: change(tile) if (lev, n) == (level, number) else tile


class TestDamage:
    """One changed thing, and the error that has to come of it."""

    @pytest.fixture
    def one_broken(self, pyramid: Write, opened: Open) -> Callable[..., TiffReader]:
        def open_broken(change: Callable[[bytes], bytes], **options: Any) -> TiffReader:
            return opened(pyramid(change=changed(0, 9, change), levels=1, **options))

        return open_broken

    def assert_refused(self, reader: TiffReader, kind: type[WsiLabError] = DamagedSlide) -> None:
        with pytest.raises(kind):
            reader.stored_tile(0, 1, 1)
        with pytest.raises(kind):
            reader.read_tile(0, 1, 1)
        with pytest.raises(kind):
            reader.read_region(Region(200, 200, 50, 50, 1.0))
        with pytest.raises(kind):
            reader.read_region(Region(128, 128, 32, 32, 4.0))
        # Its neighbours are none the worse.
        assert reader.stored_tile(0, 2, 1) is not None

    @pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
    def test_a_tile_cut_anywhere_is_an_error(
        self, one_broken: Callable[..., TiffReader], share: float
    ) -> None:
        self.assert_refused(one_broken(lambda tile: tile[: int(len(tile) * share)]))

    def test_a_cut_tile_with_an_end_marker_is_not_decoded_to_grey(
        self, one_broken: Callable[..., TiffReader]
    ) -> None:
        reader = one_broken(lambda tile: tile[: len(tile) // 2] + b"\xff\xd9")
        with pytest.raises(DamagedSlide):
            reader.read_tile(0, 1, 1)

    @pytest.mark.parametrize("tail", [b"\0" * 50, b"\xff" * 20])
    def test_a_cut_tile_padded_to_its_length_is_an_error(
        self, one_broken: Callable[..., TiffReader], tail: bytes
    ) -> None:
        self.assert_refused(one_broken(lambda tile: tile[: -len(tail) - 400] + tail))

    def test_a_header_that_claims_65500_pixels_is_refused_undecoded(
        self, one_broken: Callable[..., TiffReader]
    ) -> None:
        def inflate(tile: bytes) -> bytes:
            at = tile.index(b"\xff\xc0") + 5
            return tile[:at] + b"\xff\xdc\xff\xdc" + tile[at + 4 :]

        self.assert_refused(one_broken(inflate))

    def test_a_second_header_behind_the_first_is_refused(
        self, one_broken: Callable[..., TiffReader]
    ) -> None:
        def again(tile: bytes) -> bytes:
            start = tile.index(b"\xff\xc0")
            frame = tile[start : start + 2 + int.from_bytes(tile[start + 2 : start + 4])]
            return tile[:start] + frame + tile[start:]

        self.assert_refused(one_broken(again))

    def test_a_tile_of_another_depth_is_unsupported(
        self, one_broken: Callable[..., TiffReader]
    ) -> None:
        def deeper(tile: bytes) -> bytes:
            at = tile.index(b"\xff\xc0") + 4
            return tile[:at] + b"\x0c" + tile[at + 1 :]

        self.assert_refused(one_broken(deeper), UnsupportedSlide)

    @pytest.mark.parametrize(
        "tile",
        [b"\xff\xd8", b"\0\0\0\0", b"II*\0", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xda\x00\x02"],
    )
    def test_what_is_no_jpeg_is_an_error(
        self, one_broken: Callable[..., TiffReader], tile: bytes
    ) -> None:
        self.assert_refused(one_broken(lambda _: tile))

    def test_a_tile_without_tables_is_an_error(self, pyramid: Write, opened: Open) -> None:
        def without_tables(tile: bytes) -> bytes:
            kept, at = tile[:2], 2
            while tile[at + 1] != 0xDA:
                end = at + 2 + int.from_bytes(tile[at + 2 : at + 4])
                kept += tile[at:end] if tile[at + 1] not in {0xDB, 0xC4} else b""
                at = end
            return kept + tile[at:]

        slide = pyramid(change=changed(0, 9, without_tables), tables=False, levels=1)
        self.assert_refused(opened(slide))

    def test_a_tile_of_progressive_jpeg_goes_to_a_worker(
        self, pyramid: Write, opened: Open, in_process: Any, tissue: Pixels
    ) -> None:
        def progressive(_tile: bytes) -> bytes:
            file = io.BytesIO()
            part = Image.fromarray(tissue[128:256, 128:256])
            part.save(file, "JPEG", quality=85, subsampling="4:2:0", progressive=True)
            return file.getvalue()

        reader = opened(pyramid(change=changed(0, 9, progressive)), in_process)
        assert reader.stored_tile(0, 1, 1) is None
        pixels = reader.read_region(Region(128, 128, 128, 128, 1.0))
        assert np.abs(pixels.astype(int) - tissue[128:256, 128:256]).mean() < 6
        assert [facts["compression"] for facts in in_process.asked] == [7]

    @pytest.mark.parametrize("filler", [b"\xff\xfe\x00\x02", b"\xff"])
    def test_a_header_without_end_is_refused_and_not_walked(
        self, pyramid: Write, opened: Open, filler: bytes
    ) -> None:
        long = b"\xff\xd8" + filler * (60_000 // len(filler)) + b"\xff\xd9"
        reader = opened(pyramid(change=changed(0, 9, lambda _: long), levels=1))
        started = time.process_time()
        self.assert_refused(reader)
        assert time.process_time() - started < 0.1

    def test_whether_a_tile_is_cut_is_not_found_out_where_nobody_may_wait(
        self, pyramid: Write, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader = opened(pyramid(change=changed(0, 9, lambda tile: tile[:-2])))
        monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda *_: pytest.fail("it was decoded"))
        assert reader.stored_tile(0, 1, 1, wait=False) is None


@pytest.mark.parametrize("forgotten", [1, 2])
def test_a_tile_that_lacks_only_its_end_marker_is_shown(
    pyramid: Write, opened: Open, forgotten: int
) -> None:
    honest = opened(pyramid())
    reader = opened(pyramid(change=changed(0, 9, lambda tile: tile[:-forgotten])))
    tile = reader.stored_tile(0, 1, 1)
    assert tile is not None
    assert tile.data.endswith(b"\xff\xd9")
    assert (simplejpeg.decode_jpeg(tile.data) == honest.read_tile(0, 1, 1)).all()


@pytest.mark.parametrize("padding", [b"\0" * 7, b"\0" * 9000, b"\xff\xff\xff", b"garbage"])
def test_a_padded_tile_is_shown(pyramid: Write, opened: Open, padding: bytes) -> None:
    honest = opened(pyramid())
    reader = opened(pyramid(change=changed(0, 9, lambda tile: tile + padding)))
    tile = reader.stored_tile(0, 1, 1)
    assert tile is not None
    assert (simplejpeg.decode_jpeg(tile.data) == honest.read_tile(0, 1, 1)).all()


def test_every_tile_of_a_slide_cut_short_is_an_error_or_whole(
    demo_slide: Path, tmp_path: Path, opened: Open
) -> None:
    """The directory comes first here, so that the file still opens when it is cut."""
    with tifffile.TiffFile(demo_slide) as file:
        page = file.pages[0]
        ends = [o + c for o, c in zip(page.dataoffsets, page.databytecounts, strict=True)]
    reader = opened(demo_slide)
    honest = [reader.stored_tile(0, n % 10, n // 10, whole=True) for n in range(130)]
    path = tmp_path / "cut.svs"
    path.write_bytes(demo_slide.read_bytes())
    cut = opened(path)
    refused = 0
    for number in range(129, -1, -1):
        os.truncate(path, ends[number] - 1 - number % 50)
        for other in (number, max(0, number - 1)):
            try:
                tile = cut.stored_tile(0, other % 10, other // 10, whole=True)
            except DamagedSlide:
                refused += 1
                with pytest.raises(DamagedSlide):
                    cut.read_tile(0, other % 10, other // 10)
            else:
                assert tile == honest[other]
    assert refused >= 130


def test_only_the_end_of_a_tile_is_looked_at_for_its_end() -> None:
    tile = b"\xff\xd8" + bytes(range(256)) + b"\xff\xd9"
    for padding, is_whole in ((0, True), (4000, True), (5000, False), (1 << 20, False)):
        assert ends_whole(tile + bytes(padding)) is is_whole
        assert ends_whole(bytearray(tile + bytes(padding))) is is_whole
    assert not ends_whole(b"")


@pytest.mark.parametrize("stored", [b"", b"\0" * 5000, b"\xff\xd9", b"II*\0" + b"\xff\xd9"])
def test_what_does_not_begin_as_an_image_is_refused_whatever_follows(stored: bytes) -> None:
    splicer = TileSplicer(b"\xff\xd8", rows=8, columns=8, samples=3)
    for may_decode in (False, True):
        with pytest.raises(DamagedSlide):
            splicer.spliced(bytearray(stored), may_decode=may_decode)
