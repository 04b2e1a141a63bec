"""What a picture of a part of a slide shows, and how large it becomes: arithmetic only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsi_lab.errors import Invalid
from wsi_lab.model.layer import Box

LONGEST_SIDE = 10_000
"""Pixels of a picture; larger ones are made smaller."""
LARGEST_INCREASE = 1000.0
POINT_SIDE = 100
"""Level-0 pixels that are shown around a point."""
FARTHEST = 1 << 42
"""Level-0 pixels; farther than any shape that is kept, however much is shown around it."""


@dataclass(frozen=True, slots=True)
class View:
    """What a picture shows.

    Attributes
    ----------
    x, y
        Its left upper corner, in level-0 pixels.
    width, height
        Of what it shows, in level-0 pixels.
    columns, rows
        Of the picture.
    downsample
        Level-0 pixels per pixel of the picture.
    is_limited
        Whether it is smaller than was asked, so that no side is longer than `LONGEST_SIDE`.
    """

    x: int
    y: int
    width: int
    height: int
    columns: int
    rows: int
    downsample: float
    is_limited: bool


def view_of(box: tuple[int, int, int, int], *, zoom: int = 0, max_size: int | None = None) -> View:
    """Return the picture of a rectangle.

    Parameters
    ----------
    box
        ``(x, y, width, height)`` in level-0 pixels.
    zoom
        How often it is halved.
    max_size
        How long its longer side is at most, instead; it is never enlarged.

    Raises
    ------
    Invalid
        The rectangle is empty or nowhere, or a number is less than it can be.

    Examples
    --------
    >>> view = view_of((10, 20, 1001, 500), zoom=1)
    >>> view.columns, view.rows, view.downsample
    (500, 250, 2.0)
    >>> view_of((0, 0, 40_000, 20_000)).columns, view_of((0, 0, 300, 100), max_size=512).columns
    (10000, 300)
    """
    x, y, width, height = box
    if width < 1 or height < 1:
        raise Invalid("A part of a slide is at least one pixel wide and high.")
    if max(abs(x), abs(y), width, height) > FARTHEST:
        raise Invalid("This part lies farther out than any slide.")
    if zoom < 0 or (max_size is not None and max_size < 1):
        raise Invalid("A picture is halved 0 times or more, and has at least one pixel.")
    longer = max(width, height)
    if max_size is None:
        # More halvings than there are leave one pixel.
        downsample = float(min(1 << min(zoom, 62), longer))
    else:
        downsample = longer / min(max_size, longer)
    is_limited = longer / downsample > LONGEST_SIDE
    if is_limited:
        downsample = longer / LONGEST_SIDE
    return View(
        *box,
        columns=_pixels(width, downsample),
        rows=_pixels(height, downsample),
        downsample=downsample,
        is_limited=is_limited,
    )


def box_around(bounds: Box, increase: float = 1.0) -> tuple[int, int, int, int]:
    """Return the whole pixels that a shape lies in, ``(x, y, width, height)``.

    Parameters
    ----------
    bounds
        ``(left, top, right, bottom)`` of the shape; that of a point has no width and no height.
    increase
        How many times as wide and as high what is shown is, about its middle.

    Examples
    --------
    >>> box_around((10.2, 20.0, 12.0, 30.5)), box_around((10.5, 20.5, 10.5, 20.5))
    ((10, 20, 2, 11), (-40, -30, 100, 100))
    """
    if not 0 < increase <= LARGEST_INCREASE:
        raise Invalid(
            f"What is shown of a shape can be increased up to {LARGEST_INCREASE:,.0f} times."
        )
    left, top, right, bottom = bounds
    if left == right and top == bottom:
        # The pixel that the point lies in is the one right below the middle.
        left, top = math.floor(left) - POINT_SIDE // 2, math.floor(top) - POINT_SIDE // 2
        right, bottom = left + POINT_SIDE, top + POINT_SIDE
    if increase != 1:
        across, down = (right - left) / 2 * increase, (bottom - top) / 2 * increase
        x, y = (left + right) / 2, (top + bottom) / 2
        left, top, right, bottom = x - across, y - down, x + across, y + down
    x0, y0 = math.floor(left), math.floor(top)
    return x0, y0, max(1, math.ceil(right) - x0), max(1, math.ceil(bottom) - y0)


def _pixels(side: int, downsample: float) -> int:
    # What is shown ends within the part, but for what rounding adds.
    return max(1, math.floor(side / downsample + 1e-6))
