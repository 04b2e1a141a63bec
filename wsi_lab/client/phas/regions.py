"""Sampling ROIs as shapes: polygons and trapezoids, in level-0 pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    from PIL import Image

Point = tuple[float, float]

_FORMS = (
    'A sampling ROI is {"type": "polygon", "data": [[x, y], …]} or '
    '{"type": "trapezoid", "data": [[x, y, w], [x, y, w]]}, with finite numbers.'
)


def corners(geometry: Mapping[str, Any]) -> list[Point]:
    """Return the vertices of a sampling ROI, in order.

    Examples
    --------
    >>> corners({"type": "trapezoid", "data": [[0, 0, 1], [4, 0, 2]]})
    [(0.0, 1.0), (0.0, -1.0), (4.0, -2.0), (4.0, 2.0)]
    """
    rows = _numbers(geometry)
    if geometry["type"] == "polygon":
        return [(row[0], row[1]) for row in rows]
    (x1, y1, w1), (x2, y2, w2) = rows
    length = math.hypot(x2 - x1, y2 - y1)
    if length == 0:
        raise Invalid("The two sides of this trapezoid lie in one place.")
    u, v = (y1 - y2) / length, (x2 - x1) / length
    return [
        (x1 + w1 * u, y1 + w1 * v),
        (x1 - w1 * u, y1 - w1 * v),
        (x2 - w2 * u, y2 - w2 * v),
        (x2 + w2 * u, y2 + w2 * v),
    ]


def box(geometry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return ``(left, top, right, bottom)`` around a sampling ROI.

    Examples
    --------
    >>> box({"type": "polygon", "data": [[3, 1], [9, 5], [4, 8]]})
    (3.0, 1.0, 9.0, 8.0)
    """
    xs, ys = zip(*corners(geometry), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def shifted(geometry: Mapping[str, Any], dx: float, dy: float) -> dict[str, Any]:
    """Return the same sampling ROI elsewhere.

    Examples
    --------
    >>> shifted({"type": "trapezoid", "data": [[0, 0, 1], [4, 0, 2]]}, 10, 5)["data"]
    [(10.0, 5.0, 1.0), (14.0, 5.0, 2.0)]
    """
    moved = [(row[0] + dx, row[1] + dy, *row[2:]) for row in _numbers(geometry)]
    return {**geometry, "data": moved}


def draw(
    image: Image.Image, geometry: Mapping[str, Any], scale: float = 1.0, *, is_outlined: bool
) -> None:
    """Fill a sampling ROI with white.

    Parameters
    ----------
    scale
        Pixels of the image per level-0 pixel.
    is_outlined
        Whether its outline is drawn as well, which covers more pixels at its border.
    """
    from PIL import ImageDraw  # noqa: PLC0415 (only for those who draw)

    vertices = [(x * scale, y * scale) for x, y in corners(geometry)]
    outline = 255 if is_outlined else None
    ImageDraw.Draw(image).polygon(vertices, fill=255, outline=outline)


def _numbers(geometry: Mapping[str, Any]) -> list[tuple[float, ...]]:
    try:
        kind, data = geometry["type"], geometry["data"]
        rows = [tuple(float(each) for each in row) for row in data]
    except (TypeError, ValueError, LookupError) as error:
        raise Invalid(_FORMS) from error
    is_polygon = kind == "polygon" and len(rows) >= 2 and all(len(row) in {2, 3} for row in rows)
    is_trapezoid = kind == "trapezoid" and [len(row) for row in rows] == [3, 3]
    if not (is_polygon or is_trapezoid) or not all(math.isfinite(n) for row in rows for n in row):
        raise Invalid(_FORMS)
    return rows
