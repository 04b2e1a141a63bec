"""Shapes as they come out of files, made such that all else can count on them.

Repaired, with a notice: outlines that cross themselves, corners that come twice, areas of too few
corners. Left out, with a notice: what is not finite or lies on no slide. Refused: too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.outlines import (
    MENDED,
    MOST_CROSSINGS,
    MOST_TOGETHER,
    TANGLED,
    UNSEARCHED,
    WILD,
    valid,
)
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.crossing import crossings
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.feature import Document, Feature, Grid, Notice, Source

MOST_VERTICES = 1_100_000
MOST_SHAPES = 50_000
"""Of one document that is read shape by shape; more is nobody's drawing."""
MOST_WITH_SOURCE = 10_000
"""Features that keep their text; so many nobody edits one by one."""
FLATNESS = 0.05
"""Level-0 pixels that a chain of lines may be off the curve that it stands for."""
LONGEST_LABEL = 255
_MOST_PIECES = 1000
_MOST_NAMED = 5
_AREAS = frozenset({"Polygon", "MultiPolygon"})


@dataclass(slots=True)
class _Found:
    where: str
    feature: Feature


class Collecting:
    """The features of a document while it is read, and what had to be said of them.

    Parameters
    ----------
    format_name
        Of which the text of single shapes is.
    most_shapes, most_vertices
        Which the whole document may have.

    Examples
    --------
    >>> collecting = Collecting("phas")
    >>> collecting.add_area("Path 1", [[(0, 0), (4, 4), (4, 0), (0, 4)]])
    >>> document = collecting.document()
    >>> document.features[0].geometry.geom_type, document.notices[0].where
    ('MultiPolygon', 'Path 1')
    """

    def __init__(
        self,
        format_name: str,
        *,
        most_shapes: int = MOST_SHAPES,
        most_vertices: int = MOST_VERTICES,
    ) -> None:
        self._format = format_name
        self._most_shapes = most_shapes
        self._most_vertices = most_vertices
        self._vertices = 0
        self._found: list[_Found] = []
        self._said: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._found)

    @property
    def wants_source(self) -> bool:
        """Whether there are still few enough features to keep their text."""
        return len(self._found) < MOST_WITH_SOURCE

    def say(self, where: str, what: str) -> None:
        """Add a notice; alike ones become one."""
        self._said.setdefault(what, []).append(where)

    def add(
        self,
        where: str,
        kind: ShapeKind,
        geometry: BaseGeometry | None,
        *,
        labels: tuple[str, ...] = (),
        properties: Mapping[str, Any] | None = None,
        source: str | None = None,
        vertices: int | None = None,
    ) -> None:
        """Add a feature whose geometry is made already; `vertices` says how many it has.

        Raises
        ------
        TooLarge
            It is one of too many, or has too many corners.
        """
        if vertices is None:
            vertices = 0 if geometry is None else int(shapely.get_num_coordinates(geometry))
        self.count(vertices)
        told = None if source is None else Source(self._format, source)
        self._found.append(_Found(where, Feature(kind, geometry, labels, properties or {}, told)))

    def add_area(
        self,
        where: str,
        rings: Sequence[ArrayLike],
        *,
        kind: ShapeKind = ShapeKind.POLYGON,
        **said: Any,
    ) -> None:
        """Add an outline with its holes; of less than three corners it is a line or a point."""
        outer, *holes = (self.corners(where, ring, closed=True) for ring in rings)
        if outer is None:
            return
        if len(outer) < 3:
            self.say(where, "It is an area of less than three corners; it is a line or point now.")
            self._add_few(where, outer, said)
            return
        whole = [hole for hole in holes if hole is not None and len(hole) >= 3]
        if len(whole) < len(holes):
            self.say(where, "It has holes of less than three corners, which are not kept.")
        if whole and kind is ShapeKind.POLYGON:
            kind = ShapeKind.BRUSH
        self.add(where, kind, shapely.Polygon(outer, whole), **said)

    def add_line(self, where: str, points: ArrayLike, **said: Any) -> None:
        """Add a line; of one corner it is a point."""
        corners = self.corners(where, points)
        if corners is not None:
            if len(corners) == 1:
                self.say(where, "It is a line of one corner; it is a point now.")
            self._add_few(where, corners, said)

    def add_point(self, where: str, point: Sequence[float], **said: Any) -> None:
        """Add a point."""
        x, y = point
        if abs(x) <= FARTHEST and abs(y) <= FARTHEST:
            self.add(where, ShapeKind.POINT, shapely.Point(x, y), vertices=1, **said)
        else:
            self.say(where, WILD)

    def corners(
        self, where: str, points: ArrayLike, *, closed: bool = False
    ) -> NDArray[np.float64] | None:
        """Return corners that lie on slides, none twice; `None`, and why, where there are none.

        Parameters
        ----------
        closed
            Whether the last may repeat the first; it is taken off.
        """
        found = np.asarray(points, np.float64).reshape(-1, 2)
        if not len(found):
            self.say(where, "It has no corners; it is left out.")
            return None
        if not np.all(np.abs(found) <= FARTHEST):
            self.say(where, WILD)
            return None
        if closed and len(found) > 1 and np.array_equal(found[0], found[-1]):
            found = found[:-1]
        is_again = np.all(found[1:] == found[:-1], axis=1)
        if np.any(is_again):
            self.say(where, "Corners come twice, one after the other; each is kept once.")
            found = found[np.concatenate(([True], ~is_again))]
        return found

    def count(self, vertices: int) -> None:
        """Count corners, and a shape."""
        self._vertices += int(vertices)
        if self._vertices > self._most_vertices:
            raise TooLarge(f"A document may have at most {self._most_vertices:,} corners.")
        if len(self._found) >= self._most_shapes:
            raise TooLarge(
                f"A document that is read shape by shape may have at most {self._most_shapes:,}."
            )

    def document(
        self, colours: Mapping[str, str] | None = None, grids: Sequence[Grid] = ()
    ) -> Document:
        """Return what was collected, with outlines that do not cross themselves."""
        self._mend()
        features = [each.feature for each in self._found]
        if len(features) > MOST_WITH_SOURCE:
            features = [
                each if each.source is None else replace(each, source=None) for each in features
            ]
        return Document(features, list(grids), dict(colours or {}), self._notices())

    def _add_few(self, where: str, corners: NDArray[np.float64], said: Mapping[str, Any]) -> None:
        if len(corners) == 1:
            self.add(where, ShapeKind.POINT, shapely.Point(corners[0]), **said)
        else:
            self.add(where, ShapeKind.POLYLINE, shapely.LineString(corners), **said)

    def _mend(self) -> None:
        areas = [
            place
            for place, each in enumerate(self._found)
            if each.feature.geometry is not None and each.feature.geometry.geom_type in _AREAS
        ]
        geometries = [self._found[place].feature.geometry for place in areas]
        counts = crossings(ShapeColumns.from_geometries(geometries), MOST_CROSSINGS)
        together = 0
        left_out = set()
        for which in np.flatnonzero(counts).tolist():
            found, count = self._found[areas[which]], int(counts[which])
            if count < 0:
                self.say(found.where, UNSEARCHED)
            elif count >= MOST_CROSSINGS:
                self.say(found.where, TANGLED)
                left_out.add(areas[which])
            elif (together := together + count) > MOST_TOGETHER:
                self.say(
                    found.where,
                    "The outline crosses itself; it is kept so, "
                    "there are too many to repair them all.",
                )
            else:
                found.feature = self._mended(found)
        if left_out:
            self._found = [each for n, each in enumerate(self._found) if n not in left_out]

    def _mended(self, found: _Found) -> Feature:
        feature = found.feature
        made = valid(np.array([feature.geometry], object))[0]
        if made is None:
            self.say(found.where, "The outline crosses itself, and goes around nothing.")
            return feature
        self.say(found.where, MENDED)
        return replace(feature, kind=kind_of_area(made), geometry=made)

    def _notices(self) -> list[Notice]:
        notices = []
        for what, places in self._said.items():
            named = ", ".join(places[:_MOST_NAMED])
            more = len(places) - _MOST_NAMED
            notices.append(Notice(f"{named} and {more:,} more" if more > 0 else named, what))
        return notices


def kind_of_area(geometry: BaseGeometry) -> ShapeKind:
    """Return what an area is drawn as: with holes or in several parts, by a brush."""
    if geometry.geom_type == "MultiPolygon" or len(geometry.interiors) > 0:
        return ShapeKind.BRUSH
    return ShapeKind.POLYGON


def flattened(curves: NDArray[np.float64], flatness: float = FLATNESS) -> NDArray[np.float64]:
    """Return the corners of lines that are nowhere farther from curves than `flatness`.

    Parameters
    ----------
    curves
        ``(curves, 4, 2)``: cubic Béziers, each beginning where the one before ends.

    Raises
    ------
    TooLarge
        It takes more than `MOST_VERTICES`.

    Examples
    --------
    >>> straight = np.array([[(0, 0), (1, 1), (2, 2), (3, 3)]], np.float64)
    >>> flattened(straight).tolist()
    [[0.0, 0.0], [3.0, 3.0]]
    """
    if not np.all(np.abs(curves) <= FARTHEST):
        raise Invalid("Curves are not finite or lie farther out than any slide.")
    # A chord of a piece is off its curve by an eighth of the second derivative at most, over the
    # square of how many pieces there are.
    bends = np.abs(np.diff(curves, n=2, axis=1)).max(axis=(1, 2)) * np.sqrt(2)
    pieces = np.clip(np.ceil(np.sqrt(0.75 * bends / flatness)), 1, _MOST_PIECES).astype(np.int64)
    pieces[_are_straight(curves, flatness)] = 1
    total = int(pieces.sum())
    if total > MOST_VERTICES:
        raise TooLarge(f"Curves take more than {MOST_VERTICES:,} corners.")
    which = np.repeat(np.arange(len(curves)), pieces)
    steps = np.arange(total) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    t = (steps / pieces[which])[:, None]
    p0, p1, p2, p3 = (curves[which, place] for place in range(4))
    s = 1 - t
    found = s**3 * p0 + 3 * s**2 * t * p1 + 3 * s * t**2 * p2 + t**3 * p3
    # Where a curve begins is said exactly.
    found[steps == 0] = p0[steps == 0]
    return np.concatenate((found, curves[-1:, 3]))


def _are_straight(curves: NDArray[np.float64], flatness: float) -> NDArray[np.bool_]:
    """Return which curves stay by their chord: no curve leaves the hull of its four points."""
    chords = curves[:, 3] - curves[:, 0]
    lengths = np.maximum((chords**2).sum(axis=1), 1e-300)
    farthest = np.zeros(len(curves))
    for handle in (curves[:, 1], curves[:, 2]):
        away = handle - curves[:, 0]
        along = np.clip((away * chords).sum(axis=1) / lengths, 0, 1)
        off = away - along[:, None] * chords
        farthest = np.maximum(farthest, (off**2).sum(axis=1))
    straight: NDArray[np.bool_] = farthest <= flatness**2
    return straight


def label_of(said: object) -> str | None:
    """Return a label that a file states; `None` where it states none that can be one."""
    if not isinstance(said, str):
        return None
    said = " ".join(said.split())
    return said[:LONGEST_LABEL] or None
