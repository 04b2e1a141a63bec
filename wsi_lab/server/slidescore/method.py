"""What all methods below ``Api`` have in common: parameters in, JSON and files out."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from tornado import web

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.people import Action
from wsi_lab.model.study import Page
from wsi_lab.server.base import Handler
from wsi_lab.server.routing import LARGEST_BODY, SECONDS_PER_BODY, Kind, Need, Route
from wsi_lab.server.slidescore.door import JSON, Form, SlideScoreDoor
from wsi_lab.server.slidescore.params import Params, read_params

T = TypeVar("T")

LARGEST_HEAVY_BODY = 256 << 20
SECONDS_PER_HEAVY_BODY = 900.0
SHORT_BODY = 64 << 10
"""Bytes. What is longer is parsed in a thread."""
LONGEST_PAGE = 1000


class FormHandler(Handler):
    """A handler of the door that takes parameters.

    Its body is received piece by piece, after it is clear who asks; should they be refused, the
    rest of it is read and dropped, so that the client comes to reading the answer.

    Attributes
    ----------
    form
        How its clients look for failures.
    """

    form: ClassVar[Form] = Form.STATUS
    media_type = JSON

    def initialize(self, **known: Any) -> None:
        """Get ready to take a body."""
        super().initialize(**known)
        self._pieces: list[bytes] = []
        self._received = 0
        self._is_whole = False
        self._refusal: WsiLabError | None = None
        self._room = ExitStack()

    @property
    def door(self) -> SlideScoreDoor:
        """The door that the request came through."""
        return cast("SlideScoreDoor", self._door)

    def prepare(self) -> Awaitable[None] | None:
        """Let in who may ask, and make room for what they send."""
        return self._enter()

    async def _enter(self) -> None:
        has_body = (
            self.request.headers.get("Content-Length", "0") != "0"
            or "Transfer-Encoding" in self.request.headers
        )
        try:
            entering = super().prepare()
            if entering is not None:
                await entering
            announced = self.request.headers.get("Content-Length", "0")
            if announced.isdigit() and int(announced) > LARGEST_BODY:
                self._room.enter_context(self.door.room_for(int(announced)))
        except WsiLabError as error:
            if not has_body:
                raise
            self._refusal = error

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body."""
        if self._refusal is not None:
            return
        self._received += len(chunk)
        self._pieces.append(chunk)

    async def params(self) -> Params:
        """Return the parameters of the request, once it has been received.

        Raises
        ------
        WsiLabError
            Whoever asked was not let in.
        Invalid
            The parameters cannot be read.
        """
        self._is_whole = True
        if self._refusal is not None:
            raise self._refusal
        body = b"".join(self._pieces)
        self._pieces.clear()
        query, headers = self.request.query, self.request.headers
        if len(body) <= SHORT_BODY:
            return read_params(query, body, headers)
        return await self.wait_in(self.site.transfers, read_params, query, body, headers)

    def on_connection_close(self) -> None:
        """Let go of the request if its body was never received whole."""
        super().on_connection_close()
        if not self._is_whole:
            # tornado neither runs nor finishes such a handler.
            self.on_finish()

    def on_finish(self) -> None:
        """Let go of the request and of what it brought."""
        self._pieces.clear()
        self._room.close()
        super().on_finish()


class Method(FormHandler):
    """A method: a class that says what it is called, what it asks, and how it answers.

    Attributes
    ----------
    name
        In the address, whatever the case.
    need
        What is asked of whoever calls it. The service decides about studies, cases and slides.
    is_heavy
        Whether its parameters may be larger than others.
    media_type
        Of the answer; a method that does not answer JSON changes its own.
    """

    name: ClassVar[str]
    need: ClassVar[Need] = Need(Action.LAB_VIEW)
    form: ClassVar[Form] = Form.FLAG
    is_heavy: ClassVar[bool] = False

    async def answer(self, params: Params) -> Any:
        """Return what is sent as JSON, or bytes that are sent as they are; `None` is no body."""
        raise NotImplementedError

    async def respond(self) -> None:
        """Answer the request."""
        answer = await self.answer(await self.params())
        if self._finished:
            return
        if answer is None:
            answer = b""
        elif not isinstance(answer, bytes):
            answer = msgspec.json.encode(answer)
        self._headers["Content-Type"] = self.media_type
        await self.send_body(answer)


@web.stream_request_body
class Reading(Method):
    """A method that changes nothing. Old clients post even these."""

    async def get(self) -> None:
        """Answer."""
        await self.respond()

    async def post(self) -> None:
        """Answer."""
        await self.respond()


@web.stream_request_body
class Changing(Method):
    """A method that changes something."""

    async def post(self) -> None:
        """Answer."""
        await self.respond()


def method_route(door: SlideScoreDoor, method: type[Method], name: str | None = None) -> Route:
    """Return the address of a method.

    Parameters
    ----------
    name
        Instead of the method's own.
    """
    return Route(
        f"Api/{name or method.name}",
        method,
        dict.fromkeys(method.verbs(), method.need),
        door,
        body_limit=LARGEST_HEAVY_BODY if method.is_heavy else LARGEST_BODY,
        body_seconds=SECONDS_PER_HEAVY_BODY if method.is_heavy else SECONDS_PER_BODY,
        any_case=True,
    )


def routes_of(door: SlideScoreDoor, *methods: type[Method]) -> tuple[Route, ...]:
    """Return the addresses of methods."""
    return tuple(method_route(door, method) for method in methods)


def needs(action: Action, kind: Kind) -> Need:
    """Return what a method asks about a thing that its parameters name."""
    return Need(action, kind)


def everything(pages: Callable[..., Page[T]], *args: Any, **kwargs: Any) -> list[T]:
    """Return all of a list that comes in pages: this door knows none.

    Parameters
    ----------
    pages
        A verb that takes ``limit`` and ``cursor``.
    """
    found: list[T] = []
    following = functools.partial(pages, *args, limit=LONGEST_PAGE, **kwargs)
    cursor: str | None = None
    while True:
        page = following(cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def one_of(params: Params, names: Sequence[str]) -> str:
    """Return the one of several parameters that is given and not empty.

    Raises
    ------
    Invalid
        None is, or more than one.
    """
    given = [name for name in names if params.text(name)]
    if len(given) != 1:
        raise Invalid(f"Give exactly one of these parameters: {', '.join(names)}.")
    return given[0]
