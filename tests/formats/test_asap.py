"""ASAP's documents: read as they are, written so that they mean the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import Invalid
from wsi_lab.formats.asap import as_ellipse, document, parse, questions_map
from wsi_lab.formats.classic import shape_with_text
from wsi_lab.model.annotation import ShapeKind

ONE = (
    '<ASAP_Annotations><Annotations><Annotation Name="a" Type="{kind}" PartOfGroup="g" '
    'Color="#F4FA58"><Coordinates>{points}</Coordinates></Annotation></Annotations>'
    "</ASAP_Annotations>"
)


def one(kind: str, *points: tuple[object, object]):
    listed = "".join(
        f'<Coordinate Order="{order}" X="{x}" Y="{y}"/>' for order, (x, y) in enumerate(points)
    )
    return parse(ONE.format(kind=kind, points=listed))


@pytest.mark.parametrize("name", ["asap-dot.xml", "asap-pointset.xml", "asap-polygon.xml"])
def test_a_real_document_means_the_same_after_it_was_read_and_written(
    shared_data: Path, name: str
) -> None:
    read = parse((shared_data / "annotations/asap" / name).read_bytes())

    again = parse(document((each.group, each.colour, each.shape) for each in read))

    assert read
    assert {each.colour for each in read} == {"#f4fa58"}
    assert [each.shape for each in again] == [each.shape for each in read]
    assert [(each.colour, each.group) for each in again] == [
        (each.colour, each.group) for each in read
    ]


def test_a_document_begins_with_its_root() -> None:
    assert document([]).startswith("<")
    assert parse(document([])) == []


def test_points_are_taken_by_their_order_and_commas_for_decimal_points() -> None:
    points = (
        '<Coordinate Order="1" X="3,5" Y="4"/><Coordinate Order="2" X="9" Y="9"/>'
        '<Coordinate Order="0" X="1" Y="2,25"/>'
    )

    found = parse(ONE.format(kind="Spline", points=points))[0]

    assert found.shape.kind is ShapeKind.POLYGON
    assert list(found.shape.geometry.exterior.coords)[:3] == [(1, 2.25), (3.5, 4), (9, 9)]


def test_a_rectangle_is_one_only_where_it_stands_upright() -> None:
    upright = one("Rectangle", (0, 0), (4, 0), (4, 2), (0, 2))[0].shape
    turned = one("Rectangle", (2, 0), (4, 2), (2, 4), (0, 2))[0].shape

    assert (upright.kind, upright.geometry.area) == (ShapeKind.RECTANGLE, 8)
    assert (turned.kind, turned.geometry.area) == (ShapeKind.POLYGON, 8)


def test_a_measurement_is_a_line() -> None:
    shape = one("Measurement", (0, 0), (3, 4))[0].shape

    assert shape.kind is ShapeKind.POLYLINE
    assert shape.geometry.length == 5
    assert 'Type="Measurement"' in document([("q", "#000000", shape)])


def test_holes_go_out_as_further_polygons() -> None:
    brush = shape_with_text(ShapeKind.POLYGON, shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2))

    again = parse(document([("Tümör <&>", "#e6194b", brush)]))

    assert brush.kind is ShapeKind.BRUSH
    assert [each.shape.geometry.area for each in again] == [81, 1]
    assert again[0].group == "Tümör <&>"


def test_characters_that_xml_cannot_hold_do_no_harm() -> None:
    text = document([("a\x00b", "#e6194b", shape_with_text(ShapeKind.POINT, shapely.Point(1, 2)))])

    assert parse(text)[0].group == "a b"


def test_everything_wrong_is_named() -> None:
    with pytest.raises(Invalid) as raised:
        parse(
            "<ASAP_Annotations><Annotations>"
            '<Annotation Name="one" Type="Dot"><Coordinates><Coordinate Order="0" X="nan" Y="1"/>'
            "</Coordinates></Annotation>"
            '<Annotation Name="two" Type="Cube"><Coordinates><Coordinate Order="0" X="1" Y="1"/>'
            "</Coordinates></Annotation>"
            "</Annotations></ASAP_Annotations>"
        )

    assert len(raised.value.problems) == 2
    assert "'one'" in raised.value.problems[0]
    assert "'two'" in raised.value.problems[1]


@pytest.mark.parametrize(
    "text", ["", "no xml", "<Other/>", '<!DOCTYPE a [<!ENTITY b "c">]><ASAP_Annotations/>']
)
def test_what_is_no_such_document_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text)


def test_colours_are_mapped_to_questions_line_by_line() -> None:
    found, problems = questions_map("#F4FA58;Tumour; front\r\n\n#12;x\n#f4fa58;Other\n#000000;\n")

    assert found == {"#f4fa58": "Tumour; front"}
    assert [problem.split(":")[0] for problem in problems] == ["Line 3", "Line 4", "Line 5"]


def test_a_point_can_be_a_small_ellipse() -> None:
    ellipse = as_ellipse(one("Dot", (100, 50))[0].shape)

    assert ellipse.kind is ShapeKind.ELLIPSE
    assert ellipse.geometry.bounds == pytest.approx((95, 45, 105, 55))
