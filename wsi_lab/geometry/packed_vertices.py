# ruff: noqa: PLR0917 - kernels take their arguments by place, and calls within them cost
"""Vertices as steps on a grid, each in as few bytes as it needs; compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import compiled, part


@compiled("f8[] f8[]")
def whole(values: Any, scales: Any) -> Any:
    """Return the place of the first scale that makes all values whole, without loss, or -1."""
    for place in range(len(scales)):
        scale = scales[place]
        vertex = 0
        while vertex < len(values) and np.rint(values[vertex] * scale) / scale == values[vertex]:
            vertex += 1
        if vertex == len(values):
            return place
    return -1


@part
def put_natural(out: Any, at: Any, value: Any) -> Any:
    """Write a whole number from 0 on in as few bytes as it needs; return where it ends."""
    while value > 127:
        out[at] = (value & 127) | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@part
def put(out: Any, at: Any, value: Any) -> Any:
    """Write a whole number of either sign in as few bytes as it needs; return where it ends."""
    return put_natural(out, at, (value << 1) ^ (value >> 63))


@part
def number_at(data: Any, at: Any, end: Any) -> Any:
    """Return where a number that `put` wrote ends (-1: it is none), and the number."""
    value, shift = np.int64(0), 0
    while at < end and data[at] > 127 and shift < 56:
        value |= (np.int64(data[at]) & 127) << shift
        shift += 7
        at += 1
    if at >= end or data[at] > 127:
        return -1, value
    value |= np.int64(data[at]) << shift
    return at + 1, (value >> 1) ^ -(value & 1)


@compiled("f8[,] i8[] i8[] i8[] f8 i8 i8 !i8[] !u1[]")
def encode(
    coordinates: Any,
    rings: Any,
    ring_starts: Any,
    ring_sizes: Any,
    scale: Any,
    left: Any,
    top: Any,
    sizes: Any,
    out: Any,
) -> Any:
    """Write the vertices of shapes, each beginning at the origin; return how many bytes."""
    at = ring = 0
    for shape in range(len(rings)):
        begin, x, y = at, left, top
        for _ in range(rings[shape]):
            for vertex in range(ring_starts[ring], ring_starts[ring] + ring_sizes[ring]):
                next_x = np.int64(np.rint(coordinates[vertex, 0] * scale))
                next_y = np.int64(np.rint(coordinates[vertex, 1] * scale))
                at = put(out, at, next_x - x)
                at = put(out, at, next_y - y)
                x, y = next_x, next_y
            ring += 1
        sizes[shape] = at - begin
    return at


@compiled("u1[] i8[] i8[] i8[] i8[] f8 i8 i8 !f8[,]")
def decode(
    data: Any,
    starts: Any,
    ends: Any,
    rings: Any,
    ring_sizes: Any,
    scale: Any,
    left: Any,
    top: Any,
    coordinates: Any,
) -> Any:
    """Read the vertices of shapes; return whether they were as they should be."""
    ring = vertex = 0
    for shape in range(len(starts)):
        at, end = starts[shape], ends[shape]
        x, y = left, top
        count = 0
        for _ in range(rings[shape]):
            count += ring_sizes[ring]
            ring += 1
        for _ in range(count):
            for axis in range(2):
                at, step = number_at(data, at, end)
                if at < 0:
                    return False
                if axis == 0:
                    x += step
                else:
                    y += step
            coordinates[vertex, 0] = x / scale
            coordinates[vertex, 1] = y / scale
            vertex += 1
        if at != end:
            return False
    return True
