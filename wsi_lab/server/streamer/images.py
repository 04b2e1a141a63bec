"""Tiles and thumbnails: the hot path. No waiting where none is needed."""

from __future__ import annotations

from collections.abc import Awaitable
from concurrent.futures import Future
from typing import TYPE_CHECKING, ClassVar

from wsi_lab.errors import SlideChanged, SlideMissing, WsiLabError
from wsi_lab.model.signing import has_credentials
from wsi_lab.server.at_once import Answer, Asked
from wsi_lab.server.base import LARGEST_AT_ONCE, SENT
from wsi_lab.server.site import Lane
from wsi_lab.server.streamer import params
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.handlers import StreamerHandler
from wsi_lab.server.streamer.settings import Access
from wsi_lab.service.sources import SourceImage

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

SMALLEST_THUMBNAIL, USUAL_THUMBNAIL, LARGEST_THUMBNAIL = 64, 512, 2048
JPEG = "image/jpeg"
_ENDING = ".jpg"


class ImageHandler(StreamerHandler):
    """Sends JPEG images."""

    reads_pixels: ClassVar[bool] = True

    def asked_quality(self) -> tuple[int, bool]:
        """Return the quality of the answer, and whether better stored bytes are encoded anew."""
        return _asked_quality(self.door, self.request)

    def send_image(self, image: SourceImage, quality: int) -> Awaitable[None]:
        """Send an image, or 304 where the browser has it already; see `send_body`."""
        headers = self._headers
        headers.update(_image_headers(image, quality, self.cache_control))
        if "If-None-Match" in self.request.headers and self.check_etag_header():
            self.set_status(304)
            self.finish()
            return SENT
        return self.send_body(image.data)


class TileHandler(ImageHandler):
    """A tile of the slide's own grid."""

    takes_viewer_tokens: ClassVar[bool] = True

    @classmethod
    def answer_at_once(cls, asked: Asked) -> Answer | None:
        """Return a tile that is at hand, to whoever may have it beyond doubt."""
        door, slides = asked.route.door, asked.site.source
        if slides is None or not isinstance(door, StreamerDoor):
            return None
        try:
            slide_id, level, x, y = (part.decode() for part in asked.arguments)
            row = y.removesuffix(_ENDING)
            if not _are_numbers(level, x, row) or not _is_let_in(door, asked, slide_id):
                return None
            quality, recode = _asked_quality(door, asked.request)
            tile = slides.tile_at_once(
                *(slide_id, int(level), int(x), int(row)), quality=quality, recode=recode
            )
        except (WsiLabError, UnicodeDecodeError):
            return None
        if tile is None or len(tile.data) > LARGEST_AT_ONCE:
            return None
        headers = {
            **door.headers(asked.request),
            **_image_headers(tile, quality, door.for_everybody),
        }
        return Answer(headers, tile.data)

    def get(self, slide_id: str, level: str, x: str, y: str) -> Awaitable[None]:
        """Return the tile, whole even at the edges of the slide."""
        row = y.removesuffix(_ENDING)
        if not _are_numbers(level, x, row):
            return self.look(self.slides.refuse_tile, slide_id, level, x, row)
        place = slide_id, int(level), int(x), int(row)
        quality, recode = self.asked_quality()
        tile = self.slides.tile_at_once(*place, quality=quality, recode=recode)
        if tile is None:
            return self._wait_for_tile(place, quality, recode=recode)
        return self.send_image(tile, quality)

    async def _wait_for_tile(
        self, place: tuple[str, int, int, int], quality: int, *, recode: bool
    ) -> None:
        slides, lane = self.slides, self._lane(recode=recode)
        tile: SourceImage | Future[SourceImage] | None
        tile = slides.tile_soon(*place, quality=quality, recode=recode)
        if tile is None:
            verb = slides.tile_or_soon
            tile = await self.wait_in(lane, verb, *place, quality=quality, recode=recode)
        if isinstance(tile, Future):
            try:
                tile = await self.wait_for(tile)
            except (SlideChanged, SlideMissing):
                # One that was changed is opened anew, and one that is gone is looked for.
                verb = slides.tile
                tile = await self.wait_in(lane, verb, *place, quality=quality, recode=recode)
        await self.send_image(tile, quality)

    def _lane(self, *, recode: bool) -> Lane:
        if recode and not self.door.recodes and not self.slides.source.is_remote:
            # Anybody may ask for any tile in a hundred qualities, and stored ones go first.
            return self.site.recoding
        return self.lane


class ThumbnailHandler(ImageHandler):
    """The whole slide, small."""

    async def get(self, slide_id: str) -> None:
        """Return it."""
        query = self.request.query_arguments
        size = params.clamped(
            query, "max_size", USUAL_THUMBNAIL, SMALLEST_THUMBNAIL, LARGEST_THUMBNAIL
        )
        quality, _ = self.asked_quality()
        # From far away most of it is waiting, and the engine sees to how many decode at once.
        lane = self.lane if self.slides.source.is_remote else self.site.previews
        image = await self.wait_in(lane, self.slides.thumbnail, slide_id, size.value, quality)
        if size.is_changed:
            self._headers["X-Thumbnail-Size-Clamped"] = "true"
            self._headers["X-Thumbnail-Requested-Size"] = str(size.asked)
            self._headers["X-Thumbnail-Actual-Size"] = str(size.value)
        await self.send_image(image, quality)


def _asked_quality(door: StreamerDoor, request: HTTPServerRequest) -> tuple[int, bool]:
    if not request.query:
        return door.quality, door.recodes
    asked = params.quality(request.query_arguments)
    return (door.quality, door.recodes) if asked is None else (asked, True)


def _image_headers(image: SourceImage, quality: int, cache_control: str) -> dict[str, str]:
    return {
        "Content-Type": JPEG,
        "Cache-Control": cache_control,
        "Etag": image.etag,
        "X-Tile-Cache-Hit": "true" if image.was_kept else "false",
        "X-Tile-Quality": str(quality),
    }


def _is_let_in(door: StreamerDoor, asked: Asked, slide_id: str) -> bool:
    """Return whether no more has to be asked about who it is."""
    if door.access is Access.OPEN:
        return True
    signer, query = door.signer_at_once(), asked.request.query
    if signer is None or not has_credentials(query):
        return False
    signer.check(asked.path, query, now=door.now(), slide_id=slide_id, takes_viewer_token=True)
    return True


def _are_numbers(*texts: str) -> bool:
    together = "".join(texts)
    # No tile has a longer one, and python takes its time to read thousands of digits.
    return together.isascii() and together.isdigit() and all(texts) and len(together) < 30
