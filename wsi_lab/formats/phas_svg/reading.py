"""SVG drawings as documents."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.classic import ellipse_outline
from wsi_lab.formats.nesting import nested
from wsi_lab.formats.phas_svg.path_data import (
    MOST_COMMANDS,
    Subpath,
    commands_in,
    numbers_of,
    subpaths_of,
)
from wsi_lab.formats.repairing import Collecting, kind_of_area, label_of
from wsi_lab.formats.safe import quoted, read_xml
from wsi_lab.formats.xml_words import element_text, local_name
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.feature import Document, Feature

FORMAT = "phas-svg"
LABEL = "data-label"
"""The attribute that is a label; it is for everything in a group."""
TEXT = "text"
"""The property that holds what a text says where it is not the label."""
LARGEST = 24 << 20
MOST_ELEMENTS = 20_000
_SYMBOL = "+"

Affine = NDArray[np.float64]
_NO_TRANSFORM = np.eye(3)
_SILENT = frozenset({"title", "desc", "metadata", "style", "defs", "namedview"})
_TRANSFORM = re.compile(r"\s*,?\s*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_NAMED = {"black": "#000000", "white": "#ffffff", "red": "#ff0000", "blue": "#0000ff"}
_NAMED |= {"green": "#008000", "yellow": "#ffff00", "lime": "#00ff00", "orange": "#ffa500"}


@dataclass(frozen=True, slots=True)
class _Around:
    """What the groups around an element say for it."""

    transform: Affine
    label: str | None = None
    stroke: str | None = None
    fill: str | None = None

    @property
    def is_plain(self) -> bool:
        return self.transform is _NO_TRANSFORM


def read(data: bytes) -> Document:
    """Return the shapes of a drawing; open paths that are not filled are lines.

    Raises
    ------
    Invalid
        It is no SVG.
    TooLarge
        It holds more than anybody draws by hand.
    """
    if len(data) > LARGEST or data.count(b"<") > 2 * MOST_ELEMENTS:
        raise TooLarge(f"A drawing may have at most {MOST_ELEMENTS:,} elements.")
    root = read_xml(data)
    if local_name(root) != "svg":
        raise Invalid("This is no SVG drawing.")
    for element in root.iter():
        # Without the namespace an element's text can stand in any drawing.
        element.tag = local_name(element)
    reading = _Reading(Collecting(FORMAT))
    reading.take(root, _Around(_NO_TRANSFORM))
    return reading.collecting.document(reading.colours)


def features_in(text: str) -> Sequence[Feature]:
    """Return what the text of a single element draws."""
    return read(f"<svg>{text}</svg>".encode()).features


class _Reading:
    def __init__(self, collecting: Collecting) -> None:
        self.collecting = collecting
        self.colours: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._commands = 0
        self._drawn: Mapping[str, Callable[[_Item], None]] = {
            "path": self._path,
            "polygon": self._polygon,
            "polyline": self._polyline,
            "line": self._line,
            "rect": self._rect,
            "circle": self._ellipse,
            "ellipse": self._ellipse,
            "text": self._text,
        }

    def take(self, element: Element, around: _Around) -> None:
        """Take in an element with all that it has inside."""
        name = element.tag
        number = self._counts[name] = self._counts.get(name, 0) + 1
        where = f"{quoted(name)[1:-1].capitalize()} {number}"
        if name in _SILENT:
            return
        try:
            own = _own(element, around)
            if name in {"svg", "g", "a"}:
                for child in element:
                    self.take(child, own)
            elif name in self._drawn:
                self._draw(where, element, own)
            else:
                self.collecting.say(where, "Elements of its kind are not shapes; it is left out.")
        except Invalid as error:
            self.collecting.say(where, f"{error.message} It is left out.")

    def _draw(self, where: str, element: Element, own: _Around) -> None:
        colour = _colour(own.stroke) or _colour(own.fill)
        if own.label and colour:
            self.colours.setdefault(own.label, colour)
        source = None
        if own.is_plain and self.collecting.wants_source:
            source = element_text(element).strip()
        said = {"labels": (own.label,) if own.label else (), "source": source}
        self._drawn[element.tag](_Item(where, element, own, said))

    def _path(self, item: _Item) -> None:
        data = item.element.get("d", "")
        self._commands += commands_in(data)
        if self._commands > MOST_COMMANDS:
            raise TooLarge(f"The paths of a drawing may have at most {MOST_COMMANDS:,} commands.")
        subpaths = subpaths_of(data)
        if not subpaths:
            self.collecting.say(item.where, "It is empty; it is left out.")
        self._subpaths(item, subpaths)

    def _subpaths(self, item: _Item, subpaths: Sequence[Subpath]) -> None:
        rings = []
        for subpath in subpaths:
            corners = item.placed(_moved_subpath(subpath, item.own.transform))
            is_area = subpath.is_closed or (
                len(corners) > 3 and np.array_equal(corners[0], corners[-1])
            )
            if not is_area and (len(corners) < 3 or item.own.fill in {None, "none"}):
                self.collecting.add_line(item.where, corners, **item.said)
                continue
            if not is_area:
                self.collecting.say(item.where, "Its outline is not closed; it is now.")
            ring = self.collecting.corners(item.where, corners, closed=True)
            if ring is not None and (len(ring) >= 3 or len(subpaths) == 1):
                rings.append(ring)
            elif ring is not None:
                self.collecting.say(
                    item.where, "It has outlines of less than three corners, which are not kept."
                )
        if len(rings) == 1:
            self.collecting.add_area(item.where, rings, **item.said)
        elif rings:
            area = nested(rings)
            self.collecting.add(item.where, kind_of_area(area), area, **item.said)

    def _polygon(self, item: _Item) -> None:
        self.collecting.add_area(item.where, [item.points()], **item.said)

    def _polyline(self, item: _Item) -> None:
        self.collecting.add_line(item.where, item.points(), **item.said)

    def _line(self, item: _Item) -> None:
        x1, y1, x2, y2 = (item.number(name) for name in ("x1", "y1", "x2", "y2"))
        self.collecting.add_line(item.where, item.placed([(x1, y1), (x2, y2)]), **item.said)

    def _rect(self, item: _Item) -> None:
        left, top = item.number("x"), item.number("y")
        box = shapely.box(left, top, left + item.number("width"), top + item.number("height"))
        self._closed(item, ShapeKind.RECTANGLE, box)

    def _ellipse(self, item: _Item) -> None:
        both = "r" if item.element.tag == "circle" else ""
        half_width, half_height = item.number(both or "rx"), item.number(both or "ry")
        outline = ellipse_outline(item.number("cx"), item.number("cy"), half_width, half_height)
        self._closed(item, ShapeKind.ELLIPSE, outline)

    def _closed(self, item: _Item, kind: ShapeKind, outline: Any) -> None:
        transform = item.own.transform
        places = shapely.get_coordinates(outline)
        if outline.area == 0:
            self.collecting.say(item.where, "It is empty; it is left out.")
        elif transform[0, 1] == transform[1, 0] == 0:
            corners = item.placed(places)
            if self.collecting.corners(item.where, corners) is not None:
                self.collecting.add(item.where, kind, shapely.Polygon(corners), **item.said)
        else:
            self.collecting.add_area(item.where, [item.placed(places)], **item.said)

    def _text(self, item: _Item) -> None:
        said = dict(item.said)
        content = label_of("".join(item.element.itertext()))
        if content and content not in {_SYMBOL, item.own.label}:
            if item.own.label or LABEL in item.element.attrib:
                said["properties"] = {TEXT: content}
            else:
                said["labels"] = (content,)
                if (colour := _colour(item.own.fill)) is not None:
                    self.colours.setdefault(content, colour)
        place = item.placed([(item.number("x"), item.number("y"))])[0]
        self.collecting.add_point(item.where, place, **said)


@dataclass(frozen=True, slots=True)
class _Item:
    where: str
    element: Element
    own: _Around
    said: Mapping[str, Any]

    def number(self, name: str) -> float:
        """Return an attribute that is a number of pixels; 0 where it is not stated."""
        said = self.element.get(name, "0").strip().removesuffix("px")
        try:
            value = float(said.split()[0])
        except (ValueError, IndexError):
            value = math.nan
        if not abs(value) <= FARTHEST:
            raise Invalid(f"'{name}' is no number of pixels: {quoted(said)}.")
        return value

    def points(self) -> NDArray[np.float64]:
        """Return the places of a polygon or polyline."""
        numbers = numbers_of(self.element.get("points", ""))
        # An odd one at the end is no place.
        return self.placed(numbers[: len(numbers) // 2 * 2].reshape(-1, 2))

    def placed(self, places: Any) -> NDArray[np.float64]:
        """Return where places lie after all transforms; a path is moved as curves before."""
        found = np.asarray(places, np.float64)
        if self.own.is_plain or self.element.tag == "path":
            return found
        return _moved(found, self.own.transform)


def _moved_subpath(subpath: Subpath, transform: Affine) -> NDArray[np.float64]:
    if transform is _NO_TRANSFORM:
        return subpath.corners()
    # Curves are turned before they become lines, which are fine enough in level-0 pixels only.
    start = _moved(subpath.start[None], transform)[0]
    curves = [_moved(each, transform) for each in subpath.curves]
    return Subpath(start, curves, subpath.is_closed).corners()


def _moved(places: NDArray[np.float64], transform: Affine) -> NDArray[np.float64]:
    return np.asarray(places @ transform[:2, :2].T + transform[:2, 2])


def _own(element: Element, around: _Around) -> _Around:
    style = dict(_styles(element.get("style", "")))
    title = element.find("title")
    label = label_of(element.get(LABEL))
    if label is None and LABEL not in element.attrib and element.tag != "svg":
        label = label_of(title.text) if title is not None else None
        label = label or around.label
    own = replace(
        around,
        label=label,
        stroke=style.get("stroke") or element.get("stroke") or around.stroke,
        fill=style.get("fill") or element.get("fill") or around.fill,
    )
    transform = element.get("transform")
    if transform and transform.strip():
        own = replace(own, transform=around.transform @ _transform(transform))
    return own


def _styles(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        name, _, value = part.partition(":")
        yield name.strip(), value.strip()


def _transform(text: str) -> Affine:
    found = np.eye(3)
    end = 0
    for part in _TRANSFORM.finditer(text):
        if text[end : part.start()].strip(" ,\t\r\n"):
            break
        end = part.end()
        found = found @ _step(part[1], numbers_of(part[2]).tolist())
    if text[end:].strip(" ,\t\r\n"):
        raise Invalid("Its transform is not understood.")
    return found


def _step(name: str, numbers: list[float]) -> Affine:
    match name, numbers:
        case "matrix", [a, b, c, d, e, f]:
            return np.array([(a, c, e), (b, d, f), (0, 0, 1)], np.float64)
        case "translate", [x, *rest]:
            return np.array([(1, 0, x), (0, 1, rest[0] if rest else 0), (0, 0, 1)], np.float64)
        case "scale", [x, *rest]:
            return np.diag([x, rest[0] if rest else x, 1.0])
        case "rotate", [angle]:
            return _turned(angle)
        case "rotate", [angle, x, y]:
            away, back = np.eye(3), np.eye(3)
            away[:2, 2], back[:2, 2] = (x, y), (-x, -y)
            return away @ _turned(angle) @ back
        case "skewX", [angle]:
            return np.array([(1, math.tan(math.radians(angle)), 0), (0, 1, 0), (0, 0, 1)])
        case "skewY", [angle]:
            return np.array([(1, 0, 0), (math.tan(math.radians(angle)), 1, 0), (0, 0, 1)])
    raise Invalid("Its transform is not understood.")


def _turned(angle: float) -> Affine:
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([(cosine, -sine, 0), (sine, cosine, 0), (0, 0, 1)])


def _colour(said: str | None) -> str | None:
    said = (said or "").strip().lower()
    if (found := _HEX.fullmatch(said)) is not None:
        digits = found[1]
        return f"#{digits if len(digits) == 6 else ''.join(2 * each for each in digits)}"
    if (found := _RGB.fullmatch(said)) is not None:
        return "#" + "".join(f"{min(255, int(each)):02x}" for each in found.groups())
    return _NAMED.get(said)
