"""Whole slides made small, in size and pixels as OpenSlide makes its thumbnails."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.slide import LARGEST_REGION_PIXELS, Level, Region, SlideProperties
from wsi_lab.slides.reader import Pixels


def thumbnail_size(properties: SlideProperties, largest_side: int) -> tuple[int, int]:
    """Return width and height of the thumbnail that fits into a square.

    Its aspect is that of the level it is made from, and it is never larger than that.

    Raises
    ------
    Invalid
        The square is empty.
    TooLarge
        It would have too many pixels.

    Examples
    --------
    >>> slide = SlideProperties("", (Level(2220, 2967, 240, 240, 1.0),))
    >>> thumbnail_size(slide, 1000), thumbnail_size(slide, 5000)
    ((748, 1000), (2220, 2967))
    """
    if largest_side < 1:
        raise Invalid("A thumbnail is at least 1 pixel wide.")
    level = _level(properties, largest_side)
    width, height = _within(level.width, level.height, largest_side)
    if width * height > LARGEST_REGION_PIXELS:
        raise TooLarge(
            f"A thumbnail of {width} x {height} pixels is too large; it may have at most "
            f"{LARGEST_REGION_PIXELS:,}."
        )
    return width, height


def thumbnail(
    properties: SlideProperties, largest_side: int, region: Callable[[Region], Pixels]
) -> Pixels:
    """Return a whole slide, over white, as large as `thumbnail_size` says.

    Where the level it is made from is too large to be read at once, its pixels are means of
    means; elsewhere they are OpenSlide's.

    Parameters
    ----------
    region
        Reads the slide.
    """
    from PIL import Image  # noqa: PLC0415  25 ms

    width, height = thumbnail_size(properties, largest_side)
    level = _level(properties, largest_side)
    if level.width * level.height > LARGEST_REGION_PIXELS:
        return _of_means(properties, (width, height), region)
    picture = Image.fromarray(region(Region(0.0, 0.0, level.width, level.height, level.downsample)))
    if picture.size != (width, height):
        # The gap is what Pillow's own thumbnails have.
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(picture)


def _of_means(
    properties: SlideProperties, size: tuple[int, int], region: Callable[[Region], Pixels]
) -> Pixels:
    """Return a thumbnail made from one twice as large, or as large where that is too much."""
    from PIL import Image  # noqa: PLC0415  25 ms

    finer = 2 if 4 * size[0] * size[1] <= LARGEST_REGION_PIXELS else 1
    step = max(properties.width / size[0], properties.height / size[1]) / finer
    across, down = properties.width / step, properties.height / step
    whole = region(Region(0.0, 0.0, max(1, int(across)), max(1, int(down)), step))
    # What is left of the slide after the last whole pixel looks like that one, not like white.
    padded = np.pad(whole, ((0, 1), (0, 1), (0, 0)), mode="edge")
    picture = Image.fromarray(padded)
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS, box=(0, 0, across, down)))


def _level(properties: SlideProperties, largest_side: int) -> Level:
    """Return the level that OpenSlide takes: the first, or the last before one too coarse."""
    downsample = max(properties.width, properties.height) / largest_side
    levels = properties.levels
    too_coarse = (n for n in range(1, len(levels)) if downsample < levels[n].downsample)
    return levels[next(too_coarse, len(levels)) - 1]


def _within(width: int, height: int, side: int) -> tuple[int, int]:
    """Return a size that fits into a square, rounded as Pillow rounds thumbnails."""
    if side >= max(width, height):
        return width, height
    aspect = width / height
    if aspect <= 1:
        return _nearer(side * aspect, lambda n: abs(aspect - n / side)), side
    return side, _nearer(side / aspect, lambda n: 0 if n == 0 else abs(aspect - side / n))


def _nearer(length: float, error: Callable[[int], float]) -> int:
    """Return the whole number beside `length` with the smaller error, 1 at least."""
    return max(min(math.floor(length), math.ceil(length), key=error), 1)
