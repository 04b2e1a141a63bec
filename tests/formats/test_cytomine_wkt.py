"""Cytomine's well-known texts, whose y runs upwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import cytomine_wkt
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature


def test_what_the_api_answers_is_turned_over_and_keeps_its_area(shared_data: Path) -> None:
    data = (shared_data / "annotations" / "cytomine" / "cytomine-rectangle.txt").read_bytes()
    (feature,) = cytomine_wkt.read(data, height=30_000).features
    assert feature.geometry is not None
    assert feature.geometry.area == json.loads(data)["annotation"]["area"]
    assert feature.geometry.bounds == (27600, 30_000 - 19360.6875, 28018, 30_000 - 18966.6875)
    assert feature.properties == {"id": 434546}


def test_texts_go_out_as_they_came() -> None:
    text = "POLYGON ((0 0, 0 20.10, 20 20, 0 0))\nPOINT (1.50 2)\n"
    document = cytomine_wkt.read(text.encode(), height=100)
    assert cytomine_wkt.write(document, height=100).decode() == text


def test_what_lies_at_fractions_comes_back_equal_without_its_text() -> None:
    place = shapely.Point(0.1, 0.3)
    document = Document([Feature(ShapeKind.POINT, place)])
    again = cytomine_wkt.read(cytomine_wkt.write(document, height=77_777), height=77_777)
    assert again.features[0].geometry == place


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("MULTIPOLYGON(((0 0,9 0,9 9,0 0)),((20 0,29 0,29 9,20 0)))", ["brush"]),
        ("POLYGON((0 0,90 0,90 90,0 0),(50 10,60 10,60 20,50 10))", ["brush"]),
        ("LINESTRING(0 0,\n9 9)", ["polyline"]),
        ("MULTIPOINT((1 2),(3 4))", ["point", "point"]),
        (
            "SRID=4326;GEOMETRYCOLLECTION(POINT(1 2),POLYGON((0 0,9 0,9 9,0 0)))",
            ["polygon", "point"],
        ),
    ],
)
def test_all_that_cytomine_has_is_read_and_comes_back(text: str, kinds: list[str]) -> None:
    document = cytomine_wkt.read(text.encode(), height=100)
    assert [one.kind.value for one in document.features] == kinds
    bare = replace(document, features=[replace(one, source=None) for one in document.features])
    for some in (document, bare):
        again = cytomine_wkt.read(cytomine_wkt.write(some, height=100), height=100)
        assert [one.geometry for one in again.features] == [
            one.geometry for one in document.features
        ]


def test_what_is_empty_or_open_or_deep_is_told() -> None:
    text = "POLYGON ((0 0, 9 0, 9 9))\nPOINT EMPTY\nPOINT Z (1 2 3)\nhello\nPOINT (nan 3)"
    document = cytomine_wkt.read(text.encode(), height=100)
    assert len(document.features) == 2
    assert {notice.where for notice in document.notices} == {
        "Line 1",
        "Line 2",
        "Line 3",
        "Line 4",
        "Line 5",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"GEOMETRYCOLLECTION(" * 1_000_000 + b")" * 1_000_000,
        b"POINT(1 2)\n" * 1_900_000,
        b"MULTIPOINT(" + b"1 2," * 5_000_000 + b"1 2)",
        b"POINT (1e999 1)",
        b'{"a": 1}',
    ],
    ids=["deep", "lines", "points", "infinite", "other"],
)
def test_what_is_hostile_is_refused(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        cytomine_wkt.read(data, height=100)


def test_a_height_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="height"):
        cytomine_wkt.read(b"POINT (1 2)", height=float("nan"))


def test_each_text_is_one_shape_with_what_it_came_as() -> None:
    texts = [
        "POLYGON((0 0,0 20.10,20 20,0 0))",
        " SRID=4326;point (1.50 2)",
        "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)), ((20 0, 29 0, 29 9, 20 0)))",
        "POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))",
        "LINESTRING (0 0, 3 4)",
    ]
    found = cytomine_wkt.features(texts, height=100)
    assert [each.source.text for each in found if each.source] == texts
    assert [each.kind for each in found] == [
        ShapeKind.POLYGON,
        ShapeKind.POINT,
        ShapeKind.BRUSH,
        ShapeKind.BRUSH,
        ShapeKind.POLYLINE,
    ]
    assert found[0].geometry == shapely.Polygon([(0, 100), (0, 79.9), (20, 80), (0, 100)])
    assert cytomine_wkt.features([], height=100) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "hello",
        "POLYGON EMPTY",
        "POINT (nan 1)",
        "POINT (1 1e300)",
        "MULTIPOINT ((1 1), (2 2))",
        "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 1 1))",
        "POINT (1 1); POINT (2 2)",
        "GEOMETRYCOLLECTION (" * 20 + "POINT (1 1)" + ")" * 20,
    ],
)
def test_texts_that_are_not_one_shape_are_named(wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        cytomine_wkt.features(["POINT (1 1)", wrong, "POINT (2 2)", wrong], height=100)
    assert [each.partition(":")[0] for each in refused.value.problems] == ["Shape 2", "Shape 4"]


def test_shapes_are_told_turned_as_short_as_they_can_be() -> None:
    places = [shapely.Point(0.1, 99.9), shapely.Point(3, 250)]
    lines = [shapely.LineString([(0, 0), (1.5, 1e-12)])]
    hole = [(2, 2), (3, 2), (3, 3), (2, 2)]
    ring = shapely.Polygon([(9, 0), (9, 9), (0, 9), (0, 0), (9, 0)], [hole])
    assert cytomine_wkt.turned_texts([*places, *lines, ring], [100, 250, 1, 9]) == [
        "POINT (0.1 0.1)",
        "POINT (3 0)",
        "LINESTRING (0 1, 1.5 1)",
        "POLYGON ((9 9, 9 0, 0 0, 0 9, 9 9), (2 7, 3 7, 3 6, 2 7))",
    ]
    assert cytomine_wkt.turned_texts([], []) == []
