"""Many shapes as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wsi_lab.errors import Invalid
from wsi_lab.geometry import joining, wkb
from wsi_lab.geometry.measuring import measure
from wsi_lab.model.annotation import ShapeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: tuple[ShapeKind, ...] = tuple(ShapeKind)
"""What the numbers in `ShapeColumns.kinds` mean."""
AREAS = frozenset({ShapeKind.POLYGON, ShapeKind.RECTANGLE, ShapeKind.ELLIPSE, ShapeKind.BRUSH})
"""What closed outlines are drawn as."""
OUTER, HOLE = 0, 1

_POINT, _LINE = KINDS.index(ShapeKind.POINT), KINDS.index(ShapeKind.POLYLINE)
_KIND_OF_DIMENSION = np.array(
    [KINDS.index(ShapeKind.OTHER), _POINT, _LINE, KINDS.index(ShapeKind.POLYGON)], np.uint8
)


@dataclass(frozen=True, slots=True)
class ShapeColumns:
    """Shapes side by side, each made of rings, each of vertices.

    A point is a ring of one vertex and a line a ring that stays open; rings of areas do not
    repeat their first vertex. A ring that is a hole belongs to the outer one before it.

    Attributes
    ----------
    kinds
        ``(shapes,) uint8``, places in `KINDS`.
    coordinates
        ``(vertices, 2) float64`` level-0 pixels.
    ring_offsets
        ``(rings + 1,) int64``: where in `coordinates` each ring begins.
    ring_roles
        ``(rings,) uint8``: `OUTER` or `HOLE`.
    shape_offsets
        ``(shapes + 1,) int64``: where in the rings each shape begins.
    labels
        ``(shapes,) int32``: places in `label_names`, -1 for none.
    properties
        By name, each as long as there are shapes; numbers, or objects where values are missing.

    Examples
    --------
    >>> import shapely
    >>> shapes = ShapeColumns.from_geometries([shapely.box(0, 0, 4, 2), shapely.Point(9, 9)])
    >>> shapes.areas().tolist(), [KINDS[kind].value for kind in shapes.kinds]
    ([8.0, 0.0], ['polygon', 'point'])
    """

    kinds: NDArray[np.uint8]
    coordinates: NDArray[np.float64]
    ring_offsets: NDArray[np.int64]
    ring_roles: NDArray[np.uint8]
    shape_offsets: NDArray[np.int64]
    labels: NDArray[np.int32]
    label_names: tuple[str, ...] = ()
    properties: dict[str, NDArray[np.generic]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Kernels trust the offsets: with wrong ones they would read what is not theirs.
        for name, kind in _KINDS_OF_COLUMNS:
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), kind))
        shapes, vertices = len(self.kinds), self.coordinates
        if not (
            vertices.ndim == 2
            and vertices.shape[1] == 2
            and _are_offsets(self.ring_offsets, len(self.ring_roles), len(vertices))
            and _are_offsets(self.shape_offsets, shapes, len(self.ring_roles))
            and len(self.labels) == shapes
            and all(len(values) == shapes for values in self.properties.values())
        ):
            raise Invalid("The columns of shapes do not fit each other.")

    def __len__(self) -> int:
        return len(self.kinds)

    @classmethod
    def empty(cls, label_names: Sequence[str] = ()) -> Self:
        """Return no shapes."""
        zero = np.zeros(1, np.int64)
        none = np.zeros(0, np.uint8)
        labels = np.zeros(0, np.int32)
        return cls(none, np.zeros((0, 2)), zero, none, zero, labels, tuple(label_names))

    @classmethod
    def from_geometries(
        cls,
        geometries: Sequence[Any] | NDArray[np.object_],
        *,
        kinds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        label_names: Sequence[str] = (),
        properties: Mapping[str, NDArray[np.generic]] | None = None,
    ) -> Self:
        """Return shapely geometries as columns.

        Of a collection of points, lines and areas only the areas are taken, or else the lines.
        `None` and empty geometries have no rings.

        Parameters
        ----------
        kinds
            Places in `KINDS`; by default point, polyline or polygon, and brush for areas of
            several rings.
        """
        import shapely  # noqa: PLC0415 (whoever has no geometries needs none of it)

        taken = np.empty(len(geometries), object)
        taken[:] = geometries
        for place in np.flatnonzero(shapely.get_type_id(taken) == wkb.COLLECTION):
            taken[place] = _of_one_dimension(taken[place])
        written = shapely.to_wkb(taken, output_dimension=2)
        offsets = np.zeros(len(taken) + 1, np.int64)
        pieces = [piece or b"" for piece in written]
        np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)), out=offsets[1:])
        return cls.from_wkb(
            b"".join(pieces),
            offsets,
            kinds=kinds,
            labels=labels,
            label_names=label_names,
            properties=properties,
        )

    @classmethod
    def from_wkb(
        cls,
        data: bytes | NDArray[np.uint8],
        offsets: ArrayLike,
        *,
        kinds: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        label_names: Sequence[str] = (),
        properties: Mapping[str, NDArray[np.generic]] | None = None,
    ) -> Self:
        """Return well-known binaries that lie one after the other as columns.

        Parameters
        ----------
        offsets
            ``(shapes + 1,)``: where each begins; one without bytes has no rings.
        """
        octets = np.frombuffer(data, np.uint8)
        starts = np.ascontiguousarray(offsets, np.int64)
        count = len(starts) - 1
        dimensions = np.zeros(count, np.uint8)
        shape_offsets = np.zeros(count + 1, np.int64)
        totals = np.zeros(2, np.int64)
        nothing, no_offsets = np.zeros(0, np.uint8), np.zeros(0, np.int64)
        odd = wkb.read_wkb(
            octets, starts, 0, nothing, nothing, no_offsets, nothing, no_offsets, totals
        )
        if odd >= 0:
            message = f"Shape {odd + 1} is no well-known binary of points, lines or polygons."
            raise Invalid(message)
        rings, vertices = totals.tolist()
        coordinates = np.empty((vertices, 2))
        ring_offsets, ring_roles = np.zeros(rings + 1, np.int64), np.zeros(rings, np.uint8)
        as_bytes = coordinates.reshape(-1).view(np.uint8)
        wkb.read_wkb(
            octets, starts, 1, dimensions, as_bytes, ring_offsets, ring_roles, shape_offsets, totals
        )
        if kinds is None:
            kinds = kinds_of(dimensions, shape_offsets)
        return cls(
            np.asarray(kinds, np.uint8),
            coordinates,
            ring_offsets,
            ring_roles,
            shape_offsets,
            np.full(count, -1, np.int32) if labels is None else np.asarray(labels, np.int32),
            tuple(label_names),
            dict(properties or {}),
        )

    def to_wkb(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return where the well-known binary of each shape begins, and all of them.

        What has no rings is an empty one of several points, lines or polygons.
        """
        dimensions = self._dimensions()
        offsets = np.zeros(len(self) + 1, np.int64)
        as_bytes = self.coordinates.reshape(-1).view(np.uint8)
        columns = (dimensions, as_bytes, self.ring_offsets, self.ring_roles, self.shape_offsets)
        wkb.write_wkb(*columns, 0, offsets, np.zeros(0, np.uint8))
        written = np.empty(offsets[-1], np.uint8)
        wkb.write_wkb(*columns, 1, offsets, written)
        return offsets, written

    def to_geometries(self) -> NDArray[np.object_]:
        """Return shapely geometries; `None` for what has no rings."""
        import shapely  # noqa: PLC0415 (as above)

        offsets, written = self.to_wkb()
        octets, starts = written.tobytes(), offsets.tolist()
        geometries = np.empty(len(self), object)
        has_rings = np.diff(self.shape_offsets) > 0
        places = np.flatnonzero(has_rings)
        pieces = [octets[starts[place] : starts[place + 1]] for place in places.tolist()]
        geometries[places] = shapely.from_wkb(np.array(pieces, object))
        return geometries

    def boxes(self) -> NDArray[np.float64]:
        """Return ``(shapes, 4)`` ``(left, top, right, bottom)``; NaN for what has no rings."""
        return self.measures()[0]

    def areas(self) -> NDArray[np.float64]:
        """Return ``(shapes,)`` areas in square pixels, without holes; 0 for lines and points."""
        return self.measures()[1]

    def measures(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what `boxes` and `areas` return, at the cost of one of them."""
        boxes, areas = np.empty((len(self), 4)), np.empty(len(self))
        areal = self.are_areas().view(np.uint8)
        rings = (self.ring_offsets, self.ring_roles, self.shape_offsets)
        measure(areal, self.coordinates, *rings, boxes, areas)
        return boxes, areas

    def are_areas(self) -> NDArray[np.bool_]:
        """Return which shapes are neither points nor lines."""
        return ~np.isin(self.kinds, (_POINT, _LINE))

    def take(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> ShapeColumns:
        """Return the shapes of a mask, or those at places, in that order."""
        return joining.taken(self, which)

    @classmethod
    def concatenated(cls, parts: Sequence[ShapeColumns]) -> ShapeColumns:
        """Return shapes one after the other; labels of the same name become one.

        A property that a part does not have is missing there.
        """
        return joining.concatenated(parts)

    def _dimensions(self) -> NDArray[np.uint8]:
        dimensions = np.full(len(self), wkb.POLYGON, np.uint8)
        dimensions[self.kinds == _LINE] = wkb.LINE
        dimensions[self.kinds == _POINT] = wkb.POINT
        return dimensions


_KINDS_OF_COLUMNS = (
    ("kinds", np.uint8),
    ("coordinates", np.float64),
    ("ring_offsets", np.int64),
    ("ring_roles", np.uint8),
    ("shape_offsets", np.int64),
    ("labels", np.int32),
)


def kinds_of(dimensions: NDArray[np.uint8], shape_offsets: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return what points (1), lines (2) and areas (3) are drawn as: of several rings by a brush."""
    kinds = _KIND_OF_DIMENSION[dimensions]
    is_brush = (dimensions == wkb.POLYGON) & (np.diff(shape_offsets) > 1)
    kinds[is_brush] = KINDS.index(ShapeKind.BRUSH)
    return kinds


def _are_offsets(offsets: NDArray[np.int64], count: int, end: int) -> bool:
    return (
        len(offsets) == count + 1
        and offsets[0] == 0
        and offsets[-1] == end
        and bool((offsets[1:] >= offsets[:-1]).all())
    )


def _of_one_dimension(collection: Any) -> Any:
    import shapely  # noqa: PLC0415 (as above)

    parts = np.array([collection], object)
    while (shapely.get_type_id(parts) == wkb.COLLECTION).any():
        parts = shapely.get_parts(parts)
    dimensions = np.where(shapely.is_empty(parts), -1, shapely.get_dimensions(parts))
    kept = parts[dimensions == dimensions.max(initial=-1)]
    return shapely.GeometryCollection(list(kept))
