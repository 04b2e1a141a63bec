"""Grids of values, heat maps among them, as colours over a slide."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.colour_maps import colour_map
from wsi_lab.model.layer import Box
from wsi_lab.service.annotating.overlay_drawing import Frame, Rgba
from wsi_lab.service.annotating.overlay_style import Style

Values = NDArray[np.float32]


class Stack(NamedTuple):
    """A grid and smaller ones of means, each half as wide, for views from afar.

    Attributes
    ----------
    box
        ``(left, top, right, bottom)`` of the first one, in level-0 pixels.
    limits
        The least and the greatest value, by default the ends of the colour map.
    """

    levels: tuple[Values, ...]
    box: Box
    limits: tuple[float, float]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(each.nbytes for each in self.levels) + 200

    def at(self, x: float, y: float) -> float | None:
        """Return the value at a place; `None` where there is none."""
        left, top, right, bottom = self.box
        rows, columns = self.levels[0].shape
        if not (left <= x < right and top <= y < bottom):
            return None
        column = min(int((x - left) / (right - left) * columns), columns - 1)
        value = float(self.levels[0][min(int((y - top) / (bottom - top) * rows), rows - 1), column])
        return None if math.isnan(value) else value


def stack(values: Values, box: Box, limits: tuple[float, float] | None = None) -> Stack:
    """Return a grid with smaller ones of its means; NaN counts for nothing.

    Parameters
    ----------
    limits
        By default the least and the greatest value.

    Examples
    --------
    >>> [each.tolist() for each in stack(np.float32([[1, 3], [np.nan, 2]]), (0, 0, 2, 2)).levels]
    [[[1.0, 3.0], [nan, 2.0]], [[2.0]]]
    """
    levels = [np.asarray(values, np.float32)]
    while max(levels[-1].shape) > 1:
        levels.append(_halved(levels[-1]))
    if limits is None:
        known = levels[0][np.isfinite(levels[0])]
        limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return Stack(tuple(levels), box, limits)


def grids_drawn(stacks: Iterable[Stack], frame: Frame, style: Style) -> Rgba | None:
    """Return the colours of grids, the later ones on top; `None` where none of them is seen."""
    drawn: Rgba | None = None
    colours = np.empty((256, 4), np.uint8)
    colours[:, :3] = colour_map(style.colour_map)
    colours[:, 3] = round(255 * style.grid_opacity)
    for each in stacks:
        found = _sampled(each, frame)
        if found is None:
            continue
        known = ~np.isnan(found)
        if not known.any():
            continue
        if drawn is None:
            drawn = np.zeros((frame.rows, frame.columns, 4), np.uint8)
        low = each.limits[0] if style.low is None else style.low
        high = each.limits[1] if style.high is None else style.high
        share = np.clip((found[known].astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
        drawn[known] = colours[np.rint(share * 255).astype(np.uint8)]
    return drawn


def _halved(values: Values) -> Values:
    rows, columns = values.shape
    even = np.pad(values, ((0, rows % 2), (0, columns % 2)), constant_values=np.nan)
    with warnings.catch_warnings():
        # Where nothing is known, nothing is known of the mean.
        warnings.simplefilter("ignore", RuntimeWarning)
        parts = np.stack([even[::2, ::2], even[::2, 1::2], even[1::2, ::2], even[1::2, 1::2]])
        mean: Values = np.nanmean(parts, axis=0, dtype=np.float32)
    return mean


def _sampled(each: Stack, frame: Frame) -> Values | None:
    """Return the values at the middles of pixels; NaN beside the grid."""
    left, top, right, bottom = each.box
    if right <= left or bottom <= top:
        return None
    rows, columns = each.levels[0].shape
    cell = min((right - left) / columns, (bottom - top) / rows)
    level = math.floor(math.log2(frame.downsample / cell)) if frame.downsample > cell else 0
    level = min(level, len(each.levels) - 1)
    down = _cells(frame.rows, frame.top, frame.downsample, (top, bottom), rows) >> level
    across = _cells(frame.columns, frame.left, frame.downsample, (left, right), columns) >> level
    own_rows, own_columns = np.flatnonzero(down >= 0), np.flatnonzero(across >= 0)
    if not (len(own_rows) and len(own_columns)):
        return None
    found = np.full((frame.rows, frame.columns), np.nan, np.float32)
    found[np.ix_(own_rows, own_columns)] = each.levels[level][
        np.ix_(down[own_rows], across[own_columns])
    ]
    return found


def _cells(
    count: int, start: float, downsample: float, ends: tuple[float, float], cells: int
) -> NDArray[np.int64]:
    """Return which cell each row or column of the picture shows; negative where none."""
    places = start + (np.arange(count) + 0.5) * downsample
    found = np.floor((places - ends[0]) * cells / (ends[1] - ends[0]))
    return np.where((found >= 0) & (found < cells), found, -1).astype(np.int64)
