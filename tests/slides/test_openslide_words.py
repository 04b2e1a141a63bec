"""Properties by OpenSlide's names, and none that names a patient."""

from __future__ import annotations

from pathlib import Path

import openslide
import pytest

from wsi_lab.model.slide import Level, SlideProperties
from wsi_lab.slides.engine import SlideEngine
from wsi_lab.slides.openslide_words import openslide_properties


@pytest.mark.parametrize(
    "name",
    [
        "CMU-1-Small-Region.svs",
        "tcga-cr-7395-01a-01-ts1.svs",
        "bigtiff-pyramid-board.tif",
        "dicom-cmu-1-small-region/volume.dcm",
    ],
)
def test_what_is_told_is_what_openslide_tells(
    shared_data: Path, engine: SlideEngine, name: str
) -> None:
    path = str(shared_data / "slides" / name)
    told = openslide_properties(engine.open(path).patches.properties())
    with openslide.OpenSlide(path) as reference:
        theirs = dict(reference.properties)
    assert told.items() <= theirs.items()
    summary = ("mpp-x", "mpp-y", "objective-power", "vendor")
    known = {f"openslide.{word}" for word in summary} & theirs.keys()
    assert known <= told.keys()
    assert "openslide.vendor" in known


def test_what_may_name_somebody_is_not_told() -> None:
    said = {
        "aperio.Filename": "Doe",
        "aperio.User": "jdoe",
        "openslide.level[0].width": "1",
        "openslide.quickhash-1": "0123",
        "mirax.LAYER_0_LEVEL_0_SECTION.IMAGE_FORMAT": "JPEG",
        "mirax.GENERAL.IMAGENUMBER_X": "3",
    }
    levels = (Level(10, 10, 10, 10, 1.0),)
    assert openslide_properties(SlideProperties("MIRAX", levels, metadata=said)) == {
        "mirax.GENERAL.IMAGENUMBER_X": "3",
        "openslide.vendor": "mirax",
    }


def test_a_format_openslide_does_not_know_has_no_vendor() -> None:
    levels = (Level(10, 10, 10, 10, 1.0),)
    for name in ("OME-TIFF", "PNG picture"):
        assert openslide_properties(SlideProperties(name, levels, 0.5)) == {
            "openslide.mpp-x": "0.5"
        }
