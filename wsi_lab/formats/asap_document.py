"""Annotations of the viewer ASAP as documents: groups are labels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, fromstring, indent, tostring

import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import asap
from wsi_lab.formats.classic import shape_with_text
from wsi_lab.formats.geometry_parts import is_upright_rectangle, parts_of
from wsi_lab.formats.repairing import Collecting, label_of
from wsi_lab.formats.safe import read_xml
from wsi_lab.formats.sources import runs
from wsi_lab.formats.xml_words import COLOUR, element_text, plain
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.feature import Document, Feature

FORMAT = "asap"
MOST_COORDINATES = 120_000
MOST_ANNOTATIONS = 20_000
NO_GROUP = "None"
COLOUR_OF_NONE = "#f4fa58"
"""What ASAP itself draws in when nothing was chosen."""


def read(data: bytes) -> Document:
    """Return the annotations of a document, each of a set of points by itself.

    Raises
    ------
    Invalid
        It is no such document.
    """
    if data.count(b"<Coordinate ") > MOST_COORDINATES or data.count(b"<A") > MOST_ANNOTATIONS:
        raise TooLarge(
            f"A document may have at most {MOST_ANNOTATIONS:,} annotations "
            f"and {MOST_COORDINATES:,} corners."
        )
    root = read_xml(data)
    if root.tag != "ASAP_Annotations":
        raise Invalid("This is no document of ASAP annotations.")
    collecting = Collecting(FORMAT)
    colours: dict[str, str] = {}
    for number, element in enumerate(root.iterfind("Annotations/Annotation"), start=1):
        _collect(collecting, f"Annotation {number}", element, colours)
    for group in root.iterfind("AnnotationGroups/Group"):
        _keep_colour(colours, label_of(group.get("Name")), group)
    return collecting.document(colours)


def write(document: Document) -> bytes:
    """Return areas, lines and points; a hole is an outline of its own."""
    root = Element("ASAP_Annotations")
    annotations = SubElement(root, "Annotations")
    labels: dict[str, None] = {}
    for element, label in _elements(document):
        annotations.append(element)
        if label:
            labels.setdefault(label)
    listed = SubElement(root, "AnnotationGroups")
    for label in labels:
        colour = document.colours.get(label, COLOUR_OF_NONE).upper()
        group = SubElement(listed, "Group", Name=plain(label), PartOfGroup=NO_GROUP, Color=colour)
        SubElement(group, "Attributes")
    indent(root, "\t")
    return b'<?xml version="1.0"?>\n' + tostring(root, encoding="unicode").encode()


def _collect(collecting: Collecting, where: str, element: Element, colours: dict[str, str]) -> None:
    label = _group_of(element)
    _keep_colour(colours, label, element)
    try:
        shapes = asap.shapes_of(element)
    except Invalid as error:
        collecting.say(where, f"{error.message} It is left out.")
        return
    if not shapes:
        collecting.say(where, "It has no coordinates; it is left out.")
    source = element_text(element).strip() if shapes and collecting.wants_source else None
    for shape in shapes:
        collecting.add(
            where,
            shape.kind,
            shape.geometry,
            labels=(label,) if label else (),
            source=source,
        )


def _group_of(element: Element) -> str | None:
    label = label_of(element.get("PartOfGroup"))
    return None if label is None or label == NO_GROUP else label


def _keep_colour(colours: dict[str, str], label: str | None, element: Element) -> None:
    colour = element.get("Color", "").strip().lower()
    if label and label != NO_GROUP and COLOUR.fullmatch(colour):
        colours.setdefault(label, colour)


def _features(text: str) -> list[Feature]:
    collecting = Collecting(FORMAT)
    _collect(collecting, "Annotation", read_xml(text), {})
    return list(collecting.document().features)


def _elements(document: Document) -> Iterator[tuple[Element, str | None]]:
    number = 0
    together = runs(document.features, FORMAT, _features)
    for is_source, some in groupby(together, key=lambda run: run[0] is not None):
        for text, features in some:
            label = features[0].labels[0] if features[0].labels else None
            colour = document.colours.get(label or "", COLOUR_OF_NONE).upper()
            if is_source and text is not None:
                # It was read by the safe reader before it was found to tell what it should.
                found = [fromstring(text)]  # noqa: S314 - see above
            else:
                found = _drawn(features[0], label or NO_GROUP, colour)
            for element in found:
                if not is_source:
                    element.set("Name", f"Annotation {number}")
                number += 1
                yield element, label


def _drawn(feature: Feature, group: str, colour: str) -> list[Element]:
    text = asap.document((group, colour, shape) for shape in _shapes(feature))
    return list(read_xml(text).iterfind("Annotations/Annotation"))


def _shapes(feature: Feature) -> Iterator[Shape]:
    parts = parts_of(feature.geometry)
    for area in parts.areas:
        kind = ShapeKind.RECTANGLE if is_upright_rectangle(feature) else ShapeKind.POLYGON
        if kind is ShapeKind.RECTANGLE:
            yield shape_with_text(kind, shapely.box(*area.bounds))
        else:
            yield shape_with_text(kind, area)
    for line in parts.lines:
        yield shape_with_text(ShapeKind.POLYLINE, line)
    for point in parts.points:
        yield shape_with_text(ShapeKind.POINT, point)
