# ruff: noqa: C901, PLR0912, PLR0917 - kernels take their arguments by place, and calls within them cost
"""Single shapes drawn into a canvas, compiled.

Areas are filled by parity: every edge flips the pixel right of it in each row, and what is right
of an odd number of flips is inside. That needs no sorting and no list of edges, so that a million
vertices cost no memory, and areas that share a border share no pixel.

A canvas is rows of bytes; with a depth of 2, two of them are a pixel. Vertices are in pixels of
the canvas.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import part


@part
def within(value: Any, low: Any, high: Any) -> Any:
    """Return the nearest whole number of a range; comparing comes before converting."""
    return int(min(max(value, float(low)), float(high)))


@part
def write(canvas: Any, depth: Any, row: Any, column: Any, value: Any) -> None:
    """Write a pixel, if the canvas has it."""
    if 0 <= row < canvas.shape[0] and 0 <= column * depth < canvas.shape[1]:
        canvas[row, column * depth] = value & 255
        if depth == 2:
            canvas[row, column * depth + 1] = value >> 8


@part
def fill(
    canvas: Any,
    depth: Any,
    value: Any,
    xs: Any,
    ys: Any,
    ring_sizes: Any,
    rings: Any,
    box: Any,
    flips: Any,
) -> None:
    """Fill an area of rings, those within others being holes."""
    rows, width = canvas.shape[0], canvas.shape[1] // depth
    first_column = within(np.ceil(box[0] - 0.5), 0, width)
    end_column = within(np.ceil(box[2] - 0.5), 0, width)
    first_row = within(np.ceil(box[1] - 0.5), 0, rows)
    end_row = within(np.ceil(box[3] - 0.5), 0, rows)
    if first_column >= end_column:
        return
    band = flips.shape[0]
    for start in range(first_row, end_row, band):
        stop = min(start + band, end_row)
        end = 0
        for ring in range(rings[0], rings[1]):
            first, end = end, end + ring_sizes[ring]
            if first == end:
                continue
            xa, ya = xs[end - 1], ys[end - 1]
            for vertex in range(first, end):
                xb, yb = xs[vertex], ys[vertex]
                # Both areas that an edge is part of see it begin at its upper end.
                if ya <= yb:
                    upper_x, upper_y, lower_x, lower_y = xa, ya, xb, yb
                else:
                    upper_x, upper_y, lower_x, lower_y = xb, yb, xa, ya
                xa, ya = xb, yb
                row = within(np.ceil(upper_y - 0.5), start, stop)
                last = within(np.ceil(lower_y - 0.5), start, stop)
                if row >= last:
                    continue
                slope = (lower_x - upper_x) / (lower_y - upper_y)
                while row < last:
                    x = upper_x + (row + 0.5 - upper_y) * slope
                    column = within(np.ceil(x - 0.5), first_column, end_column)
                    if column < end_column:
                        flips[row - start, column] ^= 1
                    row += 1
        for row in range(start, stop):
            inside = 0
            for column in range(first_column, end_column):
                inside ^= flips[row - start, column]
                flips[row - start, column] = 0
                if inside:
                    canvas[row, column * depth] = value & 255
                    if depth == 2:
                        canvas[row, column * depth + 1] = value >> 8


@part
def stroke(
    canvas: Any, depth: Any, value: Any, thickness: Any, xa: Any, ya: Any, xb: Any, yb: Any
) -> None:
    """Draw one edge, a pixel for each row or column it passes, whichever are more."""
    rows, width = canvas.shape[0], canvas.shape[1] // depth
    is_steep = abs(yb - ya) > abs(xb - xa)
    if is_steep:
        xa, ya, xb, yb, rows, width = ya, xa, yb, xb, width, rows
    if xa > xb:
        xa, ya, xb, yb = xb, yb, xa, ya
    if not (xb >= 0 and xa < width):
        return
    slope = (yb - ya) / (xb - xa) if xb > xa else 0.0
    before = (thickness - 1) // 2
    for along in range(within(np.floor(xa), 0, width), within(np.floor(xb), -1, width - 1) + 1):
        x = min(max(along + 0.5, xa), xb)
        y = np.floor(ya + (x - xa) * slope)
        if not -thickness <= y <= rows + thickness:
            continue
        across = int(y) - before
        for place in range(across, across + thickness):
            if is_steep:
                write(canvas, depth, along, place, value)
            else:
                write(canvas, depth, place, along, value)


@part
def outline(
    canvas: Any,
    depth: Any,
    value: Any,
    thickness: Any,
    xs: Any,
    ys: Any,
    ring_sizes: Any,
    rings: Any,
    is_area: Any,
) -> None:
    """Draw the edges of a shape; those of areas lead back to where they began."""
    rows, width = canvas.shape[0], canvas.shape[1] // depth
    end = 0
    for ring in range(rings[0], rings[1]):
        first, end = end, end + ring_sizes[ring]
        if first == end:
            continue
        last = end - 1 if is_area else first
        xa, ya = xs[last], ys[last]
        for vertex in range(first, end):
            xb, yb = xs[vertex], ys[vertex]
            # The ends of a short edge are in neighbouring pixels, and need none between.
            if thickness == 1 and abs(xb - xa) < 1.0 and abs(yb - ya) < 1.0:
                if 0 <= xb < width and 0 <= yb < rows:
                    write(canvas, depth, int(yb), int(xb), value)
            else:
                stroke(canvas, depth, value, thickness, xa, ya, xb, yb)
            xa, ya = xb, yb


@part
def disc(canvas: Any, depth: Any, inside: Any, edge: Any, x: Any, y: Any, radius: Any) -> None:
    """Draw a point: a disc with an outline, or the pixel it is in."""
    rows, width = canvas.shape[0], canvas.shape[1] // depth
    if not (-radius <= x <= width + radius and -radius <= y <= rows + radius):
        return
    if radius <= 0.5:
        value = edge if edge else inside
        if x >= 0 and y >= 0:
            write(canvas, depth, int(y), int(x), value)
        return
    inner = max(radius - 1.0, 0.0)
    for row in range(int(np.floor(y - radius)), int(np.floor(y + radius)) + 1):
        for column in range(int(np.floor(x - radius)), int(np.floor(x + radius)) + 1):
            apart = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2
            if apart <= radius * radius:
                value = edge if edge and apart > inner * inner else inside
                if value:
                    write(canvas, depth, row, column, value)


@part
def draw_shape(
    canvas: Any,
    depth: Any,
    kind: Any,
    inside: Any,
    edge: Any,
    xs: Any,
    ys: Any,
    count: Any,
    ring_sizes: Any,
    rings: Any,
    thickness: Any,
    radius: Any,
    dots: Any,
    flips: Any,
) -> None:
    """Draw a shape of so many vertices, the rings of which are those from one to another."""
    rows, width = canvas.shape[0], canvas.shape[1] // depth
    left = top = 1e300
    right = bottom = -1e300
    is_finite = True
    for vertex in range(count):
        x, y = xs[vertex], ys[vertex]
        # Farther than any slide is wide; what is no number is not nearer either.
        if not (abs(x) < 1e12 and abs(y) < 1e12):
            is_finite = False
        left, right = min(left, x), max(right, x)
        top, bottom = min(top, y), max(bottom, y)
    border = max(radius, float(thickness))
    if not (is_finite and left <= width + border and right >= -border):
        return
    if not (top <= rows + border and bottom >= -border):
        return
    if kind == 0:
        for vertex in range(count):
            disc(canvas, depth, inside, edge, xs[vertex], ys[vertex], radius)
        return
    if dots and right - left < 1.5 and bottom - top < 1.5:
        disc(canvas, depth, inside, edge, (left + right) / 2, (top + bottom) / 2, 0.0)
        return
    is_area = kind != 1
    if is_area and inside:
        box = (left, top, right, bottom)
        fill(canvas, depth, inside, xs, ys, ring_sizes, rings, box, flips)
    if edge == 0 and dots and (right - left < 1.5 or bottom - top < 1.5):
        edge = inside
    if edge:
        outline(canvas, depth, edge, thickness, xs, ys, ring_sizes, rings, is_area)
