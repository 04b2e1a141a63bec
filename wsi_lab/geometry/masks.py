"""Label masks to shapes and back."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.geometry.columns import HOLE, KINDS, OUTER, ShapeColumns
from wsi_lab.geometry.joining import spans
from wsi_lab.geometry.mask_borders import count_runs, find_runs, follow_borders
from wsi_lab.geometry.raster import draw
from wsi_lab.model.annotation import ShapeKind

Box = tuple[float, float, float, float]


def label_mask(
    columns: ShapeColumns,
    box: Box,
    downsample: float = 1.0,
    values: NDArray[np.integer] | None = None,
    *,
    line_width: int = 1,
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return a mask of a rectangle: which shape holds the middle of each pixel, the last wins.

    Lines are drawn as wide as is said, points as the pixel they are in.

    Parameters
    ----------
    box
        ``(left, top, right, bottom)`` in level-0 pixels.
    downsample
        How many level-0 pixels one pixel of the mask is.
    values
        ``(shapes,)``: what is written for each, up to 65,535; by default the place of its
        label + 1, and nothing (0) for shapes without a label.

    Returns
    -------
    numpy.ndarray
        ``(rows, columns)`` uint8, or uint16 where a value is greater than 255.

    Examples
    --------
    >>> import shapely
    >>> square = ShapeColumns.from_geometries([shapely.box(1, 0, 3, 2)])
    >>> label_mask(square, (0, 0, 4, 2), values=np.array([7]))
    array([[0, 7, 7, 0],
           [0, 7, 7, 0]], dtype=uint8)
    """
    left, top, right, bottom = box
    if not (right > left and bottom > top and downsample > 0):
        raise Invalid("A mask needs a rectangle with an area, and a downsample above 0.")
    # A last pixel that is covered by less than a thousandth is a matter of rounding.
    rows = max(1, math.ceil((bottom - top) / downsample - 1e-3))
    width = max(1, math.ceil((right - left) / downsample - 1e-3))
    written = columns.labels.astype(np.int64) + 1 if values is None else np.asarray(values)
    least, most = int(written.min(initial=0)), int(written.max(initial=0))
    if least < 0 or most > np.iinfo(np.uint16).max:
        raise Invalid("A mask has values from 0 to 65,535.")
    canvas = np.zeros((rows, width), np.uint8 if most < 256 else np.uint16)
    written = written.astype(np.uint16)
    draw(
        canvas,
        columns,
        origin=(left, top),
        downsample=downsample,
        fill=written,
        line=np.where(columns.are_areas(), 0, written).astype(np.uint16),
        line_width=line_width,
        point_radius=0.0,
        dots=False,
    )
    return canvas


def outlines(
    mask: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    origin: tuple[float, float] = (0.0, 0.0),
    downsample: float = 1.0,
) -> ShapeColumns:
    """Return the areas of a mask: one for each group of touching pixels of one value.

    Pixels touch along their sides. Areas have holes and run along the sides of pixels, so that
    `label_mask` of them is the mask again. 0 is nothing; the label of an area is its value - 1,
    and there are no label names.

    Examples
    --------
    >>> ring = np.ones((3, 3), np.uint8)
    >>> ring[1, 1] = 0
    >>> outlines(ring).to_geometries()[0].wkt
    'POLYGON ((0 0, 3 0, 3 3, 0 3, 0 0), (2 1, 1 1, 1 2, 2 2, 2 1))'
    """
    if mask.ndim != 2 or mask.dtype not in (np.uint8, np.uint16):
        raise Invalid("A mask has rows and columns of whole numbers from 0 to 65,535.")
    depth = mask.dtype.itemsize
    rows, width = mask.shape
    octets = np.ascontiguousarray(mask).reshape(-1).view(np.uint8).reshape(rows, width * depth)
    count = count_runs(octets, depth)
    if count > _MOST_RUNS:
        raise TooLarge("The areas of this mask are too many or too ragged to outline.")
    row_starts = np.zeros(len(mask) + 1, np.int64)
    starts, ends = np.empty(count, np.int32), np.empty(count, np.int32)
    groups = np.empty(count, np.int64)
    find_runs(octets, depth, row_starts, starts, ends, groups)
    # A run has four corners at most, and a border goes up along one run at least.
    corners = np.empty((4 * count, 2), np.int32)
    border_ends, border_runs = np.empty(count, np.int64), np.empty(count, np.int64)
    seen = np.zeros(count, np.uint8)
    borders = follow_borders(
        octets, depth, row_starts, starts, groups, seen, corners, border_ends, border_runs
    )
    border_runs = border_runs[:borders]
    # The first run of a group is at its top, and begins the border that goes around it; the
    # borders around holes come later.
    order = np.argsort(groups[border_runs], kind="stable")
    first_runs, ring_counts = np.unique(groups[border_runs], return_counts=True)
    vertices, ring_offsets = spans(np.append(0, border_ends[:borders]), order)
    first_rows = np.searchsorted(row_starts, first_runs, side="right") - 1
    return ShapeColumns(
        np.where(ring_counts > 1, _BRUSH, _POLYGON).astype(np.uint8),
        corners[vertices] * downsample + np.array(origin, np.float64),
        ring_offsets,
        np.where(groups[border_runs] == border_runs, OUTER, HOLE)[order].astype(np.uint8),
        np.append(0, np.cumsum(ring_counts)),
        mask[first_rows, starts[first_runs]].astype(np.int32) - 1,
    )


_POLYGON, _BRUSH = KINDS.index(ShapeKind.POLYGON), KINDS.index(ShapeKind.BRUSH)
_MOST_RUNS = 1 << 24
