"""Ordinary pictures are shown as slides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsi_lab.errors import DamagedSlide, NotFound, UnsupportedSlide
from wsi_lab.model.slide import Region
from wsi_lab.slides import deident
from wsi_lab.slides.opening import open_slide
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers import picture as picture_reader
from wsi_lab.slides.sampling import LevelReader


def everything(reader: LevelReader) -> Pixels:
    """Return the whole picture."""
    level = reader.properties.levels[0]
    return reader.read_level(0, 0, 0, level.width, level.height)


@pytest.fixture(scope="module")
def tissue(demo_slide: Path) -> Image.Image:
    """Return 400 x 300 pixels of stained tissue."""
    with Image.open(demo_slide) as picture:
        return picture.crop((820, 900, 1220, 1200))


def test_a_real_png_equals_pillow(shared_data: Path) -> None:
    path = shared_data / "slides" / "test_slide.png"
    reader = open_slide(str(path))
    assert reader.properties.format == "PNG picture"
    assert reader.properties.mpp is None
    with Image.open(path) as picture:
        assert np.array_equal(everything(reader), np.asarray(picture.convert("RGB")))
    with pytest.raises(NotFound):
        reader.read_associated(deident.ASSOCIATED_NAMES[0])


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.jpg", "a.gif", "a.webp", "a.jp2"])
def test_every_usual_kind_is_read(tmp_path: Path, tissue: Image.Image, name: str) -> None:
    path = tmp_path / name
    tissue.save(path)
    reader = open_slide(str(path))
    with Image.open(path) as stored:
        assert np.array_equal(everything(reader), np.asarray(stored.convert("RGB")))
    around = reader.read_region(Region(x=-3, y=298, width=5, height=4, downsample=1.0))
    assert (around[:, :3] == 255).all()
    assert (around[2:] == 255).all()


def test_exif_orientation_is_obeyed(tmp_path: Path, tissue: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    tissue.save(tmp_path / "camera.png", exif=exif)
    got = everything(open_slide(str(tmp_path / "camera.png")))
    assert np.array_equal(got, np.rot90(np.asarray(tissue), -1))


def test_transparent_pictures_lie_on_white(tmp_path: Path, tissue: Image.Image) -> None:
    clear = tissue.copy()
    clear.putalpha(0)
    clear.save(tmp_path / "clear.png")
    assert (everything(open_slide(str(tmp_path / "clear.png"))) == 255).all()


def test_grey_of_sixteen_bits_is_stretched_over_what_there_is(tmp_path: Path) -> None:
    ramp = np.linspace(1000, 3000, 300 * 300).reshape(300, 300).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    got = everything(open_slide(str(tmp_path / "deep.png")))
    assert (got.min(), got.max()) == (0, 255)


def test_large_pictures_have_smaller_versions(tmp_path: Path) -> None:
    Image.new("RGB", (5000, 2500), "purple").save(tmp_path / "large.png")
    levels = open_slide(str(tmp_path / "large.png")).properties.levels
    assert [(level.width, level.height) for level in levels] == [
        (5000, 2500),
        (1250, 625),
        (313, 157),
    ]


def test_a_picture_that_is_cut_short_is_damage(tmp_path: Path, tissue: Image.Image) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        path = tmp_path / f"cut.{kind.lower()}"
        tissue.save(path, kind)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedSlide):
            open_slide(str(path))


def test_a_picture_too_large_to_decode_is_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tissue: Image.Image
) -> None:
    tissue.save(tmp_path / "large.bmp")
    monkeypatch.setattr(picture_reader, "LARGEST_PICTURE_PIXELS", 1000)
    with pytest.raises(DamagedSlide, match="400 x 300"):
        open_slide(str(tmp_path / "large.bmp"))


def test_decoders_nobody_chose_are_not_tried(tmp_path: Path, tissue: Image.Image) -> None:
    for kind, name in (("EPS", "a.eps"), ("PCX", "a.pcx"), ("TGA", "a.tga"), ("PPM", "a.png")):
        tissue.save(tmp_path / name, kind)
        with pytest.raises(UnsupportedSlide):
            open_slide(str(tmp_path / name))
