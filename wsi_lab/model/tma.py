"""Maps of tissue microarrays: which core lies in which row and column."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from wsi_lab.errors import Invalid

LARGEST_SIDE = 200
"""Rows or columns of a map."""
FARTHEST_CORE = 1e9
"""Level-0 pixels from the corner of a slide."""

Box = tuple[float, float, float, float]
"""``(x, y, width, height)`` in level-0 pixels."""


@dataclass(frozen=True, slots=True)
class MapCore:
    """One core that a map names. Places without a core have none."""

    row: int
    column: int
    sample: str
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class TmaLayout:
    """What a map file says.

    Attributes
    ----------
    slides
        Files it applies to, as the map names them.
    force
        Whether it replaces a map that a slide already has.
    properties
        Everything in the header, by names in small letters.
    """

    row_count: int
    column_count: int
    cores: tuple[MapCore, ...]
    slides: tuple[str, ...] = ()
    force: bool = False
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TmaMap:
    """A map of a study.

    Attributes
    ----------
    text
        The file it came from, unchanged.
    """

    id: int
    study_id: int
    name: str
    text: str
    row_count: int
    column_count: int
    revision: int


def even_box(tma_map: TmaMap, size: tuple[int, int], row: int, column: int) -> Box:
    """Return where a core lies if all lie on an even grid over the whole slide.

    Parameters
    ----------
    size
        Width and height of the slide, in level-0 pixels.

    Returns
    -------
    tuple
        ``(x, y, width, height)`` in level-0 pixels.

    Examples
    --------
    >>> even_box(TmaMap(1, 1, "a", "", 2, 4, 1), (400, 300), 1, 2)
    (200.0, 150.0, 100.0, 150.0)
    """
    width, height = size[0] / tma_map.column_count, size[1] / tma_map.row_count
    return column * width, row * height, width, height


@dataclass(frozen=True, slots=True)
class CoreBox:
    """Where a core lies on its slide.

    Attributes
    ----------
    is_found
        Whether there is tissue, where somebody looked.
    """

    row: int
    column: int
    box: Box
    is_found: bool | None = None


@dataclass(frozen=True, slots=True)
class CoreFit:
    """What is known of the boxes of a slide as a whole.

    Attributes
    ----------
    confidence
        How well the grid explains what was seen in the picture, from 0 to 1; `None` for boxes
        that nobody fitted.
    residual
        Level-0 pixels that cores lie off the grid, in the middle.
    angle
        Degrees by which rows fall from left to right.
    """

    revision: int
    changed_on: datetime
    changed_by: int
    confidence: float | None = None
    residual: float | None = None
    angle: float | None = None


@dataclass(frozen=True, slots=True)
class PlacedCore:
    """A place of a map on its slide; with an empty sample where the map names no core."""

    row: int
    column: int
    sample: str
    is_control: bool
    box: Box
    is_found: bool | None


@dataclass(frozen=True, slots=True)
class SlideCores:
    """All places of the map of a slide, row by row.

    Attributes
    ----------
    fit
        `None` where all are taken to lie on an even grid over the whole slide.
    """

    slide_id: int
    tma_map: TmaMap
    places: tuple[PlacedCore, ...]
    fit: CoreFit | None


def checked_boxes(
    boxes: Iterable[CoreBox], row_count: int, column_count: int
) -> tuple[CoreBox, ...]:
    """Return boxes that lie on a grid of so many rows and columns, each place once.

    Raises
    ------
    Invalid
        They do not; ``problems`` names every one.

    Examples
    --------
    >>> checked_boxes([CoreBox(0, 2, (0, 0, 10, 0))], 1, 2)
    Traceback (most recent call last):
    wsi_lab.errors.Invalid: Row 0, column 2: the map has no such place.
    """
    known: set[tuple[int, int]] = set()
    problems: list[str] = []
    found = tuple(boxes)
    for each in found:
        where = f"Row {each.row}, column {each.column}"
        if not (0 <= each.row < row_count and 0 <= each.column < column_count):
            problems.append(f"{where}: the map has no such place.")
        elif (each.row, each.column) in known:
            problems.append(f"{where} is there twice.")
        elif not is_core_box(each.box):
            problems.append(f"{where}: a box is x, y, width and height in pixels of level 0.")
        known.add((each.row, each.column))
    if problems:
        raise Invalid(problems[0], problems=problems)
    return found


def is_core_box(box: Box) -> bool:
    """Return whether a box is one that can be on a slide."""
    numbers = all(math.isfinite(side) and abs(side) <= FARTHEST_CORE for side in box)
    return numbers and box[2] > 0 and box[3] > 0
