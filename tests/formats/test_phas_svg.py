"""Drawings as SVG."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import phas_svg
from wsi_lab.formats.phas_svg.path_data import subpaths_of
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature


def read(*elements: str) -> Document:
    text = f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(elements)}</svg>'
    return phas_svg.read(text.encode())


@pytest.mark.parametrize(
    ("data", "area"),
    [
        ("M0 0h10v10H0z", 100),
        ("M0,0 10,0 10,10 0,10z", 100),
        ("m5 5l10,0 0,10-10,0z", 100),
        ("M0 0H10V10H0ZM2 2H4V4H2Z", 96),
        ("M-5 0A5 5 0 0 1 5 0A5 5 0 0 1-5 0Z", math.pi * 25),
        ("M-5 0a5 5 0 015 -5a5 5 0 01-5 5z", 25 * (math.pi / 2 - 1)),
        ("M-100 0C-100 133,100 133,100 0Z", 15960),
        ("M0 0Q50 100 100 0Z", 100 * 50 * 2 / 3),
        ("M0 0Q25 50 50 0T100 0Z", 0),
        ("M0 0C0 40 30 40 30 0S60-40 60 0Z", 0),
    ],
)
def test_paths_go_around_what_they_should(data: str, area: float) -> None:
    rings = [shapely.Polygon(each.corners()).area for each in subpaths_of(data)]
    found = rings[0] - sum(rings[1:])
    assert found == pytest.approx(area, rel=0.01, abs=5)


@pytest.mark.parametrize("data", ["L 1 2", "M 1", "M 1 2 L 3", "M 1 2 k 3 4", "M 1 2 Z 3", "M 1 x"])
def test_paths_that_are_none_are_told(data: str) -> None:
    document = read(f'<path d="{data}"/>', '<path d="M 1 2 L 3 4"/>')
    assert len(document.features) == 1
    assert document.notices[0].where == "Path 1"


def test_groups_move_name_and_colour_what_is_inside() -> None:
    document = read(
        '<g transform="translate(10,20) scale(2)" data-label="tumour" stroke="#F00">',
        '<path fill="none" d="M0 0l10,0 0,10z"/><circle cx="5" cy="5" r="2"/>',
        '<rect transform="rotate(90)" x="1" y="1" width="3" height="4"/></g>',
    )
    kinds = [one.kind for one in document.features]
    assert kinds == [ShapeKind.POLYGON, ShapeKind.ELLIPSE, ShapeKind.POLYGON]
    assert {one.labels for one in document.features} == {("tumour",)}
    assert document.colours == {"tumour": "#ff0000"}
    assert document.features[0].geometry is not None
    assert document.features[0].geometry.bounds == (10, 20, 30, 40)
    assert document.features[2].geometry is not None
    assert document.features[2].geometry.bounds == pytest.approx((0, 22, 8, 28))
    assert document.features[1].source is None


def test_what_nobody_changed_goes_out_as_it_came() -> None:
    curve = '<path fill="none" stroke="#000000" d="M1,2c1,1 2,2 3,0.5c0,1 -2,-3 4,4" />'
    document = read(curve, '<text x="5" y="6">mitosis</text>')
    assert [one.kind for one in document.features] == [ShapeKind.POLYLINE, ShapeKind.POINT]
    assert document.features[1].labels == ("mitosis",)
    written = phas_svg.write(document).decode()
    assert curve in written
    assert '<text x="5" y="6">mitosis</text>' in written


def test_all_that_is_drawn_comes_back_without_its_text() -> None:
    ring = shapely.box(0, 0, 90, 90).difference(shapely.box(30, 30, 60, 60))
    features = [
        Feature(ShapeKind.BRUSH, ring, ("stroma",)),
        Feature(ShapeKind.RECTANGLE, shapely.box(1, 2, 3.5, 4), ("stroma",)),
        Feature(ShapeKind.POLYLINE, shapely.LineString([(0, 0), (5, 5), (7, 1)])),
        Feature(ShapeKind.POINT, shapely.Point(3, 4), ("cell",), {"text": "see here"}),
    ]
    document = Document(features, (), {"stroma": "#0072b2", "cell": "#d55e00"})
    again = phas_svg.read(phas_svg.write(document))
    assert again.colours == document.colours
    for one, other in zip(again.features, features, strict=True):
        bare = replace(one, source=None, geometry=other.geometry)
        assert bare == other
        assert one.geometry is not None
        assert one.geometry.equals(other.geometry)


def test_places_that_are_none_and_unknown_elements_are_told() -> None:
    document = read(
        '<path d="M1e999 0L1 2"/>', '<rect x="nan"/>', "<image/>", '<circle r="0"/>', "<defs/>"
    )
    assert not document.features
    assert [notice.where for notice in document.notices] == [
        "Path 1",
        "Rect 1",
        "Image 1",
        "Circle 1",
    ]


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><svg>&b;</svg>',
        b"<svg>" + b"<g>" * 1_000_000,
        b'<svg><path d="M' + b"1 " * 10_000_000 + b'"/></svg>',
        b'<svg><path d="M0 0' + b"l1 1" * 5_000_000 + b'"/></svg>',
        b"<html/>",
    ],
    ids=["entities", "deep", "numbers", "commands", "other"],
)
def test_what_is_hostile_is_refused(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        phas_svg.read(data)
