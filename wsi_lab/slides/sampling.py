"""Regions at any resolution out of the resolutions that a file has."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace

from wsi_lab.errors import TooLarge
from wsi_lab.model.slide import Patch, Region, SlideProperties
from wsi_lab.slides.colour import white
from wsi_lab.slides.placing import placed
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.render import reduced, resampled

MOST_STORED_PIXELS = 256_000_000
"""That many are read in about ten seconds; slides with a pyramid never come near."""

_LARGEST_STEP = 16
_BLOCK_SIDE = 4096
"""Stored pixels are read in blocks of this side, so that memory does not grow with the region."""
_FILTER_REACH = 1
"""The filters of `resampled` look this many result pixels to each side."""


class LevelReader(ABC):
    """A `wsi_lab.slides.reader.Reader` of a file whose stored resolutions can be read.

    Region arithmetic is here, so that a subclass only reads whole pixels.
    """

    @property
    @abstractmethod
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""

    @abstractmethod
    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        """Return stored pixels.

        Parameters
        ----------
        level
            Which of the stored resolutions.
        x, y
            Top left corner in level-0 pixels; it is rounded to a pixel of the level.
        width, height
            Size in the level's own pixels. What lies outside the slide is white.
        """

    @abstractmethod
    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another image beside the pyramid."""

    @abstractmethod
    def close(self) -> None:
        """Give back the file."""

    def read_region(self, region: Region) -> Pixels:
        """Return the pixels of a region, white where it lies outside the slide."""
        return read_region(self, region)

    def read_patch(self, patch: Patch) -> Pixels:
        """Return the pixels of a patch with their opacity, clear outside the slide."""
        stored = self.properties.levels[patch.level]

        def read(column: int, row: int, width: int, height: int) -> Pixels:
            scale = stored.downsample
            return self.read_level(patch.level, column * scale, row * scale, width, height)

        return placed(stored, patch, read)


def read_region(reader: LevelReader, region: Region) -> Pixels:
    """Return a region, ``(rows, columns, 3) uint8`` RGB, white outside the slide.

    A region at the resolution of a stored level is that level's pixels, untouched. Any other is
    made from the next finer level: by the mean where whole pixels fit, else by `resampled`.

    Raises
    ------
    TooLarge
        Too many stored pixels would have to be read, because the file has no smaller level.
    """
    properties = reader.properties
    if not all(_shown_part(properties, region)):
        return white(region.height, region.width)
    level = level_for(properties, region.downsample)
    stored = properties.levels[level]
    if stored.downsample == region.downsample:
        return reader.read_level(level, region.x, region.y, region.width, region.height)
    if _is_resolution_of(properties, level, region.downsample):
        # Tile grids count in powers of two, files in ratios of their rounded sizes (2.0005);
        # over the whole width they differ by less than a pixel, so the grid's count is taken.
        x = round(region.x / region.downsample) * stored.downsample
        y = round(region.y / region.downsample) * stored.downsample
        return reader.read_level(level, x, y, region.width, region.height)
    return _resampled(reader, level, region)


def level_for(properties: SlideProperties, downsample: float) -> int:
    """Return the smallest stored level that is not coarser than `downsample`."""
    fitting = [
        (level.downsample, number)
        for number, level in enumerate(properties.levels)
        if level.downsample <= downsample or _is_resolution_of(properties, number, downsample)
    ]
    return max(fitting)[1] if fitting else 0


def _is_resolution_of(properties: SlideProperties, number: int, downsample: float) -> bool:
    level = properties.levels[number]
    return (
        abs(properties.width / downsample - level.width) < 1
        and abs(properties.height / downsample - level.height) < 1
        # A level of a few pixels would pass for several resolutions.
        and abs(level.downsample / downsample - 1) < 0.02
    )


def _resampled(reader: LevelReader, level: int, region: Region) -> Pixels:
    properties = reader.properties
    step = region.downsample / properties.levels[level].downsample
    result = white(region.height, region.width)
    columns, rows = _shown_part(properties, region)
    if _stored_pixels(properties, level, region) > MOST_STORED_PIXELS:
        raise TooLarge(
            "This slide has no small version of itself, and reading this much of it at full "
            "resolution would take too long. Ask for a smaller region, or convert the slide to "
            "a pyramid."
        )
    side = _BLOCK_SIDE // math.ceil(step) if step <= _LARGEST_STEP else _BLOCK_SIDE
    for row in rows[::side]:
        for column in columns[::side]:
            block = Region(
                x=region.x + column * region.downsample,
                y=region.y + row * region.downsample,
                width=min(side, columns.stop - column),
                height=min(side, rows.stop - row),
                downsample=region.downsample,
            )
            read = _block if step <= _LARGEST_STEP else _halved
            result[row : row + block.height, column : column + block.width] = read(
                reader, level, block
            )
    return result


def _shown_part(properties: SlideProperties, region: Region) -> tuple[range, range]:
    """Return which columns and rows of the result show something of the slide."""
    return (
        _inside(region.x, properties.width, region.downsample, region.width),
        _inside(region.y, properties.height, region.downsample, region.height),
    )


def _inside(start: float, extent: int, downsample: float, count: int) -> range:
    # Kept to the result while still fractions: they may be endless.
    first = min(max(-start / downsample, 0.0), float(count))
    last = min(max((extent - start) / downsample, 0.0), float(count))
    return range(math.floor(first), math.ceil(last))


def _stored_pixels(properties: SlideProperties, level: int, region: Region) -> float:
    """Return how many pixels of the level the region covers."""
    across = min(region.x + region.width * region.downsample, properties.width) - max(region.x, 0)
    down = min(region.y + region.height * region.downsample, properties.height) - max(region.y, 0)
    return across * down / properties.levels[level].downsample ** 2


def _block(reader: LevelReader, level: int, block: Region) -> Pixels:
    """Return a region that needs at most a few blocks' worth of stored pixels."""
    scale = reader.properties.levels[level].downsample
    step = block.downsample / scale
    left, top = block.x / scale, block.y / scale
    width, height = block.width * step, block.height * step
    whole = round(step)
    if whole > 1 and abs(step - whole) * max(block.width, block.height) < 0.5:
        stored = reader.read_level(
            level, block.x, block.y, block.width * whole, block.height * whole
        )
        return reduced(stored, whole)
    margin = math.ceil(_FILTER_REACH * max(step, 1.0))
    first_column, first_row = math.floor(left) - margin, math.floor(top) - margin
    stored = reader.read_level(
        level,
        first_column * scale,
        first_row * scale,
        math.ceil(left + width) + margin - first_column,
        math.ceil(top + height) + margin - first_row,
    )
    x, y = left - first_column, top - first_row
    return resampled(stored, (x, y, x + width, y + height), block.width, block.height)


def _halved(reader: LevelReader, _level: int, block: Region) -> Pixels:
    """Return a region of which each pixel covers very many stored ones, from one twice as fine.

    That one is cut to the slide before it is read, and so on down: however far away, nothing
    but the slide is ever looked at.
    """
    finer = replace(
        block,
        width=block.width * 2,
        height=block.height * 2,
        downsample=block.downsample / 2,
    )
    return reduced(read_region(reader, finer), 2)
