"""Which stored tiles the tiles of a grid are, or what they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from wsi_lab.model.slide import GridLevel, Level, SlideProperties, TileGrid

_MOST_GRIDS = 16


@dataclass(frozen=True, slots=True)
class TilePlan:
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
        How many tiles of the zoom are tiles of the level `stored_level`; 0 if none are.
    """

    zoom: GridLevel
    level: int | None
    factor: int
    columns: int
    rows: int
    stored_level: int = 0


class TilePlans:
    """The plans of one slide, for every grid that is laid over it. Safe to share by threads."""

    def __init__(self, properties: SlideProperties) -> None:
        self._properties = properties
        self._plans: dict[TileGrid, dict[int, TilePlan]] = {}
        # To hash a grid takes as long as everything else that is done to find a plan.
        self._latest: tuple[TileGrid | None, dict[int, TilePlan]] = None, {}

    def plan(self, grid: TileGrid, zoom: int, column: int, row: int) -> TilePlan:
        """Return the plan of a zoom.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        """
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


def _plan(properties: SlideProperties, grid: TileGrid, zoom: int) -> TilePlan:
    grid_level = grid.level(zoom)
    for number in range(len(properties.levels) - 1, -1, -1):
        level = properties.levels[number]
        factor = max(1, round(grid_level.downsample / level.downsample))
        if _fits(properties, grid_level, level, factor):
            is_same = factor == 1 and level.tile_width == level.tile_height == grid.tile_size
            columns, rows = (level.columns, level.rows) if is_same else (0, 0)
            return TilePlan(grid_level, number, factor, columns, rows, stored_level=number)
        if level.downsample <= grid_level.downsample:
            break
    return TilePlan(grid_level, None, 1, 0, 0)


def _fits(properties: SlideProperties, zoom: GridLevel, level: Level, factor: int) -> bool:
    """Return whether a level is the zoom, `factor` times larger, but for rounding."""
    if zoom.downsample % factor:
        return False
    exact = zoom.downsample // factor
    return (
        abs(properties.width / exact - level.width) < 1
        and abs(properties.height / exact - level.height) < 1
    )
