"""Annotations of Aperio's viewer ImageScope."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import shapely
from defusedxml.ElementTree import fromstring

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import imagescope
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature


def document(*regions: str, name: str = "tumour") -> bytes:
    layer = f'<Annotation Id="1" Name="{name}" LineColor="255"><Regions>{"".join(regions)}'
    return f"<Annotations>{layer}</Regions></Annotation></Annotations>".encode()


def region(corners: str, kind: int = 0, *, negative: int = 0, text: str = "") -> str:
    pairs = (pair.split(",") for pair in corners.split())
    vertices = "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in pairs)
    said = f'Type="{kind}" NegativeROA="{negative}" Text="{text}"'
    return f"<Region {said}><Vertices>{vertices}</Vertices></Region>"


def test_areas_are_those_that_the_file_states(shared_data: Path) -> None:
    path = shared_data / "annotations" / "imagescope" / "TCGA-EJ-5518-01Z-00-DX1.xml"
    found = imagescope.read(path.read_bytes())
    stated = [float(each.get("Area", "")) for each in fromstring(path.read_bytes()).iter("Region")]
    areas = [one.geometry.area for one in found.features if one.geometry is not None]
    # Two outlines overshoot their start; what they go around twice counts once when repaired.
    assert areas[:2] == pytest.approx(stated[:2], abs=0.05)
    assert areas[2:] == pytest.approx(stated[2:], rel=2e-3)
    assert "crosses itself" in str(found.notices[0])
    assert found.colours == {"CaP": "#00ff00", "Layer 3": "#ff0000", "Layer 4": "#00ffff"}
    assert [one.labels for one in found.features][1:3] == [("CaP",), ("Layer 3",)]


def test_regions_that_nobody_changed_go_out_as_they_came(shared_data: Path) -> None:
    path = shared_data / "annotations" / "imagescope" / "TCGA-EJ-5518-01Z-00-DX1.xml"
    found = imagescope.read(path.read_bytes())
    before = [_said(each) for each in fromstring(path.read_bytes()).iter("Region")]
    after = [_said(each) for each in fromstring(imagescope.write(found)).iter("Region")]
    assert after == before


def _said(element: Element) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in element.iter()]


def test_a_negative_region_is_a_hole_and_comes_back_as_one() -> None:
    outer, hole = region("0,0 90,0 90,90 0,90"), region("10,10 20,10 20,20 10,20", negative=1)
    found = imagescope.read(document(hole, outer))
    (feature,) = found.features
    assert feature.kind is ShapeKind.BRUSH
    assert feature.geometry is not None
    assert feature.geometry.area == 8000
    for some in (feature, replace(feature, source=None)):
        written = imagescope.write(replace(found, features=[some]))
        assert imagescope.read(written).features[0].geometry == feature.geometry


def test_a_negative_region_in_none_is_told() -> None:
    found = imagescope.read(document(region("0,0 9,0 9,9", negative=1)))
    assert not found.features
    assert "negative" in str(found.notices[0])


@pytest.mark.parametrize(
    ("kind", "corners", "drawn"),
    [
        (0, "0,0 9,0 9,9", ShapeKind.POLYGON),
        (1, "0,0 9,0 9,5 0,5", ShapeKind.RECTANGLE),
        (1, "0,0 9,0 9,5 7,9 0,5", ShapeKind.POLYGON),
        (2, "10,10 50,30", ShapeKind.ELLIPSE),
        (3, "1,1 5,5", ShapeKind.POLYLINE),
        (4, "1,1 5,5 9,3", ShapeKind.POLYLINE),
        (5, "7,8", ShapeKind.POINT),
    ],
)
def test_every_type_of_region_is_what_it_was_drawn_as(
    kind: int, corners: str, drawn: ShapeKind
) -> None:
    found = imagescope.read(document(region(corners, kind, text="seen")))
    (feature,) = found.features
    assert feature.kind is drawn
    assert feature.properties == {"text": "seen"}
    bare = replace(found, features=[replace(feature, source=None)])
    (again,) = imagescope.read(imagescope.write(bare)).features
    assert (again.kind, again.geometry, again.labels) == (drawn, feature.geometry, ("tumour",))
    assert again.properties == feature.properties


def test_areas_and_lengths_are_told_in_micrometres_too() -> None:
    box = Document([Feature(ShapeKind.RECTANGLE, shapely.box(0, 0, 10, 20))])
    root = fromstring(imagescope.write(box, mpp=0.5))
    found = next(root.iter("Region"))
    assert root.get("MicronsPerPixel") == "0.500000"
    assert (found.get("Area"), found.get("AreaMicrons")) == ("200.0", "50.0")
    assert (found.get("Length"), found.get("LengthMicrons")) == ("60.0", "30.0")


def test_corners_that_are_none_are_left_out_and_told() -> None:
    found = imagescope.read(document(region("0,0 nan,0 9,9"), region("0,0 1e999,0 9,9")))
    assert not found.features
    assert found.notices[0].where == "Layer 1, region 1, Layer 1, region 2"


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><Annotations>&b;</Annotations>',
        b"<Annotations>" * 1_000_000,
        b"<Annotations>" + b'<Vertex X="1" Y="1"/>' * 950_000,
        b"<other/>",
    ],
    ids=["entities", "deep", "large", "other"],
)
def test_what_is_hostile_is_refused(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        imagescope.read(data)
