"""Header, patches and thumbnails, for those who may see the slide."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest
from PIL import Image

from wsi_lab.errors import Invalid, NotAllowed, NotFound, OutOfRange, TooLarge
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab


@pytest.fixture
def reader(study: Study, as_user: Callable[..., Actor]) -> Actor:
    return as_user("reader@lab", rights="view", study=study)


def decoded(png: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(png), formats=["PNG"])
    assert picture.mode == "RGBA"
    return np.asarray(picture)


def test_header_is_openslides(lab: Lab, reader: Actor, slide: Slide, slide_file: Path) -> None:
    header = lab.tiles.header(reader, slide.id)
    with openslide.OpenSlide(str(slide_file)) as reference:
        assert header["level_dimensions"] == list(reference.level_dimensions)
        assert header["level_downsamples"] == list(reference.level_downsamples)
        assert header["properties"].items() <= dict(reference.properties).items()
    told = header["properties"]
    assert told["openslide.vendor"] == "aperio"
    assert told["openslide.mpp-x"] == told["openslide.mpp-y"] == "0.499"
    assert told["openslide.objective-power"] == "20"
    assert told["aperio.MPP"] == "0.4990"
    assert not any("CMU-1" in text or "b414003d" in text for text in told.values())


def test_stated_scale_is_the_one_told(lab: Lab, owner: Actor, reader: Actor, slide: Slide) -> None:
    lab.tiles.header(reader, slide.id)
    lab.slides.change(owner, slide.id, revision=1, mpp_x=0.25, mpp_y=0.5)
    told = lab.tiles.header(reader, slide.id)["properties"]
    assert (told["openslide.mpp-x"], told["openslide.mpp-y"]) == ("0.25", "0.5")


def test_patch_is_cut_as_phas_cuts_it(
    lab: Lab, owner: Actor, reader: Actor, study: Study, slide_folder: Path, shared_data: Path
) -> None:
    name = "tcga-cr-7395-01a-01-ts1.svs"
    file = Path(shutil.copy(shared_data / "slides" / name, slide_folder))
    slide = lab.slides.add(owner, study.id, file)
    with openslide.OpenSlide(str(file)) as reference:
        scale = reference.level_downsamples[1]
        for level, centre, size in (
            (0, (800, 700), (65, 32)),
            (1, (801, 703), (65, 33)),
            (1, (-3, 3567), (90, 81)),
        ):
            step = scale if level else 1.0
            corner = tuple(c - int(0.5 * s * step) for c, s in zip(centre, size, strict=True))
            expected = np.asarray(reference.read_region(corner, level, size))
            patch = lab.tiles.patch(reader, slide.id, level, centre, size)
            assert np.array_equal(decoded(patch), expected)


def test_patches_that_cannot_be_are_refused(lab: Lab, reader: Actor, slide: Slide) -> None:
    for level, size, error in (
        (1, (10, 10), OutOfRange),
        (-1, (10, 10), OutOfRange),
        (0, (0, 10), Invalid),
        (0, (10, -1), Invalid),
        (0, (10_000, 10_000), TooLarge),
        (0, (10**400, 10), TooLarge),
    ):
        with pytest.raises(error):
            lab.tiles.patch(reader, slide.id, level, (0, 0), size)
    assert not decoded(lab.tiles.patch(reader, slide.id, 0, (10**400, 0), (3, 2))).any()


def test_thumbnail_is_openslides(lab: Lab, reader: Actor, slide: Slide, slide_file: Path) -> None:
    with openslide.OpenSlide(str(slide_file)) as reference:
        for side in (99, 1000, 3000):
            expected = reference.get_thumbnail((side, side))
            assert lab.tiles.thumbnail_size(reader, slide.id, side) == expected.size
            pixels = lab.tiles.thumbnail_pixels(reader, slide.id, side)
            assert np.array_equal(pixels, np.asarray(expected))
    for side in (0, -5):
        with pytest.raises(Invalid):
            lab.tiles.thumbnail_pixels(reader, slide.id, side)


def test_others_see_nothing(lab: Lab, slide: Slide, as_user: Callable[..., Actor]) -> None:
    stranger = as_user("stranger@lab")
    for read in (
        lambda: lab.tiles.header(stranger, slide.id),
        lambda: lab.tiles.patch(stranger, slide.id, 0, (5, 5), (9, 9)),
        lambda: lab.tiles.thumbnail_size(stranger, slide.id, 50),
        lambda: lab.tiles.thumbnail_pixels(stranger, slide.id, 50),
    ):
        with pytest.raises((NotFound, NotAllowed)):
            read()


def test_a_slide_that_was_replaced_is_read_anew(
    lab: Lab, reader: Actor, slide: Slide, slide_file: Path, shared_data: Path
) -> None:
    assert len(lab.tiles.header(reader, slide.id)["level_dimensions"]) == 1
    new = slide_file.with_name("new")
    shutil.copy(shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs", new)
    new.replace(slide_file)
    assert len(lab.tiles.header(reader, slide.id)["level_dimensions"]) == 2
