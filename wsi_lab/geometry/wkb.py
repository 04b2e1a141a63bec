# ruff: noqa: C901, PLR0911, PLR0912, PLR0915, PLR0917 - kernels take their arguments by place, and calls within them cost
"""Very many shapes as well-known binary, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import compiled, part

POINT, LINE, POLYGON = 1, 2, 3
MULTI = 3
"""What the code of several is more than that of one."""
COLLECTION = 7


@part
def number(data: Any, at: Any, is_big: Any) -> Any:
    """Return four bytes as a whole number."""
    value: Any = 0
    for place in range(4):
        shift = 24 - 8 * place if is_big else 8 * place
        value |= np.int64(data[at + place]) << shift
    return value


@part
def put_number(data: Any, at: Any, value: Any) -> None:
    """Write a whole number as four bytes."""
    for place in range(4):
        data[at + place] = (value >> (8 * place)) & 255


@part
def copy_vertices(
    data: Any, at: Any, count: Any, width: Any, is_big: Any, out: Any, to: Any
) -> None:
    """Copy x and y of vertices, whose ordinates lie in the other order of bytes if need be."""
    for vertex in range(count):
        source, target = at + vertex * 8 * width, to + vertex * 16
        for place in range(16):
            from_place = (place & 8) | (7 - (place & 7)) if is_big else place
            out[target + place] = data[source + from_place]


@part
def is_nowhere(data: Any, at: Any, is_big: Any) -> Any:
    """Return whether an ordinate is no number, as those of an empty point are."""
    first, second = (data[at], data[at + 1]) if is_big else (data[at + 7], data[at + 6])
    return first & 0x7F == 0x7F and second & 0xF0 == 0xF0


@part
def is_repeated(data: Any, at: Any, count: Any, width: Any) -> Any:
    """Return whether the last vertex is where the first is."""
    last = at + (count - 1) * 8 * width
    for place in range(16):  # noqa: SIM110 - numba has no all()
        if data[at + place] != data[last + place]:
            return False
    return True


@compiled("u1[] i8[] i8 !u1[] !u1[] !i8[] !u1[] !i8[] !i8[]")
def read_wkb(
    data: Any,
    offsets: Any,
    is_filling: Any,
    dimensions: Any,
    coordinates: Any,
    ring_offsets: Any,
    ring_roles: Any,
    shape_offsets: Any,
    totals: Any,
) -> Any:
    """Count rings and vertices, or write them; return the place of a shape that is not plain.

    -1 says that all are. Not plain are shapes that are damaged, of curves, or of both lines and
    areas. `dimensions` are 1, 2, 3 as the codes of points, lines and polygons, 0 if empty.
    """
    rings = vertices = 0
    for shape in range(len(offsets) - 1):
        at, end = offsets[shape], offsets[shape + 1]
        if at < 0 or end > len(data) or at > end:
            return shape
        dimension = 0
        left = 0 if at == end else 1
        while left > 0:
            left -= 1
            if end - at < 9 or data[at] > 1:
                return shape
            is_big = data[at] == 0
            code = number(data, at + 1, is_big)
            at += 5
            width = 2 + (code >> 31 & 1) + (code >> 30 & 1)
            if code >> 29 & 1:
                at += 4
            code &= 0x1FFFFFFF
            width += (code // 1000 + 1) // 2 if code < 4000 else 0
            kind = code % 1000
            if code >= 4000 or kind < POINT or kind > COLLECTION or width > 4:
                return shape
            parts = 1
            if kind != POINT:
                if end - at < 4:
                    return shape
                parts = number(data, at, is_big)
                at += 4
            if kind > POLYGON:
                if parts > (end - at) // 9:
                    return shape
                left += parts
                continue
            if parts == 0:
                continue
            if dimension not in (0, kind):
                return shape
            dimension = kind
            for place in range(parts if kind == POLYGON else 1):
                count = 1
                if kind == LINE:
                    count = parts
                elif kind == POLYGON:
                    if end - at < 4:
                        return shape
                    count = number(data, at, is_big)
                    at += 4
                if count > (end - at) // (8 * width):
                    return shape
                kept = count
                if kind == POLYGON and count > 1 and is_repeated(data, at, count, width):
                    kept -= 1
                elif kind == POINT and is_nowhere(data, at, is_big):
                    kept = 0
                if kept > 0:
                    if is_filling:
                        copy_vertices(data, at, kept, width, is_big, coordinates, vertices * 16)
                        ring_roles[rings] = place > 0
                        ring_offsets[rings + 1] = vertices + kept
                    vertices += kept
                    rings += 1
                at += count * 8 * width
        if at != end:
            return shape
        if is_filling:
            dimensions[shape] = dimension
            shape_offsets[shape + 1] = rings
    totals[0], totals[1] = rings, vertices
    return -1


@compiled("u1[] u1[] i8[] u1[] i8[] i8 !i8[] !u1[]")
def write_wkb(
    dimensions: Any,
    coordinates: Any,
    ring_offsets: Any,
    ring_roles: Any,
    shape_offsets: Any,
    is_filling: Any,
    offsets: Any,
    out: Any,
) -> None:
    """Write where each shape begins, or the shapes themselves."""
    at = 0
    for shape in range(len(dimensions)):
        kind = dimensions[shape]
        first, end = shape_offsets[shape], shape_offsets[shape + 1]
        parts = 0
        for ring in range(first, end):
            is_part = kind != POLYGON or ring_roles[ring] == 0 or parts == 0
            if ring_offsets[ring] < ring_offsets[ring + 1] and is_part:
                parts += 1
        if parts != 1:
            if is_filling:
                out[at] = 1
                put_number(out, at + 1, kind + MULTI)
                put_number(out, at + 5, parts)
            at += 9
        rings, count_at = 0, 0
        for ring in range(first, end):
            start, count = ring_offsets[ring], ring_offsets[ring + 1] - ring_offsets[ring]
            if count == 0:
                continue
            if kind != POLYGON or ring_roles[ring] == 0 or rings == 0:
                if is_filling:
                    out[at] = 1
                    put_number(out, at + 1, kind)
                at += 5
                rings = 0
                if kind == POLYGON:
                    count_at = at
                    at += 4
            rings += 1
            # A ring ends where it begins, and has four vertices if it has any.
            written = count if kind != POLYGON else max(count + 1, 4)
            if kind != POINT:
                if is_filling:
                    put_number(out, at, written)
                    if kind == POLYGON:
                        put_number(out, count_at, rings)
                at += 4
            if kind == POINT:
                written = 1
            if is_filling:
                for vertex in range(written):
                    source = (start + (vertex if vertex < count else 0)) * 16
                    for place in range(16):
                        out[at + vertex * 16 + place] = coordinates[source + place]
            at += written * 16
        offsets[shape + 1] = at
