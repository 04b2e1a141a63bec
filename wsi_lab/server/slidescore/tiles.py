"""Tiles, for programs that bring no token: leave to see a slide's lies in address and cookie."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, ClassVar

from wsi_lab.errors import (
    NotAllowed,
    NotFound,
    NotIdentified,
    OutOfRange,
    WsiLabError,
)
from wsi_lab.model.grants import grant_ended
from wsi_lab.model.people import Action, Actor
from wsi_lab.server.at_once import Answer, Asked
from wsi_lab.server.base import LARGEST_AT_ONCE
from wsi_lab.server.browsers import GrantCookie
from wsi_lab.server.dialect import DialectHandler
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Reading, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.tiles import Place, tile_at
from wsi_lab.service.lab import Lab
from wsi_lab.service.tiles import GridKind, TileAnswer

GRID: GridKind = "deepzoom"
FOLDERS = ("i_files", "_files")
"""Two names of the same folder: clients disagree."""
COOKIE = GrantCookie("t")
"""The half of a grant for tiles that is not in their address."""
FOR_A_WHILE = "private, max-age=300"
"""Whose rights have ended keeps what they have seen no longer than this."""

_VIEW = needs(Action.SLIDE_VIEW, Kind.SLIDE)
_ROW = re.compile(r"([0-9]{1,9})\.jpe?g", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_DESCRIPTOR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
    'TileSize="{tile_size}" Overlap="0" Format="jpeg">'
    '<Size Width="{width}" Height="{height}"/></Image>\n'
)
_NOWHERE = "There is nothing at this address."


class TileServer(Reading):
    """Leave to fetch the tiles of a slide."""

    name = "GetTileServer"
    need: ClassVar[Need] = _VIEW
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Return its two parts; the slide is open when the first tile is asked for."""
        slide_id = params.required_number("imageId")
        grant = await self.ask(self.lab.grants.tiles, self.actor, slide_id)
        await self.draw(self.lab.tiles.shown, self.actor, slide_id)
        return {
            "cookiePart": grant.cookie_part,
            "urlPart": grant.url_part,
            "expiresOn": grant.expires_on,
        }


class TokenExpiry(Reading):
    """When leave to fetch tiles ends."""

    name = "GetTokenExpiry"
    need: ClassVar[Need] = _VIEW
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Return that."""
        parts = params.required("urlPart"), params.required("cookiePart")
        ending = await self.ask(self.lab.grants.tiles_expire_on, self.actor, *parts)
        return {"expiresOn": ending}


class GrantHandler(DialectHandler):
    """Base of handlers that let in who brings a grant for the slide in their address."""

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:  # noqa: ARG002 (the verbs ask)
        """Let in whose leave it is."""
        lab = self.site.lab
        if lab is None or not lab.grants.is_ready:
            return self._let_in_later()
        self.lab, self.actor = lab, self.visitor(lab, *self._sent())
        return None

    def visitor(self, lab: Lab, slide_id: int, text: str) -> Actor:
        """Return whose leave it is.

        Raises
        ------
        NotIdentified
            Nobody's, or it has ended.
        """
        raise NotImplementedError

    async def _let_in_later(self) -> None:
        self.lab = await self.site.ready()
        self.actor = await self.ask(self.visitor, self.lab, *self._sent())

    def _sent(self) -> tuple[int, str]:
        slide_id, text = self.path_args[:2]
        if _ID.fullmatch(slide_id) is None:
            raise NotFound(_NOWHERE)
        return int(slide_id), text


class TilesHandler(GrantHandler):
    """Base of handlers for which the grant is one for tiles.

    Attributes
    ----------
    accept_guests
        Whether a grant that is for the tiles only will do.
    """

    accept_guests: ClassVar[bool] = True

    def visitor(self, lab: Lab, slide_id: int, text: str) -> Actor:
        """Return whose leave to see tiles it is."""
        return lab.grants.tile_viewer(
            slide_id,
            text,
            COOKIE.sent(self.request.headers),
            door=self.route.door.name,
            accept_guests=self.accept_guests,
        )


class TileHandler(TilesHandler):
    """A tile: the hot path. No waiting where none is needed."""

    @classmethod
    def answer_at_once(cls, asked: Asked) -> Answer | None:
        """Return a tile that is at hand, to whoever may have it beyond doubt."""
        lab = asked.site.lab
        if lab is None or not lab.grants.is_ready:
            return None
        try:
            slide_id, grant, level, x, y = (part.decode() for part in asked.arguments)
            row = _ROW.fullmatch(y)
            if row is None or not (_ID.fullmatch(slide_id) and _are_numbers(level, x)):
                return None
            slide, sent = int(slide_id), COOKIE.sent(asked.request.headers)
            door = asked.route.door
            actor = lab.grants.tile_viewer(
                slide, grant, sent, door=door.name, accept_guests=cls.accept_guests
            )
            place = int(level), int(x), int(row[1])
            tile = lab.tiles.tile_at_once(actor, slide, GRID, *place)
        except (WsiLabError, UnicodeDecodeError):
            return None
        if tile is None or len(tile.data) > LARGEST_AT_ONCE:
            return None
        return Answer({**door.headers(asked.request), **_headers(tile)}, tile.data)

    def get(self, slide_id: str, _grant: str, level: str, x: str, y: str) -> Awaitable[None]:
        """Return the tile; at the edges it ends where the slide does."""
        row = _ROW.fullmatch(y)
        if row is None or not _are_numbers(level, x):
            raise NotFound(_NOWHERE)
        place = int(slide_id), GRID, int(level), int(x), int(row[1])
        with as_grants_are_refused():
            tile = self.lab.tiles.tile_at_once(self.actor, *place)
        return self._wait_for_tile(place) if tile is None else self._send_tile(tile)

    async def _wait_for_tile(self, place: Place) -> None:
        with as_grants_are_refused():
            tile = await tile_at(self, place)
        await self._send_tile(tile)

    def _send_tile(self, tile: TileAnswer) -> Awaitable[None]:
        self._headers.update(_headers(tile))
        return self.send_tagged(tile.data)


class DescriptorHandler(TilesHandler):
    """How large a slide and its tiles are, as Deep Zoom describes it."""

    async def get(self, slide_id: str, _grant: str) -> None:
        """Return it as XML."""
        with as_grants_are_refused():
            shown = await self.draw(self.lab.tiles.shown, self.actor, int(slide_id))
        grid = shown.grids[GRID]
        self.set_header("Content-Type", "application/xml")
        self.finish(
            _DESCRIPTOR.format(tile_size=grid.tile_size, width=grid.width, height=grid.height)
        )


@contextlib.contextmanager
def as_grants_are_refused() -> Iterator[None]:
    """Say that a grant has ended when the rights it stood for have; and that no tile is there."""
    try:
        yield
    except OutOfRange as error:
        raise NotFound(error.message) from error
    except (NotAllowed, NotFound, NotIdentified) as error:
        raise grant_ended() from error


def _headers(tile: TileAnswer) -> Mapping[str, str]:
    return {"Content-Type": tile.media_type, "Cache-Control": FOR_A_WHILE, "Etag": tile.etag}


def _are_numbers(*texts: str) -> bool:
    return all(_NUMBER.fullmatch(text) for text in texts)


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of tiles and of leave to fetch them."""
    below = "i/{image_id}/{grant}"
    return (
        *routes_of(door, TileServer, TokenExpiry),
        *(
            Route(f"{below}/{folder}/{{level}}/{{x}}_{{y}}", TileHandler, {"GET": _VIEW}, door)
            for folder in FOLDERS
        ),
        Route(f"{below}/i.dzi", DescriptorHandler, {"GET": _VIEW}, door),
    )
