"""Drawings of paper.js as PHAS renders them: outlines or strips along curves, and texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.geometry_parts import number_text
from wsi_lab.formats.paper_curves import PaperText, Segments, drawn_items
from wsi_lab.formats.repairing import MOST_SHAPES
from wsi_lab.formats.safe import quoted
from wsi_lab.formats.xml_words import plain

MOST_CURVES = 1_000_000
MOST_STRIPS = 100_000
"""Curves that strips are drawn along; each takes two elements."""
_DECIMALS = 5
"""As many as paper.js writes."""
_ROWS_AT_ONCE = 10_000
_LARGEST_SIDE = 1_000_000
_FONT_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([a-z]{0,4}|%)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,32}|(?:rgb|hsl)a?\([0-9.,%/ deg-]{1,60}\)")
_BRIGHT, _DARK = "#ddd", "#aaa"
_PAIR = "%.12g,%.12g"
_MOVE = f"M{_PAIR}"
_CURVE = f"{_PAIR} {_PAIR} {_PAIR}"
_STRIP = f"{_MOVE}c{_CURVE}l{_PAIR}c{_CURVE}l{_PAIR}"


@dataclass(frozen=True, slots=True)
class _Style:
    scale: float
    stroke_width: float
    strip_width: float
    font_size: str
    font_colour: str


def render(
    drawing: str,
    width: int,
    height: int,
    *,
    downsample: int = 0,
    stroke_width: float = 480,
    strip_width: float = 0,
    font_size: str = "2000px",
    font_color: str = "black",
) -> bytes:
    """Return a drawing as SVG, as large as its slide.

    Paths are drawn without what they say of closing, colours and widths; paths with something
    that is no number are left out. Groups are drawn as what is in them, where their matrices
    put it. A drawing that is empty or none of paper.js gives an empty picture.

    Parameters
    ----------
    drawing
        JSON, or nothing.
    width, height
        Of the slide, in level-0 pixels.
    downsample
        If above 0, the longer side of the picture, and all is scaled with it.
    stroke_width
        Of outlines.
    strip_width
        If not 0, each curve has a strip of that width along either side instead of an outline.
    font_size, font_color
        Of texts: a number with its unit, and a colour of SVG.

    Raises
    ------
    Invalid
        The drawing is no JSON, or one of the other things is not what it should be.
    TooLarge
        There is more in it than anybody draws.

    Examples
    --------
    >>> path = '[["Layer", {"children": [["Path", {"segments": [[1, 2], [4, 6]]}]]}]]'
    >>> print(render(path, 20, 10, stroke_width=3).decode())
    <?xml version="1.0" encoding="utf-8"?>
    <svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="20" height="10"><path
    d="M1,2c0,0 3,4 3,4" fill="none" stroke="#000" stroke-width="3" /></svg>
    """
    style = _style(
        width,
        height,
        downsample=downsample,
        stroke_width=stroke_width,
        strip_width=strip_width,
        font_size=font_size,
        font_colour=font_color,
    )
    if downsample > 0:
        width, height = int(width * style.scale), int(height * style.scale)
    size = {"width": str(width), "height": str(height)}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "version": "1.1", **size})
    opening = tostring(root, encoding="unicode", short_empty_elements=False)
    # Written one by one: all elements of a large drawing at once would take ten times its size.
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n', opening.removesuffix("</svg>")]
    parts += (tostring(each, encoding="unicode") for each in _elements(drawing, style))
    return "".join([*parts, "</svg>\n"]).encode()


def _style(
    width: int,
    height: int,
    *,
    downsample: int,
    stroke_width: float,
    strip_width: float,
    font_size: str,
    font_colour: str,
) -> _Style:
    problems = []
    if min(width, height) < 1 or not downsample <= _LARGEST_SIDE:
        problems.append(f"a picture has from 1 to {_LARGEST_SIDE:,} pixels on a side")
    for name, value in (("stroke_width", stroke_width), ("strip_width", strip_width)):
        if not 0 <= value <= _LARGEST_SIDE:
            problems.append(f"{name} is a number from 0 to {_LARGEST_SIDE:,}")
    font = _FONT_SIZE.fullmatch(font_size.strip())
    if font is None:
        problems.append(f"font_size is a number with its unit, not {quoted(font_size)}")
    if not _COLOUR.fullmatch(font_colour.strip()):
        problems.append(f"font_color is a colour of SVG, not {quoted(font_colour)}")
    if problems or font is None:
        raise Invalid(f"Nothing is drawn so: {'; '.join(problems)}.", problems=problems)
    if downsample <= 0:
        style = _Style(1.0, stroke_width, strip_width, font[0], font_colour.strip())
    else:
        scale = downsample / max(width, height)
        style = _Style(
            scale,
            max(int(stroke_width * scale), 1),
            max(int(strip_width * scale), 1) if strip_width else 0,
            f"{int(float(font[1]) * scale + 0.5)}{font[2]}",
            font_colour.strip(),
        )
    return style


def _elements(drawing: str, style: _Style) -> Iterator[Element]:
    curves = 0
    for number, item in enumerate(drawn_items(drawing)):
        if number == MOST_SHAPES:
            raise TooLarge(f"At most {MOST_SHAPES:,} paths and texts are drawn as SVG.")
        if isinstance(item, PaperText):
            yield _text(item, style)
            continue
        curves += len(item) - 1
        if curves > MOST_CURVES or (style.strip_width and curves > MOST_STRIPS):
            raise TooLarge(
                f"At most {MOST_CURVES:,} curves are drawn as SVG, "
                f"and strips along {MOST_STRIPS:,} of them."
            )
        # Places are rounded, and not the steps between: errors do not add up.
        segments = np.round(item * style.scale, _DECIMALS)
        if style.strip_width:
            yield from _strips(segments, style.strip_width)
        else:
            yield _outline(segments, style.stroke_width)


def _text(text: PaperText, style: _Style) -> Element:
    x, y = (round(each * style.scale, _DECIMALS) for each in (text.x, text.y))
    element = Element(
        "text",
        {
            "x": number_text(x),
            "y": number_text(y),
            "fill": style.font_colour,
            "stroke": style.font_colour,
            "font-size": style.font_size,
        },
    )
    element.text = plain(text.content)
    return element


def _outline(segments: Segments, stroke_width: float) -> Element:
    (data,) = _texts(_MOVE, segments[:1, 0])
    if len(segments) > 1:
        data += "c" + " ".join(_texts(_CURVE, _curves(segments)))
    style = {"fill": "none", "stroke": "#000", "stroke-width": number_text(stroke_width)}
    return Element("path", {"d": data, **style})


def _strips(segments: Segments, width: float) -> Iterator[Element]:
    """Yield, along each curve, what lies to its one side and to its other."""
    curves = _curves(segments)
    starts, out, into = segments[:-1, 0], segments[:-1, 2], segments[1:, 1]
    steps = curves[:, 4:]
    at_start, at_end = width * _normals(out), width * _normals(-into)
    sides = []
    for sign in (1, -1):
        there, back = sign * at_end, sign * at_start
        return_step = back - there - steps
        sides.append(
            _texts(
                _STRIP,
                np.hstack((starts, curves, there, into, return_step + out, return_step, -back)),
            )
        )
    for one, other in zip(*sides, strict=True):
        yield Element("path", {"d": one, "fill": _BRIGHT, "stroke": "none"})
        yield Element("path", {"d": other, "fill": _DARK, "stroke": "none"})


def _curves(segments: Segments) -> NDArray[np.float64]:
    """Return the curves between segments as SVG's relative ones have them: two handles, an end."""
    steps = np.diff(segments[:, 0], axis=0)
    return np.hstack((segments[:-1, 2], steps + segments[1:, 1], steps))


def _normals(tangents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is one long and upright on tangents; nothing where a tangent is."""
    lengths = np.hypot(tangents[:, 0], tangents[:, 1])[:, np.newaxis]
    turned = np.column_stack((-tangents[:, 1], tangents[:, 0]))
    return np.divide(turned, lengths, out=np.zeros_like(turned), where=lengths > 0)


def _texts(template: str, rows: NDArray[np.float64]) -> list[str]:
    # Adding nothing makes zeros of those with a minus.
    rounded = np.round(rows, _DECIMALS) + 0.0
    return [
        template % tuple(row)
        for start in range(0, len(rounded), _ROWS_AT_ONCE)
        for row in rounded[start : start + _ROWS_AT_ONCE].tolist()
    ]
