"""Slides that are stored turned or mirrored, shown upright."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wsi_lab.model.slide import Level, SlideProperties
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.sampling import LevelReader

UPRIGHT = 1


class OrientedReader(LevelReader):
    """A reader turned as the TIFF tag *Orientation* says.

    Parameters
    ----------
    stored
        Reads the pixels as they are stored; its associated images are upright already.
    orientation
        2 to 8. From 5 on the stored rows are columns of the picture. With the corner at which
        the stored rows and columns begin: 2 top right, 3 bottom right, 4 bottom left, 5 left
        top, 6 right top, 7 right bottom, 8 left bottom.
    """

    def __init__(self, stored: LevelReader, orientation: int) -> None:
        self._stored = stored
        self._transposed = orientation >= 5
        self._mirrored = orientation in {2, 3, 6, 7}
        self._upside_down = orientation in {3, 4, 7, 8}
        self._properties = stored.properties
        if self._transposed:
            self._properties = replace(
                stored.properties,
                levels=tuple(_transposed(level) for level in stored.properties.levels),
                mpp_x=stored.properties.mpp_y,
                mpp_y=stored.properties.mpp_x,
            )

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself, of the upright picture."""
        return self._properties

    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        """Return stored pixels; see `LevelReader`."""
        shown = self._properties.levels[level]
        # Counted in the level's pixels, so that mirroring lands on whole ones.
        left, top = round(x / shown.downsample), round(y / shown.downsample)
        if self._mirrored:
            left = shown.width - left - width
        if self._upside_down:
            top = shown.height - top - height
        if self._transposed:
            left, top, width, height = top, left, height, width
        scale = shown.downsample
        pixels = self._stored.read_level(level, left * scale, top * scale, width, height)
        if self._transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self._mirrored:
            pixels = pixels[:, ::-1]
        if self._upside_down:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)

    def read_associated(self, name: str) -> Pixels:
        """Return an image beside the pyramid."""
        return self._stored.read_associated(name)

    def close(self) -> None:
        """Give back the file."""
        self._stored.close()


def _transposed(level: Level) -> Level:
    return replace(
        level,
        width=level.height,
        height=level.width,
        tile_width=level.tile_height,
        tile_height=level.tile_width,
    )
