"""Tiles of slides, as PHAS's page asks for them."""

from __future__ import annotations

import re
from collections.abc import Awaitable

from wsi_lab.errors import NotFound, OutOfRange
from wsi_lab.server.parsing import whole_numbers
from wsi_lab.server.phas.handlers import check_raw
from wsi_lab.server.phas.slides import SlideOfProject
from wsi_lab.server.tiles import tile_at
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
        try:
            if row[2] == "png":
                verb, place = self.lab.task_pictures.tile_as_png, (zoom, column, row_number)
                tile = await self.draw(verb, self.actor, slide, *place)
            else:
                at = slide, GRID, zoom, column, row_number
                at_hand = self.lab.tiles.tile_at_once(self.actor, *at)
                tile = await tile_at(self, at) if at_hand is None else at_hand
        except OutOfRange as error:
            raise NotFound(error.message) from error
        await self._send_tile(tile)

    def _send_tile(self, tile: TileAnswer) -> Awaitable[None]:
        headers = self._headers
        headers["Content-Type"] = tile.media_type
        headers["Cache-Control"] = ASK_EACH_TIME
        headers["Etag"] = tile.etag
        return self.send_tagged(tile.data)
