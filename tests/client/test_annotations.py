from __future__ import annotations

import httpx
import pytest

from wsi_lab.errors import WsiLabError


def _feature(number, geometry, **properties):
    known = {
        "answer_id": 3,
        "question_id": 4,
        "question": "Tumour",
        "slide_id": 1,
        "slide": "CMU-1",
        "case_id": None,
        "core": None,
        "author": "a@lab",
        "position": 0,
        "shape": "polygon",
        "changed_on": "2026-11-25T12:00:00Z",
    }
    return {"type": "Feature", "id": number, "geometry": geometry, "properties": known | properties}


@pytest.fixture
def study(server, lab):
    server.add_study("a")
    server.add_slide("CMU-1")
    server.add_slide("CMU-2")
    return lab.studies["a"]


@pytest.fixture
def features(server):
    """Return a function that lets the lab answer with features."""

    def answer(*features):
        found = {"type": "FeatureCollection", "features": list(features)}
        server.instead = lambda request: (
            httpx.Response(200, json=found) if request.url.path.endswith("annotations") else None
        )

    return answer


def test_annotations_are_a_table_in_pixels(server, study, features):
    square = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]
    features(
        _feature(8, {"type": "Polygon", "coordinates": square}),
        _feature(9, None, core={"row": 1, "column": 2, "sample": ""}, slide_id=None, slide=None),
    )
    table = study.annotations(question="Tumour", reader="a@lab", slide=1)
    assert table.index.tolist() == [8, 9]
    assert table.geometry.area.iloc[0] == 100
    assert table.geometry.iloc[1] is None
    assert table.crs is None
    assert table.attrs["mpp"] == {1: 0.499}
    assert table["core_row"].tolist()[1] == 1
    assert str(table["changed_on"].dtype) == "datetime64[us, UTC]"
    (asked,) = [each for each in server.requests if each.url.path.endswith("annotations")]
    assert dict(asked.url.params) == {"question": "Tumour", "author": "a@lab", "slide_id": "1"}


def test_no_annotations_have_the_same_columns(study, features):
    features()
    empty = study.annotations()
    features(_feature(8, {"type": "Point", "coordinates": [1, 2]}))
    assert list(empty.columns) == list(study.annotations().columns)
    assert len(empty) == 0
    assert empty.attrs["mpp"] == {}


def test_something_else_than_features_is_said_to_be(server, study):
    server.instead = lambda _: httpx.Response(200, text="<html>")
    with pytest.raises(WsiLabError, match="annotations"):
        study.annotations()
