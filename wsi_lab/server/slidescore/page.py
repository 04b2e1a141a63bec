"""The page of a slide, and what it asks for: layers, and to remember what was looked at."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Iterator
from importlib.resources import files
from typing import Any, ClassVar, NamedTuple

import msgspec

from wsi_lab.errors import Invalid, NotIdentified
from wsi_lab.model.grants import grant_ended
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.viewing import SessionEvent
from wsi_lab.server.base import Handler
from wsi_lab.server.doors import FailureAnswer
from wsi_lab.server.failures import Failure
from wsi_lab.server.routing import OPEN, Kind, Need, Route
from wsi_lab.server.slide_pages import (
    CONTENT_SECURITY_POLICY,
    HTML,
    Assets,
    facts_of,
    page_text,
    shown_name,
    summary_of,
)
from wsi_lab.server.slidescore.door import JSON, SlideScoreDoor
from wsi_lab.server.slidescore.params import Params, read_params
from wsi_lab.server.slidescore.tiles import COOKIE, TilesHandler, as_grants_are_refused
from wsi_lab.service.figures import Layer
from wsi_lab.service.grants import PageVisitor, TileGrant
from wsi_lab.service.lab import Lab
from wsi_lab.service.page import CoreOnSlide, CoreWish, SlidePage

_FRONT = files("wsi_lab.server.slidescore") / "front"
_PARTS = ("deepzoom", "figures", "drawings", "layers", "recording", "leave", "main")
_KEYS = (("L", "Show or hide what is drawn"), ("C", "The core that was asked for"))
_REFUSAL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>
"""

assets = Assets([_FRONT / f"{name}.mjs" for name in _PARTS], (_FRONT / "drawn.css",))


class Opened(NamedTuple):
    """A page that somebody may see, what its address adds to it, and leave to see its tiles."""

    page: SlidePage
    drawn: list[Layer]
    grant: TileGrant
    is_guest: bool


class PageHandler(Handler):
    """The page that shows a slide.

    Who may see it says so by ``access=`` in its address, by a token, or by being known to the
    host of the server: people open it, and a browser brings no token.
    """

    actor: Actor
    _visitor: PageVisitor | None = None

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:  # noqa: ARG002 (the service decides)
        """Let in whoever is known in one of these ways."""
        return self._let_in_later()

    async def _let_in_later(self) -> None:
        access = self._params().text("access")
        self.lab = self.site.lab or await self.site.ready()
        if access is not None:
            door = self.route.door.name
            self._visitor = await self.ask(self.lab.grants.page_visitor, access, door=door)
            self.actor = self._visitor.actor
            return
        self.actor = await self._known()

    async def _known(self) -> Actor:
        actor = await self.route.door.identify(self) or await self.identify_by_host()
        if actor is None:
            raise NotIdentified(
                "The lab does not know who is asking. Sign in, or open the link that you were sent."
            )
        return actor

    async def get(self) -> None:
        """Return it, with leave to see the tiles in its text and in a cookie."""
        params = self._params()
        slide_id, study_id = params.number("imageId"), params.number("studyId")
        visitor = self._visitor
        if visitor is not None:
            # Its link opens one slide, or those of one study, and nothing else.
            slide_id = _same(slide_id, visitor.slide_id)
            study_id = _same(study_id, visitor.study_id)
        opened = await self.draw(
            _open,
            self.lab,
            self.actor,
            slide_id,
            study_id,
            _core_wish(params),
            params.text("annos") or "[]",
            is_guest=visitor is not None and visitor.is_guest,
        )
        self._set_cookie(opened)
        self.set_header("Content-Type", HTML)
        self.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        await self.send_body(_text(opened))

    def failure_answer(self, failure: Failure) -> FailureAnswer:
        """Return a failure as a page to people, and as the door does to programs."""
        answer = super().failure_answer(failure)
        if "text/html" not in self.request.headers.get("Accept", ""):
            return answer
        page = _REFUSAL.format(
            title="This slide cannot be shown.", text=html.escape(failure.error.message)
        )
        return FailureAnswer(answer.status, page.encode(), HTML, answer.headers)

    def _params(self) -> Params:
        return read_params(self.request.query, b"", self.request.headers)

    def _set_cookie(self, opened: Opened) -> None:
        grant = opened.grant
        path = f"{self.mount}i/{opened.page.slide_id}/{grant.url_part}"
        COOKIE.give(self, grant.cookie_part, grant.expires_on, path=path)


class AssetHandler(Handler):
    """A script or style that the page needs; the same for everybody."""

    def get(self, name: str) -> None:
        """Return it."""
        assets.send(self, name)


class LayersHandler(TilesHandler):
    """What is drawn on the slide: by everybody for who may see that, else by oneself."""

    accept_guests: ClassVar[bool] = False

    async def get(self, slide_id: str, _grant: str) -> None:
        """Return it as its page draws it."""
        data = await self.wait_in(self.site.transfers, _layers, self.lab, self.actor, int(slide_id))
        self.set_header("Content-Type", JSON)
        await self.send_body(data)


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    events: list[SessionEvent]
    session: int | None = None


class ViewingHandler(TilesHandler):
    """Remembers what somebody looked at. Leave to see the tiles is leave to tell this."""

    accept_guests: ClassVar[bool] = False

    async def post(self, slide_id: str, _grant: str) -> None:
        """Add to a session, or begin one, and return its number."""
        try:
            told = msgspec.json.decode(self.request.body, type=_Told)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise Invalid("What was looked at is told as a session and its events.") from error
        with as_grants_are_refused():
            session = await self.ask(_record, self.lab, self.actor, int(slide_id), told)
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode({"session": session}))


def _open(  # noqa: PLR0917 (what an address says, in its order)
    lab: Lab,
    actor: Actor,
    slide_id: int | None,
    study_id: int | None,
    core: CoreWish | None,
    annos: str,
    *,
    is_guest: bool,
) -> Opened:
    page = lab.pages.open(actor, slide_id=slide_id, study_id=study_id, core=core)
    properties = page.shown.properties
    drawn = lab.pages.drawn(annos, (properties.width, properties.height))
    grant = lab.grants.tiles(actor, page.slide_id, for_guests=is_guest)
    return Opened(page, drawn, grant, is_guest)


def _layers(lab: Lab, actor: Actor, slide_id: int) -> bytes:
    with as_grants_are_refused():
        found = lab.pages.layers(actor, slide_id)
    return msgspec.json.encode({"layers": [_layer(each) for each in found]})


def _record(lab: Lab, actor: Actor, slide_id: int, told: _Told) -> int:
    if told.session is None:
        return lab.sessions.begin(actor, slide_id, told.events)
    lab.sessions.add_events(actor, told.session, told.events)
    return told.session


def _same(asked: int | None, granted: int | None) -> int | None:
    if granted is not None and asked not in {None, granted}:
        raise grant_ended()
    return asked if granted is None else granted


def _core_wish(params: Params) -> CoreWish | None:
    row, column = params.number("tmaRow"), params.number("tmaCol")
    sample = params.text("tmaSample") or None
    if row is None and column is None and sample is None:
        return None
    return CoreWish(row, column, sample)


def _text(opened: Opened) -> bytes:
    page = opened.page
    description = (
        f'<h2>Description</h2><p id="description">{html.escape(page.description)}</p>'
        if page.description
        else ""
    )
    return page_text(
        name=f"Slide {page.slide_id}" if page.name is None else page.name,
        version=assets.version,
        summary=summary_of(page.shown.properties),
        facts=_facts(page),
        told=_told(opened),
        details=description,
        keys=_KEYS,
    )


def _facts(page: SlidePage) -> Iterator[tuple[str, str]]:
    yield from facts_of(page.shown.properties)
    if page.shown.slide.rotation:
        yield "Shown", f"turned by {page.shown.slide.rotation}° clockwise"
    if page.core is not None:
        yield "Core", core_words(page.core)


def core_words(core: CoreOnSlide) -> str:
    """Return which core it is, counted as people count.

    Examples
    --------
    >>> core_words(CoreOnSlide(0, 2, "S12", (0, 0, 1, 1)))
    'row 1, column 3 (S12)'
    """
    sample = f" ({shown_name(core.sample)})" if core.sample else ""
    return f"row {core.row + 1}, column {core.column + 1}{sample}"


def _told(opened: Opened) -> dict[str, Any]:
    page, core = opened.page, opened.page.core
    properties, grid = page.shown.properties, page.shown.grids["deepzoom"]
    return {
        "tiles": f"../i/{page.slide_id}",
        "token": opened.grant.url_part,
        "version": page.shown.version,
        "mpp": properties.mpp,
        "objective": properties.objective_power,
        "width": properties.width,
        "height": properties.height,
        "tileSize": grid.tile_size,
        "rotation": page.shown.slide.rotation,
        "core": None if core is None else {"words": core_words(core), "box": core.box},
        "drawn": [_layer(each) for each in opened.drawn],
        "isGuest": opened.is_guest,
    }


def _layer(layer: Layer) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(layer)
    said["leftOut"] = said.pop("left_out")
    for name in ("title", "author"):
        said[name] = shown_name(said[name])
    for words in said["words"]:
        words["text"] = shown_name(words["text"])
    return said


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of the page and of what it needs."""
    view = Need(Action.SLIDE_VIEW, Kind.SLIDE)
    below = "i/{image_id}/{grant}"
    return (
        Route("Image/Details", PageHandler, {"GET": view}, door, any_case=True),
        Route("Image/assets/{name}", AssetHandler, {"GET": OPEN}, door, any_case=True),
        Route(f"{below}/Layers.json", LayersHandler, {"GET": view}, door),
        Route(f"{below}/Viewing.json", ViewingHandler, {"POST": view}, door),
    )
