"""Pixels: tiles, bundles of tiles, regions, thumbnails, labels, Deep Zoom."""

from __future__ import annotations

import re
import struct
from collections.abc import Awaitable
from hashlib import blake2b
from typing import ClassVar

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.people import Actor
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import ImageHandler, disposition
from wsi_lab.server.base import SENT
from wsi_lab.server.parsing import whole_id, whole_numbers
from wsi_lab.server.tiles import Place, tile_at
from wsi_lab.service.lab import Lab
from wsi_lab.service.tiles import LARGEST_BUNDLE, GridKind, TileAnswer

BUNDLE_TYPE = "application/vnd.wsi-lab.tiles"

_TILES = re.compile(r"\d{1,9}\.\d{1,9}(?:,\d{1,9}\.\d{1,9})*", re.ASCII)
_DESCRIPTOR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
    'Format="jpg" Overlap="0" TileSize="{tile_size}">'
    '<Size Width="{width}" Height="{height}"/></Image>\n'
)


class MapTileHandler(ImageHandler):
    """A tile of the map grid: the hottest path of all. No waiting where none is needed."""

    grid: ClassVar[GridKind] = "map"

    def get(self, slide_id: str, zoom: str, column: str, row: str) -> Awaitable[None]:
        """Return the tile."""
        slide = whole_id(slide_id, "slide")
        z, x, y = whole_numbers(z=zoom, x=column, y=row)
        version = self.asked_version()
        tile = self.lab.tiles.tile_at_once(self.actor, slide, self.grid, z, x, y)
        if tile is None:
            return self._send_later((slide, self.grid, z, x, y), version)
        return self.send_image(tile, version)

    async def _send_later(self, place: Place, version: str | None) -> None:
        await self.send_image(await tile_at(self, place), version)


class DeepZoomTileHandler(MapTileHandler):
    """A tile of the Deep Zoom grid."""

    grid: ClassVar[GridKind] = "deepzoom"


class BundleHandler(ImageHandler):
    """Many tiles of one zoom of the map grid in one answer.

    The body is the number of tiles, the length of each, and then the tiles in the order asked
    for; numbers are unsigned 32-bit little-endian.
    """

    def get(self, slide_id: str, zoom: str) -> Awaitable[None]:
        """Return the tiles."""
        slide = whole_id(slide_id, "slide")
        (z,) = whole_numbers(z=zoom)
        query = self.query(forms.BundleQuery)
        places = _places(query.tiles)
        tiles = self.lab.tiles.bundle_at_once(self.actor, slide, z, places)
        if tiles is None:
            return self._wait_for_tiles(slide, z, places, query.v)
        return self._send_bundle(tiles, query.v)

    async def _wait_for_tiles(
        self, slide: int, z: int, places: list[tuple[int, int]], version: str | None
    ) -> None:
        tiles = await self.draw(self.lab.tiles.bundle, self.actor, slide, z, places)
        await self._send_bundle(tiles, version)

    def _send_bundle(self, tiles: list[TileAnswer], version: str | None) -> Awaitable[None]:
        self._headers["Content-Type"] = BUNDLE_TYPE
        self.may_be_kept(tiles[0].etag, version)
        self._headers["Etag"] = _etag(tiles)
        if "If-None-Match" in self.request.headers and self.check_etag_header():
            self.set_status(304)
            self.finish()
            return SENT
        lengths = struct.pack(f"<{len(tiles) + 1}I", len(tiles), *(len(t.data) for t in tiles))
        return self.send_body(b"".join([lengths, *(t.data for t in tiles)]))


class RegionHandler(ImageHandler):
    """A rectangle of a slide at any resolution."""

    async def get(self, slide_id: str) -> None:
        """Return the region as PNG, JPEG or a numpy array."""
        slide, query = whole_id(slide_id, "slide"), self.query(forms.RegionQuery)
        name, data, media_type = await self.draw(_region, self.lab, self.actor, slide, query)
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Disposition", disposition(name, query.format))
        await self.send_large(data)


class ThumbnailHandler(ImageHandler):
    """The whole slide, small."""

    async def get(self, slide_id: str) -> None:
        """Return it."""
        slide, query = whole_id(slide_id, "slide"), self.query(forms.ThumbnailQuery)
        image = await self.draw(
            self.lab.tiles.thumbnail, self.actor, slide, query.width, query.height
        )
        await self.send_image(image, query.v)


class AssociatedNamesHandler(ImageHandler):
    """Which images a slide has beside its pyramid."""

    async def get(self, slide_id: str) -> None:
        """Return their names."""
        self.query(forms.NoQuery)
        slide = whole_id(slide_id, "slide")
        names = await self.draw(self.lab.tiles.associated_names, self.actor, slide)
        self.send({"items": list(names), "next_cursor": None})


class AssociatedHandler(ImageHandler):
    """The label, the macro, or another image beside the pyramid."""

    async def get(self, slide_id: str, name: str) -> None:
        """Return it."""
        slide, version = whole_id(slide_id, "slide"), self.asked_version()
        image = await self.draw(self.lab.tiles.associated, self.actor, slide, name)
        await self.send_image(image, version)


class DeepZoomHandler(ImageHandler):
    """The descriptor of the Deep Zoom grid."""

    async def get(self, slide_id: str) -> None:
        """Return it as XML."""
        self.query(forms.NoQuery)
        slide = whole_id(slide_id, "slide")
        shown = await self.draw(self.lab.tiles.shown, self.actor, slide)
        grid = shown.grids["deepzoom"]
        self.set_header("Content-Type", "application/xml")
        self.write(
            _DESCRIPTOR.format(tile_size=grid.tile_size, width=grid.width, height=grid.height)
        )


def _region(
    lab: Lab, actor: Actor, slide_id: int, query: forms.RegionQuery
) -> tuple[str, bytes, str]:
    data, media_type = lab.tiles.region_image(
        actor,
        slide_id,
        (query.x, query.y),
        (query.width, query.height),
        level=query.level,
        mpp=query.mpp,
        format=query.format,
    )
    return lab.slides.get(actor, slide_id).name, data, media_type


def _places(text: str) -> list[tuple[int, int]]:
    if _TILES.fullmatch(text) is None:
        raise Invalid(
            "This request has a problem: tiles: expected tiles such as 3.4,3.5 (column.row).",
            problems=["tiles: expected tiles such as 3.4,3.5 (column.row)"],
        )
    pairs = [tile.split(".") for tile in text.split(",")]
    if len(pairs) > LARGEST_BUNDLE:
        raise TooLarge(f"A bundle holds at most {LARGEST_BUNDLE} tiles.", limit=LARGEST_BUNDLE)
    return [(int(column), int(row)) for column, row in pairs]


def _etag(tiles: list[TileAnswer]) -> str:
    together = "".join([tile.etag for tile in tiles])
    return f'"{blake2b(together.encode(), digest_size=12).hexdigest()}"'
