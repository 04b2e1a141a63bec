"""Thumbnails and label images of slides as PHAS packs them: NIfTI-1 in gzip, in millimetres.

The first axis runs to the right, the second down. ITK reads both files on the same grid, with an
identity direction.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge

LARGEST_LABEL = 255
_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
_FARTHEST = 1e6
"""Image pixels. Pillow counts in whole numbers of 32 bits; no picture is so large."""
MOST_CROSSINGS = 20_000_000
"""Of outlines with rows of the picture; Pillow takes two seconds for so many small areas."""


class Grid(NamedTuple):
    """How a picture lies on its slide.

    Attributes
    ----------
    size
        Width and height of the picture in its own pixels.
    slide_size
        The same of the slide.
    mm
        Millimetres per slide pixel, to the right and down.

    Examples
    --------
    >>> Grid((100, 50), (1000, 500), (0.0005, 0.0005)).spacing
    (0.005, 0.005)
    """

    size: tuple[int, int]
    slide_size: tuple[int, int]
    mm: tuple[float, float]

    @property
    def spacing(self) -> tuple[float, float]:
        """Millimetres per pixel of the picture."""
        x, y = (
            of_slide * mm / of_picture
            for of_slide, mm, of_picture in zip(self.slide_size, self.mm, self.size, strict=True)
        )
        return x, y


class LabelledRing(NamedTuple):
    """An outline with a label.

    Attributes
    ----------
    id
        Of the shape; those with larger ones are drawn over others.
    label_id
        What its pixels get; from 255 on all get 255.
    ring
        Corners ``(x, y)`` in slide pixels.
    """

    id: int
    label_id: int
    ring: Sequence[Sequence[float]] | NDArray[np.float64]


def thumbnail_file(pixels: NDArray[np.uint8], grid: Grid) -> bytes:
    """Return a thumbnail, ``(rows, columns, 3)``, as a file of red, green and blue.

    Raises
    ------
    Invalid
        The slide has no scale.
    """
    colours = np.ascontiguousarray(pixels).view(_RGB)[..., 0]
    return _file(colours.T[:, :, np.newaxis], grid)


def label_file(rings: Sequence[LabelledRing], grid: Grid) -> bytes:
    """Return outlines, filled with the ids of their labels, as a file of 8-bit numbers.

    Outlines of less than two corners are left out.

    Raises
    ------
    Invalid
        The slide has no scale.
    TooLarge
        The outlines go up and down too often to be drawn at that size.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415 (only who wants such a picture waits for it)

    (width, height), (slide_width, slide_height) = grid.size, grid.slide_size
    picture = Image.new("L", grid.size)
    pen = ImageDraw.Draw(picture)
    scale = np.array([width / slide_width, height / slide_height])
    crossings = 0.0
    for each in sorted(rings, key=lambda ring: ring.id):
        places = np.asarray(each.ring, np.float64).reshape(-1, 2) * scale
        if len(places) < 2 or not np.isfinite(places).all():
            continue
        places = places.clip(-_FARTHEST, _FARTHEST)
        rows = places[:, 1].clip(-1, height)
        crossings += float(np.abs(rows - np.roll(rows, 1)).sum())
        if crossings > MOST_CROSSINGS:
            raise TooLarge(
                "There is too much outlined for a picture of that size; ask for a smaller one."
            )
        pen.polygon(places.ravel().tolist(), fill=min(each.label_id, LARGEST_LABEL))
    return _file(np.asarray(picture).T[:, :, np.newaxis, np.newaxis], grid)


def _file(values: NDArray[Any], grid: Grid) -> bytes:
    import nibabel as nib  # noqa: PLC0415 (as above)

    across, down = grid.spacing
    if not all(math.isfinite(each) and each > 0 for each in (across, down)):
        raise Invalid("The scale of this slide is not known; state its micrometres per pixel.")
    made: Any = nib.Nifti1Image
    # NIfTI's axes go to the patient's left and back, ITK's the other way.
    image = made(values, np.diag([-across, -down, 1.0, 1.0]))
    return gzip.compress(image.to_bytes(), compresslevel=3, mtime=0)
