"""What all methods below ``Api`` have in common: parameters in, JSON and files out."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from tornado import web

from wsi_lab.errors import Invalid, NotFound, SlideMissing
from wsi_lab.model.people import Action
from wsi_lab.model.study import Page
from wsi_lab.server.receiving import Receiver
from wsi_lab.server.routing import LARGEST_BODY, SECONDS_PER_BODY, Kind, Need, Route
from wsi_lab.server.slidescore.door import JSON, Form, SlideScoreDoor
from wsi_lab.server.slidescore.params import Params, read_params

T = TypeVar("T")

LARGEST_HEAVY_BODY = 256 << 20
SECONDS_PER_HEAVY_BODY = 900.0
LONGEST_PAGE = 1000


class FormHandler(Receiver):
    """A handler of the door that takes parameters.

    Attributes
    ----------
    form
        How its clients look for failures.
    """

    form: ClassVar[Form] = Form.STATUS
    media_type = JSON

    @property
    def door(self) -> SlideScoreDoor:
        """The door that the request came through."""
        return cast("SlideScoreDoor", self._door)

    async def params(self) -> Params:
        """Return the parameters of the request, once it has been received.

        Raises
        ------
        WsiLabError
            Whoever asked was not let in.
        Invalid
            The parameters cannot be read.
        """
        query, headers = self.request.query, self.request.headers
        return await self.received(lambda body: read_params(query, body, headers))


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


@contextlib.contextmanager
def named_wrongly() -> Iterator[None]:
    """Say of what is not there that a parameter names it wrongly.

    By the status clients hear that there is no such study, case or slide, and throw the sentence
    away. A file, a question or a map that only a parameter names is a wrong word like any other.
    """
    try:
        yield
    except (NotFound, SlideMissing) as error:
        raise Invalid(error.message) from error


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
