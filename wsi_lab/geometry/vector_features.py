# ruff: noqa: C901, PLR0912, PLR0917 - kernels take their arguments by place, and calls within them cost
"""The features of a vector tile, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import compiled, part
from wsi_lab.geometry.packed_vertices import put, put_natural

_POINT, _LINE, _AREA = 1, 2, 3
_HEADER = 48
"""A feature takes at most so many bytes beside its geometry."""
_FARTHEST = 1e15


@part
def _length(value: Any) -> Any:
    """Return how many bytes `put_natural` takes."""
    count = 1
    while value > 127:
        count += 1
        value >>= 7
    return count


@part
def _quantise(
    coordinates: Any, first: Any, end: Any, frame: Any, is_closed: Any, vertices: Any
) -> Any:
    """Write vertices in units of the tile, each only once in a row; return how many."""
    x0, y0, scale = frame
    count = 0
    last_x = last_y = 0
    for vertex in range(first, end):
        x = np.floor((coordinates[vertex, 0] - x0) * scale + 0.5)
        y = np.floor((coordinates[vertex, 1] - y0) * scale + 0.5)
        if not (abs(x) < _FARTHEST and abs(y) < _FARTHEST):
            return 0
        next_x, next_y = int(x), int(y)
        if count == 0 or next_x != last_x or next_y != last_y:
            vertices[count, 0], vertices[count, 1] = next_x, next_y
            last_x, last_y = next_x, next_y
            count += 1
    if is_closed:
        while count > 1 and (
            vertices[0, 0] == vertices[count - 1, 0] and vertices[0, 1] == vertices[count - 1, 1]
        ):
            count -= 1
    return count


@part
def _is_within(vertices: Any, count: Any, low: Any, high: Any) -> Any:
    """Return whether all vertices are within a square."""
    for place in range(count):
        x, y = vertices[place, 0], vertices[place, 1]
        if x < low or x > high or y < low or y > high:
            return False
    return True


@part
def _cut(vertices: Any, axis: Any, limit: Any, sign: Any) -> Any:
    """Return what of a ring is on one side of a line (after Sutherland and Hodgman)."""
    count = 0
    last = len(vertices) - 1
    for place in range(len(vertices)):
        was_inside = (vertices[last, axis] - limit) * sign <= 0
        is_inside = (vertices[place, axis] - limit) * sign <= 0
        if was_inside != is_inside:
            count += 1
        if is_inside:
            count += 1
        last = place
    kept = np.empty((count, 2), np.int64)
    count = 0
    last = len(vertices) - 1
    for place in range(len(vertices)):
        was_inside = (vertices[last, axis] - limit) * sign <= 0
        is_inside = (vertices[place, axis] - limit) * sign <= 0
        if was_inside != is_inside:
            along = (limit - vertices[last, axis]) / (vertices[place, axis] - vertices[last, axis])
            other = vertices[last, 1 - axis]
            step = (vertices[place, 1 - axis] - other) * along
            kept[count, axis] = limit
            kept[count, 1 - axis] = other + int(np.floor(step + 0.5))
            count += 1
        if is_inside:
            kept[count, 0], kept[count, 1] = vertices[place, 0], vertices[place, 1]
            count += 1
        last = place
    return kept


@part
def _clipped(vertices: Any, low: Any, high: Any) -> Any:
    """Return what of a ring is within a square."""
    for axis in range(2):
        for sign, limit in ((-1, low), (1, high)):
            for place in range(len(vertices)):
                if (vertices[place, axis] - limit) * sign > 0:
                    vertices = _cut(vertices, axis, limit, sign)
                    break
    return vertices


@part
def _doubled_area(vertices: Any, count: Any) -> Any:
    """Return twice the area, positive where the ring runs clockwise on the screen."""
    doubled = 0
    last = count - 1
    for place in range(count):
        doubled += vertices[last, 0] * vertices[place, 1] - vertices[place, 0] * vertices[last, 1]
        last = place
    return doubled


@part
def _put_path(
    out: Any, at: Any, vertices: Any, count: Any, cursor: Any, is_closed: Any, is_reversed: Any
) -> Any:
    """Write one part of a geometry, from where the one before it ended."""
    for place in range(count):
        if place == 0:
            out[at] = 9
            at += 1
        elif place == 1:
            at = put_natural(out, at, (count - 1) << 3 | 2)
        vertex = count - 1 - place if is_reversed else place
        for axis in range(2):
            step = vertices[vertex, axis] - cursor[axis]
            cursor[axis] = vertices[vertex, axis]
            at = put(out, at, step)
    if is_closed:
        out[at] = 15
        at += 1
    return at


@part
def _put_line(out: Any, at: Any, vertices: Any, size: Any, cursor: Any, low: Any, high: Any) -> Any:
    """Write what of a line is within a square: the pieces between where it enters and leaves."""
    piece = np.empty((size + 1, 2), np.int64)
    count: Any = np.int64(0)
    is_closed = False
    for place in range(1, size):
        enters, leaves = 0.0, 1.0
        for axis in range(2):
            start, step = (
                vertices[place - 1, axis],
                vertices[place, axis] - vertices[place - 1, axis],
            )
            if step == 0:
                if start < low or start > high:
                    leaves = -1.0
                continue
            one, other = (low - start) / step, (high - start) / step
            enters = max(enters, min(one, other))
            leaves = min(leaves, max(one, other))
        if enters > leaves:
            continue
        if enters > 0.0 or count == 0:
            if count > 1:
                at = _put_path(out, at, piece, count, cursor, is_closed, is_closed)
            for axis in range(2):
                step = vertices[place, axis] - vertices[place - 1, axis]
                piece[0, axis] = vertices[place - 1, axis] + int(np.floor(step * enters + 0.5))
            count = 1
        for axis in range(2):
            step = vertices[place, axis] - vertices[place - 1, axis]
            piece[count, axis] = vertices[place - 1, axis] + int(np.floor(step * leaves + 0.5))
        is_same = piece[count, 0] == piece[count - 1, 0] and piece[count, 1] == piece[count - 1, 1]
        if not is_same:
            count += 1
        if leaves < 1.0:
            if count > 1:
                at = _put_path(out, at, piece, count, cursor, is_closed, is_closed)
            count = 0
    if count > 1:
        at = _put_path(out, at, piece, count, cursor, is_closed, is_closed)
    return at


@part
def _put_points(
    out: Any, at: Any, coordinates: Any, first: Any, end: Any, frame: Any, low: Any, high: Any
) -> Any:
    """Write the points within a square."""
    x0, y0, scale = frame
    for is_writing in range(2):
        count, last_x, last_y = 0, 0, 0
        for vertex in range(first, end):
            x = np.floor((coordinates[vertex, 0] - x0) * scale + 0.5)
            y = np.floor((coordinates[vertex, 1] - y0) * scale + 0.5)
            if not (low <= x <= high and low <= y <= high):
                continue
            count += 1
            if is_writing:
                step_x, step_y = int(x) - last_x, int(y) - last_y
                at = put(out, at, step_x)
                at = put(out, at, step_y)
                last_x, last_y = int(x), int(y)
        if count == 0:
            break
        if not is_writing:
            at = put_natural(out, at, count << 3 | 1)
    return at


@part
def _put_head(out: Any, at: Any, number: Any, value: Any, kind: Any, size: Any) -> Any:
    """Write all of a feature that comes before its geometry."""
    tags = 1 + _length(value) if value >= 0 else 0
    # A byte before each field says which it is; the kind of geometry is two bytes in all.
    head = (1 + _length(number)) + (2 + tags if value >= 0 else 0) + 2 + (1 + _length(size))
    out[at] = 0x12
    at = put_natural(out, at + 1, head + size)
    out[at] = 0x08
    at = put_natural(out, at + 1, number)
    if value >= 0:
        out[at] = 0x12
        at = put_natural(out, at + 1, tags)
        out[at] = 0
        at = put_natural(out, at + 1, value)
    out[at], out[at + 1], out[at + 2] = 0x18, kind, 0x22
    return put_natural(out, at + 3, size)


@compiled("u1[] u1[] f8[,] i8[] u1[] i8[] i4[] i8[] f8 f8 f8 i8 i8 !i8[] !u1[]")
def write_features(
    shown: Any,
    kinds: Any,
    coordinates: Any,
    ring_offsets: Any,
    ring_roles: Any,
    shape_offsets: Any,
    values: Any,
    ids: Any,
    x0: Any,
    y0: Any,
    scale: Any,
    extent: Any,
    buffer: Any,
    progress: Any,
    out: Any,
) -> Any:
    """Write features; return whether all are written.

    `progress` has the shape that is next, how many bytes there are, and, when that is not all,
    how many more are needed.
    """
    low, high = -buffer, extent + buffer
    frame = (x0, y0, scale)
    cursor = np.zeros(2, np.int64)
    longest = 0
    for ring in range(len(ring_roles)):
        longest = max(longest, ring_offsets[ring + 1] - ring_offsets[ring])
    scratch = np.empty((longest, 2), np.int64)
    for shape in range(progress[0], len(kinds)):
        progress[0] = shape
        if not shown[shape]:
            continue
        kind = _POINT if kinds[shape] == 0 else _LINE if kinds[shape] == 1 else _AREA
        at = begin = progress[1] + _HEADER
        cursor[:] = 0
        has_outer = False
        first, end = shape_offsets[shape], shape_offsets[shape + 1]
        if kind == _POINT:
            count = ring_offsets[end] - ring_offsets[first]
            if begin + 20 * count + _HEADER > len(out):
                progress[2] = 20 * count + 2 * _HEADER
                return False
            points = (ring_offsets[first], ring_offsets[end], frame, low, high)
            at = _put_points(out, at, coordinates, *points)
        else:
            for ring in range(first, end):
                if kind == _AREA and ring_roles[ring] and ring > first and not has_outer:
                    continue
                start, stop = ring_offsets[ring], ring_offsets[ring + 1]
                vertices = scratch
                count = _quantise(coordinates, start, stop, frame, kind == _AREA, vertices)
                if kind == _AREA and not _is_within(vertices, count, low, high):
                    vertices = _clipped(vertices[:count].copy(), low, high)
                    count = len(vertices)
                # A line that leaves and enters again begins anew each time.
                needed = 44 * count + 2 * _HEADER
                if at + needed > len(out):
                    progress[2] = needed + at - begin
                    return False
                if kind == _LINE:
                    at = _put_line(out, at, vertices, count, cursor, low, high)
                    continue
                doubled = _doubled_area(vertices, count)
                is_outer = ring_roles[ring] == 0 or ring == first
                if is_outer:
                    has_outer = doubled != 0
                if doubled != 0:
                    is_reversed = (doubled > 0) != is_outer
                    at = _put_path(out, at, vertices, count, cursor, kind == _AREA, is_reversed)
        if at > begin:
            size = at - begin
            to = _put_head(out, progress[1], ids[shape], np.int64(values[shape]), kind, size)
            for place in range(size):
                out[to + place] = out[begin + place]
            progress[1] = to + size
    return True
