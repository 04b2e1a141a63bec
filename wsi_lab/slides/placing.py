"""Patches out of stored pixels: where they begin between two, mixed; clear outside the slide."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wsi_lab.model.slide import Level, Patch
from wsi_lab.slides.reader import Pixels

_PIXELS_AT_ONCE = 4_000_000
"""Mixing takes 16 bytes for each, twice."""

ReadPixels = Callable[[int, int, int, int], Pixels]
"""Returns the RGB of a rectangle of a level: column, row, width and height in its pixels."""


def placed(stored: Level, patch: Patch, read: ReadPixels) -> Pixels:
    """Return a patch of a level, ``(rows, columns, 4)``.

    OpenSlide begins a patch exactly at its level-0 pixel. Where that is no whole pixel of the
    level, what it gives is mixed from neighbours; so is this, within 3 of 255.

    Examples
    --------
    >>> level = Level(2, 1, 1, 1, 2.0)
    >>> row = np.array([[[10] * 3, [20] * 3]], np.uint8)
    >>> patch = placed(level, Patch(0, 1, 0, 1, 1), lambda *rectangle: row)
    >>> patch.tolist()
    [[[15, 15, 15, 255]]]
    """
    left, top = patch.x / stored.downsample, patch.y / stored.downsample
    column, row = math.floor(left), math.floor(top)
    across, down = left - column, top - row
    patch_pixels: Pixels = np.zeros((patch.height, patch.width, 4), np.uint8)
    columns = _shown(column, stored.width, patch.width, margin=across > 0)
    rows = _shown(row, stored.height, patch.height, margin=down > 0)
    if not columns or not rows:
        return patch_pixels
    width = len(columns) + (across > 0)
    for start in rows[:: max(1, _PIXELS_AT_ONCE // width)]:
        stop = min(start + max(1, _PIXELS_AT_ONCE // width), rows.stop)
        height = stop - start + (down > 0)
        corner = column + columns.start, row + start
        pixels = np.zeros((height, width, 4), np.uint8)
        inside = (
            _inside(corner[1], height, stored.height),
            _inside(corner[0], width, stored.width),
        )
        pixels[*inside, :3] = read(*corner, width, height)[inside]
        pixels[*inside, 3] = 255
        # As OpenSlide does: the slide fades out to the right and below, not where it begins.
        if corner[0] < 0:
            pixels[:, 0] = pixels[:, 1]
        if corner[1] < 0:
            pixels[0] = pixels[1]
        patch_pixels[start:stop, columns.start : columns.stop] = _mixed(pixels, across, down)
    return patch_pixels


def _shown(first: int, extent: int, count: int, *, margin: int) -> range:
    """Return which of `count` pixels from `first` on show something of `extent` stored ones.

    `margin` is how many stored pixels after its own one a pixel is mixed from.
    """
    start = min(max(0, -first - margin), count)
    return range(start, max(start, min(count, extent - first)))


def _inside(first: int, count: int, extent: int) -> slice:
    return slice(max(0, -first), max(0, min(count, extent - first)))


def _mixed(pixels: Pixels, across: float, down: float) -> Pixels:
    """Return what lies between pixels and their neighbours; one row and column less for it."""
    if not across and not down:
        return pixels
    mixed = pixels.astype(np.float32)
    if across:
        mixed = mixed[:, :-1] * np.float32(1 - across) + mixed[:, 1:] * np.float32(across)
    if down:
        mixed = mixed[:-1] * np.float32(1 - down) + mixed[1:] * np.float32(down)
    # Clear pixels are black, so that so far colours are weighted by their opacity.
    opacity = mixed[..., 3:]
    colours = mixed[..., :3]
    np.divide(colours * 255, opacity, out=colours, where=opacity > 0)
    return np.rint(mixed).astype(np.uint8)
