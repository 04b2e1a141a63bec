"""Tiles of slides, as PHAS's page asks for them."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from concurrent.futures import Future

from wsi_lab.errors import NotFound, OutOfRange, SlideChanged
from wsi_lab.server.base import SENT
from wsi_lab.server.parsing import whole_numbers
from wsi_lab.server.phas.handlers import check_raw
from wsi_lab.server.phas.slides import SlideOfProject
from wsi_lab.service.tiles import GridKind, TileAnswer

GRID: GridKind = "deepzoom"
ASK_EACH_TIME = "private, no-cache"

_ROW = re.compile(r"([0-9]{1,9})\.(jpe?g|png)", re.ASCII)
_DESCRIPTOR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
    'Format="jpeg" Overlap="0" TileSize="{tile_size}">'
    '<Size Width="{width}" Height="{height}"/></Image>\n'
)


class DescriptorHandler(SlideOfProject):
    """How large a slide and its tiles are."""

    async def get(self, mode: str, project: str, slide_id: str) -> None:
        """Return that as XML."""
        check_raw(mode)
        slide = await self.slide(project, slide_id)
        shown = await self.draw(self.lab.tiles.shown, self.actor, slide)
        grid = shown.grids[GRID]
        text = _DESCRIPTOR.format(tile_size=grid.tile_size, width=grid.width, height=grid.height)
        await self.send_file(text.encode(), "application/xml")


class TileHandler(SlideOfProject):
    """A tile."""

    async def get(  # noqa: PLR0917 (what the address says, in its order)
        self, mode: str, project: str, slide_id: str, level: str, x: str, file: str
    ) -> None:
        """Return it, as the slide has it or, where PNG is asked for, encoded anew."""
        check_raw(mode)
        row = _ROW.fullmatch(file)
        if row is None:
            raise NotFound("There is nothing at this address.")
        zoom, column, row_number = whole_numbers(level=level, x=x, y=row[1])
        slide = await self.slide(project, slide_id)
        place = slide, zoom, column, row_number
        try:
            if row[2] == "png":
                tile = await self.draw(self.lab.task_pictures.tile_as_png, self.actor, *place)
            else:
                tile = await self._tile(*place)
        except OutOfRange as error:
            raise NotFound(error.message) from error
        await self._send_tile(tile)

    async def _tile(self, slide: int, zoom: int, column: int, row: int) -> TileAnswer:
        tiles, place = self.lab.tiles, (slide, GRID, zoom, column, row)
        tile: TileAnswer | Future[TileAnswer] | None = tiles.tile_at_once(self.actor, *place)
        if tile is None:
            tile = await self.draw(tiles.tile_or_soon, self.actor, *place)
        if isinstance(tile, Future):
            try:
                tile = await self.wait_for(tile)
            except SlideChanged:
                tile = await self.draw(tiles.tile, self.actor, *place)
        return tile

    def _send_tile(self, tile: TileAnswer) -> Awaitable[None]:
        headers = self._headers
        headers["Content-Type"] = tile.media_type
        headers["Cache-Control"] = ASK_EACH_TIME
        headers["Etag"] = tile.etag
        if "If-None-Match" in self.request.headers and self.check_etag_header():
            self.set_status(304)
            self.finish()
            return SENT
        return self.send_body(tile.data)
