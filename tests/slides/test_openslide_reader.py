"""What OpenSlide shows, on white."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from wsi_lab.errors import DamagedSlide, NotFound, UnsupportedSlide
from wsi_lab.model.slide import Region
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers.openslide import OpenSlideReader, vendor_of

SLIDES = [
    "CMU-1-Small-Region.svs",
    "tcga-cr-7395-01a-01-ts1.svs",
    "dicom-cmu-1-small-region/volume.dcm",
    "dicom-camelyon-lowres-jpeg.dcm",
    "dicom-tiny-sm.dcm",
    "slidescore-test-image.tiff",
    "bigtiff-pyramid-board.tif",
]


def on_white(picture: Image.Image) -> Pixels:
    """Return what openslide-python gives as it looks on white paper."""
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return np.asarray(paper)


@pytest.mark.parametrize("name", SLIDES)
def test_levels_equal_openslide_pixel_by_pixel(shared_data: Path, name: str) -> None:
    path = str(shared_data / "slides" / name)
    with openslide.OpenSlide(path) as slide:
        reader = OpenSlideReader(path)
        assert [(level.width, level.height) for level in reader.properties.levels] == list(
            slide.level_dimensions
        )
        for number, level in enumerate(reader.properties.levels):
            assert level.downsample == slide.level_downsamples[number]
            for x, y in ((0, 0), (-37, -11), (slide.dimensions[0] - 20, 5), (7, 13)):
                region = Region(x=x, y=y, width=83, height=61, downsample=level.downsample)
                expected = on_white(slide.read_region((x, y), number, (83, 61)))
                assert np.array_equal(reader.read_region(region), expected)
        reader.close()


def test_a_slide_says_what_it_is(demo_slide: Path) -> None:
    reader = OpenSlideReader(str(demo_slide))
    properties = reader.properties
    assert properties.format == "Aperio SVS"
    assert (properties.width, properties.height) == (2220, 2967)
    assert (properties.levels[0].tile_width, properties.levels[0].tile_height) == (240, 240)
    assert (properties.mpp_x, properties.mpp_y, properties.objective_power) == (0.499, 0.499, 20)
    assert properties.associated == ("label", "macro", "thumbnail")
    reader.close()


def test_a_scale_no_microscope_has_is_left_out(shared_data: Path) -> None:
    reader = OpenSlideReader(str(shared_data / "slides" / "slidescore-test-image.tiff"))
    assert reader.properties.mpp is None
    reader.close()


def test_images_beside_the_pyramid_equal_openslide(demo_slide: Path) -> None:
    reader = OpenSlideReader(str(demo_slide))
    with openslide.OpenSlide(str(demo_slide)) as slide:
        for name in ("label", "macro", "thumbnail"):
            expected = on_white(slide.associated_images[name])
            assert np.array_equal(reader.read_associated(name), expected)
    with pytest.raises(NotFound):
        reader.read_associated("secret")
    reader.close()


def test_one_bad_tile_leaves_the_others_readable(tmp_path: Path, demo_slide: Path) -> None:
    path = tmp_path / "cut.svs"
    shutil.copy(demo_slide, path)
    with tifffile.TiffFile(demo_slide) as file:
        tag = file.pages[0].tags["TileByteCounts"]
        half = file.pages[0].databytecounts[3] // 2
    with path.open("r+b") as changed:
        changed.seek(tag.valueoffset + 3 * 4)
        changed.write(struct.pack("<I", half))
    reader = OpenSlideReader(str(path))
    with pytest.raises(DamagedSlide):
        reader.read_region(Region(x=720, y=0, width=240, height=240, downsample=1.0))
    good = reader.read_region(Region(x=240, y=0, width=240, height=240, downsample=1.0))
    reader.close()
    with openslide.OpenSlide(str(demo_slide)) as slide:
        assert np.array_equal(good, on_white(slide.read_region((240, 0), 0, (240, 240))))


def test_what_openslide_does_not_know_is_unsupported(shared_data: Path) -> None:
    path = str(shared_data / "slides" / "kidney-48-5.tif")
    assert vendor_of(path) is None
    with pytest.raises(UnsupportedSlide):
        OpenSlideReader(path)
