"""What all handlers of the door have in common, and those that send no images."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, ParamSpec, TypeVar, cast

import msgspec

from wsi_lab.errors import NotAllowed, NotFound, NotIdentified
from wsi_lab.model.people import THE_LAB, Action, may
from wsi_lab.model.signing import Signer, has_credentials
from wsi_lab.model.slide import SlideProperties
from wsi_lab.server.base import Handler
from wsi_lab.server.routing import Need
from wsi_lab.server.site import Lane
from wsi_lab.server.streamer import page
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.params import clamped, one
from wsi_lab.server.streamer.settings import Access
from wsi_lab.service.sources import SourceSlides
from wsi_lab.version import __version__

P = ParamSpec("P")
T = TypeVar("T")

LARGEST_PAGE, USUAL_PAGE = 1000, 100
_DESCRIPTOR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
    'TileSize="{tile_size}" Overlap="0" Format="jpg">'
    '<Size Width="{width}" Height="{height}"/></Image>\n'
)


class StreamerHandler(Handler):
    """Base of the door's handlers.

    Attributes
    ----------
    needs_source
        Whether there is something to answer only while there is a source.
    takes_signatures
        Whether a signed address lets in.
    takes_viewer_tokens
        Whether the token of a slide's page does.
    reads_pixels
        By which a failing store is called by another code.
    """

    needs_source: ClassVar[bool] = True
    takes_signatures: ClassVar[bool] = True
    takes_viewer_tokens: ClassVar[bool] = False
    reads_pixels: ClassVar[bool] = False
    is_for_one = False

    @property
    def door(self) -> StreamerDoor:
        """The door that the request came through."""
        return cast("StreamerDoor", self._door)

    @property
    def slides(self) -> SourceSlides:
        """The slides of the source."""
        slides = self.site.source
        if slides is None:
            raise NotFound("This server has no source of slides.")
        return slides

    def decode_argument(self, value: bytes, name: str | None = None) -> str:  # noqa: ARG002 (tornado's)
        """Return a part of the address as text; what is no text names nothing."""
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise NotFound("There is nothing at this address.")
        return text

    def prepare(self) -> Awaitable[None] | None:
        """Let in who may ask, and see that there is a source."""
        entering = super().prepare()
        if self.needs_source and self.site.source is None and self.site.has_lab:
            return self._with_open_lab(entering)
        return entering

    async def _with_open_lab(self, entering: Awaitable[None] | None) -> None:
        if entering is not None:
            await entering
        await self.site.ready()

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:
        """Let in whoever brings a signature or, where the door is closed, is known."""
        signer = self.door.signer_at_once()
        if self.door.access is Access.SIGNED and signer is not None:
            self._check_signature(signer)
            return None
        return self._let_signed_or_known_in(need, action)

    async def _let_signed_or_known_in(self, need: Need, action: Action) -> None:
        signer = await self.door.signer(self.site)
        if self.takes_signatures and has_credentials(self.request.query):
            self._check_signature(signer)
            return
        actor = await self.door.identify(self)
        if actor is None:
            actor = await self.identify_by_host()
            if actor is not None:
                # The browser of somebody signed in to the host may be led here by any page.
                self.door.keep_from_other_origins(self._headers)
        if actor is None:
            if self.takes_signatures:
                self._check_signature(signer)
            raise NotIdentified("The lab does not know who is asking.")
        decision = may(actor, action, THE_LAB)
        if need.about_the_lab and not decision.allowed:
            raise NotAllowed(decision.reason)
        self.actor = actor
        self.is_for_one = True

    def _check_signature(self, signer: Signer) -> None:
        takes_token = self.takes_viewer_tokens
        signer.check(
            self.request.path[len(self.mount) - 1 :],
            self.request.query,
            now=self.door.now(),
            slide_id=self.path_args[0] if takes_token else None,
            takes_viewer_token=takes_token,
        )

    @property
    def lane(self) -> Lane:
        """Where to wait for what opens a slide and makes at most a tile of it.

        For a store far away there are many threads: slides that do not come must not hold up
        those that do.
        """
        return self.site.stores if self.slides.source.is_remote else self.site.pixels

    async def look(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a verb of the source answers, waiting in a thread of that lane."""
        return await self.wait_in(self.lane, verb, *args, **kwargs)

    def options(self, *_args: str, **_kwargs: str) -> None:
        """Answer a browser that asks before it sends a request from another origin."""
        self._headers.update(self.door.preflight_headers())
        self.set_header("Allow", self.route.allow)

    @property
    def cache_control(self) -> str:
        """For how long, and by whom, an image may be kept."""
        return self.door.for_one if self.is_for_one else self.door.for_everybody

    def send_json(self, answer: Any) -> None:
        """Send an answer that is no failure."""
        self._headers["Content-Type"] = "application/json"
        self.finish(msgspec.json.encode(answer))


class HealthHandler(StreamerHandler):
    """Whether the server is up. Touches nothing."""

    needs_source: ClassVar[bool] = False

    def get(self) -> None:
        """Say so."""
        self.send_json({"status": "healthy", "version": __version__})


class SlidesHandler(StreamerHandler):
    """Which slides there are."""

    async def get(self) -> None:
        """Return a page of their ids."""
        query = self.request.query_arguments
        limit = clamped(query, "limit", USUAL_PAGE, 1, LARGEST_PAGE)
        cursor, prefix, search = (one(query, name) for name in ("cursor", "prefix", "search"))
        found = await self.wait_in(
            self.site.listings,
            self.slides.keys,
            limit=limit.value,
            cursor=cursor,
            prefix=prefix or "",
            search=search or "",
            is_wanted=lambda: not self.is_gone,
        )
        answer: dict[str, Any] = {"slides": found.keys}
        if found.next_cursor is not None:
            answer["next_cursor"] = found.next_cursor
        if not self.is_for_one:
            self.clear_header("Cache-Control")
        self.send_json(answer)


class PropertiesHandler(StreamerHandler):
    """What a slide says about itself."""

    async def get(self, slide_id: str) -> None:
        """Return its format, size and levels."""
        self.send_json(_described(slide_id, await self.look(self.slides.describe, slide_id)))


class DeepZoomHandler(StreamerHandler):
    """The size of a slide and its tiles, as Deep Zoom describes them."""

    async def get(self, slide_id: str) -> None:
        """Return it as XML."""
        properties = await self.look(self.slides.describe, slide_id)
        self._headers["Content-Type"] = "application/xml"
        self._headers["Cache-Control"] = self.cache_control
        self.finish(
            _DESCRIPTOR.format(
                tile_size=properties.levels[0].tile_width,
                width=properties.width,
                height=properties.height,
            )
        )


class ViewHandler(StreamerHandler):
    """The page that shows a slide, with a token for its tiles where they need one."""

    takes_signatures: ClassVar[bool] = False

    async def get(self, slide_id: str) -> None:
        """Return it."""
        properties = await self.look(self.slides.describe, slide_id)
        token = ""
        if self.door.access is not Access.OPEN:
            signer = await self.door.signer(self.site)
            token = signer.viewer_query(slide_id, self.door.now())
        self._headers["Content-Type"] = page.HTML
        self._headers["Content-Security-Policy"] = page.CONTENT_SECURITY_POLICY
        self.finish(page.view_page(slide_id, properties, token_query=token))


class AssetHandler(StreamerHandler):
    """A script or style that the page of a slide needs; the same for everybody."""

    needs_source: ClassVar[bool] = False

    def get(self, name: str) -> None:
        """Return it."""
        page.assets.send(self, name)


def _described(slide_id: str, properties: SlideProperties) -> dict[str, Any]:
    return {
        "slide_id": slide_id,
        "format": properties.format,
        "width": properties.width,
        "height": properties.height,
        "level_count": len(properties.levels),
        "levels": [
            {
                "level": number,
                "width": level.width,
                "height": level.height,
                "tile_width": level.tile_width,
                "tile_height": level.tile_height,
                "tiles_x": level.columns,
                "tiles_y": level.rows,
                "downsample": level.downsample,
            }
            for number, level in enumerate(properties.levels)
        ],
    }
