from __future__ import annotations

import httpx
import pyarrow as pa
import pytest
import shapely

from wsi_lab.client.layer import layer_of
from wsi_lab.errors import WsiLabError


def _no_rows():
    name = pa.dictionary(pa.int32(), pa.string())
    fields = {
        "id": pa.int64(),
        "slide_id": pa.int64(),
        **dict.fromkeys(("slide", "layer", "label"), name),
        "labels": pa.list_(pa.string()),
        **dict.fromkeys(("reader", "tier", "shape"), name),
        "revision": pa.int64(),
        "changed_on": pa.timestamp("us", "UTC"),
        "geometry": pa.binary(),
    }
    schema = pa.schema(list(fields.items()))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema):
        pass
    return bytes(sink.getvalue())


NOTHING_LOADED = _no_rows()
LAYER = {
    "id": 3,
    "study_id": 1,
    "name": "nuclei",
    "colour": "#112233",
    "labels": [],
    "is_shared": False,
    "revision": 1,
}


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
    """Return a function that lets the lab answer with features, and with no loaded shapes."""

    def answer(*features):
        found = {"type": "FeatureCollection", "features": list(features)}

        def instead(request):
            if not request.url.path.endswith("annotations"):
                return None
            if "arrow" in request.headers["Accept"]:
                return httpx.Response(200, content=NOTHING_LOADED)
            return httpx.Response(200, json=found)

        server.instead = instead

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
    drawn, loaded = [each for each in server.requests if each.url.path.endswith("annotations")]
    asked = {"question": "Tumour", "author": "a@lab", "slide_id": "1", "tier": "hand"}
    assert dict(drawn.url.params) == asked
    asked = {"question": "Tumour", "authors": '["a@lab"]', "slide_id": "1", "tier": "bulk"}
    assert dict(loaded.url.params) == asked


def test_no_annotations_have_the_same_columns(study, features):
    features()
    empty = study.annotations()
    features(_feature(8, {"type": "Point", "coordinates": [1, 2]}))
    assert list(empty.columns) == list(study.annotations().columns)
    assert len(empty) == 0
    assert empty.attrs["mpp"] == {}


def test_labels_and_properties_are_columns(study, features):
    features(
        _feature(8, None, labels=["a", "b"], properties={"score": 1, "shape": "odd"}),
        _feature(9, None, labels=[], properties={}),
    )
    table = study.annotations()
    assert table["label"].tolist()[0] == "a"
    assert table["labels"].tolist() == [("a", "b"), ()]
    assert table["score"].tolist()[0] == 1
    assert table["shape (property)"].tolist()[0] == "odd"
    assert "score" not in study.annotations(properties=["other"]).columns


def test_interrupted_work_is_stopped(server, lab):
    server.add_study("a")
    job = {"id": "j1", "title": "Import", "state": "running", "progress": 0.5, "words": "Storing"}

    def instead(request):
        if request.url.path.endswith("imports"):
            return httpx.Response(202, json=job)
        return httpx.Response(200, json=job) if "/jobs/" in request.url.path else None

    def interrupt(done, words):
        if words == "storing":
            assert done == pytest.approx(0.7)
            raise KeyboardInterrupt

    server.instead = instead
    layer = layer_of(lab.studies["a"].slides._connection, LAYER)
    with pytest.raises(KeyboardInterrupt):
        layer.add([shapely.Point(1, 2)], slide=1, progress=interrupt)
    last = server.requests[-1]
    assert (last.method, last.url.path) == ("DELETE", "/lab/v1/jobs/j1")


def test_something_else_than_features_is_said_to_be(server, study):
    server.instead = lambda _: httpx.Response(200, text="<html>")
    with pytest.raises(WsiLabError, match="annotations"):
        study.annotations()
