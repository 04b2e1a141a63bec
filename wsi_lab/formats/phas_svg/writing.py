"""Documents as SVG drawings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element, fromstring, indent, tostring

import numpy as np
import shapely

from wsi_lab.formats.geometry_parts import (
    is_upright_ellipse,
    is_upright_rectangle,
    number_text,
    pairs_of,
    parts_of,
)
from wsi_lab.formats.phas_svg.reading import FORMAT, LABEL, TEXT, features_in
from wsi_lab.formats.sources import runs
from wsi_lab.formats.xml_words import plain
from wsi_lab.model.feature import Document, Feature

STROKE_WIDTH = 2
FONT_SIZE = 40
_NO_LABEL = "+"


def write(document: Document) -> bytes:
    """Return a drawing as large as what is in it; shapes have outlines in their label's colour."""
    right, bottom = _extent(document.features)
    size = {"width": str(right), "height": str(bottom), "viewBox": f"0 0 {right} {bottom}"}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size})
    for text, features in runs(document.features, FORMAT, features_in):
        if text is not None:
            # It was read by the safe reader before it was found to tell what it should.
            root.append(fromstring(text))  # noqa: S314 - see above
        else:
            root.extend(_elements(features[0], document.colours))
    indent(root, " ")
    return tostring(root, encoding="unicode").encode() + b"\n"


def _extent(features: Sequence[Feature]) -> tuple[int, int]:
    boxes = shapely.bounds([each.geometry for each in features]).reshape(-1, 4)
    right, bottom = (
        int(np.ceil(np.nanmax(boxes[:, side]))) if np.any(np.isfinite(boxes[:, side])) else 1
        for side in (2, 3)
    )
    return max(1, right), max(1, bottom)


def _elements(feature: Feature, colours: Mapping[str, str]) -> Iterator[Element]:
    parts = parts_of(feature.geometry)
    label = feature.labels[0] if feature.labels else ""
    colour = colours.get(label, "#000000")
    drawn = {"fill": "none", "stroke": colour, "stroke-width": str(STROKE_WIDTH)}
    said = {LABEL: plain(label), **drawn}
    if is_upright_rectangle(feature) or is_upright_ellipse(feature):
        yield _upright(feature, said)
    elif parts.areas:
        rings = [ring for area in parts.areas for ring in (area.exterior, *area.interiors)]
        data = " ".join(f"{_path(pairs_of(ring))} Z" for ring in rings)
        yield Element("path", {"d": data, "fill-rule": "evenodd", **said})
    for line in parts.lines:
        yield Element("path", {"d": _path(pairs_of(line)), **said})
    for point in parts.points:
        text = feature.properties.get(TEXT)
        content = text if isinstance(text, str) and text else label or _NO_LABEL
        yield _text((point.x, point.y), label, content, colour)


def _upright(feature: Feature, said: Mapping[str, str]) -> Element:
    assert feature.geometry is not None  # noqa: S101 - what is upright has one
    left, top, right, bottom = feature.geometry.bounds
    if is_upright_rectangle(feature):
        names = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return Element("rect", {**{key: number_text(n) for key, n in names.items()}, **said})
    names = {"cx": (left + right) / 2, "cy": (top + bottom) / 2}
    names |= {"rx": (right - left) / 2, "ry": (bottom - top) / 2}
    return Element("ellipse", {**{key: number_text(n) for key, n in names.items()}, **said})


def _path(pairs: Sequence[tuple[float, float]]) -> str:
    first, *rest = (f"{number_text(x)},{number_text(y)}" for x, y in pairs)
    return f"M {first} L {' '.join(rest)}" if rest else f"M {first}"


def _text(place: tuple[float, float], label: str, content: str, colour: str) -> Element:
    x, y = map(number_text, place)
    paint = {"fill": colour, "stroke": colour, "font-size": str(FONT_SIZE)}
    element = Element("text", {"x": x, "y": y, LABEL: plain(label), **paint})
    element.text = plain(content)
    return element
