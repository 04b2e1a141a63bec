"""Reads tiled TIFF slides natively: stored tiles as they are, and only touched tiles decoded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from wsi_lab.errors import NotFound, OutOfRange, TooLarge, UnsupportedSlide
from wsi_lab.model.slide import Level, Patch, Region, SlideProperties
from wsi_lab.slides import render
from wsi_lab.slides.decoding import TileDecoder
from wsi_lab.slides.futures import after
from wsi_lab.slides.jpeg_quality import jpeg_quality
from wsi_lab.slides.placing import placed
from wsi_lab.slides.reader import EncodedImage, Pixels
from wsi_lab.slides.source import ByteSource
from wsi_lab.slides.tiff_index import TiffImage, TiffIndex, compression_name, native
from wsi_lab.slides.tiff_tiles import StoredTiles

MOST_SOURCE_PIXELS = 1 << 30
"""That one region may decode: about two seconds of JPEG."""
MOST_SOURCE_PIXELS_IN_WORKERS = 1 << 27
"""The same for codecs that are ten times as slow."""
MOST_SOURCE_TILES = 32_768
_MOST_BUFFER_PIXELS = 16 * 1024 * 1024
_UNNOTICED_SHIFT = 0.5


class TiffReader:
    """A tiled TIFF slide (`wsi_lab.slides.reader.Reader`).

    Parameters
    ----------
    source
        The file. The reader closes it.
    index
        Of that file, as `tiff_pages.read_index` makes it.
    decoder
        For tiles that are not baseline JPEG.

    Raises
    ------
    UnsupportedSlide
        The slide is one of those that `tiff_index.native` gives a reason for.
    """

    def __init__(self, source: ByteSource, index: TiffIndex, decoder: TileDecoder) -> None:
        reason = native(index)
        if reason is not None:
            raise UnsupportedSlide(f"This slide cannot be read natively: {reason}.")
        self._source = source
        self._decoder = decoder
        self._tiles = tuple(StoredTiles(source, level, decoder) for level in index.levels)
        self._associated = dict(index.associated)
        self._properties = _properties(index, source.version)

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""
        return self._properties

    @property
    def has_coarse_colour(self) -> bool:
        """Whether the file itself keeps colours at less than the resolution of the brightness."""
        return self._tiles[0].image.is_subsampled

    @property
    def compression(self) -> str:
        """How the tiles of its levels are stored, such as ``"JPEG"`` or ``"JPEG 2000"``."""
        names = [compression_name(tiles.image.compression) for tiles in self._tiles]
        return ", ".join(dict.fromkeys(names))

    def stored_quality(self, level: int) -> int | None:
        """Return the quality of the JPEG tables that all tiles of a level share, if it is known."""
        self._properties.level(level)
        prefix = self._tiles[level].image.prefix
        return jpeg_quality(prefix) if prefix else None

    def stored_tile(
        self, level: int, column: int, row: int, *, whole: bool = False, wait: bool = True
    ) -> EncodedImage | None:
        """Return a tile exactly as the file holds it, its pixels untouched.

        `None` when it is not baseline JPEG, was left out by the scanner, reaches over the edge
        of the slide (unless it is wanted `whole`), or (if `wait` is false) is not in the page
        cache.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        DamagedSlide, SlideMissing
            The tile is broken, or the file is gone.
        """
        tiles = self._level(level, column, row)
        if not whole and not tiles.is_inside(column, row):
            return None
        data = tiles.jpeg_file(column, row, wait=wait)
        return None if data is None else EncodedImage(data)

    def stored_tiles(
        self, level: int, places: Sequence[tuple[int, int]], *, whole: bool = False
    ) -> list[EncodedImage | None]:
        """Return what `stored_tile` gives for each ``(column, row)``, read in few trips."""
        found: list[EncodedImage | None] = [None] * len(places)
        wanted = []
        for number, (column, row) in enumerate(places):
            tiles = self._level(level, column, row)
            if whole or tiles.is_inside(column, row):
                wanted.append(number)
        if wanted:
            files = self._tiles[level].jpeg_files([places[number] for number in wanted])
            for number, data in zip(wanted, files, strict=True):
                found[number] = None if data is None else EncodedImage(data)
        return found

    def stored_tile_soon(
        self, level: int, column: int, row: int, *, whole: bool = False
    ) -> Future[EncodedImage | None] | None:
        """Return what `stored_tile` gives, fetched together with what else is asked for now.

        `None` for a local file, and where it is clear beforehand that there is no such tile.
        """
        tiles = self._level(level, column, row)
        if not whole and not tiles.is_inside(column, row):
            return None
        soon = tiles.jpeg_file_soon(column, row)
        if soon is None:
            return None
        return after(soon, lambda data: None if data is None else EncodedImage(data))

    def read_tile(self, level: int, column: int, row: int) -> Pixels:
        """Return the pixels of a whole tile, with what lies beyond the edge of the slide."""
        return self._level(level, column, row).whole_pixels(column, row).copy()

    def read_region(self, region: Region) -> Pixels:
        """Return the pixels of a region, white where it lies outside the slide.

        Where the resolution is a stored one, the pixels are the stored ones, moved by at most
        half a pixel; else each is the mean of the pixels it stands for.

        Raises
        ------
        TooLarge
            Too many tiles would have to be decoded for it.
        DamagedSlide, SlideMissing, Busy
            A tile is broken, the file is gone, or all workers are taken.
        """
        number = self._best_level(region)
        level = self._properties.levels[number]
        scale = region.downsample / level.downsample
        left, top = region.x / level.downsample, region.y / level.downsample
        self._check_work(number, left, top, region.width * scale, region.height * scale)
        shrink = self._tiles[number].shrink_for(scale)
        left, top, step = left / shrink, top / shrink, scale / shrink
        moved = max(abs(left - round(left)), abs(top - round(top)))
        drift = abs(step - 1) * max(region.width, region.height)
        if drift < _UNNOTICED_SHIFT and (shrink == 1 or moved < 0.01):
            corner = (round(left), round(top))
            return self._assembled(number, shrink, corner, (region.width, region.height))
        return self._resampled(number, shrink, (left, top), step, (region.width, region.height))

    def read_patch(self, patch: Patch) -> Pixels:
        """Return the pixels of a patch with their opacity, clear outside the slide.

        Raises
        ------
        TooLarge, DamagedSlide, SlideMissing, Busy
            As for `read_region`.
        """

        def read(column: int, row: int, width: int, height: int) -> Pixels:
            self._check_work(patch.level, column, row, width, height)
            return self._assembled(patch.level, 1, (column, row), (width, height))

        return placed(self._properties.levels[patch.level], patch, read)

    def is_whole_jpeg(self, level: int, column: int, row: int, width: int, height: int) -> bool:
        """Return whether all tiles under a rectangle of a level are stored, and as JPEG.

        Such tiles every library decodes alike.
        """
        tiles = self._tiles[level]
        image = tiles.image
        columns = range(max(column, 0) // image.tile_width, tiles.columns)
        rows = range(max(row, 0) // image.tile_height, tiles.rows)
        columns = columns[: max(0, -(-(column + width) // image.tile_width) - columns.start)]
        rows = rows[: max(0, -(-(row + height) // image.tile_height) - rows.start)]
        return tiles.is_jpeg and not any(
            tiles.is_empty(y * tiles.columns + x) for y in rows for x in columns
        )

    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another image beside the pyramid.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        DamagedSlide, Busy
            The image is broken, or all workers are taken.
        """
        image = self._associated.get(name)
        if image is None:
            raise NotFound(f"This slide has no image called {name!r}.")
        tiles = StoredTiles(self._source, image, self._decoder)
        picture = np.empty((image.height, image.width, 3), np.uint8)
        for column, row, piece in tiles.pieces(range(image.columns), range(image.rows)):
            top, left = row * image.tile_height, column * image.tile_width
            picture[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
        return picture

    def close(self) -> None:
        """Give back the file."""
        self._source.close()

    def _level(self, level: int, column: int, row: int) -> StoredTiles:
        if not 0 <= level < len(self._tiles):
            self._properties.level(level)
        tiles = self._tiles[level]
        if not (0 <= column < tiles.columns and 0 <= row < tiles.rows):
            raise OutOfRange(
                f"Tile x={column}, y={row} does not exist in level {level}; "
                f"x goes from 0 to {tiles.columns - 1} and y from 0 to {tiles.rows - 1}."
            )
        return tiles

    def _best_level(self, region: Region) -> int:
        """Return the smallest level that still has every detail of the region's resolution."""
        longest = max(region.width, region.height)
        for number in range(len(self._tiles) - 1, 0, -1):
            missing = self._properties.levels[number].downsample / region.downsample - 1
            # Levels are rounded to whole pixels: what stays unnoticed all over the region is not
            # worth four times the work.
            if missing * longest < _UNNOTICED_SHIFT:
                return number
        return 0

    def _check_work(
        self, number: int, left: float, top: float, width: float, height: float
    ) -> None:
        tiles = self._tiles[number]
        image = tiles.image
        across = _touched(left, width, image.tile_width, image.columns)
        down = _touched(top, height, image.tile_height, image.rows)
        pixels = across * down * image.tile_width * image.tile_height
        limit = MOST_SOURCE_PIXELS if tiles.is_jpeg else MOST_SOURCE_PIXELS_IN_WORKERS
        if pixels > limit or across * down > MOST_SOURCE_TILES:
            raise TooLarge(
                f"This region covers {across * down:,} stored tiles, more than are read at once. "
                "Ask for a smaller part, or for one of the slide's stored levels; a slide without "
                "small levels is best converted to a pyramid."
            )

    def _assembled(
        self, number: int, shrink: int, corner: tuple[int, int], size: tuple[int, int]
    ) -> Pixels:
        """Return stored pixels, shrunk while decoding; `corner` and `size` are in shrunk ones."""
        tiles = self._tiles[number]
        image = tiles.image
        tile_width, tile_height = image.tile_width // shrink, image.tile_height // shrink
        (x, y), (width, height) = corner, size
        right = min(x + width, -(-image.width // shrink))
        bottom = min(y + height, -(-image.height // shrink))
        if x >= 0 and y >= 0 and right == x + width and bottom == y + height:
            canvas: Pixels = np.empty((height, width, 3), np.uint8)
        else:
            canvas = np.full((height, width, 3), render.WHITE, np.uint8)
        touched_columns = range(max(x, 0) // tile_width, -(-right // tile_width))
        touched_rows = range(max(y, 0) // tile_height, -(-bottom // tile_height))
        for column, row, whole in tiles.pieces(touched_columns, touched_rows, shrink):
            tile_x, tile_y = column * tile_width - x, row * tile_height - y
            # Slices cut a tile at the region's edges: nothing is copied that is not needed.
            piece = whole[max(-tile_y, 0) :, max(-tile_x, 0) :]
            part = canvas[max(tile_y, 0) :, max(tile_x, 0) :]
            rows = min(part.shape[0], piece.shape[0])
            columns = min(part.shape[1], piece.shape[1])
            part[:rows, :columns] = piece[:rows, :columns]
        return canvas

    def _resampled(
        self,
        number: int,
        shrink: int,
        corner: tuple[float, float],
        step: float,
        size: tuple[int, int],
    ) -> Pixels:
        """Return pixels that each stand for `step` x `step` shrunk ones, from `corner` on."""
        image = self._tiles[number].image
        width, height = size
        columns = _inside(corner[0], step, width, image.width / shrink)
        rows = _inside(corner[1], step, height, image.height / shrink)
        canvas: Pixels = np.full((height, width, 3), render.WHITE, np.uint8)
        source_pixels_per_row = max(1.0, len(columns) * step * step)
        if source_pixels_per_row > 4 * _MOST_BUFFER_PIXELS:
            raise TooLarge("This region is too coarse for a slide without small levels.")
        band = max(1, int(_MOST_BUFFER_PIXELS / source_pixels_per_row))
        for start in rows[::band] if columns else ():
            stop = min(start + band, rows.stop)
            left, right = corner[0] + columns.start * step, corner[0] + columns.stop * step
            top, bottom = corner[1] + start * step, corner[1] + stop * step
            x, x_end = _with_margin(left, right, step, -(-image.width // shrink))
            y, y_end = _with_margin(top, bottom, step, -(-image.height // shrink))
            source = self._assembled(number, shrink, (x, y), (x_end - x, y_end - y))
            canvas[start:stop, columns.start : columns.stop] = render.resampled(
                source,
                (left - x, top - y, right - x, bottom - y),
                len(columns),
                stop - start,
            )
        return canvas


def _touched(start: float, length: float, tile: int, count: int) -> int:
    """Return how many of `count` tiles in a row lie under ``[start, start + length)``."""
    first = max(0, math.floor(start / tile))
    last = min(count - 1, math.ceil((start + length) / tile) - 1)
    return max(0, last - first + 1)


def _inside(start: float, step: float, count: int, length: float) -> range:
    """Return which of `count` pixels, each `step` long from `start` on, touch the image."""
    first = max(0, math.floor(-start / step + 1e-9))
    return range(first, max(first, min(count, math.ceil((length - start) / step - 1e-9))))


def _with_margin(start: float, stop: float, step: float, length: int) -> tuple[int, int]:
    """Return whole pixels around ``[start, stop)`` that a filter may look at.

    The margin does not leave the image, lest the white around it bleeds in.
    """
    margin = math.ceil(step) + 1
    first, last = math.floor(start), math.ceil(stop)
    return max(first - margin, min(first, 0)), min(last + margin, max(last, length))


def _properties(index: TiffIndex, version: str) -> SlideProperties:
    largest = index.levels[0]
    return SlideProperties(
        format=index.format,
        levels=tuple(_level(image, largest) for image in index.levels),
        mpp_x=index.mpp_x,
        mpp_y=index.mpp_y,
        objective_power=index.objective_power,
        associated=tuple(index.associated),
        metadata=index.metadata,
        version=version,
    )


def _level(image: TiffImage, largest: TiffImage) -> Level:
    return Level(
        width=image.width,
        height=image.height,
        tile_width=image.tile_width,
        tile_height=image.tile_height,
        downsample=(largest.width / image.width + largest.height / image.height) / 2,
    )
