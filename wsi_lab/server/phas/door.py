"""The door of PHAS: a session's cookie and nothing else, failures as JSON, and no redirects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec

from wsi_lab.errors import Busy, Invalid, NotAllowed, NotIdentified, WsiLabError
from wsi_lab.model.people import Actor
from wsi_lab.server.doors import RETRY_AFTER_SECONDS, Door, FailureAnswer
from wsi_lab.server.failures import Failure
from wsi_lab.service.grants import PhasVisitor
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    from tornado.httputil import HTTPHeaders

    from wsi_lab.server.base import Handler
    from wsi_lab.server.phas.handlers import PhasHandler

JSON = "application/json"
COOKIE = "phas_session"
MOST_COOKIES = 8
"""A client may hold those of several labs on one machine, whose paths begin alike."""

_COOKIE = re.compile(rf"(?:^|;)\s*{COOKIE}=([^;\s]*)")
_ELSEWHERE = frozenset({"cross-site", "same-site"})


class PhasDoor(Door):
    """The door of PHAS.

    Its client signs in once with a key and has a cookie from then on. It can neither send a token
    nor take part in a check against forged requests: those are told by where a browser says that
    they come from, and by a cookie that it sends to pages of this origin only.
    """

    name: ClassVar[str] = "phas"
    # Other interfaces have addresses below `api`, too.
    trees: ClassVar[tuple[str, ...]] = (
        *("auth", "task", "dltrain", "dzi"),
        *("api/projects", "api/project", "api/task"),
    )
    told: ClassVar[frozenset[str]] = frozenset(
        {
            *("task_id", "slide_id", "label_set_id", "label_id", "sample_id"),
            *("level", "x", "y", "width", "height", "size"),
        }
    )

    async def identify(self, handler: Handler) -> Actor | None:
        """Return whose session it is, and let the handler know what that session hides."""
        visitor = await self.visitor(handler)
        if visitor is None:
            return None
        cast("PhasHandler", handler).anonymise = visitor.anonymise
        return visitor.actor

    async def visitor(self, handler: Handler) -> PhasVisitor | None:
        """Return who comes with the cookie of a session; `None` without one.

        Raises
        ------
        NotIdentified
            The session has ended, or the cookie was never one of this lab.
        """
        sent = cookies(handler.request.headers)
        if not sent:
            return None
        lab = handler.site.lab or await handler.site.ready()
        if lab.grants.is_ready:
            return self._visitor(lab, sent)
        return await handler.ask(self._visitor, lab, sent)

    def _visitor(self, lab: Lab, sent: Sequence[str]) -> PhasVisitor:
        ended: NotIdentified | None = None
        for text in sent:
            try:
                return lab.grants.phas_visitor(text, door=self.name)
            except NotIdentified as error:
                ended = error
        raise NotIdentified("This session has ended; sign in again.") from ended

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:  # noqa: ARG002 (others look at it)
        """Return a failure as the status and an object that holds the sentence."""
        error = failure.error
        headers = {}
        if isinstance(error, NotIdentified):
            headers["WWW-Authenticate"] = 'PHAS realm="wsi-lab"'
        if isinstance(error, Busy):
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        said = {"status": "failed", "error": _words(error)}
        return FailureAnswer(failure.status.value, msgspec.json.encode(said), JSON, headers)


def cookies(headers: HTTPHeaders) -> list[str]:
    """Return the sessions that a request brings, the one that fits its address best first.

    Examples
    --------
    >>> from tornado.httputil import HTTPHeaders
    >>> cookies(HTTPHeaders({"Cookie": "_xsrf=2|a; phas_session=AbC; x=0"}))
    ['AbC']
    """
    return _COOKIE.findall(headers.get("Cookie", ""))[:MOST_COOKIES]


def refuse_other_sites(headers: Mapping[str, str]) -> None:
    """Raise unless a request comes from a page of this origin, or from no page at all.

    Raises
    ------
    NotAllowed
        A browser says that it comes from elsewhere.
    """
    if headers.get("Sec-Fetch-Site") in _ELSEWHERE:
        raise NotAllowed("A page of another site may not ask the lab in your name.")


def _words(error: WsiLabError) -> str:
    problems = error.problems if isinstance(error, Invalid) else ()
    return "\n".join([error.message, *(each for each in problems if each not in error.message)])


PHAS_DOOR = PhasDoor()
