"""The only place of the Python half where map units become level-0 pixels.

ipyleaflet's map uses Leaflet's plain coordinate system: a longitude is x, a latitude is -y, and
zoom 0 draws level-0 pixels one to one. Each zoom below halves them. Everywhere else in the
package, and in everything a user sees, places are level-0 pixels with y down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsi_lab.model.slide import TileGrid

LatLng = tuple[float, float]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class View:
    """What a viewer shows.

    Attributes
    ----------
    x, y
        The middle, in level-0 pixels.
    downsample
        Level-0 pixels per pixel of the screen.
    width, height
        Size on the screen, in its pixels (CSS pixels); 0 before anything is shown.
    """

    x: float
    y: float
    downsample: float
    width: float = 0
    height: float = 0

    @property
    def bounds(self) -> Bounds:
        """Corners ``(x0, y0, x1, y1)`` in level-0 pixels; they may lie beyond the slide.

        Examples
        --------
        >>> View(100, 50, 2, 40, 20).bounds
        (60.0, 30.0, 140.0, 70.0)
        """
        half_width = self.width * self.downsample / 2
        half_height = self.height * self.downsample / 2
        return (
            float(self.x - half_width),
            float(self.y - half_height),
            float(self.x + half_width),
            float(self.y + half_height),
        )


def to_map(x: float, y: float) -> LatLng:
    """Return level-0 pixels as the map's ``(latitude, longitude)``.

    Examples
    --------
    >>> to_map(120.5, 30)
    (-30, 120.5)
    """
    return (0 - y, x)


def to_pixels(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the map's place as level-0 pixels ``(x, y)``; undoes `to_map`."""
    return (longitude, 0 - latitude)


def zoom_of(downsample: float) -> float:
    """Return the map's zoom at which a pixel of the screen is so many level-0 pixels.

    Examples
    --------
    >>> zoom_of(1), zoom_of(8), zoom_of(0.5)
    (0.0, -3.0, 1.0)
    """
    return 0 - math.log2(downsample)


def downsample_of(zoom: float) -> float:
    """Return how many level-0 pixels a pixel of the screen is; undoes `zoom_of`."""
    return float(2.0**-zoom)


def least_zoom(grid: TileGrid) -> int:
    """Return the map's zoom at which the whole slide is the grid's one tile at zoom 0."""
    return 1 - grid.level_count


def map_bounds(grid: TileGrid) -> tuple[LatLng, LatLng]:
    """Return the slide's ``(south west, north east)`` corners on the map.

    Examples
    --------
    >>> map_bounds(TileGrid(width=2220, height=2967, tile_size=240, level_count=5))
    ((-2967, 0), (0, 2220))
    """
    return (to_map(0, grid.height), to_map(grid.width, 0))
