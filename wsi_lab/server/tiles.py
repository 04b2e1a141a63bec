"""Tiles that are not at hand: from wherever they come, for every door alike."""

from __future__ import annotations

from concurrent.futures import Future

from wsi_lab.errors import SlideChanged
from wsi_lab.server.base import Handler
from wsi_lab.service.tiles import GridKind, TileAnswer

Place = tuple[int, GridKind, int, int, int]
"""Slide, grid, zoom, column and row."""


async def tile_at(handler: Handler, place: Place) -> TileAnswer:
    """Return a tile, once it is there."""
    tiles, actor = handler.lab.tiles, handler.actor
    tile: TileAnswer | Future[TileAnswer] | None = tiles.tile_soon(actor, *place)
    if tile is None:
        tile = await handler.draw(tiles.tile_or_soon, actor, *place)
    if not isinstance(tile, Future):
        return tile
    try:
        return await handler.wait_for(tile)
    except SlideChanged:
        return await handler.draw(tiles.tile, actor, *place)
