"""What is at a place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.geometry.packing import PackedShapes
from wsi_lab.model.annotation import ShapeKind

_OUTLINE = 1e-6
"""So near to the outline of an area is on it, in pixels."""


def at(
    shapes: PackedShapes | ShapeColumns, x: float, y: float, radius: float = 0.0
) -> NDArray[np.int64]:
    """Return the places of the shapes that are hit, topmost first.

    An area is hit inside and on its outline, a line or a point within the radius.

    Examples
    --------
    >>> import shapely
    >>> below, above = shapely.box(0, 0, 9, 9), shapely.Point(4, 4)
    >>> at(ShapeColumns.from_geometries([below, above]), 5, 4, radius=2).tolist()
    [1, 0]
    """
    boxes = (shapes.boxes if isinstance(shapes, PackedShapes) else shapes.boxes()).T
    reach = max(radius, _OUTLINE)
    near = (boxes[0] - reach <= x) & (boxes[2] + reach >= x)
    near &= (boxes[1] - reach <= y) & (boxes[3] + reach >= y)
    places = np.flatnonzero(near)
    if not len(places):
        return places
    candidates = shapes.take(near) if isinstance(shapes, ShapeColumns) else shapes.columns(near)
    is_area = candidates.are_areas()
    inside, distances = _inside_and_distances(candidates, is_area, x, y)
    hit = np.where(is_area, inside | (distances <= _OUTLINE), distances <= radius)
    return places[hit][::-1]


_POINT = KINDS.index(ShapeKind.POINT)


def _inside_and_distances(
    shapes: ShapeColumns, is_area: NDArray[np.bool_], x: float, y: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    starts = shapes.coordinates - (x, y)
    ends = np.roll(starts, -1, axis=0)
    firsts = shapes.ring_offsets[:-1]
    has_vertices = firsts < shapes.ring_offsets[1:]
    lasts = shapes.ring_offsets[1:][has_vertices] - 1
    is_closed = np.repeat(is_area, np.diff(shapes.shape_offsets))[has_vertices]
    # The last vertex goes back to the first one, or is where a line ends.
    ends[lasts] = starts[np.where(is_closed, firsts[has_vertices], lasts)]
    vertex_counts = np.diff(shapes.ring_offsets[shapes.shape_offsets])
    ends[np.repeat(shapes.kinds == _POINT, vertex_counts)] = np.nan
    steps = ends - starts
    with np.errstate(divide="ignore", invalid="ignore"):
        along = -(starts * steps).sum(axis=1) / (steps**2).sum(axis=1)
        along = np.clip(np.nan_to_num(along), 0, 1)[:, None]
        apart = np.hypot(*(starts + along * np.nan_to_num(steps)).T)
        crossing = (starts[:, 1] <= 0) != (ends[:, 1] <= 0)
        crossing &= starts[:, 0] - starts[:, 1] * steps[:, 0] / steps[:, 1] > 0
    first_of_shapes = shapes.ring_offsets[shapes.shape_offsets[:-1]]
    odd = np.add.reduceat(crossing.astype(np.int64), first_of_shapes) % 2 == 1
    return odd, np.minimum.reduceat(apart, first_of_shapes)
