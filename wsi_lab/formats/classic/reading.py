"""Drawn answers as they come: what each shape is, and where it lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import TooLarge
from wsi_lab.formats.classic.writing import HeatMap, ellipse_outline
from wsi_lab.formats.safe import json_objects
from wsi_lab.model.annotation import FARTHEST, Shape, ShapeKind
from wsi_lab.model.question import QuestionKind

MOST_SHAPES = 1_000_000
MOST_VERTICES = 5_000_000

_decoder = msgspec.json.Decoder()

_KINDS = {
    "polygon": ShapeKind.POLYGON,
    "polyline": ShapeKind.POLYLINE,
    "rect": ShapeKind.RECTANGLE,
    "ellipse": ShapeKind.ELLIPSE,
    "brush": ShapeKind.BRUSH,
    "heatmap": ShapeKind.HEATMAP,
}


@dataclass(frozen=True, slots=True)
class Label:
    """Words written beside a shape.

    Attributes
    ----------
    x, y, font_size
        In level-0 pixels.
    always
        Whether it is shown even when nobody points at the shape.
    """

    text: str
    x: float
    y: float
    font_size: float
    always: bool


def parse_shapes(text: str | bytes, kind: QuestionKind) -> list[Shape]:
    """Return the shapes of an answer, each with the text it came as.

    What has no coordinates, or ones that lie on no slide, has no geometry; what is of a type
    nobody knows is kept as `ShapeKind.OTHER`.

    Parameters
    ----------
    kind
        What was asked for; it says what an object without ``type`` is.

    Raises
    ------
    Invalid
        It is no JSON array of objects, or holds a number that is not finite.
    TooLarge
        It has more than `MOST_SHAPES` shapes or `MOST_VERTICES` vertices.

    Examples
    --------
    >>> parse_shapes('[{"x": 10, "y": 1.50}]', QuestionKind.ANNO_POINTS)[0].original
    '{"x": 10, "y": 1.50}'
    """
    originals = json_objects(text)
    if len(originals) > MOST_SHAPES:
        raise TooLarge(f"An annotation may have at most {MOST_SHAPES:,} shapes.")
    if '"type"' not in (text if isinstance(text, str) else text.decode(errors="replace")):
        points = _all_points(originals)
        if points is not None:
            return points
    shapes = []
    vertices = 0
    for original in originals:
        shape = _shape(original, kind)
        vertices += 0 if shape.geometry is None else shapely.get_num_coordinates(shape.geometry)
        if vertices > MOST_VERTICES:
            raise TooLarge(f"An annotation may have at most {MOST_VERTICES:,} vertices.")
        shapes.append(shape)
    return shapes


def heat_map_of(shape: Shape) -> HeatMap | None:
    """Return what a heat map shows, or `None` where it is none or is not well made."""
    if shape.kind is not ShapeKind.HEATMAP:
        return None
    return _heat_map(_decoder.decode(shape.original))


def labels_of(shape: Shape) -> list[Label]:
    """Return what is written beside a shape."""
    if "label" not in shape.original:
        return []
    said = _decoder.decode(shape.original)
    labels = said.get("labels")
    found = []
    for item in labels if isinstance(labels, list) else []:
        if not isinstance(item, dict):
            continue
        # Both spellings, and both words for the text, are found in real studies.
        lowered = {key.lower(): value for key, value in item.items()}
        text = lowered.get("label", lowered.get("name"))
        place = _pair(lowered, "x", "y")
        size = _number(lowered.get("fontsize"))
        if isinstance(text, str) and text and place is not None:
            always = str(lowered.get("whentoshow", "always")).lower() != "mouseover"
            found.append(Label(text, *place, size or 0.0, always))
    return found


class _Point(msgspec.Struct, gc=False):
    x: float
    y: float


_point_decoder = msgspec.json.Decoder(_Point)


def _all_points(originals: list[str]) -> list[Shape] | None:
    """Return them as points if they all are; a million at once take no longer than a second."""
    try:
        found = [_point_decoder.decode(original) for original in originals]
    except msgspec.MsgspecError:
        return None
    places = np.array([(point.x, point.y) for point in found], np.float64).reshape(-1, 2)
    if np.any(np.abs(places) > FARTHEST):
        return None
    return [
        Shape(ShapeKind.POINT, geometry, original)
        for geometry, original in zip(shapely.points(places), originals, strict=True)
    ]


def _shape(original: str, asked: QuestionKind) -> Shape:
    said = _decoder.decode(original)
    kind = _kind(said, asked)
    try:
        geometry = _geometry(kind, said)
    except (shapely.errors.ShapelyError, ValueError):
        # Such as an outline of which all corners are one.
        geometry = None
    return Shape(kind, geometry, original)


def _kind(said: dict[str, Any], asked: QuestionKind) -> ShapeKind:
    word = said.get("type")
    if isinstance(word, str):
        return _KINDS.get(word.lower(), ShapeKind.OTHER)
    if "points" in said:
        return ShapeKind.POLYLINE if asked is QuestionKind.ANNO_MEASURE else ShapeKind.POLYGON
    return ShapeKind.POINT if "x" in said and "y" in said else ShapeKind.OTHER


def _geometry(kind: ShapeKind, said: dict[str, Any]) -> BaseGeometry | None:
    match kind:
        case ShapeKind.POINT:
            place = _pair(said, "x", "y")
            return None if place is None else shapely.Point(place)
        case ShapeKind.POLYGON | ShapeKind.POLYLINE:
            path = _path(said.get("points"))
            return None if path is None else _of_path(path, closed=kind is ShapeKind.POLYGON)
        case ShapeKind.RECTANGLE:
            return _rectangle(said)
        case ShapeKind.ELLIPSE:
            return _ellipse(said)
        case ShapeKind.BRUSH:
            return _brush(said)
        case ShapeKind.HEATMAP:
            found = _heat_map(said)
            if found is None or found.width is None or found.height is None:
                return None
            return shapely.box(found.x, found.y, found.x + found.width, found.y + found.height)
    return None


def _of_path(path: NDArray[np.float64], *, closed: bool) -> BaseGeometry:
    # What somebody let go after one or two clicks is still somewhere.
    if len(path) == 1:
        return shapely.Point(path[0])
    if len(path) == 2 or not closed:
        return shapely.LineString(path)
    return shapely.Polygon(path)


def _rectangle(said: dict[str, Any]) -> BaseGeometry | None:
    corner, size = _pair(said.get("corner"), "x", "y"), _pair(said.get("size"), "x", "y")
    if corner is None or size is None:
        return None
    (left, right), (top, bottom) = (
        sorted((start, start + length)) for start, length in zip(corner, size, strict=True)
    )
    return shapely.box(left, top, right, bottom)


def _ellipse(said: dict[str, Any]) -> BaseGeometry | None:
    centre, half_axes = _pair(said.get("center"), "x", "y"), _pair(said.get("size"), "x", "y")
    if centre is None or half_axes is None:
        # The documentation's form: the centre, and the whole width and height.
        centre, axes = _pair(said, "x", "y"), _pair(said, "width", "height")
        if centre is None or axes is None:
            return None
        half_axes = (axes[0] / 2, axes[1] / 2)
    return ellipse_outline(*centre, abs(half_axes[0]), abs(half_axes[1]))


def _brush(said: dict[str, Any]) -> BaseGeometry | None:
    outlines = _outlines(said.get("positivePolygons"))
    holes = _outlines(said.get("negativePolygons"))
    if not outlines:
        return None
    if holes:
        outlines = _with_holes(outlines, holes)
    return outlines[0] if len(outlines) == 1 else shapely.MultiPolygon(outlines)


def _with_holes(
    outlines: list[shapely.Polygon], holes: list[shapely.Polygon]
) -> list[shapely.Polygon]:
    """Return the outlines, each with the holes that lie in it."""
    rings: list[list[shapely.LinearRing]] = [[] for _ in outlines]
    inside = shapely.point_on_surface(np.array(holes))
    which, where = shapely.STRtree(outlines).query(inside, predicate="within")
    claimed = set()
    for hole, outline in sorted(
        zip(which.tolist(), where.tolist(), strict=True), key=lambda pair: outlines[pair[1]].area
    ):
        # Where outlines lie over each other, a hole is the smallest one's.
        if hole not in claimed:
            claimed.add(hole)
            rings[outline].append(holes[hole].exterior)
    return [
        shapely.Polygon(outline.exterior, own) for outline, own in zip(outlines, rings, strict=True)
    ]


def _outlines(said: Any) -> list[shapely.Polygon]:
    if not isinstance(said, list):
        return []
    paths = (_path(item) for item in said)
    return [shapely.Polygon(path) for path in paths if path is not None and len(path) >= 3]


def _heat_map(said: dict[str, Any]) -> HeatMap | None:
    rows = said.get("data")
    try:
        values = np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        return None
    if values.ndim != 2 or not values.size:
        return None
    grid = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    x, y = _number(said.get("x")) or 0.0, _number(said.get("y")) or 0.0
    width, height = _length(said, "width"), _length(said, "height")
    scale = _length(said, "downscale")
    row_count, column_count = grid.shape
    if width is None and height is None and scale is not None:
        width, height = column_count * scale, row_count * scale
    elif height is not None and width is None:
        width = height / row_count * column_count
    elif width is not None and height is None:
        height = width / column_count * row_count
    return HeatMap(grid, x, y, width, height)


def _path(said: Any) -> NDArray[np.float64] | None:
    if not isinstance(said, list) or not said:
        return None
    places = [_pair(item, "x", "y") for item in said]
    known = [place for place in places if place is not None]
    return np.array(known) if known and len(known) == len(places) else None


def _pair(said: Any, first: str, second: str) -> tuple[float, float] | None:
    if not isinstance(said, dict):
        return None
    one, other = _number(said.get(first)), _number(said.get(second))
    return None if one is None or other is None else (one, other)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and abs(value) <= FARTHEST else None


def _length(said: dict[str, Any], name: str) -> float | None:
    value = _number(said.get(name))
    return value if value is not None and value > 0 else None
