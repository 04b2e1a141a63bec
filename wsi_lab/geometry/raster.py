# ruff: noqa: PLR0917 - kernels take their arguments by place, and calls within them cost
"""Shapes drawn into a canvas of small numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.compiled import compiled, part
from wsi_lab.geometry.packed_columns import damaged
from wsi_lab.geometry.packed_vertices import number_at
from wsi_lab.geometry.packing import PackedShapes
from wsi_lab.geometry.raster_parts import disc, draw_shape

_WIDEST = 64
"""Wider lines and larger points are drawn like this."""
_FEW = 256
"""Vertices, for which there is room from the start."""
_FLIPS = 1 << 20
"""So many pixels of a tall canvas are filled at once."""


def draw(
    canvas: NDArray[np.uint8] | NDArray[np.uint16],
    shapes: PackedShapes | ShapeColumns,
    *,
    origin: tuple[float, float],
    downsample: float,
    fill: NDArray[np.integer],
    line: NDArray[np.integer],
    mask: NDArray[np.bool_] | None = None,
    line_width: int = 1,
    point_radius: float = 3.0,
    dots: bool = True,
) -> None:
    """Draw shapes over what the canvas holds, the first one lowest.

    Of packed shapes those that are smaller than a pixel are drawn first.

    Parameters
    ----------
    canvas
        ``(rows, columns)`` uint8 or uint16; changed in place.
    origin
        Where its left upper corner is, in level-0 pixels.
    downsample
        How many level-0 pixels one of its pixels is.
    fill, line
        ``(shapes,)``: what is written inside a shape and along its outline; 0 writes nothing.
    mask
        ``(shapes,)``: the shapes to draw.
    line_width, point_radius
        In pixels of the canvas.
    dots
        Whether shapes smaller than a pixel are drawn as one; else they are only seen where
        they hold the middle of a pixel.

    Examples
    --------
    >>> import shapely
    >>> canvas = np.zeros((3, 5), np.uint8)
    >>> square = ShapeColumns.from_geometries([shapely.box(10, 20, 40, 40)])
    >>> style = {"fill": np.array([1]), "line": np.array([0])}
    >>> draw(canvas, square, origin=(0, 20), downsample=10, **style)
    >>> canvas.tolist()
    [[0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    if not (canvas.flags.c_contiguous and canvas.dtype in (np.uint8, np.uint16)):
        raise Invalid("A canvas is one piece of bytes, or of numbers of two bytes.")
    rows, width = canvas.shape
    if rows == 0 or width == 0 or len(shapes) == 0:
        return
    thickness = int(min(max(line_width, 1), _WIDEST))
    radius = float(min(max(point_radius, 0.0), _WIDEST))
    on_canvas = canvas.view(np.uint8)
    place = (float(origin[0]), float(origin[1]), 1.0 / downsample)
    fill, line = np.ascontiguousarray(fill, np.uint16), np.ascontiguousarray(line, np.uint16)
    if mask is not None:
        fill, line = np.where(mask, fill, 0), np.where(mask, line, 0)
    flips = np.zeros((min(rows, max(1, _FLIPS // width)), width), np.uint8)
    style = (*place, thickness, radius, int(dots), flips)
    if isinstance(shapes, PackedShapes) and shapes.scale:
        sides = np.ascontiguousarray(shapes.boxes.T)
        packed = (shapes.kinds, sides, *shapes.layout, fill, line)
        if not _draw_packed(on_canvas, canvas.itemsize, *packed, *style):
            raise damaged()
        return
    columns = shapes.columns() if isinstance(shapes, PackedShapes) else shapes
    _draw_all(
        on_canvas,
        canvas.itemsize,
        columns.kinds,
        columns.coordinates,
        np.diff(columns.ring_offsets),
        columns.shape_offsets,
        fill,
        line,
        *style,
    )


@compiled("!u1[,] i8 u1[] f8[,] u2[] u2[] f8 f8 f8 f8 i8 !u1[]")
def _draw_dots(
    canvas: Any,
    depth: Any,
    kinds: Any,
    sides: Any,
    fill: Any,
    line: Any,
    x0: Any,
    y0: Any,
    scale: Any,
    reach: Any,
    dots: Any,
    left: Any,
) -> None:
    """Draw the shapes whose boxes say enough, and write which of the others are in reach."""
    rows, width = canvas.shape[0], canvas.shape[1] // depth
    for shape in range(len(kinds)):
        if fill[shape] == 0 and line[shape] == 0:
            continue
        x, y = (sides[0, shape] - x0) * scale, (sides[1, shape] - y0) * scale
        right, bottom = (sides[2, shape] - x0) * scale, (sides[3, shape] - y0) * scale
        if not (x <= width + reach and right >= -reach and y <= rows + reach):
            continue
        if not bottom >= -reach:
            continue
        if dots and kinds[shape] != 0 and right - x < 1.5 and bottom - y < 1.5:
            x, y = (x + right) / 2, (y + bottom) / 2
            disc(canvas, depth, np.int64(fill[shape]), np.int64(line[shape]), x, y, 0.0)
        else:
            left[shape] = 1


@compiled("!u1[,] i8 u1[] f8[,] i8[] i8[] u2[] u2[] f8 f8 f8 i8 f8 i8 !u1[,]")
def _draw_all(
    canvas: Any,
    depth: Any,
    kinds: Any,
    coordinates: Any,
    ring_sizes: Any,
    shape_offsets: Any,
    fill: Any,
    line: Any,
    x0: Any,
    y0: Any,
    scale: Any,
    thickness: Any,
    radius: Any,
    dots: Any,
    flips: Any,
) -> None:
    """Draw shapes with coordinates."""
    xs, ys = np.empty(_FEW), np.empty(_FEW)
    end = 0
    for shape in range(len(kinds)):
        rings = (shape_offsets[shape], shape_offsets[shape + 1])
        first = end
        for ring in range(rings[0], rings[1]):
            end += ring_sizes[ring]
        inside, edge = np.int64(fill[shape]), np.int64(line[shape])
        count = end - first
        if (inside == 0 and edge == 0) or count == 0:
            continue
        if count > len(xs):
            xs, ys = np.empty(count), np.empty(count)
        for vertex in range(count):
            xs[vertex] = (coordinates[first + vertex, 0] - x0) * scale
            ys[vertex] = (coordinates[first + vertex, 1] - y0) * scale
        style = (thickness, radius, dots, flips)
        own = (xs, ys, count, ring_sizes, rings)
        draw_shape(canvas, depth, kinds[shape], inside, edge, *own, *style)


@part
def _read(
    data: Any, at: Any, end: Any, count: Any, layout: Any, frame: Any, xs: Any, ys: Any
) -> Any:
    """Read packed vertices as pixels; return whether they were as they should be."""
    grid, x, y = layout
    x0, y0, scale = frame
    for vertex in range(count):
        for axis in range(2):
            at, step = number_at(data, at, end)
            if at < 0:
                return False
            if axis == 0:
                x += step
            else:
                y += step
        xs[vertex] = (x / grid - x0) * scale
        ys[vertex] = (y / grid - y0) * scale
    return at == end


@compiled(
    "!u1[,] i8 u1[] f8[,] i8[] i8[] i8[] i8[] u1[] f8 i8 i8 u2[] u2[] f8 f8 f8 i8 f8 i8 !u1[,]"
)
def _draw_packed(
    canvas: Any,
    depth: Any,
    kinds: Any,
    sides: Any,
    rings: Any,
    sizes: Any,
    ends: Any,
    ring_sizes: Any,
    data: Any,
    grid: Any,
    origin_x: Any,
    origin_y: Any,
    fill: Any,
    line: Any,
    x0: Any,
    y0: Any,
    scale: Any,
    thickness: Any,
    radius: Any,
    dots: Any,
    flips: Any,
) -> Any:
    """Draw packed shapes, reading only those in reach; return whether they could be read."""
    left = np.zeros(len(kinds), np.uint8)
    reach = max(radius, float(thickness)) + 1
    _draw_dots(canvas, depth, kinds, sides, fill, line, x0, y0, scale, reach, dots, left)
    xs, ys = np.empty(_FEW), np.empty(_FEW)
    end = 0
    for shape in range(len(kinds)):
        own_rings = (end, end + rings[shape])
        end = own_rings[1]
        if not left[shape]:
            continue
        count = 0
        for ring in range(own_rings[0], end):
            count += ring_sizes[ring]
        if count > len(xs):
            xs, ys = np.empty(count), np.empty(count)
        layout, frame = (grid, origin_x, origin_y), (x0, y0, scale)
        if not _read(data, ends[shape] - sizes[shape], ends[shape], count, layout, frame, xs, ys):
            return False
        inside, edge = np.int64(fill[shape]), np.int64(line[shape])
        style = (thickness, radius, dots, flips)
        own = (xs, ys, count, ring_sizes, own_rings)
        draw_shape(canvas, depth, kinds[shape], inside, edge, *own, *style)
    return True
