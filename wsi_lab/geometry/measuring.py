# ruff: noqa: PLR0917 - kernels take their arguments by place, and calls within them cost
"""Boxes and areas of very many shapes."""

from __future__ import annotations

from typing import Any

from wsi_lab.geometry.compiled import compiled


@compiled("u1[] f8[,] i8[] u1[] i8[] !f8[,] !f8[]")
def measure(
    areal: Any,
    coordinates: Any,
    ring_offsets: Any,
    ring_roles: Any,
    shape_offsets: Any,
    boxes: Any,
    areas: Any,
) -> None:
    """Write ``(left, top, right, bottom)``, NaN where empty, and the area without holes."""
    for shape in range(len(areal)):
        left = top = right = bottom = float("nan")
        area = 0.0
        for ring in range(shape_offsets[shape], shape_offsets[shape + 1]):
            first, end = ring_offsets[ring], ring_offsets[ring + 1]
            if first == end:
                continue
            x0, y0 = coordinates[first, 0], coordinates[first, 1]
            doubled = 0.0
            # Measured from the first vertex: far from the origin little is lost to rounding.
            last_x, last_y = coordinates[end - 1, 0] - x0, coordinates[end - 1, 1] - y0
            for vertex in range(first, end):
                x, y = coordinates[vertex, 0], coordinates[vertex, 1]
                if not left <= x:
                    left = x
                if not top <= y:
                    top = y
                if not right >= x:
                    right = x
                if not bottom >= y:
                    bottom = y
                x -= x0
                y -= y0
                doubled += last_x * y - x * last_y
                last_x, last_y = x, y
            if areal[shape]:
                sign = -0.5 if ring_roles[ring] else 0.5
                area += sign * abs(doubled)
        boxes[shape, 0], boxes[shape, 1] = left, top
        boxes[shape, 2], boxes[shape, 3] = right, bottom
        areas[shape] = max(area, 0.0)
