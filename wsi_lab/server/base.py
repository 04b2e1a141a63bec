"""One handler for everything: who asks, limits, threads to wait in, failures, headers, the log.

A handler class of a noun derives from `Handler`, says only what its own methods do, and stays
ignorant of the door it is reached through and of the host it runs in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from tornado import web
from tornado.iostream import StreamClosedError

from wsi_lab.errors import NotAllowed, NotFound, NotIdentified, TooLarge, WsiLabError
from wsi_lab.model.people import THE_LAB, Action, Actor, may
from wsi_lab.server.at_once import Answer, Asked
from wsi_lab.server.doors import HEADERS, Door, FailureAnswer
from wsi_lab.server.failures import Failure, MethodUnknown, failure_of
from wsi_lab.server.site import LOG, Lane, Site
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    from wsi_lab.server.routing import Need, Route

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["HEADERS", "LOG", "Handler", "Nowhere", "Oversize"]

LARGEST_AT_ONCE = 256 << 10
"""Bytes. What is larger is sent in pieces: some read slowly, and many may ask for it."""
CHUNK_BYTES = 1 << 20
SECONDS_PER_CHUNK = 30.0
"""A client that takes longer for a chunk of a large answer loses its connection."""

CLIENT_GONE = 499
_VERBS = ("get", "post", "patch", "put", "delete")


class _Sent:
    """Nothing that anybody has to wait for."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


SENT: Awaitable[None] = _Sent()
"""What a method returns that has sent its answer already, while others of its kind wait."""


class Handler(web.RequestHandler):
    """Base of all handlers.

    Attributes
    ----------
    actor
        Who asks.
    lab
        The open lab. Both are there except where the route is open to everybody.
    """

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    route: Route
    site: Site
    mount: str
    actor: Actor
    lab: Lab
    _door: Door | None = None
    _admitted = False
    _gone = False
    _why = ""
    _waiting: asyncio.Future[Any] | None = None

    def initialize(self, *, route: Route, site: Site, mount: str) -> None:
        """Remember what the router found."""
        self.route = route
        self.site = site
        self.mount = mount
        self._door = route.door
        self.set_default_headers()

    @classmethod
    def answer_at_once(cls, asked: Asked) -> Answer | None:  # noqa: ARG003 (those who can look at it)
        """Return the answer to a simple GET that is at hand, or `None` for the usual way.

        It is asked before there is a handler. It never waits, and leaves to the handler to say
        what is wrong.
        """
        return None

    @classmethod
    def verbs(cls) -> frozenset[str]:
        """Return the methods that this class answers itself, in capitals."""
        return frozenset(
            verb.upper()
            for verb in _VERBS
            if getattr(cls, verb) is not getattr(web.RequestHandler, verb)
        )

    def prepare(self) -> Awaitable[None] | None:
        """Let in who may ask this of the lab at all."""
        self.site.admit()
        self._admitted = True
        method = self.request.method or ""
        if method == "OPTIONS":
            return None
        need = self.route.needs.get(method)
        if need is None:
            raise MethodUnknown(f"This address cannot be asked with {_known_method(method)}.")
        return None if need.action is None else self.let_in(need, need.action)

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:
        """Let in whom the lab knows, if they may."""
        return self._let_known_in(need, action)

    async def _let_known_in(self, need: Need, action: Action) -> None:
        actor = await self.route.door.identify(self)
        if actor is None and self.route.door.accepts_host:
            actor = await self.identify_by_host()
        # Where there is no lab, everybody is told that, known or not.
        self.lab = self.site.lab or await self.site.ready()
        if actor is None:
            raise NotIdentified(
                "The lab does not know who is asking. Sign in, or send a token of the lab as "
                "'Authorization: Bearer wsi_…'."
            )
        if need.about_the_lab:
            decision = may(actor, action, THE_LAB)
            if not decision.allowed:
                raise NotAllowed(decision.reason)
        self.actor = actor

    @staticmethod
    def not_ours(_name: str) -> bool:
        """Return whether a query parameter is the host's own business."""
        return False

    async def identify_by_host(self) -> Actor | None:
        """Return who asks according to the program this server is part of; alone, nobody."""
        return None

    async def ask(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a verb of the service answers, waiting in a thread."""
        return await self.wait_in(self.site.rows, verb, *args, **kwargs)

    async def draw(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a verb that reads pixels answers, waiting in a thread of another lane."""
        return await self.wait_in(self.site.pixels, verb, *args, **kwargs)

    async def wait_in(
        self, lane: Lane, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what a verb answers, waiting in a thread of a lane."""
        if self._gone:
            self._leave_unanswered()
        return await self._until(lane.submit(verb, *args, **kwargs))

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._gone

    async def wait_for(self, future: Future[T]) -> T:
        """Return what becomes of a future that is this request's own."""
        return await self._until(asyncio.wrap_future(future))

    async def _until(self, future: asyncio.Future[T]) -> T:
        self._waiting = future
        try:
            return await future
        except asyncio.CancelledError:
            if not self._gone:
                raise
            self._leave_unanswered()
        finally:
            self._waiting = None

    def on_connection_close(self) -> None:
        """Take work off the queue that nobody waits for any more."""
        self._gone = True
        if self._waiting is not None:
            self._waiting.cancel()
        super().on_connection_close()

    def head(self, *args: str, **kwargs: str) -> Awaitable[None] | None:
        """Answer as GET does; tornado leaves the body out."""
        return self.get(*args, **kwargs)

    def options(self, *_args: str, **_kwargs: str) -> None:
        """Say which methods there are. There is no cross-origin use of the lab."""
        self.set_header("Allow", self.route.allow)
        self.set_status(204)

    def set_default_headers(self) -> None:
        """Set what every answer of the door carries."""
        # tornado asks for the first time before it is known which door it is.
        if self._door is not None:
            self._headers.update(self._door.headers(self.request))

    def compute_etag(self) -> None:
        """Return nothing: an answer has an ETag where its handler knows one for free."""
        return

    def send_body(self, data: bytes) -> Awaitable[None]:
        """Send a body: at once or, if it is large and somebody waits for this, in pieces."""
        if len(data) > LARGEST_AT_ONCE:
            return self.send_large(data)
        self.finish(data)
        return SENT

    def send_tagged(self, data: bytes) -> Awaitable[None]:
        """Send a body whose ETag is set, or say that whoever asks has it."""
        if "If-None-Match" in self.request.headers and self.check_etag_header():
            self.set_status(304)
            self.finish()
            return SENT
        return self.send_body(data)

    async def send_large(self, data: bytes) -> None:
        """Send a body in pieces, so that neither the loop nor memory suffers from a slow reader."""
        self.set_header("Content-Length", str(len(data)))
        try:
            for start in range(0, len(data), CHUNK_BYTES):
                self.write(data[start : start + CHUNK_BYTES])
                await asyncio.wait_for(self.flush(), SECONDS_PER_CHUNK)
        except (StreamClosedError, TimeoutError):
            self._hang_up()

    def _hang_up(self) -> NoReturn:
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.close()
        self._leave_unanswered()

    def _leave_unanswered(self) -> NoReturn:
        self.set_status(CLIENT_GONE, "Client Closed Request")
        raise web.Finish

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in the words of the door the request came through."""
        exc_info = kwargs.get("exc_info")
        failure = failure_of(exc_info[1] if exc_info else None, status_code)
        answer = self.failure_answer(failure)
        self._why = f" ({failure.error.code})"
        self.set_status(answer.status)
        self.set_header("Content-Type", answer.media_type)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if isinstance(failure.error, MethodUnknown):
            self.set_header("Allow", self.route.allow)
        self.finish(answer.body)

    def failure_answer(self, failure: Failure) -> FailureAnswer:
        """Return a failure in the words of the door."""
        return self.route.door.failure(self, failure)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what nobody foresaw, once; refusals are in the access log."""
        if typ is None or value is None or isinstance(value, (WsiLabError, web.HTTPError)):
            return
        LOG.error("Unforeseen: %s", self.summary(), exc_info=(typ, value, tb))

    def summary(self) -> str:
        """Return what was asked, without anything that could be a secret.

        Of the address only numbers that the door may tell are told, of the query only names.
        """
        shown = self.route.shown(getattr(self, "path_args", ()))
        names = "&".join(sorted(name for name in self.request.query_arguments if _is_word(name)))
        return f"{_known_method(self.request.method)} {shown}{'?' + names if names else ''}"

    def _log(self) -> None:
        # Replaces the host's access log, which writes the whole address; tornado keeps this
        # method for that purpose.
        status = self.get_status()
        level = _log_level(status)
        if not LOG.isEnabledFor(level):
            return
        took_ms = 1000 * self.request.request_time()
        # Only the code of a refusal: its sentence may name what nobody else is to read.
        LOG.log(level, "%d %s %.1f ms%s", status, self.summary(), took_ms, self._why)

    def on_finish(self) -> None:
        """Let go of the request."""
        if self._admitted:
            self._admitted = False
            self.site.leave()


class Nowhere(Handler):
    """Answers every address that no route knows."""

    def prepare(self) -> None:
        """Refuse, whoever asks and whatever for."""
        raise NotFound("There is nothing at this address.")


LARGEST_DISCARDED_BODY = 8 << 20


@web.stream_request_body
class Oversize(Handler):
    """Answers requests whose body is larger than their route allows.

    A body that is a little too large is read to its end and dropped, so that the client comes
    to reading the answer; for a huge one the connection is closed after the answer.
    """

    def prepare(self) -> None:
        """Refuse at once what is not worth reading."""
        if int(self.request.headers["Content-Length"]) > LARGEST_DISCARDED_BODY:
            self._refuse()

    def data_received(self, chunk: bytes) -> None:
        """Drop it."""

    def _refuse(self, *_args: str, **_kwargs: str) -> None:
        raise TooLarge(
            f"The body of this request may have at most {self.route.body_limit:,} bytes.",
            limit=self.route.body_limit,
        )

    get = head = post = put = patch = delete = options = _refuse


def _known_method(method: str | None) -> str:
    return method if method in Handler.SUPPORTED_METHODS else "an unknown method"


def _log_level(status: int) -> int:
    if status < 400:
        return logging.DEBUG
    if status < 500:
        return logging.INFO
    return logging.WARNING if status == 503 else logging.ERROR


def _is_word(name: str) -> bool:
    # Somebody may have sent a secret where a name belongs.
    return name.isascii() and name.replace("_", "").isalpha() and len(name) <= 16
