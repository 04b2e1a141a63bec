"""The last resort: tile sources of large-image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wsi_lab.errors import DamagedSlide, NotFound, UnsupportedSlide
from wsi_lab.model.slide import Region
from wsi_lab.slides import opening
from wsi_lab.slides.opening import open_slide
from wsi_lab.slides.readers.openslide import OpenSlideReader

pytestmark = pytest.mark.filterwarnings("ignore")  # what its dependencies do is not ours to fix


@pytest.fixture
def volume(shared_data: Path) -> str:
    """Return one file of a DICOM slide of several."""
    return str(shared_data / "slides" / "dicom-cmu-1-small-region" / "volume.dcm")


def test_dicom_equals_openslide(volume: str) -> None:
    from wsi_lab.slides.readers.large_image import LargeImageReader

    ours, theirs = LargeImageReader(volume, "dicom"), OpenSlideReader(volume)
    assert (ours.properties.width, ours.properties.height) == (2220, 2967)
    assert ours.properties.mpp == pytest.approx(theirs.properties.mpp)
    assert ours.properties.format == theirs.properties.format == "DICOM"
    assert ours.properties.associated == ("label", "macro")
    for x, y in ((0, 0), (-50, 700), (2100, 2900)):
        region = Region(x=x, y=y, width=300, height=200, downsample=1.0)
        assert np.array_equal(ours.read_region(region), theirs.read_region(region))
    small = Region(x=0, y=0, width=555, height=741, downsample=4.0)
    difference = np.abs(ours.read_region(small).astype(int) - theirs.read_region(small))
    assert difference.mean() < 3
    label = theirs.read_associated("label")
    assert np.abs(ours.read_associated("label").astype(int) - label).mean() < 1
    with pytest.raises(NotFound):
        ours.read_associated("thumbnail")
    ours.close()
    theirs.close()


def test_levels_go_down_to_one_tile(volume: str) -> None:
    from wsi_lab.slides.readers.large_image import LargeImageReader

    reader = LargeImageReader(volume, "dicom")
    sizes = [(level.width, level.height) for level in reader.properties.levels]
    assert sizes == [(2220, 2967), (1110, 1484), (555, 742), (278, 371), (139, 186)]
    reader.close()


def test_what_the_source_cannot_open_is_unsupported(demo_slide: Path) -> None:
    from wsi_lab.slides.readers.large_image import LargeImageReader

    with pytest.raises(UnsupportedSlide):
        LargeImageReader(str(demo_slide), "dicom")


@pytest.mark.parametrize("path", ["https://127.0.0.1:9/slide.dcm", "large_image://dicom"])
def test_addresses_are_never_opened(path: str) -> None:
    from wsi_lab.slides.readers.large_image import LargeImageReader

    with pytest.raises(UnsupportedSlide):
        LargeImageReader(path, "dicom")


def test_it_reads_the_dicom_that_openslide_refuses(
    volume: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise UnsupportedSlide("No.")

    monkeypatch.setattr(opening, "OpenSlideReader", refuse)
    reader = open_slide(volume)
    assert type(reader).__name__ == "LargeImageReader"
    reader.close()


def test_dicom_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.dcm"
    path.write_bytes(bytes(128) + b"DICM" + bytes(100))
    with pytest.raises((UnsupportedSlide, DamagedSlide)):
        open_slide(str(path))


def test_damaged_dicom_is_not_handed_on_to_a_less_strict_reader(
    tmp_path: Path, volume: str
) -> None:
    whole = Path(volume).read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[: len(whole) // 2])
    region = Region(x=0, y=0, width=2220, height=2967, downsample=1.0)
    with pytest.raises(DamagedSlide):
        open_slide(str(path)).read_region(region)


@pytest.mark.parametrize("file", ["label", "overview", "thumbnail", "volume"])
def test_any_file_of_a_dicom_slide_opens_the_slide(shared_data: Path, file: str) -> None:
    folder = shared_data / "slides" / "dicom-cmu-1-small-region"
    reader = open_slide(str(folder / f"{file}.dcm"))
    assert (reader.properties.width, reader.properties.height) == (2220, 2967)
    assert reader.properties.associated == ("label", "macro", "thumbnail")
    reader.close()


def test_a_mirax_slide_without_its_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.mrxs"
    path.write_bytes(b"\xff\xd8\xff\xe0 a preview")
    with pytest.raises(UnsupportedSlide, match="folder"):
        open_slide(str(path))
