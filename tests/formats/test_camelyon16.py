"""Outlines of metastases as the Camelyon16 JSON files have them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import camelyon16
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature


@pytest.mark.parametrize(
    ("file", "outlines", "vertices"),
    [("Tumor_001", 2, 2512), ("Tumor_012", 1, 723), ("Tumor_019", 4, 1805)],
)
def test_outlines_and_corners_are_as_many_as_the_file_has(
    shared_data: Path, file: str, outlines: int, vertices: int
) -> None:
    data = (shared_data / "annotations" / "camelyon16" / f"{file}.json").read_bytes()
    document = camelyon16.read(data)
    count = sum(shapely.get_num_coordinates(one.geometry) - 1 for one in document.features)
    assert (len(document.features), count) == (outlines, vertices)
    assert json.loads(camelyon16.write(document)) == json.loads(data)


def test_negative_outlines_are_holes_and_the_file_comes_out_equal(shared_data: Path) -> None:
    data = (shared_data / "annotations" / "camelyon16" / "Tumor_036.json").read_bytes()
    document = camelyon16.read(data)
    assert len(document.features) == 103
    holes = sum(
        len(part.interiors)
        for one in document.features
        for part in shapely.get_parts(one.geometry)
        if one.properties["name"] == "_1" or part.interiors
    )
    assert holes >= 2
    said, written = json.loads(data), json.loads(camelyon16.write(document))
    for sign in ("positive", "negative"):
        by_name = {item["name"]: item for item in written[sign]}
        assert by_name == {item["name"]: item for item in said[sign]}


def test_a_shape_of_several_outlines_is_one_again() -> None:
    apart = shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(20, 20, 29, 29)])
    document = Document([Feature(ShapeKind.BRUSH, apart), Feature(ShapeKind.POINT, apart.centroid)])
    written = camelyon16.write(document)
    assert [item["name"] for item in json.loads(written)["positive"]] == ["_0", "_1"]
    (feature,) = camelyon16.read(written).features
    assert feature.geometry is not None
    assert feature.geometry.equals(apart)


def test_what_was_changed_is_written_anew() -> None:
    data = b'{"positive":[{"name":"a","vertices":[[0,0],[9,0],[9,9]]}],"negative":[]}'
    document = camelyon16.read(data)
    moved = replace(document.features[0], geometry=shapely.box(0, 0, 5, 5))
    written = json.loads(camelyon16.write(replace(document, features=[moved])))
    assert written["positive"][0]["name"] == "a"
    assert len(written["positive"][0]["vertices"]) == 4


def test_what_cannot_be_read_is_left_out_and_told() -> None:
    data = b"""{"positive": [{"vertices": [[0, 0], [9, 0]]}, {"vertices": [["a", 1]]}, 3,
        {"vertices": [[1e999, 0], [9, 0], [9, 9]]}],
        "negative": [{"vertices": [[0, 0], [1, 0], [1, 1]]}], "more": 1}"""
    document = camelyon16.read(data)
    assert not document.features
    assert {notice.where.split(",")[0] for notice in document.notices} == {
        "Document",
        "Positive 1",
        "Positive 2",
        "Negative 1",
    }


@pytest.mark.parametrize(
    "data",
    [b'{"positive":' + b"[" * 1_000_000, b"[]", b"{}", b'{"positive": 3}'],
    ids=["deep", "list", "empty", "number"],
)
def test_what_is_no_such_document_is_refused(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        camelyon16.read(data)
