"""Pictures of a slide that are not stored as they are wanted."""

from __future__ import annotations

import numpy as np

from wsi_lab.model.slide import EdgeTiles, Region, SlideProperties, TileGrid
from wsi_lab.slides import render
from wsi_lab.slides.reader import EncodedImage, Pixels, Reader
from wsi_lab.slides.tile_plans import TilePlan


class Drawing:
    """Draws tiles of grids, and the whole slide, from the pixels of a reader."""

    def __init__(self, reader: Reader, properties: SlideProperties) -> None:
        self._reader = reader
        self._properties = properties
        self._coarse_colour = reader.has_coarse_colour

    def tile(self, grid: TileGrid, plan: TilePlan, column: int, row: int) -> EncodedImage:
        """Return a tile of a grid."""
        pixels = self._pixels(grid, plan, column, row)
        return self._jpeg(pixels, stored_resolution=plan.factor == 1)

    def whole(self, region: Region, quality: int) -> EncodedImage:
        """Return a region that is the whole slide, smaller."""
        pixels = self._reader.read_region(region)
        return self._jpeg(pixels, stored_resolution=False, quality=quality)

    def _pixels(self, grid: TileGrid, plan: TilePlan, column: int, row: int) -> Pixels:
        """Return the pixels of a grid's tile, at the slide's edge as the grid wants them."""
        side, zoom = grid.tile_size, plan.zoom
        wanted = min(side, zoom.width - column * side), min(side, zoom.height - row * side)
        (x, y), (width, height) = (column * side, row * side), wanted
        downsample = float(zoom.downsample)
        if plan.level is not None:
            # The grid is laid over the pixels of the level. Rounding may have cost the level its
            # last column or row; the one before stands in for it.
            level = self._properties.levels[plan.level]
            columns, rows = -(-level.width // plan.factor), -(-level.height // plan.factor)
            x, y = min(x, columns - 1), min(y, rows - 1)
            width, height = min(width, columns - x), min(height, rows - y)
            downsample = level.downsample * plan.factor
        pixels = self._reader.read_region(
            Region(
                x=x * downsample,
                y=y * downsample,
                width=width,
                height=height,
                downsample=downsample,
            )
        )
        pixels = _stretched(pixels, *wanted)
        return render.padded(pixels, side, side) if grid.edges is EdgeTiles.PADDED else pixels

    def _jpeg(
        self, pixels: Pixels, *, stored_resolution: bool, quality: int = render.DEFAULT_QUALITY
    ) -> EncodedImage:
        if not self._coarse_colour:
            return render.jpeg(pixels, quality)
        # Pictures between the stored resolutions are only ever looked at, and in passing.
        return render.jpeg(pixels, quality, "422" if stored_resolution else "420")


def whole_within(slide: SlideProperties, width: int, height: int) -> Region:
    """Return all of a slide, as large as fits into a box and never larger than it is.

    Examples
    --------
    >>> from wsi_lab.model.slide import Level
    >>> whole_within(SlideProperties("", (Level(400, 200, 256, 256, 1.0),)), 100, 100)
    Region(x=0.0, y=0.0, width=100, height=50, downsample=4.0)
    """
    downsample = max(slide.width / width, slide.height / height, 1.0)
    return Region(
        x=0.0,
        y=0.0,
        width=max(1, min(width, round(slide.width / downsample))),
        height=max(1, min(height, round(slide.height / downsample))),
        downsample=downsample,
    )


def _stretched(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return pixels with the last row and column repeated where a level lacks one by rounding."""
    rows, columns = pixels.shape[:2]
    if (columns, rows) == (width, height):
        return pixels
    return np.pad(pixels, ((0, height - rows), (0, width - columns), (0, 0)), mode="edge")
