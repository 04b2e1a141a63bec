"""Shapes packed by spatial cell: small, quick to read where one looks, exact on a grid.

A chunk has a header, a column for each thing there is to say of a shape or a ring, and the
vertices. Where coordinates are whole numbers of a grid, a vertex is written as how far it is from
the one before it, in the manner of protocol buffers: small numbers of either sign take a byte.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.grouping import groups
from wsi_lab.geometry.joining import spans
from wsi_lab.geometry.packed_columns import Reader, Writer, damaged
from wsi_lab.geometry.packed_vertices import decode, encode, whole
from wsi_lab.model.annotation import FARTHEST

Box = tuple[float, float, float, float]

_SCALES = np.array([1, 2, 4, 8, 10, 16, 32, 64, 100, 128, 256, 1000], np.float64)
_MAGIC = b"WSP1"
_HEADER = struct.Struct("<4sIqqqq")


@dataclass(frozen=True, slots=True)
class PackedChunk:
    """Neighbouring shapes.

    Attributes
    ----------
    box
        ``(left, top, right, bottom)`` of all of them; all 0 when they are all empty.
    numbers
        ``(count,) int64``: their places in what was packed, ascending.
    shapes
        What `unpack` reads.
    """

    box: Box
    count: int
    numbers: NDArray[np.int64]
    shapes: bytes


class PackedShapes:
    """Shapes of one chunk, read where they lie.

    Attributes
    ----------
    numbers
        ``(shapes,) int64``: places in what was packed, ascending.
    boxes
        ``(shapes, 4) float64`` ``(left, top, right, bottom)``; NaN for shapes that are empty.
    kinds, labels
        As those of `ShapeColumns`.
    label_names
        What `unpack` was told.
    scale
        Coordinates are whole numbers divided by this; 0 where they are kept as they were.
    """

    __slots__ = (
        "_ends",
        "_origin",
        "_ring_roles",
        "_ring_sizes",
        "_rings",
        "_sizes",
        "_vertices",
        "boxes",
        "kinds",
        "label_names",
        "labels",
        "nbytes",
        "numbers",
        "scale",
    )

    def __init__(self, data: bytes, label_names: Sequence[str]) -> None:
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise damaged()
        _, count, ring_count, self.scale, *origin = _HEADER.unpack_from(data)
        if count > len(data) or not 0 <= ring_count <= len(data):
            raise damaged()
        reader = Reader(data, _HEADER.size)
        self._origin = tuple(origin)
        self.label_names = tuple(label_names)
        self.numbers: NDArray[np.int64] = reader.take(count).astype(np.int64)
        sides = [reader.take(count) for _ in range(4)]
        self.kinds: NDArray[np.uint8] = reader.take(count).astype(np.uint8)
        self.labels: NDArray[np.int32] = (reader.take(count).astype(np.int64) - 1).astype(np.int32)
        self._rings: NDArray[np.int64] = reader.take(count).astype(np.int64)
        self._sizes: NDArray[np.int64] = reader.take(count).astype(np.int64)
        self._ring_sizes: NDArray[np.int64] = reader.take(ring_count).astype(np.int64)
        self._ring_roles: NDArray[np.uint8] = reader.take(ring_count).astype(np.uint8)
        self._vertices = reader.rest()
        self._check()
        self._ends = np.cumsum(self._sizes)
        self.boxes = self._boxes(sides)
        self.nbytes = len(data) + count * (8 * 8) + ring_count * 9

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def layout(self) -> tuple[Any, ...]:
        """How the vertices lie, for kernels that read them: see `wsi_lab.geometry.raster`.

        Rings, bytes and where these end by shape, vertices by ring, the bytes, the scale, and
        where each shape begins.
        """
        by_shape = (self._rings, self._sizes, self._ends)
        return (*by_shape, self._ring_sizes, self._vertices, float(self.scale), *self._origin)

    def touching(self, box: Box) -> NDArray[np.bool_]:
        """Return which shapes have a box that touches this one."""
        left, top, right, bottom = box
        sides = self.boxes.T
        touches: NDArray[np.bool_] = (sides[0] <= right) & (sides[2] >= left)
        touches &= (sides[1] <= bottom) & (sides[3] >= top)
        return touches

    def centres(self) -> NDArray[np.float64]:
        """Return ``(shapes, 2)``: the middles of the boxes."""
        middles: NDArray[np.float64] = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        return middles

    def columns(self, mask: NDArray[np.bool_] | None = None) -> ShapeColumns:
        """Return the shapes, or those of a mask, as columns without properties."""
        kinds, labels, rings, sizes = self.kinds, self.labels, self._rings, self._sizes
        ring_sizes, ring_roles = self._ring_sizes, self._ring_roles
        ends = self._ends
        if mask is not None and not mask.all():
            of_rings = np.repeat(mask, rings)
            ring_sizes, ring_roles = ring_sizes[of_rings], ring_roles[of_rings]
            kinds, labels, rings = kinds[mask], labels[mask], rings[mask]
            sizes, ends = sizes[mask], ends[mask]
        return ShapeColumns(
            kinds,
            self._coordinates(ends - sizes, ends, rings, ring_sizes),
            _offsets(ring_sizes),
            ring_roles,
            _offsets(rings),
            labels,
            self.label_names,
        )

    def _coordinates(
        self,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        rings: NDArray[np.int64],
        ring_sizes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        if self.scale == 0:
            lengths = ends - starts
            taken = np.repeat(starts - _offsets(lengths)[:-1], lengths) + np.arange(lengths.sum())
            exact: NDArray[np.float64] = self._vertices[taken].view(np.float64)
            return exact.reshape(-1, 2)
        coordinates = np.empty((int(ring_sizes.sum()), 2))
        left, top = self._origin
        columns = (starts, ends, rings, ring_sizes, float(self.scale), left, top)
        if not decode(self._vertices, *columns, coordinates):
            raise damaged()
        return coordinates

    def _check(self) -> None:
        # What is read from a file that was damaged must not be trusted with memory: each
        # coordinate takes a byte at least.
        columns = (self._rings, self._sizes, self._ring_sizes)
        width = 2 if self.scale else 16
        is_sound = (
            self.scale >= 0
            and all(int(column.min(initial=0)) >= 0 for column in columns)
            and max(int(column.max(initial=0)) for column in columns) <= len(self._vertices)
            and int(self._rings.sum()) == len(self._ring_sizes)
            and int(self._sizes.sum()) == len(self._vertices)
            and int(self._ring_sizes.sum()) * width <= len(self._vertices)
        )
        if not is_sound:
            raise damaged()

    def _boxes(self, sides: list[NDArray[Any]]) -> NDArray[np.float64]:
        boxes = np.empty((4, len(self)))
        if self.scale == 0:
            boxes[:] = sides
        else:
            for axis in (0, 1):
                low = sides[axis].astype(np.int64) + self._origin[axis]
                np.divide(low, self.scale, out=boxes[axis])
                np.divide(low + sides[axis + 2], self.scale, out=boxes[axis + 2])
        if (self._rings == 0).any():
            boxes[:, self._rings == 0] = np.nan
        return boxes.T


def scale_of(columns: ShapeColumns, precision: float = 0.01) -> tuple[int, float]:
    """Return what coordinates are multiplied with to be whole, and the precision that is kept.

    A precision of 0.0 says that they come back as they are; else they are at most half of it
    off. The scale is 0 where they are kept as they are at 16 bytes a vertex.
    """
    coordinates = columns.coordinates.reshape(-1)
    if not np.abs(coordinates).max(initial=0.0) <= FARTHEST:
        raise Invalid("Shapes have coordinates that are no numbers, or are too far away.")
    exact = whole(coordinates, _SCALES)
    if exact >= 0:
        return int(_SCALES[exact]), 0.0
    if precision <= 0:
        return 0, 0.0
    scale = max(1, math.ceil(round(1 / precision, 6)))
    return scale, 1 / scale


def chunks(
    columns: ShapeColumns,
    *,
    precision: float = 0.01,
    cell: int = 1024,
    most_per_chunk: int = 65_536,
) -> Iterator[PackedChunk]:
    """Yield what `pack` returns, one chunk after the other."""
    scale, _ = scale_of(columns, precision)
    boxes = columns.boxes()
    sides: NDArray[Any] = boxes
    if scale:
        sides = np.rint(np.nan_to_num(boxes) * scale).astype(np.int64)
        boxes = np.where(np.isnan(boxes), np.nan, sides / scale)
    ring_ends = columns.ring_offsets[columns.shape_offsets]
    for places in groups(boxes, np.diff(ring_ends), cell=cell, most=most_per_chunk):
        yield PackedChunk(
            _outer_box(boxes[places]),
            len(places),
            places,
            _packed(columns, places, scale, sides[places]),
        )


def pack(
    columns: ShapeColumns,
    *,
    precision: float = 0.01,
    cell: int = 1024,
    most_per_chunk: int = 65_536,
) -> list[PackedChunk]:
    """Pack shapes by where they are; properties and label names are not part of it.

    Parameters
    ----------
    precision
        Coordinates that lie on no grid (of 1, 1/2, 1/4, … 1/10, 1/100, 1/256 or 1/1000 pixels)
        are rounded to multiples of this; 0 keeps them as they are.
    cell
        How wide a chunk should be, in level-0 pixels; few shapes in a wide space, and large
        ones, go into wider ones.

    Examples
    --------
    >>> import shapely
    >>> shapes = ShapeColumns.from_geometries([shapely.Point(256.01, 7)])
    >>> unpack(pack(shapes)[0].shapes).columns().to_geometries()[0].x
    256.01
    """
    return list(chunks(columns, precision=precision, cell=cell, most_per_chunk=most_per_chunk))


def unpack(shapes: bytes, label_names: Sequence[str] = ()) -> PackedShapes:
    """Read what `pack` made."""
    return PackedShapes(shapes, label_names)


def _packed(
    columns: ShapeColumns, places: NDArray[np.int64], scale: int, sides: NDArray[Any]
) -> bytes:
    of_rings, ring_ends = spans(columns.shape_offsets, places)
    rings = np.diff(ring_ends)
    ring_starts = columns.ring_offsets[of_rings]
    ring_sizes = columns.ring_offsets[of_rings + 1] - ring_starts
    used = sides[rings > 0]
    left, top = used[:, :2].min(axis=0).tolist() if scale and len(used) else (0, 0)
    writer = Writer()
    writer.put_bytes(_HEADER.pack(_MAGIC, len(places), len(of_rings), scale, left, top))
    writer.put(places)
    if scale:
        sides = np.where((rings > 0)[:, None], sides, (left, top, left, top))
        sides = np.concatenate([sides[:, :2] - (left, top), sides[:, 2:] - sides[:, :2]], axis=1)
    for side in range(4):
        writer.put(sides[:, side])
    if scale:
        vertices = np.empty(int(ring_sizes.sum()) * 20, np.uint8)
        sizes = np.empty(len(places), np.int64)
        where = (rings, ring_starts, ring_sizes, float(scale), left, top)
        written = encode(columns.coordinates, *where, sizes, vertices)
        body = vertices[:written].tobytes()
    else:
        of_vertices, vertex_ends = spans(columns.ring_offsets, of_rings)
        body = columns.coordinates[of_vertices].tobytes()
        sizes = 16 * np.diff(vertex_ends[ring_ends])
    for column in (columns.kinds[places], columns.labels[places].astype(np.int64) + 1):
        writer.put(column)
    for column in (rings, sizes, ring_sizes, columns.ring_roles[of_rings]):
        writer.put(column)
    writer.put_bytes(body)
    return writer.written()


def _outer_box(boxes: NDArray[np.float64]) -> Box:
    left, top = np.fmin.reduce(boxes[:, :2], axis=0).tolist()
    right, bottom = np.fmax.reduce(boxes[:, 2:], axis=0).tolist()
    return (left, top, right, bottom) if left <= right else (0.0, 0.0, 0.0, 0.0)


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
