"""Shapes that came from elsewhere, in Slide Score's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import Shape, ShapeKind

ELLIPSE_CORNERS = 64
"""Of the polygon that stands for an ellipse; it is 0.2 % of the radius off at most."""

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A grid of values over a rectangle of a slide.

    Attributes
    ----------
    values
        ``(rows, columns) uint8``; 0 is transparent.
    x, y
        Top left corner, in level-0 pixels.
    width, height
        Of the rectangle, in level-0 pixels; `None` where it reaches to the slide's edge.
    """

    values: NDArray[np.uint8]
    x: float = 0.0
    y: float = 0.0
    width: float | None = None
    height: float | None = None


def value_of(originals: Iterable[str]) -> str:
    """Return the JSON array of an answer that has these shapes.

    Examples
    --------
    >>> value_of(['{"x": 1, "y": 2}', '{"x": 3, "y": 4}'])
    '[{"x": 1, "y": 2},{"x": 3, "y": 4}]'
    """
    return "[" + ",".join(originals) + "]"


def shape_text(
    kind: ShapeKind,
    geometry: BaseGeometry | None,
    *,
    modified_on: datetime | None = None,
    heat_map: HeatMap | None = None,
    extra: Mapping[str, Any] | None = None,
    exact: bool = False,
) -> str:
    """Return the JSON object of a shape that did not come as one.

    Parameters
    ----------
    geometry
        In level-0 pixels. Polygons with holes, and several in one, become a brush.
    modified_on
        When it was drawn, in UTC.
    heat_map
        What a heat map shows; it has no need of a geometry.
    extra
        Further keys.
    exact
        Whether coordinates are told to the last bit; else to a ten-thousandth of a pixel.

    Raises
    ------
    Invalid
        There is nothing to draw.

    Examples
    --------
    >>> shape_text(ShapeKind.RECTANGLE, shapely.box(1, 2, 4, 8))
    '{"type":"rect","corner":{"x":1,"y":2},"size":{"x":3,"y":6}}'
    """
    number = _exact if exact else _number
    said = _heat_map_words(heat_map) if heat_map is not None else _words(kind, geometry, number)
    if modified_on is not None:
        moment = modified_on.astimezone(UTC).isoformat(timespec="milliseconds")
        said["modifiedOn"] = moment.replace("+00:00", "Z")
    return _json.encode({**said, **(extra or {})}).decode()


def shape_with_text(
    kind: ShapeKind, geometry: BaseGeometry, extra: Mapping[str, Any] | None = None
) -> Shape:
    """Return a shape that did not come as a JSON object, with the object it is told as.

    What is drawn with holes or in several parts is a brush, whatever it was called elsewhere.
    """
    if kind is ShapeKind.POLYGON and _needs_brush(geometry):
        kind = ShapeKind.BRUSH
    return Shape(kind, geometry, shape_text(kind, geometry, extra=extra))


def ellipse_outline(x: float, y: float, half_width: float, half_height: float) -> BaseGeometry:
    """Return the polygon that stands for an ellipse."""
    turn = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)
    outline = np.column_stack((x + half_width * np.cos(turn), y + half_height * np.sin(turn)))
    polygon: BaseGeometry = shapely.Polygon(outline)
    return polygon


def _words(
    kind: ShapeKind, geometry: BaseGeometry | None, number: Callable[[float], float]
) -> dict[str, Any]:
    if geometry is None or geometry.is_empty:
        raise Invalid("A shape without coordinates cannot be told in Slide Score's words.")
    if kind is ShapeKind.POINT:
        return _points(geometry, number)[0]
    left, top, right, bottom = geometry.bounds
    if kind is ShapeKind.RECTANGLE:
        size = _point(right - left, bottom - top, number)
        return {"type": "rect", "corner": _point(left, top, number), "size": size}
    if kind is ShapeKind.ELLIPSE:
        half_axes = _point((right - left) / 2, (bottom - top) / 2, number)
        centre = _point((left + right) / 2, (top + bottom) / 2, number)
        return {"type": "ellipse", "center": centre, "size": half_axes}
    if kind is ShapeKind.POLYLINE:
        return {"type": "polyline", "points": _points(geometry, number)}
    if kind is ShapeKind.BRUSH or _needs_brush(geometry):
        parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
        holes = [_ring(hole, number) for part in parts for hole in part.interiors]
        outlines = [_ring(part.exterior, number) for part in parts]
        return {"type": "brush", "positivePolygons": outlines, "negativePolygons": holes}
    if geometry.geom_type == "Polygon":
        return {"type": "polygon", "points": _ring(geometry.exterior, number)}
    return {"type": "polygon", "points": _points(geometry, number)}


def _needs_brush(geometry: BaseGeometry) -> bool:
    return geometry.geom_type == "MultiPolygon" or (
        geometry.geom_type == "Polygon" and len(geometry.interiors) > 0
    )


def _heat_map_words(heat_map: HeatMap) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "heatmap", **_point(heat_map.x, heat_map.y, _number)}
    rows, columns = heat_map.values.shape
    if heat_map.height is not None:
        said["height"] = _number(heat_map.height)
        square = heat_map.width is None or np.isclose(
            heat_map.width * rows, heat_map.height * columns
        )
        if not square and heat_map.width is not None:
            said["width"] = _number(heat_map.width)
    return {**said, "data": heat_map.values.tolist()}


def _ring(ring: BaseGeometry, number: Callable[[float], float]) -> list[dict[str, float]]:
    # Slide Score closes outlines by itself.
    return _points(ring, number)[:-1]


def _points(geometry: BaseGeometry, number: Callable[[float], float]) -> list[dict[str, float]]:
    return [_point(x, y, number) for x, y in shapely.get_coordinates(geometry).tolist()]


def _point(x: float, y: float, number: Callable[[float], float]) -> dict[str, float]:
    return {"x": number(x), "y": number(y)}


def _number(value: float) -> float:
    return int(value) if float(value).is_integer() else round(float(value), 4)


def _exact(value: float) -> float:
    return int(value) if value.is_integer() else value
