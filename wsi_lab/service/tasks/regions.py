"""Sampling regions: outlines with a label, in which patches are sampled."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import FARTHEST, Annotation, ShapeKind, Source
from wsi_lab.model.feature import Feature
from wsi_lab.model.people import Actor
from wsi_lab.model.task import TaskMode, TaskShape
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.tasks.labelled import LabelledShape, LabelledShapes
from wsi_lab.service.transaction import Transactions

REGION_FORMAT = "phas-region"
"""``{"type": "polygon" | "trapezoid", "data": […]}``, as JSON."""
MOST_CORNERS = 100_000

Place = tuple[float, float]


class Regions:
    """Sampling regions of tasks of the mode ``sampling``."""

    def __init__(self, transactions: Transactions, finder: Finder) -> None:
        self._shapes = LabelledShapes(transactions, finder, TaskMode.SAMPLING, _told)

    def list(self, actor: Actor, task_id: int, slide_id: int | None = None) -> list[TaskShape]:
        """Return the regions on a slide in a task, or all of them, those changed last first."""
        return self._shapes.shapes(actor, task_id, slide_id)

    def create(
        self, actor: Actor, task_id: int, slide_id: int, label_id: int, geometry: Any
    ) -> int:
        """Draw a region and return its id.

        Parameters
        ----------
        geometry
            ``{"type": "polygon", "data": [[x, y], …]}``, or ``{"type": "trapezoid", "data":
            [[x, y, w], [x, y, w]]}`` with the middles of the two parallel sides and half of their
            lengths. All in level-0 pixels; further members are kept.

        Raises
        ------
        Invalid
            It is none of these, or the task has no such label.
        """
        return self._shapes.create(actor, task_id, slide_id, _new(label_id, geometry))

    def change(
        self, actor: Actor, task_id: int, region_id: int, label_id: int, geometry: Any
    ) -> None:
        """Draw a region anew or give it another label; see `create`."""
        self._shapes.change(actor, task_id, region_id, _new(label_id, geometry))

    def remove(self, actor: Actor, task_id: int, region_id: int) -> None:
        """Remove a region."""
        self._shapes.remove(actor, task_id, region_id)

    def remove_all(self, actor: Actor, task_id: int, slide_id: int) -> None:
        """Remove all regions on a slide in a task."""
        self._shapes.remove_all(actor, task_id, slide_id)


def corners_of(geometry: Any) -> list[Place]:
    """Return the corners of a region in level-0 pixels.

    Raises
    ------
    Invalid
        It is none.

    Examples
    --------
    >>> corners_of({"type": "trapezoid", "data": [[0, 0, 1], [10, 0, 2]]})
    [(0.0, 1.0), (10.0, 2.0), (10.0, -2.0), (0.0, -1.0)]
    """
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    data = geometry.get("data") if isinstance(geometry, dict) else None
    if kind == "polygon":
        rows = _numbers(data, 2)
        if len(set(rows)) < 3:
            raise Invalid("A polygon has at least three corners, each [x, y].")
        return [(row[0], row[1]) for row in rows]
    if kind == "trapezoid":
        rows = _numbers(data, 3)
        if len(rows) != 2:
            raise Invalid("A trapezoid has two sides, each [x, y, half of its length].")
        return _trapezoid(rows[0], rows[1])
    raise Invalid(
        'A region is {"type": "polygon", "data": [[x, y], …]} or '
        '{"type": "trapezoid", "data": [[x, y, w], [x, y, w]]}.'
    )


def _trapezoid(one: tuple[float, ...], other: tuple[float, ...]) -> list[Place]:
    dx, dy = other[0] - one[0], other[1] - one[1]
    length = math.hypot(dx, dy)
    if length == 0 or (one[2] == 0 and other[2] == 0):
        raise Invalid("The sides of a trapezoid lie apart, and one of them has a length.")
    x, y = -dy / length, dx / length
    return [
        (one[0] + one[2] * x, one[1] + one[2] * y),
        (other[0] + other[2] * x, other[1] + other[2] * y),
        (other[0] - other[2] * x, other[1] - other[2] * y),
        (one[0] - one[2] * x, one[1] - one[2] * y),
    ]


def _numbers(data: Any, count: int) -> list[tuple[float, ...]]:
    if not isinstance(data, list) or len(data) > MOST_CORNERS:
        raise Invalid(f"The data of a region is a list of at most {MOST_CORNERS:,} corners.")
    rows = []
    for row in data:
        is_row = isinstance(row, list) and len(row) == count
        if not is_row or not all(type(each) in {int, float} for each in row):
            raise Invalid(f"Each corner of a region of this type is a list of {count} numbers.")
        if not all(math.isfinite(each) and abs(each) <= FARTHEST for each in row):
            raise Invalid("Coordinates are finite numbers of pixels on the slide.")
        rows.append(tuple(map(float, row)))
    return rows


def _new(label_id: int, geometry: Any) -> LabelledShape:
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    outline = shapely.Polygon(corners_of(geometry))
    source = Source(REGION_FORMAT, msgspec.json.encode(geometry).decode())
    return LabelledShape(Feature(ShapeKind.POLYGON, outline, source=source), label_id)


def _told(annotation: Annotation) -> str:
    """Return a region as it was given; one that was drawn elsewhere as a polygon.

    Of one with several parts, their hull.
    """
    source, geometry = annotation.source, annotation.shape.geometry
    if source is not None and source.format == REGION_FORMAT:
        return source.text
    assert geometry is not None  # noqa: S101 (only those that have one are told)
    area = geometry if geometry.geom_type == "Polygon" else geometry.convex_hull
    places = area.exterior.coords[:-1] if area.geom_type == "Polygon" else area.coords
    data = [[x, y] for x, y, *_ in places]
    return msgspec.json.encode({"type": "polygon", "data": data}).decode()
