"""Cores of a tissue microarray, by way of the client and real HTTP."""

from __future__ import annotations

import pandas as pd
import pytest
import shapely
from drawn_arrays import drawn_array
from PIL import Image

from wsi_lab.errors import Conflict, Invalid, NotFound

COLUMNS = ["row", "column", "sample", "is_control", "is_found", "geometry"]


@pytest.fixture
def study(real_lab, request):
    made = real_lab.studies.create(f"made for {request.node.name}")
    yield made
    real_lab.studies[made.id].remove()


@pytest.fixture
def slide(study, tmp_path):
    """A microarray of 4 rows and 5 columns."""
    file = tmp_path / "array.png"
    Image.fromarray(drawn_array(3, rows=4, columns=5, longest=400).picture).save(file)
    return study.slides.add(file, name="array")


def test_cores_are_fitted_read_moved_and_forgotten(study, slide):
    with pytest.raises(NotFound, match="no TMA map"):
        slide.cores()
    fitted = slide.fit_cores()
    assert list(fitted.columns) == COLUMNS
    assert fitted.crs is None
    assert len(fitted) == 20
    assert fitted.attrs["confidence"] > 0.8
    assert str(fitted["is_found"].dtype) == "boolean"
    assert (fitted["is_found"] == (fitted["sample"] != "")).all()
    assert study.slides["array"].tma_map_id == study.tma_maps["array"].id
    read = slide.cores()
    pd.testing.assert_frame_equal(pd.DataFrame(read), pd.DataFrame(fitted))

    some = read[(read["row"] == 1) & (read["column"] < 2)].copy()
    some["geometry"] = some.geometry.translate(10, -5)
    moved = slide.set_cores(some)
    assert moved.attrs["revision"] == read.attrs["revision"] + 1
    off = moved.geometry.centroid.distance(read.geometry.centroid)
    assert list(off[off > 1e-6].index) == [5, 6]
    with pytest.raises(Conflict):
        slide.set_cores(some)

    slide.clear_cores()
    even = slide.cores()
    assert even.attrs["confidence"] is None
    assert even["is_found"].isna().all()
    assert slide.set_cores(even[3:4])["is_found"].isna().all()
    assert even.geometry[0].equals(shapely.box(0, 0, slide.width / 5, slide.height / 4))


def test_size_that_the_picture_has_not_is_refused(slide):
    with pytest.raises(Invalid, match="seems to have 4 rows and 5 columns"):
        slide.fit_cores(rows=5, columns=4)


def test_what_is_no_table_of_cores_is_refused(slide):
    read = slide.fit_cores()
    with pytest.raises(Invalid, match=r"start from slide\.cores"):
        slide.set_cores(pd.DataFrame(read[["row", "column"]]))
    empty = read.copy()
    empty["geometry"] = [None, *read.geometry[1:]]
    with pytest.raises(Invalid, match="Row 0, column 0: the core has no box"):
        slide.set_cores(empty)
    outside = read.copy()
    outside["row"] += 1
    with pytest.raises(Invalid, match="no such place"):
        slide.set_cores(outside)
