"""What geometries are made of, for formats that have areas, lines and points only."""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature

Pairs = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Parts:
    """The areas, lines and points of a geometry."""

    areas: list[shapely.Polygon]
    lines: list[shapely.LineString]
    points: list[shapely.Point]


def parts_of(geometry: BaseGeometry | None) -> Parts:
    """Return what a geometry is made of, however it is packed.

    Examples
    --------
    >>> len(parts_of(shapely.MultiPoint([(1, 2), (3, 4)])).points)
    2
    """
    parts = Parts([], [], [])
    waiting = [] if geometry is None else [geometry]
    while waiting:
        one = waiting.pop()
        if one.is_empty:
            continue
        if one.geom_type == "Polygon":
            parts.areas.append(one)
        elif one.geom_type == "Point":
            parts.points.append(one)
        elif one.geom_type in {"LineString", "LinearRing"}:
            parts.lines.append(one)
        else:
            waiting.extend(reversed(one.geoms))
    return parts


def is_upright_rectangle(feature: Feature) -> bool:
    """Return whether it is said to be a rectangle and its sides lie along the axes."""
    geometry = feature.geometry
    if feature.kind is not ShapeKind.RECTANGLE or geometry is None:
        return False
    return bool(geometry.equals(shapely.box(*geometry.bounds)))


def is_upright_ellipse(feature: Feature) -> bool:
    """Return whether it is said to be an ellipse and fills its box as one does."""
    geometry = feature.geometry
    if feature.kind is not ShapeKind.ELLIPSE or geometry is None or geometry.is_empty:
        return False
    left, top, right, bottom = geometry.bounds
    expected = 0.7853981633974483 * (right - left) * (bottom - top)
    return expected > 0 and bool(abs(geometry.area / expected - 1) < 0.01)


def pairs_of(geometry: BaseGeometry) -> Pairs:
    """Return the places of a point, line or ring; of a ring the first is not repeated."""
    found = [(x, y) for x, y in shapely.get_coordinates(geometry).tolist()]
    return found[:-1] if geometry.geom_type == "LinearRing" else found


def plain_number(value: float) -> float:
    """Return a whole number as such, so that it is written without a point."""
    return int(value) if float(value).is_integer() else value


def number_text(value: float) -> str:
    """Return a number as short as it can be told exactly.

    Examples
    --------
    >>> number_text(12.0), number_text(0.1)
    ('12', '0.1')
    """
    return repr(plain_number(value))
