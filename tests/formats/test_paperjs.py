"""Drawings of paper.js as PHAS keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import paperjs
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature


def drawing(*items: Any) -> bytes:
    return json.dumps([["Layer", {"applyMatrix": True, "children": list(items)}]]).encode()


@pytest.mark.parametrize(
    ("file", "areas"),
    [
        ("tumor_012_polygon.paperjs.json", [1_150_740]),
        ("tumor_019_curves.paperjs.json", [16_116, 19_004, 4_821, 3_307_378]),
    ],
)
def test_areas_are_those_that_paper_js_itself_tells(
    shared_data: Path, file: str, areas: list[float]
) -> None:
    document = paperjs.read((shared_data / "annotations" / "phas" / file).read_bytes())
    found = [one.geometry.area for one in document.features if one.geometry is not None]
    assert found == pytest.approx(areas, rel=2e-4)


@pytest.mark.parametrize("file", ["tumor_012_polygon", "tumor_019_curves"])
def test_a_drawing_that_nobody_changed_goes_out_as_it_came(shared_data: Path, file: str) -> None:
    data = (shared_data / "annotations" / "phas" / f"{file}.paperjs.json").read_bytes()
    assert json.loads(paperjs.write(paperjs.read(data))) == json.loads(data)


def test_what_was_changed_is_written_anew_and_the_rest_as_it_came() -> None:
    data = drawing(
        ["Path", {"segments": [[0, 0], [[9, 0], [0, 0], [3, 3]], [9, 9]], "closed": True}],
        ["Path", {"segments": [[20, 20], [30, 20], [30, 30]], "closed": True, "name": "b"}],
    )
    document = paperjs.read(data)
    moved = replace(document.features[1], geometry=shapely.box(20, 20, 40, 40))
    written = json.loads(paperjs.write(replace(document, features=[document.features[0], moved])))
    children = written[0][1]["children"]
    assert children[0] == json.loads(data)[0][1]["children"][0]
    assert len(children[1][1]["segments"]) == 4
    assert children[1][1]["data"]["label"] == "b"


def test_groups_move_and_name_what_is_inside() -> None:
    path = ["Path", {"segments": [[0, 0], [10, 0], [10, 10]], "closed": True}]
    group = ["Group", {"name": "tumour", "matrix": [2, 0, 0, 2, 100, 50], "children": [path]}]
    (feature,) = paperjs.read(drawing(group)).features
    assert feature.labels == ("tumour",)
    assert feature.geometry is not None
    assert feature.geometry.bounds == (100, 50, 120, 70)
    assert feature.source is None


def test_texts_are_points_and_shapes_are_what_they_are() -> None:
    document = paperjs.read(
        drawing(
            ["PointText", {"matrix": [1, 0, 0, 1, 7, 8], "content": "mitosis"}],
            ["Shape", {"type": "rectangle", "size": [4, 2], "matrix": [1, 0, 0, 1, 10, 10]}],
            ["Shape", {"type": "circle", "radius": 5, "matrix": [1, 0, 0, 1, 50, 50]}],
            ["Path", {"segments": [[1, 1], [5, 5]], "strokeColor": [1, 0, 0], "name": "line"}],
        )
    )
    kinds = [one.kind for one in document.features]
    assert kinds == [
        ShapeKind.POINT,
        ShapeKind.RECTANGLE,
        ShapeKind.ELLIPSE,
        ShapeKind.POLYLINE,
    ]
    assert document.features[0].labels == ("mitosis",)
    assert document.features[1].geometry is not None
    assert document.features[1].geometry.bounds == (8, 9, 12, 11)
    assert document.colours == {"line": "#ff0000"}
    again = paperjs.read(paperjs.write(document))
    assert [one.kind for one in again.features] == kinds


def test_a_compound_path_has_holes() -> None:
    ring = shapely.box(0, 0, 90, 90).difference(shapely.box(30, 30, 60, 60))
    document = Document([Feature(ShapeKind.BRUSH, ring, ("stroma",))], (), {"stroma": "#0072b2"})
    again = paperjs.read(paperjs.write(document))
    assert again.colours == {"stroma": "#0072b2"}
    (feature,) = again.features
    assert feature.kind is ShapeKind.BRUSH
    assert feature.geometry is not None
    assert feature.geometry.equals(ring)


def test_what_is_not_known_is_told() -> None:
    document = paperjs.read(
        drawing(["Raster", {"source": "x"}], ["Path", {}], ["Path", {"segments": [["a", 1]]}], 3)
    )
    assert not document.features
    assert [notice.where for notice in document.notices] == [
        "Raster 1",
        "Path 1",
        "Path 2",
        "Document",
    ]


def test_the_drawings_of_several_slides_are_not_taken_for_one() -> None:
    record = {"slide_name": "a", "annot": [["Layer", {"children": []}]]}
    assert not paperjs.read(json.dumps([record]).encode()).features
    with pytest.raises(Invalid, match="2 slides"):
        paperjs.read(json.dumps([record, record]).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 1_000_000,
        b'[["Layer",{"children":' * 100_000,
        b'[["Layer",{"children":[["Path",{"segments":[' + b"[1,1]," * 3_400_000,
        b"{}",
        b"[1]",
    ],
    ids=["deep", "deep items", "cut short", "object", "number"],
)
def test_what_is_no_drawing_is_refused(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        paperjs.read(data)


def test_a_million_corners_are_read() -> None:
    places = ",".join(f"[{n % 1000},{n // 1000 + n % 1000 % 2}]" for n in range(1_000_000))
    data = f'[["Layer",{{"children":[["Path",{{"segments":[{places}]}}]]}}]]'.encode()
    (feature,) = paperjs.read(data).features
    assert feature.kind is ShapeKind.POLYLINE
    assert shapely.get_num_coordinates(feature.geometry) == 1_000_000
