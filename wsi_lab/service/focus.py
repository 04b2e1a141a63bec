"""Whether a slide was scanned out of focus, told from a few of its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_lab.model.slide import Region

if TYPE_CHECKING:
    from wsi_lab.slides.open_slide import OpenSlide
    from wsi_lab.slides.reader import Pixels

FIELD_PIXELS = 512
"""Side of the squares that are looked at, at full resolution."""
MOST_FIELDS = 9
PIXELS_PER_CELL = 8
"""Of the overview, in each direction."""
CELLS = 32
"""How many cells the longer side of the slide is divided into to find its tissue."""
LEAST_CONTRAST = 6.0
"""Standard deviation of grey values; a field with less shows nothing that could be sharp."""
SHARP_FROM = 0.015
"""Below it a field is blurred. Sharp fields of real slides have 0.07 to 1; most of them have less
than 0.01 when they are blurred by a Gaussian of two pixels."""


def is_out_of_focus(slide: OpenSlide) -> bool:
    """Return whether most of what the slide shows is blurred.

    The measure is the variance of the Laplacian, divided by the variance of the grey values so
    that pale stains count like strong ones, in the fields of 512 x 512 pixels with the most
    contrast. A slide is out of focus when the median field is below `SHARP_FROM`. One without
    anything to see is not.
    """
    import numpy as np  # noqa: PLC0415 (whoever lists slides needs none of it)

    width = min(FIELD_PIXELS, slide.properties.width)
    height = min(FIELD_PIXELS, slide.properties.height)
    measured = [
        value
        for x, y in _fields(slide)
        if (value := _sharpness(slide.region(Region(x, y, width, height, 1.0)))) is not None
    ]
    return bool(measured) and float(np.median(measured)) < SHARP_FROM


def _fields(slide: OpenSlide) -> list[tuple[float, float]]:
    """Return the corners of the fields where an overview shows the most contrast.

    None reaches beyond the slide: what is white there would make an edge that is always sharp.
    """
    import numpy as np  # noqa: PLC0415 (as said)

    width, height = slide.properties.width, slide.properties.height
    side = max(width, height) / CELLS
    if side <= FIELD_PIXELS:
        # So small that fields beside each other cover all of it, or a good part.
        corners = [(float(x), float(y)) for y in _starts(height) for x in _starts(width)]
        return corners[:: -(-len(corners) // (2 * MOST_FIELDS))]
    columns, rows = (max(1, int(length // side)) for length in (width, height))
    size = columns * PIXELS_PER_CELL, rows * PIXELS_PER_CELL
    overview = _grey(slide.region(Region(0, 0, *size, side / PIXELS_PER_CELL)))
    cells = overview.reshape(rows, PIXELS_PER_CELL, columns, PIXELS_PER_CELL)
    contrast = cells.std(axis=(1, 3)).ravel()
    best = np.argsort(contrast, kind="stable")[::-1][:MOST_FIELDS]
    # The cells are larger than a field, so the field in the middle of one lies within.
    begin = (side - FIELD_PIXELS) / 2
    return [(at % columns * side + begin, at // columns * side + begin) for at in map(int, best)]


def _starts(length: int) -> list[int]:
    last = max(0, length - FIELD_PIXELS)
    return [min(start, last) for start in range(0, length, FIELD_PIXELS)]


def _sharpness(pixels: Pixels) -> float | None:
    grey = _grey(pixels)
    variance = float(grey.var())
    if variance < LEAST_CONTRAST**2:
        return None
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * inner).var()) / variance


def _grey(pixels: Pixels):  # type: ignore[no-untyped-def]  # an array of float32
    import numpy as np  # noqa: PLC0415 (as said)

    return pixels.astype(np.float32).mean(axis=2)
