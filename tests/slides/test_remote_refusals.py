"""What is not read from a bucket, or not for long."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from buckets import Bucket, sent

from bench.object_faults import Fault, Trouble
from wsi_lab.errors import (
    CutShort,
    DamagedSlide,
    NotAllowed,
    SlideMissing,
    SourceUnavailable,
    UnsupportedSlide,
)
from wsi_lab.slides import few_trips
from wsi_lab.slides.engine import SlideEngine

Write = Callable[..., Path]
AS_STORED: dict[str, Any] = {"quality": 80, "recode": False}
SVS = "CMU-1-Small-Region.svs"


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("test_slide.png", "no TIFF file"),
            ("kidney-48-5.tif", "not stored in tiles"),
            ("multi-channel.ome.tif", "OME-TIFF"),
            ("dicom-tiny-sm.dcm", "no TIFF file"),
        ],
    )
    def test_what_takes_a_library_can_only_be_read_from_a_local_disk(
        self, bucket: Bucket, shared_data: Path, name: str, reason: str
    ) -> None:
        address = bucket.put(shared_data / "slides" / name, name)
        with pytest.raises(UnsupportedSlide, match=f"only be read from a local disk.*{reason}"):
            bucket.engine().open(address)
        assert len(bucket.asked()) <= 4

    @pytest.mark.parametrize("name", ["a.mrxs", "a.vms"])
    def test_slides_of_several_files_are_not_looked_for_on_this_machine(
        self, bucket: Bucket, tmp_path: Path, name: str
    ) -> None:
        path = tmp_path / "several"
        path.write_bytes(b"[Virtual Microscope Specimen]\nImageFile(0,0)=a.jpg\n")
        with pytest.raises(UnsupportedSlide, match="local disk"):
            bucket.engine().open(bucket.put(path, name))

    def test_files_that_do_harm_are_refused_after_few_bytes(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        for path in sorted((shared_data / "corrupt").iterdir()):
            with pytest.raises((DamagedSlide, UnsupportedSlide)):
                bucket.engine().open(bucket.put(path, path.name))
            assert sent(bucket.asked()) < 2e6, path.name

    def test_lists_without_end_are_not_fetched(
        self,
        bucket: Bucket,
        raw_tiff: Callable[..., bytes],
        tiled: Callable[..., Any],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(few_trips, "MOST_BYTES", 200_000)
        path = tmp_path / "long.tif"
        long = tiled(tag_324=(4, {"count": 400_000, "offset": 200_000}))
        path.write_bytes(raw_tiff([long], after=bytes(4_000_000)))
        with pytest.raises(DamagedSlide, match="larger than those of any"):
            bucket.engine().open(bucket.put(path))
        assert sent(bucket.asked()) <= 200_000

    def test_a_slide_cut_short_is_refused_or_shown_as_far_as_it_goes(
        self, bucket: Bucket, pyramid: Write
    ) -> None:
        path = pyramid(levels=1)
        address = bucket.put(path)
        os.truncate(bucket.server.folder / "a.svs", path.stat().st_size - 2_000)
        engine = bucket.engine()
        with pytest.raises(CutShort):
            engine.open(address)
        slide = engine.open(address, tiled_only=True)
        assert slide.level_tile(0, 0, 0, **AS_STORED)
        with pytest.raises(CutShort):
            slide.level_tile(0, 7, 5, **AS_STORED)
        with pytest.raises(CutShort):
            engine.open(address)

    def test_what_is_not_there_is_missing(self, bucket: Bucket) -> None:
        with pytest.raises(SlideMissing):
            bucket.engine().open(bucket.source.address_of("nothing.svs"))

    def test_an_engine_without_stores_asks_nobody(self, bucket: Bucket, alone: SlideEngine) -> None:
        with pytest.raises(UnsupportedSlide, match="local disks"):
            alone.open(bucket.source.address_of("a.svs"))
        assert bucket.asked() == []

    def test_hosts_that_nobody_declared_are_not_asked(self, bucket: Bucket) -> None:
        with pytest.raises(NotAllowed):
            bucket.engine().open("http://127.0.0.1:9/a.svs")

    def test_a_store_that_fails_is_unavailable_and_then_as_before(
        self, bucket: Bucket, shared_data: Path
    ) -> None:
        engine = bucket.engine()
        slide = engine.open(bucket.put(shared_data / "slides" / SVS))
        with bucket.server.in_trouble(Trouble(Fault.STATUS)):
            with pytest.raises(SourceUnavailable):
                slide.level_tile(0, 3, 3, **AS_STORED)
            soon = slide.level_tile_soon(0, 3, 4, **AS_STORED)
            assert soon is not None
            with pytest.raises(SourceUnavailable):
                soon.result(60)
        assert not slide.level_tile(0, 3, 3, **AS_STORED).was_kept
        assert slide.level_tile_soon(0, 3, 4, **AS_STORED) is not None
