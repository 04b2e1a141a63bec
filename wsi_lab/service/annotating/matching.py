"""Which shapes are looked for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Invalid
from wsi_lab.model.layer import Box, Condition, ShapeQuery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from wsi_lab.geometry.columns import ShapeColumns

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, some: value in some,
}


LARGEST_NUMBER = 1 << 1000
"""Whole numbers that a float can stand for are less."""
FARTHEST = 1e12
"""Pixels."""


def check_query(query: ShapeQuery) -> None:
    """Raise `Invalid` when a query cannot be answered."""
    problems = []
    if query.study_id is None and query.slide_id is None:
        problems.append("Name the study or the slide whose shapes are looked for.")
    for name, comparison, value in query.where:
        if comparison not in COMPARISONS:
            problems.append(f"{name}: '{comparison}' is none of {', '.join(COMPARISONS)}.")
        elif comparison == "in" and not isinstance(value, list | tuple | set | frozenset):
            problems.append(f"{name}: 'in' needs a list.")
        elif isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            problems.append(f"{name}: no property is a number so large.")
    if query.box is not None and not all(side == side for side in query.box):  # noqa: PLR0124 (NaN)
        problems.append("A box is (left, top, right, bottom).")
    if query.polygon is not None and query.polygon.is_empty:
        problems.append("The area is empty.")
    elif query.polygon is not None and not _is_on_slides(query.polygon):
        problems.append("The corners of the area are finite numbers of pixels on slides.")
    if query.limit is not None and query.limit < 0:
        problems.append("A limit is not less than 0.")
    if problems:
        raise Invalid("; ".join(problems), problems=problems)


def _is_on_slides(area: BaseGeometry) -> bool:
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)
    import shapely  # noqa: PLC0415 (as above)

    # NaN is not less than anything.
    return bool((np.abs(shapely.get_coordinates(area)) < FARTHEST).all())


def box_of(query: ShapeQuery) -> Box | None:
    """Return what every shape that is looked for touches; `None` when it is everywhere.

    A box without content is returned where nothing can lie in both.
    """
    boxes = [query.box] if query.box is not None else []
    if query.polygon is not None:
        boxes.append(query.polygon.bounds)
    if not boxes:
        return None
    if len(boxes) == 1 or not query.centroid:
        # A shape may touch both without touching what they have in common.
        return boxes[0]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return max(lefts), max(tops), min(rights), min(bottoms)


def label_flags(query: ShapeQuery, names: Sequence[str]) -> NDArray[np.bool_] | None:
    """Return which labels are looked for, by their places; having none comes last."""
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)

    if query.labels is None:
        return None
    return np.array([*(name in query.labels for name in names), "" in query.labels], np.bool_)


def lying_there(query: ShapeQuery, columns: ShapeColumns) -> NDArray[np.bool_] | None:
    """Return which of the shapes that touch `box_of` lie where is looked; `None` for all."""
    import numpy as np  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    area = query.polygon
    if query.box is None and area is None:
        return None
    if area is not None:
        shapely.prepare(area)
    if not query.centroid:
        mask = np.ones(len(columns), np.bool_)
        if query.box is not None and area is not None:
            mask &= touching(columns.boxes(), query.box)
        if area is not None:
            mask &= shapely.intersects(area, columns.to_geometries())
        return mask
    centres = shapely.centroid(columns.to_geometries())
    x, y = shapely.get_x(centres), shapely.get_y(centres)
    mask = ~np.isnan(x)
    if query.box is not None:
        left, top, right, bottom = query.box
        mask &= (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    if area is not None:
        mask &= shapely.intersects_xy(area, x, y)
    inside: NDArray[np.bool_] = mask
    return inside


def touching(boxes: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    """Return which boxes touch one."""
    left, top, right, bottom = box
    found: NDArray[np.bool_] = (
        (boxes[:, 0] <= right)
        & (boxes[:, 2] >= left)
        & (boxes[:, 1] <= bottom)
        & (boxes[:, 3] >= top)
    )
    return found


def fulfilling(
    where: Sequence[Condition], properties: Mapping[str, NDArray[Any]], count: int
) -> NDArray[np.bool_]:
    """Return which shapes have the properties that they must have."""
    import numpy as np  # noqa: PLC0415 (as above)

    mask = np.ones(count, np.bool_)
    for condition in where:
        values = properties.get(condition.name)
        mask &= False if values is None else _fulfils(condition, values)
    return mask


def _fulfils(condition: Condition, values: NDArray[Any]) -> NDArray[np.bool_]:
    import numpy as np  # noqa: PLC0415 (as above)

    compare, wanted = COMPARISONS[condition.comparison], condition.value
    is_number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
    if values.dtype.kind in "if" and is_number and condition.comparison != "in":
        known = ~np.isnan(values) if values.dtype.kind == "f" else True
        return np.asarray(compare(values, wanted) & known, np.bool_)
    return np.fromiter(
        (_compared(compare, value, wanted) for value in values.tolist()), np.bool_, len(values)
    )


def _compared(compare: Callable[[Any, Any], Any], value: Any, wanted: Any) -> bool:
    if value is None or value != value:  # noqa: PLR0124 (what NaN is known by)
        return False
    try:
        return bool(compare(value, wanted))
    except TypeError:
        # What cannot be compared, such as a text with a number, does not fulfil anything.
        return False
