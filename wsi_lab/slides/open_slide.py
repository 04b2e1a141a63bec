"""One open slide as viewers want it: tiles of a grid, regions and thumbnails."""

from __future__ import annotations

import dataclasses
import itertools
import math
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from wsi_lab.errors import Busy, Invalid, OutOfRange, TooLarge
from wsi_lab.model.slide import (
    LARGEST_REGION_PIXELS,
    EdgeTiles,
    GridLevel,
    Level,
    Region,
    SlideProperties,
    TileGrid,
)
from wsi_lab.slides import render
from wsi_lab.slides.reader import EncodedImage, Pixels, Reader
from wsi_lab.slides.renderings import Renderings

LARGEST_THUMBNAIL_SIDE = 4096
_MOST_GRIDS = 16
_serial = itertools.count()


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the tiles of one zoom of a grid are made.

    Attributes
    ----------
    zoom
        The grid's own numbers for that zoom.
    level
        The stored level whose pixels are used, `None` if none fits the zoom.
    factor
        Pixels of that level per pixel of the zoom, a whole number.
    columns, rows
        How many tiles of the zoom are tiles of the stored level; 0 if none are.
    """

    zoom: GridLevel
    level: int | None
    factor: int
    columns: int
    rows: int


class OpenSlide:
    """A slide file, open and ready. Every method may be called from several threads at once.

    It is good for the version of the file it was opened from; `SlideEngine.open` gives a new one
    when the file has changed. There is nothing to close: the file is given back when nobody
    holds the slide any more.

    Attributes
    ----------
    version
        Changes whenever the file changes.
    real_path
        Where the file that was opened really lies. Never shown to anybody.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        version: str,
        real_path: str,
        unchanged: Callable[[], bool],
        renderings: Renderings,
    ) -> None:
        self._reader = reader
        self.version = version
        self.real_path = real_path
        self._properties = dataclasses.replace(reader.properties, version=version)
        self._unchanged = unchanged
        self._renderings = renderings
        # Versions of two files may be equal by bad luck; serial numbers are not.
        self._serial = next(_serial)
        self._coarse_colour = reader.has_coarse_colour
        self._plans: dict[TileGrid, dict[int, _Plan]] = {}
        # To hash a grid takes as long as everything else that is done to find a plan.
        self._latest: tuple[TileGrid | None, dict[int, _Plan]] = None, {}
        weakref.finalize(self, reader.close)

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""
        return self._properties

    def tile_at_once(self, grid: TileGrid, zoom: int, column: int, row: int) -> EncodedImage | None:
        """Return a tile of a grid if that needs neither waiting nor decoding, else `None`.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        DamagedSlide, SlideMissing
            The tile is broken, or the file is gone.
        """
        tile = self._tile_at_once(grid, zoom, column, row)
        # Looked at after reading, so that no tile of another version slips through.
        return tile if tile is not None and self._unchanged() else None

    def tiles_at_once(
        self, grid: TileGrid, zoom: int, places: Sequence[tuple[int, int]]
    ) -> list[EncodedImage] | None:
        """Return the tiles at ``(column, row)`` as `tile_at_once` does, or `None` if one lacks.

        They are all of the same version, which is looked at once for all of them.

        Raises
        ------
        OutOfRange, DamagedSlide, SlideMissing
            As for `tile_at_once`.
        """
        tiles = []
        for column, row in places:
            tile = self._tile_at_once(grid, zoom, column, row)
            if tile is None:
                return None
            tiles.append(tile)
        return tiles if self._unchanged() else None

    def tile(self, grid: TileGrid, zoom: int, column: int, row: int) -> EncodedImage:
        """Return a tile of a grid: as stored where the grid allows it, else made for it.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        DamagedSlide, SlideMissing
            A tile of the file is broken, or the file is gone.
        TooLarge
            The slide has no small levels, and this tile would take too much decoding.
        Busy
            All workers are taken, or the file is being written to.
        """
        plan = self._plan(grid, zoom, column, row)
        if column < plan.columns and row < plan.rows and plan.level is not None:
            stored = self._reader.stored_tile(plan.level, column, row)
            if stored is not None:
                return self._checked(stored)
        return self._made(
            (grid, zoom, column, row),
            lambda: self._jpeg(
                self._grid_tile(grid, plan, column, row), stored_resolution=plan.factor == 1
            ),
        )

    def level_tile(
        self, level: int, column: int, row: int, *, quality: int | None = None
    ) -> EncodedImage:
        """Return a whole tile of the file's own grid, always as JPEG.

        Tiles that reach over the edge of the slide have their full size too; what lies beyond
        the edge is the file's, or white.

        Parameters
        ----------
        quality
            1 to 100: encode anew with it. `None` hands out the stored bytes where it can.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        Invalid
            The quality is out of range.
        DamagedSlide, SlideMissing, Busy, TooLarge
            As for `tile`.
        """
        if quality is not None and not 1 <= quality <= 100:
            raise Invalid(f"Quality goes from 1 to 100, not {quality}.")
        stored_level = self._properties.level(level)
        if not (0 <= column < stored_level.columns and 0 <= row < stored_level.rows):
            raise OutOfRange(
                f"Tile x={column}, y={row} does not exist in level {level}; x goes from 0 to "
                f"{stored_level.columns - 1} and y from 0 to {stored_level.rows - 1}."
            )
        if quality is None:
            stored = self._reader.stored_tile(level, column, row, whole=True)
            if stored is not None:
                return self._checked(stored)
        return self._made(
            (level, column, row, quality),
            lambda: render.jpeg(
                self._reader.read_tile(level, column, row),
                render.DEFAULT_QUALITY if quality is None else quality,
            ),
        )

    def region(self, region: Region) -> Pixels:
        """Return the pixels of a region, ``(rows, columns, 3) uint8``, white outside the slide.

        Raises
        ------
        Invalid
            The region is empty, or its numbers are not finite.
        TooLarge
            It has too many pixels, or would take too much decoding.
        DamagedSlide, SlideMissing, Busy
            As for `tile`.
        """
        numbers = (region.x, region.y, region.downsample)
        if not all(map(math.isfinite, numbers)) or min(region.width, region.height) < 1:
            raise Invalid("A region needs a width and height of at least 1, and finite numbers.")
        if region.downsample <= 0:
            raise Invalid("The downsample of a region must be above 0.")
        if region.width * region.height > LARGEST_REGION_PIXELS:
            raise TooLarge(
                f"A region of {region.width} x {region.height} pixels is too large; "
                f"at most {LARGEST_REGION_PIXELS:,} pixels are read at once."
            )
        pixels = self._reader.read_region(region)
        self._require_unchanged()
        return pixels

    def thumbnail(self, max_width: int, max_height: int) -> EncodedImage:
        """Return the whole slide as JPEG, as large as fits; never larger than the slide.

        It is made from the slide's own pixels. The thumbnail some scanners put into the file is
        not used: it may show the label.

        Raises
        ------
        Invalid
            The size is not between 1 and `LARGEST_THUMBNAIL_SIDE`.
        TooLarge, DamagedSlide, SlideMissing, Busy
            As for `tile`.
        """
        if not all(1 <= side <= LARGEST_THUMBNAIL_SIDE for side in (max_width, max_height)):
            raise Invalid(f"A thumbnail's sides go from 1 to {LARGEST_THUMBNAIL_SIDE} pixels.")
        slide = self._properties
        downsample = max(slide.width / max_width, slide.height / max_height, 1.0)
        region = Region(
            x=0.0,
            y=0.0,
            width=max(1, min(max_width, round(slide.width / downsample))),
            height=max(1, min(max_height, round(slide.height / downsample))),
            downsample=downsample,
        )
        return self._made(
            ("thumbnail", max_width, max_height),
            lambda: self._jpeg(self._reader.read_region(region), stored_resolution=False),
        )

    def associated(self, name: str) -> EncodedImage:
        """Return the label, macro or another image beside the pyramid, as JPEG.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        DamagedSlide, SlideMissing, Busy
            As for `tile`.
        """
        return self._made(
            ("associated", name),
            lambda: render.jpeg(self._reader.read_associated(name)),
        )

    def _tile_at_once(
        self, grid: TileGrid, zoom: int, column: int, row: int
    ) -> EncodedImage | None:
        plan = self._plan(grid, zoom, column, row)
        if column < plan.columns and row < plan.rows and plan.level is not None:
            stored = self._reader.stored_tile(plan.level, column, row, wait=False)
            if stored is not None:
                return stored
        return self._renderings.get((self._serial, grid, zoom, column, row))

    def _plan(self, grid: TileGrid, zoom: int, column: int, row: int) -> _Plan:
        latest, plans = self._latest
        if latest is not grid:
            if len(self._plans) >= _MOST_GRIDS:
                self._plans.clear()
            plans = self._plans.setdefault(grid, {})
            self._latest = grid, plans
        plan = plans.get(zoom)
        if plan is None:
            plan = plans[zoom] = _plan(self._properties, grid, zoom)
        if not (0 <= column < plan.zoom.columns and 0 <= row < plan.zoom.rows):
            grid.check(zoom, column, row)
        return plan

    def _grid_tile(self, grid: TileGrid, plan: _Plan, column: int, row: int) -> Pixels:
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

    def _jpeg(self, pixels: Pixels, *, stored_resolution: bool) -> EncodedImage:
        if not self._coarse_colour:
            return render.jpeg(pixels)
        # Pictures between the stored resolutions are only ever looked at, and in passing.
        return render.jpeg(pixels, subsampling="422" if stored_resolution else "420")

    def _made(
        self, what: tuple[Hashable, ...], render_it: Callable[[], EncodedImage]
    ) -> EncodedImage:
        return self._checked(self._renderings.make((self._serial, *what), render_it))

    def _checked(self, image: EncodedImage) -> EncodedImage:
        self._require_unchanged()
        return image

    def _require_unchanged(self) -> None:
        if not self._unchanged():
            raise Busy("The slide's file is being changed right now; ask again in a moment.")


def _stretched(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return pixels with the last row and column repeated where a level lacks one by rounding."""
    rows, columns = pixels.shape[:2]
    if (columns, rows) == (width, height):
        return pixels
    return np.pad(pixels, ((0, height - rows), (0, width - columns), (0, 0)), mode="edge")


def _plan(properties: SlideProperties, grid: TileGrid, zoom: int) -> _Plan:
    grid_level = grid.level(zoom)
    for number in range(len(properties.levels) - 1, -1, -1):
        level = properties.levels[number]
        factor = max(1, round(grid_level.downsample / level.downsample))
        if _fits(properties, grid_level, level, factor):
            is_same = factor == 1 and level.tile_width == level.tile_height == grid.tile_size
            columns, rows = (level.columns, level.rows) if is_same else (0, 0)
            return _Plan(grid_level, number, factor, columns, rows)
        if level.downsample <= grid_level.downsample:
            break
    return _Plan(grid_level, None, 1, 0, 0)


def _fits(properties: SlideProperties, zoom: GridLevel, level: Level, factor: int) -> bool:
    """Return whether a level is the zoom, `factor` times larger, but for rounding."""
    if zoom.downsample % factor:
        return False
    exact = zoom.downsample // factor
    return (
        abs(properties.width / exact - level.width) < 1
        and abs(properties.height / exact - level.height) < 1
    )
