"""Outlines that lie in each other: which are holes, and in which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import TooLarge

MOST_WORK = 120_000_000
"""Corners of outlines that are looked at, to see what lies in them."""
_PAIR_COSTS = 400
"""Corners that could be looked at in the time that one more outline takes."""
_PAIRS_AT_ONCE = 200_000

Ring = NDArray[np.float64]


def nested(rings: Sequence[Ring]) -> shapely.Polygon | shapely.MultiPolygon:
    """Return the area of outlines, each of at least three corners, where every second is a hole.

    Examples
    --------
    >>> outer, inner = shapely.box(0, 0, 9, 9), shapely.box(3, 3, 6, 6)
    >>> rings = [shapely.get_coordinates(each) for each in (inner, outer)]
    >>> nested(rings).area
    72.0
    """
    if len(rings) == 1:
        return shapely.Polygon(rings[0])
    polygons = np.array([shapely.Polygon(ring) for ring in rings])
    areas = shapely.area(polygons)
    depths = np.zeros(len(rings), np.int64)
    pairs = list(_within(rings, polygons, areas))
    for inner, _ in pairs:
        np.add.at(depths, inner, 1)
    owners = np.full(len(rings), -1)
    for inner, outer in pairs:
        for hole, around in zip(inner.tolist(), outer.tolist(), strict=True):
            if depths[hole] % 2 and depths[around] == depths[hole] - 1:
                owners[hole] = around
    holes: dict[int, list[Ring]] = {}
    for hole in np.flatnonzero(owners >= 0).tolist():
        holes.setdefault(int(owners[hole]), []).append(rings[hole])
    # Where outlines cross, one may be a hole in nothing: it is an area of its own then.
    outers = [n for n in range(len(rings)) if owners[n] < 0]
    made = [shapely.Polygon(rings[n], holes.get(n, [])) for n in outers]
    return made[0] if len(made) == 1 else shapely.MultiPolygon(made)


def owners_of(holes: Sequence[Ring], outlines: Sequence[Ring]) -> list[int | None]:
    """Return in which outline each hole lies: the smallest of them, or `None`."""
    found: list[int | None] = [None] * len(holes)
    if not outlines:
        return found
    polygons = np.array([shapely.Polygon(ring) for ring in outlines])
    areas = shapely.area(polygons)
    for inner, outer in _pairs(_inside(holes), polygons):
        for hole, around in zip(inner.tolist(), outer.tolist(), strict=True):
            before = found[hole]
            if before is None or areas[around] < areas[before]:
                found[hole] = around
    return found


def _within(
    rings: Sequence[Ring], polygons: NDArray[np.object_], areas: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for inner, outer in _pairs(_inside(rings), polygons):
        keep = (inner != outer) & (areas[outer] > areas[inner])
        yield inner[keep], outer[keep]


def _pairs(
    points: NDArray[np.object_], polygons: NDArray[np.object_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    tree = shapely.STRtree(polygons)
    step = max(1, _PAIRS_AT_ONCE // len(polygons))
    corners = shapely.get_num_coordinates(polygons) + _PAIR_COSTS
    work = 0
    for begin in range(0, len(points), step):
        inner, outer = tree.query(points[begin : begin + step])
        work += int(corners[outer].sum())
        if work > MOST_WORK:
            raise TooLarge("So many outlines that lie in each other are not read.")
        inner += begin
        is_inside = shapely.contains(polygons[outer], points[inner])
        yield inner[is_inside], outer[is_inside]


def _inside(rings: Sequence[Ring]) -> NDArray[np.object_]:
    """Return the middle of each outline's longest side: a corner may well touch another outline."""
    middles = np.empty((len(rings), 2))
    for place, ring in enumerate(rings):
        following = np.roll(ring, -1, axis=0)
        longest = int(np.argmax(((following - ring) ** 2).sum(axis=1)))
        middles[place] = (ring[longest] + following[longest]) / 2
    points: NDArray[np.object_] = shapely.points(middles)
    return points
