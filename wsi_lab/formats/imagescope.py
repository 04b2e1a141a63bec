"""Annotations of Aperio's viewer ImageScope: layers of regions, in level-0 pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, indent, tostring

import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.classic import ellipse_outline
from wsi_lab.formats.geometry_parts import (
    Pairs,
    is_upright_ellipse,
    is_upright_rectangle,
    number_text,
    pairs_of,
    parts_of,
)
from wsi_lab.formats.nesting import owners_of
from wsi_lab.formats.repairing import Collecting, label_of
from wsi_lab.formats.safe import read_xml
from wsi_lab.formats.sources import runs
from wsi_lab.formats.xml_words import element_text, plain
from wsi_lab.geometry.columns import AREAS
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature

FORMAT = "imagescope"
TEXT = "text"
"""The property that holds what is written beside a region."""
OUTLINE, RECTANGLE, ELLIPSE, ARROW, RULER, PINS = range(6)
"""What the numbers in ``Type`` mean."""
MOST_VERTICES = 300_000
MOST_REGIONS = 20_000
COLOUR_OF_NONE = "#00ff00"


def read(data: bytes) -> Document:
    """Return the regions of all layers; a negative one is a hole in that in which it lies.

    A layer's name is the label of its regions, or else what its attribute says.

    Raises
    ------
    Invalid
        It is no such document.
    """
    if data.count(b"<V") > MOST_VERTICES:
        raise TooLarge(f"An ImageScope document may have at most {MOST_VERTICES:,} vertices.")
    if data.count(b"<Region ") > MOST_REGIONS:
        raise TooLarge(f"An ImageScope document may have at most {MOST_REGIONS:,} regions.")
    root = read_xml(data)
    if root.tag != "Annotations":
        raise Invalid("This is no document of ImageScope annotations.")
    collecting = Collecting(FORMAT)
    layers = [
        each for each in root.iterfind("Annotation") if each.find("Regions/Region") is not None
    ]
    nameless = sum(_name(each) is None for each in layers)
    colours: dict[str, str] = {}
    for number, layer in enumerate(root.iterfind("Annotation"), start=1):
        label = _name(layer)
        if label is None and nameless > 1 and layer in layers:
            label = f"Layer {layer.get('Id', number)}"
        colour = _colour(layer.get("LineColor"))
        if label is not None and colour is not None:
            colours.setdefault(label, colour)
        _collect(collecting, f"Layer {number}", layer, (label,) if label else ())
    return collecting.document(colours)


def write(document: Document, *, mpp: float | None = None) -> bytes:
    """Return a layer for each label; a shape of several outlines is several regions.

    Parameters
    ----------
    mpp
        Micrometres of a level-0 pixel, for lengths and areas in micrometres.
    """
    root = Element("Annotations")
    if mpp is not None:
        root.set("MicronsPerPixel", f"{mpp:.6f}")
    layers: dict[str, _Layer] = {}
    for text, features in runs(document.features, FORMAT, _features, labels=False):
        label = features[0].labels[0] if features[0].labels else ""
        if label not in layers:
            colour = document.colours.get(label, COLOUR_OF_NONE)
            layers[label] = _Layer(_layer(root, len(layers) + 1, label, colour))
        if text is not None:
            # It was read by the safe reader before it was found to tell what it should.
            elements = list(fromstring(f"<Regions>{text}</Regions>"))  # noqa: S314 - see above
        else:
            elements = list(_regions(features[0], mpp))
        layers[label].extend(elements)
    indent(root, "\t")
    return tostring(root, encoding="unicode").encode() + b"\n"


@dataclass(frozen=True, slots=True)
class _Region:
    where: str
    element: Element
    corners: NDArray[np.float64]

    @property
    def is_negative(self) -> bool:
        return self.element.get("NegativeROA", "0").strip() == "1"


def _name(layer: Element) -> str | None:
    name = label_of(layer.get("Name"))
    if name is not None:
        return name
    for attribute in layer.iterfind("Attributes/Attribute"):
        said = label_of(attribute.get("Value"))
        own = label_of(attribute.get("Name"))
        if said is not None or (own is not None and own != "Description"):
            return said or own
    return None


def _colour(said: str | None) -> str | None:
    """Return ``#rrggbb``; ImageScope counts blue highest."""
    try:
        number = int(said or "")
    except ValueError:
        return None
    red, green, blue = number & 255, number >> 8 & 255, number >> 16 & 255
    return f"#{red:02x}{green:02x}{blue:02x}"


def _collect(
    collecting: Collecting, layer_name: str, layer: Element, labels: tuple[str, ...]
) -> None:
    regions: list[_Region] = []
    holes: list[_Region] = []
    for number, element in enumerate(layer.iterfind("Regions/Region"), start=1):
        where = f"{layer_name}, region {number}"
        corners = collecting.corners(where, _corners(element))
        if corners is not None:
            region = _Region(where, element, corners)
            (holes if region.is_negative and len(corners) >= 3 else regions).append(region)
    around = [each for each in regions if len(each.corners) >= 3]
    inside: dict[int, list[_Region]] = {}
    owners = owners_of([each.corners for each in holes], [each.corners for each in around])
    for hole, owner in zip(holes, owners, strict=True):
        if owner is None:
            collecting.say(hole.where, "It is negative and lies in no region; it is left out.")
        else:
            inside.setdefault(id(around[owner]), []).append(hole)
    for region in regions:
        _add(collecting, region, inside.get(id(region), []), labels)


def _corners(element: Element) -> list[tuple[float, float]]:
    return [(_number(each.get("X")), _number(each.get("Y"))) for each in element.iter("Vertex")]


def _number(said: str | None) -> float:
    try:
        return float((said or "").strip().replace(",", "."))
    except ValueError:
        return float("nan")


def _add(
    collecting: Collecting, region: _Region, holes: Sequence[_Region], labels: tuple[str, ...]
) -> None:
    text = label_of(region.element.get("Text"))
    source = None
    if collecting.wants_source:
        source = "".join(element_text(each.element).strip() for each in (region, *holes))
    properties = {TEXT: text} if text else {}
    said: dict[str, Any] = {"labels": labels, "properties": properties, "source": source}
    where, corners = region.where, region.corners
    kind = region.element.get("Type", str(OUTLINE)).strip()
    if kind not in {str(each) for each in range(PINS + 1)}:
        collecting.say(where, "Its type is not known; it is taken for an outline.")
    if kind == str(PINS):
        for corner in corners:
            collecting.add_point(where, corner, **said)
    elif kind in {str(ARROW), str(RULER)}:
        collecting.add_line(where, corners, **said)
    elif kind == str(ELLIPSE) and len(corners) in {2, 4} and not holes:
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        half_width, half_height = (right - left) / 2, (bottom - top) / 2
        outline = ellipse_outline(left + half_width, top + half_height, half_width, half_height)
        collecting.add(where, ShapeKind.ELLIPSE, outline, **said)
    elif kind == str(RECTANGLE) and _is_box(corners) and not holes:
        box = shapely.box(*corners.min(axis=0), *corners.max(axis=0))
        collecting.add(where, ShapeKind.RECTANGLE, box, **said)
    else:
        collecting.add_area(where, [corners, *(hole.corners for hole in holes)], **said)


def _is_box(corners: NDArray[np.float64]) -> bool:
    if np.any(corners.min(axis=0) == corners.max(axis=0)):
        return False
    if len(corners) == 2:
        return True
    closed = len(corners) == 5 and np.array_equal(corners[0], corners[-1])
    if len(corners) != 4 and not closed:
        return False
    outline = shapely.Polygon(corners)
    return bool(outline.is_valid and outline.equals(shapely.box(*outline.bounds)))


def _features(text: str) -> Sequence[Feature]:
    layer = f"<Annotations><Annotation><Regions>{text}</Regions></Annotation></Annotations>"
    return read(layer.encode()).features


@dataclass(slots=True)
class _Layer:
    regions: Element
    ids: set[str] = field(default_factory=set)

    def extend(self, elements: Sequence[Element]) -> None:
        """Add regions, each with an id of its own."""
        for element in elements:
            identity = element.get("Id", "")
            number = len(self.ids) + 1
            while not identity or identity in self.ids:
                identity, number = str(number), number + 1
            self.ids.add(identity)
            element.set("Id", identity)
            self.regions.append(element)


def _layer(root: Element, number: int, label: str, colour: str) -> Element:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    said = {"Id": str(number), "Name": plain(label), "ReadOnly": "0", "NameReadOnly": "0"}
    said |= {"LineColorReadOnly": "0", "Incremental": "0", "Type": "4", "Visible": "1"}
    said |= {"LineColor": str(red | green << 8 | blue << 16), "Selected": "0"}
    layer = SubElement(root, "Annotation", {**said, "MarkupImagePath": "", "MacroName": ""})
    SubElement(layer, "Attributes")
    return SubElement(layer, "Regions")


def _regions(feature: Feature, mpp: float | None) -> Iterator[Element]:
    parts = parts_of(feature.geometry)
    text = feature.properties.get(TEXT)
    said = {"Text": plain(text) if isinstance(text, str) else ""}
    for area in parts.areas if feature.kind in AREAS or feature.kind is ShapeKind.OTHER else ():
        yield from _area(feature, area, said, mpp)
    for line in parts.lines:
        kind = ARROW if len(line.coords) == 2 else RULER
        yield _region(kind, pairs_of(line), {**said, **_measures(line.length, 0.0, mpp)})
    for point in parts.points:
        yield _region(PINS, pairs_of(point), {**said, **_measures(0.0, 0.0, mpp)})


def _area(
    feature: Feature, area: shapely.Polygon, said: Mapping[str, str], mpp: float | None
) -> Iterator[Element]:
    left, top, right, bottom = area.bounds
    said = {**said, **_measures(area.exterior.length, shapely.Polygon(area.exterior).area, mpp)}
    if is_upright_ellipse(feature):
        yield _region(ELLIPSE, [(left, top), (right, bottom)], said)
        return
    kind = RECTANGLE if is_upright_rectangle(feature) else OUTLINE
    yield _region(kind, pairs_of(area.exterior), said)
    for hole in area.interiors:
        measures = _measures(hole.length, shapely.Polygon(hole).area, mpp)
        yield _region(OUTLINE, pairs_of(hole), {**measures, "NegativeROA": "1"})


def _measures(length: float, area: float, mpp: float | None) -> dict[str, str]:
    said = {"Length": f"{length:.1f}", "Area": f"{area:.1f}"}
    if mpp is not None:
        said |= {"LengthMicrons": f"{length * mpp:.1f}", "AreaMicrons": f"{area * mpp**2:.1f}"}
    return said


def _region(kind: int, corners: Pairs, said: Mapping[str, str]) -> Element:
    plainly = {"Zoom": "1", "Selected": "0", "ImageLocation": "", "ImageFocus": "0"}
    plainly |= {"Text": "", "NegativeROA": "0", "InputRegionId": "0", "Analyze": "1"}
    region = Element("Region", {"Type": str(kind), **plainly, **said})
    SubElement(region, "Attributes")
    vertices = SubElement(region, "Vertices")
    for x, y in corners:
        SubElement(vertices, "Vertex", X=number_text(x), Y=number_text(y))
    return region
