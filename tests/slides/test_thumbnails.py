"""Thumbnails have OpenSlide's size and pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openslide
import pytest
from PIL import Image

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.slide import Level, Region, SlideProperties
from wsi_lab.slides import thumbnails
from wsi_lab.slides.engine import SlideEngine
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.thumbnails import thumbnail, thumbnail_size

SLIDES = (
    "CMU-1-Small-Region.svs",
    "tcga-cr-7395-01a-01-ts1.svs",
    "bigtiff-pyramid-board.tif",
    "slidescore-test-image.tiff",
    "dicom-tiny-sm.dcm",
)


def slide_of(width: int, height: int) -> SlideProperties:
    return SlideProperties("", (Level(width, height, 256, 256, 1.0),))


@pytest.mark.parametrize("name", SLIDES)
def test_thumbnails_equal_openslides(shared_data: Path, engine: SlideEngine, name: str) -> None:
    path = str(shared_data / "slides" / name)
    slide = engine.open(path)
    properties = slide.patches.properties()
    with openslide.OpenSlide(path) as reference:
        for side in (1, 37, 100, 116, 250, 333, 1000, 5000):
            theirs = reference.get_thumbnail((side, side))
            assert thumbnail_size(properties, side) == theirs.size
            ours = thumbnail(properties, side, slide.region)
            assert np.array_equal(ours, np.asarray(theirs.convert("RGB"))), side


def test_sizes_are_rounded_as_pillow_rounds_them() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        width, height = (int(side) for side in random.integers(1, 400, 2))
        side = int(random.integers(1, 450))
        picture = Image.new("L", (width, height))
        picture.thumbnail((side, side))
        assert thumbnail_size(slide_of(width, height), side) == picture.size, (width, height, side)


def test_a_slide_without_small_levels_is_read_at_twice_the_size(
    monkeypatch: pytest.MonkeyPatch, shared_data: Path, engine: SlideEngine
) -> None:
    slide = engine.open(str(shared_data / "slides" / "CMU-1-Small-Region.svs"))
    exact = thumbnail(slide.properties, 300, slide.region)
    monkeypatch.setattr(thumbnails, "LARGEST_REGION_PIXELS", 2_000_000)
    asked: list[Region] = []

    def region(wanted: Region) -> Pixels:
        asked.append(wanted)
        return slide.region(wanted)

    near = thumbnail(slide.properties, 300, region)
    assert [(each.width, each.height) for each in asked] == [(447, 598)]
    assert near.shape == exact.shape == (300, 224, 3)
    assert np.abs(near.astype(int) - exact).mean() < 2
    # No white from beyond the edge.
    assert np.abs(near[:, -1].astype(int) - exact[:, -1]).mean() < 5


def test_thumbnails_that_cannot_be_are_refused() -> None:
    with pytest.raises(Invalid):
        thumbnail_size(slide_of(100, 100), 0)
    with pytest.raises(TooLarge):
        thumbnail_size(slide_of(100_000, 90_000), 10_000)
    assert thumbnail_size(slide_of(100_000, 1), 10_000) == (10_000, 1)
