"""Annotations as the viewer ASAP writes them: XML, told apart by their colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from xml.etree.ElementTree import (
    Element,
    SubElement,
    indent,
    tostring,
)

import shapely
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid
from wsi_lab.formats.classic import ellipse_outline, shape_with_text
from wsi_lab.formats.safe import lines_of, quoted, read_xml
from wsi_lab.model.annotation import FARTHEST, Shape, ShapeKind

DOT_RADIUS = 5.0
"""Level-0 pixels: how large a point is that has to be an ellipse."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class AsapAnnotation:
    """One annotation; a set of points is as many.

    Attributes
    ----------
    colour
        ``#rrggbb`` in small letters; ``""`` where the file states none.
    """

    colour: str
    name: str
    group: str
    shape: Shape


def parse(data: str | bytes) -> list[AsapAnnotation]:
    """Return the annotations of a document, in its order.

    Raises
    ------
    Invalid
        It is no such document; every annotation that cannot be read is named.
    """
    root = read_xml(data)
    if root.tag != "ASAP_Annotations":
        raise Invalid("This is no document of ASAP annotations.")
    found: list[AsapAnnotation] = []
    problems = []
    for number, element in enumerate(root.iterfind("Annotations/Annotation"), start=1):
        name = element.get("Name", "")
        try:
            shapes = shapes_of(element)
        except Invalid as error:
            problems.append(f"Annotation {number} ({quoted(name)}): {error.message}")
            continue
        colour, group = element.get("Color", "").strip().lower(), element.get("PartOfGroup", "")
        found.extend(AsapAnnotation(colour, name, group, shape) for shape in shapes)
    if problems:
        raise Invalid("Some ASAP annotations cannot be read.", problems=problems)
    return found


def document(items: Iterable[tuple[str, str, Shape]]) -> str:
    """Return shapes as a document. What has no coordinates is left out.

    Parameters
    ----------
    items
        Of each shape: the question's name, its colour ``#rrggbb``, and the shape.
    """
    root = Element("ASAP_Annotations")
    annotations = SubElement(root, "Annotations")
    groups: dict[str, str] = {}
    for (question, colour, is_point), same in groupby(
        items, key=lambda item: (item[0], item[1], item[2].kind is ShapeKind.POINT)
    ):
        groups[question] = colour
        shapes = [shape for _, _, shape in same if shape.geometry is not None]
        for kind, points in _points_of(shapes) if is_point else _outlines_of(shapes):
            _add(annotations, kind, _plain(question), colour, points)
    listed = SubElement(root, "AnnotationGroups")
    for question, colour in groups.items():
        group = SubElement(listed, "Group", Name=_plain(question), PartOfGroup="None", Color=colour)
        SubElement(group, "Attributes")
    indent(root, "\t")
    return tostring(root, encoding="unicode")


def questions_map(text: str) -> tuple[dict[str, str], list[str]]:
    """Return which question each colour is the answer to, and what is wrong with the lines.

    Examples
    --------
    >>> questions_map("#E6194B;Tumour")
    ({'#e6194b': 'Tumour'}, [])
    """
    found: dict[str, str] = {}
    problems = []
    for number, line in lines_of(text):
        if not line.strip():
            continue
        colour, _, question = (part.strip() for part in line.partition(";"))
        colour = colour.lower()
        if not _COLOUR.fullmatch(colour) or not question:
            problems.append(f"Line {number}: is not a colour and a question, #rrggbb;Question")
        elif found.setdefault(colour, question) != question:
            problems.append(f"Line {number}: gives {colour} to a second question")
    return found, problems


def as_ellipse(shape: Shape) -> Shape:
    """Return a point as the small ellipse that stands for it in a question that takes no points."""
    if shape.kind is not ShapeKind.POINT or shape.geometry is None:
        return shape
    x, y = shapely.get_coordinates(shape.geometry)[0]
    return shape_with_text(ShapeKind.ELLIPSE, ellipse_outline(x, y, DOT_RADIUS, DOT_RADIUS))


def shapes_of(element: Element) -> list[Shape]:
    """Return the shapes of one annotation: of a set of points as many.

    Raises
    ------
    Invalid
        It is of no known type, or has coordinates that are none.
    """
    points = _coordinates(element)
    kind = element.get("Type", "").strip().lower()
    if not points:
        return []
    if kind in {"dot", "pointset"}:
        return [shape_with_text(ShapeKind.POINT, shapely.Point(point)) for point in points]
    if kind == "measurement":
        return [_line(points)]
    if kind not in {"polygon", "spline", "rectangle"}:
        raise Invalid(f"{quoted(kind)} is not a type of ASAP annotation.")
    if len(points) < 3:
        return [_line(points)]
    outline = shapely.Polygon(points)
    if kind == "rectangle" and len(points) == 4 and _is_upright(points):
        return [shape_with_text(ShapeKind.RECTANGLE, shapely.box(*outline.bounds))]
    return [shape_with_text(ShapeKind.POLYGON, outline)]


def _line(points: list[tuple[float, float]]) -> Shape:
    if len(points) == 1:
        return shape_with_text(ShapeKind.POINT, shapely.Point(points[0]))
    return shape_with_text(ShapeKind.POLYLINE, shapely.LineString(points))


def _is_upright(points: list[tuple[float, float]]) -> bool:
    """Whether four corners, one after another, are those of a rectangle along the axes."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    return (x0 == x1 and y1 == y2 and x2 == x3 and y3 == y0) or (
        y0 == y1 and x1 == x2 and y2 == y3 and x3 == x0
    )


def _coordinates(element: Element) -> list[tuple[float, float]]:
    found = [
        (_number(each, "Order", str(place)), _number(each, "X"), _number(each, "Y"))
        for place, each in enumerate(element.iterfind("Coordinates/Coordinate"))
    ]
    return [(x, y) for _, x, y in sorted(found, key=lambda each: each[0])]


def _number(element: Element, name: str, otherwise: str = "") -> float:
    # Some write numbers as people do in their country.
    said = element.get(name, otherwise).strip().replace(",", ".")
    try:
        value = float(said)
    except ValueError:
        value = float("nan")
    if not abs(value) <= FARTHEST:
        raise Invalid(f"{name} is no number of pixels: {quoted(said)}.")
    return value


Points = list[tuple[float, float]]


def _points_of(shapes: list[Shape]) -> Iterator[tuple[str, Points]]:
    points = [_pairs(shape.geometry) for shape in shapes]
    together = [pair for pairs in points for pair in pairs]
    if together:
        yield "Dot" if len(together) == 1 else "PointSet", together


def _outlines_of(shapes: list[Shape]) -> Iterator[tuple[str, Points]]:
    for shape in shapes:
        for part in shapely.get_parts(shape.geometry):
            if part.geom_type == "Polygon":
                kind = "Rectangle" if shape.kind is ShapeKind.RECTANGLE else "Polygon"
                for ring in (part.exterior, *part.interiors):
                    yield kind, _pairs(ring)[:-1]
            elif part.geom_type == "Point":
                yield "Dot", _pairs(part)
            elif len(pairs := _pairs(part)) == 2:
                yield "Measurement", pairs
            else:
                yield "Polygon", pairs


def _pairs(geometry: BaseGeometry | None) -> Points:
    return [(x, y) for x, y in shapely.get_coordinates(geometry).tolist()]


def _add(annotations: Element, kind: str, question: str, colour: str, points: Points) -> None:
    annotation = SubElement(
        annotations,
        "Annotation",
        Name=f"Annotation {len(annotations)}",
        Type=kind,
        PartOfGroup=question,
        Color=colour,
    )
    coordinates = SubElement(annotation, "Coordinates")
    for order, (x, y) in enumerate(points):
        SubElement(coordinates, "Coordinate", Order=str(order), X=_spelt(x), Y=_spelt(y))


def _spelt(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(round(value, 4))


def _plain(text: str) -> str:
    return _NO_XML.sub(" ", text)
