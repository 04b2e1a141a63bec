"""Slides for those who only want stored tiles: nothing else is opened for them."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile

from wsi_lab.errors import UnsupportedSlide
from wsi_lab.slides.engine import SlideEngine


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("slides/test_slide.png", "it is no TIFF file"),
        ("slides/dicom-tiny-sm.dcm", "it is no TIFF file"),
        ("slides/kidney-48-5.tif", "it is not stored in tiles"),
        ("slides/multi-channel.ome.tif", "it is OME-TIFF"),
    ],
)
def test_what_a_library_would_read_is_refused_with_the_reason_and_no_worker(
    alone: SlideEngine, workers: Any, shared_data: Path, name: str, reason: str
) -> None:
    path = str(shared_data / name)
    with pytest.raises(UnsupportedSlide, match=reason):
        alone.open(path, tiled_only=True)
    assert workers.opened == []
    # Nor when it is open already for somebody who takes it as it is.
    slide = alone.open(path)
    with pytest.raises(UnsupportedSlide, match=reason):
        alone.open(path, tiled_only=True)
    assert alone.open(path) is slide


def test_a_compression_that_is_not_read_here_is_named(alone: SlideEngine, tmp_path: Path) -> None:
    path = tmp_path / "packed.tif"
    pixels = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=(32, 32), compression="packbits", metadata=None)
    with pytest.raises(UnsupportedSlide, match="compressed by PackBits"):
        alone.open(str(path), tiled_only=True)


def test_tiles_are_the_same_slide_for_everybody(alone: SlideEngine, demo_slide: Path) -> None:
    assert alone.open(str(demo_slide), tiled_only=True) is alone.open(str(demo_slide))


def test_refused_files_leave_no_descriptor(alone: SlideEngine, shared_data: Path) -> None:
    gc.collect()
    process = psutil.Process()
    before = process.num_fds()
    for _ in range(10):
        with pytest.raises(UnsupportedSlide):
            alone.open(str(shared_data / "slides" / "kidney-48-5.tif"), tiled_only=True)
    # What others left may be closed meanwhile.
    assert process.num_fds() <= before
