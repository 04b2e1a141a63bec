"""How far two readers' shapes, or a reader's and a model's, are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment

from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Detection:
    """How many of the objects that are there were found.

    Attributes
    ----------
    matches
        Pairs of places: in what was found, in what is there.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    matches: tuple[tuple[int, int], ...]

    @property
    def precision(self) -> float:
        """How many of those that were found are there."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """How many of those that are there were found."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        twice = 2 * self.true_positives
        return _share(twice, twice + self.false_positives + self.false_negatives)


def dice(one: BaseGeometry, other: BaseGeometry) -> float:
    """Return Dice's coefficient of two areas; NaN where both are empty.

    Examples
    --------
    >>> dice(shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2))
    0.5
    """
    one, other = _area(one), _area(other)
    both = shapely.intersection(one, other).area
    return _share(2 * both, one.area + other.area)


def iou(one: BaseGeometry, other: BaseGeometry) -> float:
    """Return the intersection over the union of two areas; NaN where both are empty.

    Examples
    --------
    >>> round(iou(shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)), 3)
    0.333
    """
    one, other = _area(one), _area(other)
    both = shapely.intersection(one, other).area
    return _share(both, one.area + other.area - both)


def hausdorff(one: BaseGeometry, other: BaseGeometry, *, mpp: float | None = None) -> float:
    """Return how far two shapes lie apart where they do most, in pixels, or in µm with `mpp`.

    It is the distance between vertices and outlines, as GEOS computes it.

    Examples
    --------
    >>> hausdorff(shapely.box(0, 0, 2, 2), shapely.box(0, 0, 2, 5), mpp=0.5)
    1.5
    """
    if one.is_empty or other.is_empty:
        raise Invalid("Two shapes that are compared are not empty.")
    return float(shapely.hausdorff_distance(one, other)) * (1.0 if mpp is None else mpp)


def detection(
    found: gpd.GeoSeries | Any,
    truth: gpd.GeoSeries | Any,
    *,
    within: float | None = None,
    overlap: float = 0.5,
) -> Detection:
    """Match objects that were found with those that are there, each at most once.

    Parameters
    ----------
    found, truth
        Series or lists of geometries in level-0 pixels.
    within
        Match by the distance of centres, at most so many pixels, the nearest first in sum.
    overlap
        Without `within`: match by intersection over union, at least so much.

    Raises
    ------
    Invalid
        `within` is not above 0, or `overlap` not between 0 and 1.

    Examples
    --------
    >>> points = [shapely.Point(0, 0), shapely.Point(10, 0)]
    >>> detection([shapely.Point(1, 0)], points, within=5).f1.__round__(3)
    0.667
    """
    ours, theirs = np.asarray(found, object), np.asarray(truth, object)
    if within is not None and not within > 0:
        raise Invalid("Centres match within a distance above 0.")
    if not 0 < overlap <= 1:
        raise Invalid("Shapes match by an overlap between 0 and 1.")
    if not len(ours) or not len(theirs):
        return Detection(0, len(ours), len(theirs), ())
    if within is None:
        pairs, gains = _overlapping(ours, theirs, overlap)
    else:
        pairs, gains = _near(ours, theirs, within)
    matches = _best(pairs, gains)
    return Detection(len(matches), len(ours) - len(matches), len(theirs) - len(matches), matches)


def _overlapping(ours: Any, theirs: Any, least: float) -> tuple[Any, Any]:
    ours, theirs = _area(ours), _area(theirs)
    pairs = shapely.STRtree(theirs).query(ours, predicate="intersects").T
    one, other = ours[pairs[:, 0]], theirs[pairs[:, 1]]
    both = shapely.area(shapely.intersection(one, other))
    whole = shapely.area(one) + shapely.area(other) - both
    shares = np.divide(both, whole, out=np.zeros(len(both)), where=whole > 0)
    return pairs[shares >= least], shares[shares >= least]


def _near(ours: Any, theirs: Any, within: float) -> tuple[Any, Any]:
    one, other = shapely.centroid(ours), shapely.centroid(theirs)
    pairs = shapely.STRtree(other).query(one, predicate="dwithin", distance=within).T
    apart = shapely.distance(one[pairs[:, 0]], other[pairs[:, 1]])
    # Any match is worth more than all that distances can make up for.
    return pairs, 1 + (1 - apart / within) / (len(pairs) + 1)


def _best(pairs: Any, gains: Any) -> tuple[tuple[int, int], ...]:
    """Return the matching with the largest sum, group by group of what can match at all."""
    from scipy.sparse import coo_array  # noqa: PLC0415 (only here)
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 (only here)

    if not len(pairs):
        return ()
    _, ours = np.unique(pairs[:, 0], return_inverse=True)
    _, theirs = np.unique(pairs[:, 1], return_inverse=True)
    size = int(ours.max()) + 1
    total = size + int(theirs.max()) + 1
    graph = coo_array((np.ones(len(pairs)), (ours, size + theirs)), shape=(total, total))
    _, groups = connected_components(graph, directed=False)
    order = np.argsort(groups[ours], kind="stable")
    starts = np.flatnonzero(np.diff(groups[ours][order], prepend=-1))
    matches: list[tuple[int, int]] = []
    for some in np.split(order, starts[1:]):
        rows, row_of = np.unique(pairs[some, 0], return_inverse=True)
        columns, column_of = np.unique(pairs[some, 1], return_inverse=True)
        worth = np.zeros((len(rows), len(columns)))
        worth[row_of, column_of] = gains[some]
        chosen = linear_sum_assignment(worth, maximize=True)
        matches += [
            (int(rows[row]), int(columns[column]))
            for row, column in zip(*chosen, strict=True)
            if worth[row, column] > 0
        ]
    return tuple(sorted(matches))


def _area(shapes: Any) -> Any:
    """Return one shape or several, those that cross themselves as what they cover."""
    is_valid = shapely.is_valid(shapes)
    return shapes if np.all(is_valid) else shapely.make_valid(shapes)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
