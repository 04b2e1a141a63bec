"""What was drawn on a slide, drawn on its pixels."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from wsi_lab.slides.reader import Pixels

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

FILL_OPACITY = 48
"""Of 255: what lies below a shape stays readable."""
HEAT_OPACITY = 0.6
LINE_WIDTH = 2
DOT_RADIUS = 4
MOST_LABELS = 2000
LONGEST_LABEL = 200
SMALLEST_TEXT, LARGEST_TEXT = 6, 200
_MARGIN = 16
"""Pixels beyond the edges within which shapes are still drawn, so that no cut shows."""
_BAND = 1024

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Words:
    """Words written on a slide; place and height in level-0 pixels."""

    text: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Heat:
    """A grid of values over a rectangle ``(left, top, right, bottom)`` in level-0 pixels."""

    values: NDArray[np.uint8]
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing to be drawn.

    Attributes
    ----------
    geometry
        In level-0 pixels.
    colour
        ``#rrggbb``.
    """

    colour: str
    geometry: BaseGeometry | None = None
    heat: Heat | None = None
    words: Sequence[Words] = field(default=())


def draw(
    pixels: Pixels, marks: Sequence[Mark], *, origin: tuple[float, float], downsample: float
) -> Pixels:
    """Return pixels with marks on them, the later ones on top.

    Closed shapes are outlined and tinted, points are dots, and the values of heat maps say how
    strong their colour is.

    Parameters
    ----------
    pixels
        ``(rows, columns, 3) uint8``.
    origin
        What the left top corner shows, in level-0 pixels.
    downsample
        Level-0 pixels per pixel.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415  25 ms

    canvas = np.array(pixels)
    for mark in marks:
        if mark.heat is not None:
            _blend(canvas, mark.heat, _rgb(mark.colour), origin, downsample)
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image, "RGBA")
    dots: list[tuple[Colour, NDArray[np.float64]]] = []
    for colour, geometries in _visible(marks, origin, downsample, image.size):
        rest = geometries[shapely.get_type_id(geometries) != 0]
        for geometry in rest:
            _draw_shape(pen, geometry, colour)
        points = geometries[shapely.get_type_id(geometries) == 0]
        dots.append((colour, shapely.get_coordinates(points)))
    canvas = np.array(image)
    for colour, places in dots:
        _dot(canvas, places, colour)
    words = [each for mark in marks for each in mark.words]
    return _write(canvas, words, origin, downsample) if words else canvas


def with_scalebar(pixels: Pixels, mpp: float) -> Pixels:
    """Return pixels with a bar at the right bottom that says how long it is.

    Parameters
    ----------
    mpp
        Micrometres per pixel of the picture.
    """
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  25 ms

    rows, columns = pixels.shape[:2]
    micrometres = _round_length(columns * mpp / 4)
    length = round(micrometres / mpp)
    if length < 8 or rows < 24:
        return pixels
    image = Image.fromarray(np.array(pixels))
    pen = ImageDraw.Draw(image, "RGBA")
    size = min(max(10, columns // 50), 40)
    font = ImageFont.load_default(size)
    text = f"{micrometres / 1000:g} mm" if micrometres >= 1000 else f"{micrometres:g} um"
    width = max(length, round(pen.textlength(text, font=font)))
    thick, space = max(2, size // 5), size // 2
    left, bottom = columns - width - 2 * space, rows - space
    top = bottom - thick - size - space
    pen.rectangle((left - space, top - space, columns - 1, rows - 1), fill=(255, 255, 255, 200))
    pen.rectangle((left, bottom - thick, left + length - 1, bottom - 1), fill=(0, 0, 0))
    pen.text((left, top), text, fill=(0, 0, 0), font=font)
    return np.asarray(image)


def _round_length(longest: float) -> float:
    """Return the longest 1, 2 or 5 times a power of ten that is no longer."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest * 1.000001)


def _visible(
    marks: Sequence[Mark], origin: tuple[float, float], downsample: float, size: tuple[int, int]
) -> list[tuple[Colour, NDArray[np.object_]]]:
    """Return what can be seen of the shapes, in pixels of the picture, by runs of one colour."""
    found = []
    shift = np.array(origin)
    edges = (-_MARGIN, -_MARGIN, size[0] + _MARGIN, size[1] + _MARGIN)
    shaped = (mark for mark in marks if mark.geometry is not None and mark.heat is None)
    for colour, run in groupby(shaped, key=lambda mark: mark.colour):
        geometries = np.array([mark.geometry for mark in run], dtype=object)
        bounds = (shapely.bounds(geometries) - np.tile(shift, 2)) / downsample
        near = (bounds[:, 0] <= edges[2]) & (bounds[:, 1] <= edges[3])
        near &= (bounds[:, 2] >= edges[0]) & (bounds[:, 3] >= edges[1])
        moved = shapely.transform(geometries[near], lambda places: (places - shift) / downsample)
        inside = bounds[near]
        reaches_out = np.any((inside[:, :2] < edges[:2]) | (inside[:, 2:] > edges[2:]), axis=1)
        for number in np.flatnonzero(reaches_out):
            moved[number] = _clipped(moved[number], edges)
        parts = shapely.get_parts(shapely.get_parts(moved))
        found.append((_rgb(colour), parts[~shapely.is_empty(parts)]))
    return found


def _clipped(geometry: BaseGeometry, edges: tuple[float, float, float, float]) -> BaseGeometry:
    # Of outlines that cross themselves, it would keep the wrong side.
    whole = geometry if shapely.is_valid(geometry) else shapely.make_valid(geometry)
    return shapely.clip_by_rect(whole, *edges)


def _draw_shape(pen: ImageDraw, geometry: BaseGeometry, colour: Colour) -> None:
    if geometry.geom_type == "Polygon":
        rings = [_pairs(ring) for ring in (geometry.exterior, *geometry.interiors)]
        if len(rings) > 1:
            _tint_around_holes(pen, rings, colour)
        else:
            pen.polygon(rings[0], fill=(*colour, FILL_OPACITY))
        for ring in rings:
            pen.line(ring, fill=(*colour, 255), width=LINE_WIDTH, joint="curve")
    elif geometry.geom_type in {"LineString", "LinearRing"}:
        pen.line(_pairs(geometry), fill=(*colour, 255), width=LINE_WIDTH, joint="curve")


def _tint_around_holes(
    pen: ImageDraw, rings: list[list[tuple[float, float]]], colour: Colour
) -> None:
    from PIL import Image, ImageDraw  # noqa: PLC0415  25 ms

    corners = np.array(rings[0])
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    mask = Image.new("L", (right - left + 1, bottom - top + 1))
    stencil = ImageDraw.Draw(mask)
    for number, ring in enumerate(rings):
        moved = [(x - left, y - top) for x, y in ring]
        stencil.polygon(moved, fill=0 if number else FILL_OPACITY)
    pen.bitmap((left, top), mask, fill=(*colour, 255))


def _dot(canvas: Pixels, places: NDArray[np.float64], colour: Colour) -> None:
    """Draw dots; all at once, since there may be a million."""
    rows, columns = canvas.shape[:2]
    middles = np.floor(places).astype(np.int64)
    reach = range(-DOT_RADIUS, DOT_RADIUS + 1)
    for x_step in reach:
        for y_step in reach:
            if x_step**2 + y_step**2 > DOT_RADIUS**2:
                continue
            x, y = middles[:, 0] + x_step, middles[:, 1] + y_step
            seen = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
            canvas[y[seen], x[seen]] = colour


def _blend(
    canvas: Pixels, heat: Heat, colour: Colour, origin: tuple[float, float], downsample: float
) -> None:
    cells_down, cells_across = heat.values.shape
    left, top, right, bottom = heat.box
    if right <= left or bottom <= top:
        return
    rows, columns = canvas.shape[:2]
    down = _cells(rows, origin[1], downsample, (top, bottom), cells_down)
    across = _cells(columns, origin[0], downsample, (left, right), cells_across)
    own_rows, own_columns = np.flatnonzero(down >= 0), np.flatnonzero(across >= 0)
    if not len(own_rows) or not len(own_columns):
        return
    columns_seen = slice(own_columns[0], own_columns[-1] + 1)
    for start in range(own_rows[0], own_rows[-1] + 1, _BAND):
        stop = min(start + _BAND, own_rows[-1] + 1)
        values = heat.values[np.ix_(down[start:stop], across[columns_seen])]
        strength = (values.astype(np.float32) * (HEAT_OPACITY / 255))[..., None]
        below = canvas[start:stop, columns_seen]
        canvas[start:stop, columns_seen] = np.rint(
            below * (1 - strength) + np.array(colour, np.float32) * strength
        ).astype(np.uint8)


def _cells(
    count: int, start: float, downsample: float, ends: tuple[float, float], cells: int
) -> NDArray[np.int64]:
    """Return which cell each row or column of the picture shows; -1 where it shows none."""
    places = start + (np.arange(count) + 0.5) * downsample
    found = np.floor((places - ends[0]) * cells / (ends[1] - ends[0]))
    return np.where((found >= 0) & (found < cells), found, -1).astype(np.int64)


def _write(
    canvas: Pixels, words: Sequence[Words], origin: tuple[float, float], downsample: float
) -> Pixels:
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  25 ms

    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    for each in words[:MOST_LABELS]:
        size = round(each.height / downsample) if each.height > 0 else 2 * SMALLEST_TEXT
        x, y = (each.x - origin[0]) / downsample, (each.y - origin[1]) / downsample
        if size < SMALLEST_TEXT or not (-_BAND < x < image.width and -_BAND < y < image.height):
            continue
        font = ImageFont.load_default(min(size, LARGEST_TEXT))
        text = _in_letters_of_the_font(each.text[:LONGEST_LABEL])
        pen.text(
            (x, y), text, fill=(0, 0, 0), font=font, stroke_width=2, stroke_fill=(255, 255, 255)
        )
    return np.asarray(image)


def _in_letters_of_the_font(text: str) -> str:
    # Pillow's own font has no letters but those of ASCII.
    plain = unicodedata.normalize("NFKD", text.replace("µ", "u").replace("μ", "u"))
    return plain.encode("ascii", "ignore").decode()


def _pairs(geometry: BaseGeometry) -> list[tuple[float, float]]:
    return [(x, y) for x, y in shapely.get_coordinates(geometry).tolist()]


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
