"""Geometries of GeoJSON as shapes: points one by one, lines one by one, areas with their holes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_lab.formats.json_rings import POINTS, Rings, Text, rings_of
from wsi_lab.geometry.columns import HOLE, KINDS, OUTER, ShapeColumns
from wsi_lab.model.annotation import ShapeKind

LINES = frozenset({"LineString", "MultiLineString"})
_POINT, _LINE, _AREA = range(3)
_KIND_OF = np.array(
    [KINDS.index(each) for each in (ShapeKind.POINT, ShapeKind.POLYLINE, ShapeKind.POLYGON)],
    np.uint8,
)
_BRUSH = KINDS.index(ShapeKind.BRUSH)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes of geometries.

    Attributes
    ----------
    columns
        Without labels and properties.
    geometries
        ``(shapes,) int64``: which geometry each is of, ascending.
    troubles
        Of geometries that have no shape: why, by their place.
    odd
        What was repaired, and how often.
    """

    columns: ShapeColumns
    geometries: NDArray[np.int64]
    troubles: dict[int, str]
    odd: Counter[str]


def shapes_of(types: Sequence[str], texts: Sequence[Text]) -> Shapes:
    """Return the shapes that geometries are.

    Examples
    --------
    >>> found = shapes_of(["MultiPoint", "Polygon"], [b"[[1,2],[3,4]]", b"[[[0,0],[9,0],[9,9]]]"])
    >>> [KINDS[kind].value for kind in found.columns.kinds], found.geometries.tolist()
    (['point', 'point', 'polygon'], [0, 0, 1])
    >>> list(found.odd)
    ['Its outline is not closed; it is now.']
    """
    rings = rings_of(types, texts)
    odd: Counter[str] = Counter()
    if rings.extra:
        odd["Its positions have a third number, which is not kept."] = len(rings.extra)
    families = np.array(
        [_POINT if name in POINTS else _LINE if name in LINES else _AREA for name in types],
        np.int64,
    )[rings.geometries]
    lengths = np.diff(rings.starts)
    lengths = _opened(rings, families, lengths, odd)
    families = _degraded(rings, families, lengths, odd)
    keep = _areas_and_others(rings, families, lengths)
    troubles = dict(rings.troubles)
    lost = np.setdiff1d(rings.geometries, rings.geometries[keep])
    troubles |= dict.fromkeys(lost.tolist(), "its outlines have too few corners")
    thrown = np.setdiff1d(rings.geometries[~keep], lost)
    if len(thrown):
        odd["It has outlines of less than three corners, which are not kept."] = len(thrown)
    columns, geometries = _columns(rings, families, lengths, keep)
    return Shapes(columns, geometries, troubles, odd)


def _opened(
    rings: Rings, families: NDArray[np.int64], lengths: NDArray[np.int64], odd: Counter[str]
) -> NDArray[np.int64]:
    """Return how long rings are without the repetition of their first position."""
    if not len(lengths):
        return lengths
    first, last = rings.positions[rings.starts[:-1]], rings.positions[rings.starts[1:] - 1]
    is_area = families == _AREA
    is_closed = is_area & (lengths > 1) & np.all(first == last, axis=1)
    unclosed = len(np.unique(rings.geometries[is_area & ~is_closed & (lengths > 2)]))
    if unclosed:
        odd["Its outline is not closed; it is now."] = unclosed
    opened: NDArray[np.int64] = lengths - is_closed
    return opened


def _degraded(
    rings: Rings, families: NDArray[np.int64], lengths: NDArray[np.int64], odd: Counter[str]
) -> NDArray[np.int64]:
    """Return what rings are: what has too few corners for an area or a line is less than one."""
    alone = np.bincount(rings.geometries)[rings.geometries] == 1 if len(lengths) else families > 0
    families = families.copy()
    to_line = alone & (families == _AREA) & (lengths == 2)
    to_point = ((alone & (families == _AREA)) | (families == _LINE)) & (lengths == 1)
    for changed, what in (
        (to_line, "It is an area of two corners; it is a line now."),
        (to_point, "It is a line or an area of one corner; it is a point now."),
    ):
        if np.any(changed):
            odd[what] = int(np.count_nonzero(changed))
    families[to_line] = _LINE
    families[to_point] = _POINT
    return families


def _areas_and_others(
    rings: Rings, families: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which rings are kept: not those of areas with too few corners, nor holes in these."""
    is_bad = (families == _AREA) & (lengths < 3)
    begins_polygon = np.diff(rings.polygons, prepend=-1) != 0
    bad_polygons = rings.polygons[is_bad & begins_polygon]
    keep: NDArray[np.bool_] = ~(
        is_bad | ((families == _AREA) & np.isin(rings.polygons, bad_polygons))
    )
    return keep


def _columns(
    rings: Rings,
    families: NDArray[np.int64],
    lengths: NDArray[np.int64],
    keep: NDArray[np.bool_],
) -> tuple[ShapeColumns, NDArray[np.int64]]:
    kept = np.zeros(len(rings.positions) + 1, np.int8)
    # Each ring's positions from its start on, as many as it has: differences of a mask.
    starts = rings.starts[:-1][keep]
    np.add.at(kept, starts, 1)
    np.add.at(kept, starts + lengths[keep], -1)
    mask = np.cumsum(kept[:-1], dtype=np.int8).view(bool)
    count = int(np.count_nonzero(mask))
    # Most often only what closes the last ring is too much; then nothing is copied.
    positions = rings.positions[:count] if mask[:count].all() else rings.positions[mask]
    families, geometries, polygons = families[keep], rings.geometries[keep], rings.polygons[keep]
    is_area = families == _AREA
    new_geometry = np.diff(geometries, prepend=-1) != 0
    begins_shape = ~is_area | new_geometry
    roles = np.where(is_area & ~new_geometry & (np.diff(polygons, prepend=-1) == 0), HOLE, OUTER)
    firsts = np.flatnonzero(begins_shape)
    kinds = _KIND_OF[families[firsts]]
    shape_offsets = np.append(firsts, len(families))
    kinds[(np.diff(shape_offsets) > 1) & is_area[firsts]] = _BRUSH
    columns = ShapeColumns(
        kinds,
        positions,
        np.concatenate(([0], np.cumsum(lengths[keep]))).astype(np.int64),
        roles.astype(np.uint8),
        shape_offsets.astype(np.int64),
        np.full(len(kinds), -1, np.int32),
    )
    return columns, geometries[firsts]
