"""Slides, their levels and tile grids: arithmetic only, no I/O.

Frame: level-0 pixels, x right, y down, origin in the top left corner. Tiles count columns from
the left and rows from the top. Lengths that are not level-0 pixels carry their unit or frame in
the name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from wsi_lab.errors import Invalid, OutOfRange, TooLarge

FALLBACK_TILE_SIZE = 256
SMALLEST_NATIVE_TILE = 128
LARGEST_NATIVE_TILE = 1024
SMALLEST_PLAUSIBLE_MPP = 1e-6
"""A picometre; below it, arithmetic runs over before any instrument sees anything."""
LARGEST_PLAUSIBLE_MPP = 50.0
"""Above this, a resolution tag speaks of print (72 dpi is 353 µm), not of a microscope."""


@dataclass(frozen=True, slots=True)
class Level:
    """One stored resolution of a slide.

    Attributes
    ----------
    width, height
        Size in this level's own pixels.
    tile_width, tile_height
        Size of the stored tiles in this level's own pixels (what the file uses, or what the
        reader offers when the file is not tiled).
    downsample
        Mean of the width and height ratios to level 0; 1.0 for level 0.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    downsample: float

    @property
    def columns(self) -> int:
        """Number of stored tiles from left to right."""
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        """Number of stored tiles from top to bottom."""
        return -(-self.height // self.tile_height)


@dataclass(frozen=True, slots=True)
class SlideProperties:
    """What a slide file says about itself.

    Attributes
    ----------
    format
        For people, for example ``"Aperio SVS"``.
    levels
        From the full resolution down; never empty.
    mpp_x, mpp_y
        Micrometres per level-0 pixel, or `None` when the file does not say or what it says
        cannot be true of a microscope (more than `LARGEST_PLAUSIBLE_MPP`).
    objective_power
        Magnification of the objective, for example 20.0, or `None`.
    associated
        Names of further images in the file, such as ``label`` and ``macro``. They may show who
        the patient is and are closed by default.
    metadata
        Further properties, as text. De-identified: nothing that may name a patient.
    version
        Changes whenever the file changes; every ETag holds it.
    """

    format: str
    levels: tuple[Level, ...]
    mpp_x: float | None = None
    mpp_y: float | None = None
    objective_power: float | None = None
    associated: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    @property
    def width(self) -> int:
        """Width of level 0 in pixels."""
        return self.levels[0].width

    @property
    def height(self) -> int:
        """Height of level 0 in pixels."""
        return self.levels[0].height

    @property
    def mpp(self) -> float | None:
        """Micrometres per level-0 pixel, the mean of both directions, or `None`."""
        if self.mpp_x is None or self.mpp_y is None:
            return None
        return (self.mpp_x + self.mpp_y) / 2

    def level(self, number: int) -> Level:
        """Return a level by its number.

        Raises
        ------
        OutOfRange
            The slide does not have that level.
        """
        if not 0 <= number < len(self.levels):
            raise OutOfRange(
                f"Level {number} does not exist; this slide has levels 0-{len(self.levels) - 1}."
            )
        return self.levels[number]


def plausible_mpp(mpp: float | None) -> float | None:
    """Return `mpp` if a microscope could have made it, else `None`.

    Examples
    --------
    >>> plausible_mpp(0.499), plausible_mpp(264.6), plausible_mpp(0.0)
    (0.499, None, None)
    """
    if (
        mpp is None
        or not math.isfinite(mpp)
        or not SMALLEST_PLAUSIBLE_MPP <= mpp <= LARGEST_PLAUSIBLE_MPP
    ):
        return None
    return mpp


class EdgeTiles(StrEnum):
    """What a tile at the right or bottom edge of a grid looks like."""

    PADDED = "padded"
    """Full size, white beyond the slide: what map viewers draw."""
    CROPPED = "cropped"
    """Ends where the slide ends: what Deep Zoom asks for."""


@dataclass(frozen=True, slots=True)
class GridLevel:
    """One zoom of a `TileGrid`, in that zoom's own pixels."""

    number: int
    downsample: int
    width: int
    height: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class TileGrid:
    """A pyramid of square tiles, each zoom half the one above it, the last one full resolution.

    Zoom ``z`` shows level-0 pixels divided by ``2 ** (levels - 1 - z)``, rounded up. The tile
    size is the slide's own, so that stored tiles can be handed out as they are.

    Examples
    --------
    >>> grid = TileGrid(width=2220, height=2967, tile_size=240, level_count=5)
    >>> grid.level(4).columns, grid.level(4).rows, grid.level(0).width
    (10, 13, 139)
    """

    width: int
    height: int
    tile_size: int
    level_count: int
    edges: EdgeTiles = EdgeTiles.PADDED

    def level(self, number: int) -> GridLevel:
        """Return one zoom; 0 is the smallest.

        Raises
        ------
        OutOfRange
            The grid does not have that zoom.
        """
        if not 0 <= number < self.level_count:
            raise OutOfRange(
                f"Zoom {number} does not exist; this slide has zooms 0-{self.level_count - 1}."
            )
        downsample = 1 << (self.level_count - 1 - number)
        width = max(1, -(-self.width // downsample))
        height = max(1, -(-self.height // downsample))
        return GridLevel(
            number=number,
            downsample=downsample,
            width=width,
            height=height,
            columns=-(-width // self.tile_size),
            rows=-(-height // self.tile_size),
        )

    def check(self, number: int, column: int, row: int) -> GridLevel:
        """Return the zoom if it holds that tile.

        Raises
        ------
        OutOfRange
            The zoom or the tile does not exist.
        """
        level = self.level(number)
        if not (0 <= column < level.columns and 0 <= row < level.rows):
            raise OutOfRange(
                f"Tile x={column}, y={row} does not exist at zoom {number}; "
                f"x goes from 0 to {level.columns - 1} and y from 0 to {level.rows - 1}."
            )
        return level


def tile_size(properties: SlideProperties) -> int:
    """Return the side of the square tiles a slide is shown with, in pixels.

    It is the slide's own tile size where that is square and of a size viewers get on with.
    """
    level = properties.levels[0]
    side = level.tile_width
    if side == level.tile_height and SMALLEST_NATIVE_TILE <= side <= LARGEST_NATIVE_TILE:
        return side
    return FALLBACK_TILE_SIZE


def map_grid(properties: SlideProperties) -> TileGrid:
    """Return the grid for map viewers: zoom 0 is one tile that shows the whole slide."""
    side = tile_size(properties)
    longest = max(-(-properties.width // side), -(-properties.height // side))
    return TileGrid(
        width=properties.width,
        height=properties.height,
        tile_size=side,
        level_count=(longest - 1).bit_length() + 1,
    )


def deepzoom_grid(properties: SlideProperties) -> TileGrid:
    """Return the Deep Zoom grid: overlap 0, level 0 is one pixel, edge tiles are cropped.

    Source: the Deep Zoom file format overview of its maker; the number of levels is
    ``ceil(log2(max(width, height))) + 1``.
    """
    return TileGrid(
        width=properties.width,
        height=properties.height,
        tile_size=tile_size(properties),
        level_count=(max(properties.width, properties.height) - 1).bit_length() + 1,
        edges=EdgeTiles.CROPPED,
    )


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a slide at some resolution.

    Attributes
    ----------
    x, y
        Top left corner in level-0 pixels; may lie outside the slide, what is outside is white.
    width, height
        Size of the result in pixels of the result.
    downsample
        Level-0 pixels per pixel of the result, at least a small fraction above 0.
    """

    x: float
    y: float
    width: int
    height: int
    downsample: float


class Patch(NamedTuple):
    """A rectangle of a stored level, which begins at a whole level-0 pixel.

    Attributes
    ----------
    x, y
        Top left corner in level-0 pixels; may lie outside the slide.
    width, height
        In pixels of the level.
    """

    level: int
    x: int
    y: int
    width: int
    height: int


LARGEST_REGION_PIXELS = 40_000_000


def region_at(
    properties: SlideProperties,
    location: tuple[float, float],
    size: tuple[int, int],
    *,
    level: int | None = None,
    mpp: float | None = None,
    slide_mpp: float | None = None,
    downsample: float | None = None,
) -> Region:
    """Return the region that starts at `location` and is `size` pixels large at a resolution.

    Parameters
    ----------
    location
        Top left corner ``(x, y)`` in level-0 pixels.
    size
        ``(width, height)`` of the result in pixels of the result.
    level
        A stored level's number; the default is level 0. Not together with `mpp`.
    mpp
        Wanted micrometres per pixel of the result.
    slide_mpp
        Micrometres per level-0 pixel, when the lab knows better than the file.
    downsample
        Level-0 pixels per pixel of the result: exactly so much, instead of `level` or `mpp`.

    Raises
    ------
    Invalid
        More than one of `level`, `mpp` and `downsample` is given, a number is not finite, the
        size is empty, or `mpp` is asked of a slide whose scale nobody knows.
    OutOfRange
        The level does not exist.
    TooLarge
        The result would have more than `LARGEST_REGION_PIXELS`.
    """
    width, height = size
    problems = []
    if level is not None and mpp is not None:
        problems.append("give level or mpp, not both")
    if downsample is not None and not (
        level is None and mpp is None and math.isfinite(downsample) and downsample > 0
    ):
        problems.append("downsample must be a positive number, without level and mpp")
    if not (math.isfinite(location[0]) and math.isfinite(location[1])):
        problems.append("x and y must be finite numbers")
    if width < 1 or height < 1:
        problems.append("width and height must be at least 1")
    if mpp is not None and not (math.isfinite(mpp) and mpp >= SMALLEST_PLAUSIBLE_MPP):
        problems.append(f"mpp must be a positive number, at least {SMALLEST_PLAUSIBLE_MPP:g}")
    if problems:
        raise Invalid("This region cannot be read: " + "; ".join(problems) + ".", problems=problems)
    if width * height > LARGEST_REGION_PIXELS:
        raise TooLarge(
            f"A region of {width} x {height} pixels is too large; "
            f"at most {LARGEST_REGION_PIXELS:,} pixels are read at once."
        )
    if downsample is None:
        downsample = properties.level(level or 0).downsample
    if mpp is not None:
        scale = slide_mpp if slide_mpp is not None else properties.mpp
        if scale is None:
            raise Invalid(
                "The scale of this slide is not known, so mpp cannot be used; "
                "give a level, or set the slide's mpp first."
            )
        downsample = mpp / scale
    return Region(x=location[0], y=location[1], width=width, height=height, downsample=downsample)


def checked_mpp(mpp: float | None) -> float | None:
    """Return micrometres per pixel that somebody states, or `None` when nobody does.

    Raises
    ------
    Invalid
        No microscope makes pixels of that size.
    """
    if mpp is not None and plausible_mpp(mpp) is None:
        raise Invalid(
            "mpp is micrometres per pixel: "
            f"at least {SMALLEST_PLAUSIBLE_MPP:g}, at most {LARGEST_PLAUSIBLE_MPP:g}."
        )
    return mpp
