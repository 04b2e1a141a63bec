from __future__ import annotations

import pandas as pd
import pytest

SLIDE_TYPES = {
    "name": "str",
    "case": "str",
    "block": "str",
    "section": "str",
    "number": "str",
    "stain": "str",
    "tags": "object",
    "format": "str",
    "width": "int64",
    "height": "int64",
    "mpp": "float64",
    "objective_power": "float64",
    "added_on": "datetime64[us, UTC]",
}


@pytest.mark.parametrize("count", [0, 2])
def test_slides_have_the_same_column_types_empty_or_not(server, lab, count):
    server.add_study("a")
    for number in range(count):
        server.add_slide(f"s{number}")
    frame = lab.studies["a"].slides.to_frame()
    assert len(frame) == count
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == SLIDE_TYPES
    assert (frame.index.name, str(frame.index.dtype)) == ("id", "int64")


def test_what_is_unknown_of_a_slide_is_missing_in_the_frame(server, lab):
    server.add_study("a")
    server.add_slide("s", mpp_x=None, mpp_y=None, objective_power=None, tags=["x", "y"])
    row = lab.studies["a"].slides.to_frame().loc[1]
    assert pd.isna(row["mpp"])
    assert pd.isna(row["objective_power"])
    assert pd.isna(row["case"])
    assert row["tags"] == ("x", "y")
    assert row["added_on"] == pd.Timestamp("2026-11-02T12:30:00Z")


@pytest.mark.parametrize("count", [0, 1])
def test_studies_have_the_same_column_types_empty_or_not(server, lab, count):
    for number in range(count):
        server.add_study(f"s{number}")
    frame = lab.studies.to_frame()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "name": "str",
        "description": "str",
        "created_on": "datetime64[us, UTC]",
        "published_on": "datetime64[us, UTC]",
        "slide_count": "int64",
    }


def test_frame_can_be_joined_on_its_index(server, lab):
    server.add_study("a")
    server.add_slide("s")
    scores = pd.DataFrame({"score": [3]}, index=pd.Index([1], name="id"))
    assert lab.studies["a"].slides.to_frame().join(scores)["score"].tolist() == [3]
