"""Answers that need no handler: what is at hand is sent while the request is being taken.

To make a handler, to run it and to put its answer together takes a server longer than to read a
stored tile and to send it. A handler class whose answers are often at hand has a method
``answer_at_once``; whatever is not at hand (somebody has to be waited for, something is wrong,
the browser may have it already) goes the usual way, which alone decides how it is answered.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tornado import httputil

if TYPE_CHECKING:
    from wsi_lab.server.routing import Route
    from wsi_lab.server.site import Site

_GOOD = httputil.ResponseStartLine("HTTP/1.1", 200, "OK")
_METHODS = frozenset({"GET", "HEAD"})
# With these it depends on more than the address what is answered, or there is a body to read.
_NEEDS_A_HANDLER = frozenset(
    {"Content-Length", "Transfer-Encoding", "If-None-Match", "Range", "Authorization"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks, as the router found it.

    Attributes
    ----------
    path
        Below the mount and with a slash before it, percent-encoded.
    arguments
        The parameters of the route, decoded to bytes.
    """

    request: httputil.HTTPServerRequest
    route: Route
    site: Site
    path: str
    arguments: Sequence[bytes]


class Answer(NamedTuple):
    """A good answer with a body. Date and length are added to the headers."""

    headers: Mapping[str, str]
    body: bytes


def may_be_answered(request: httputil.HTTPServerRequest) -> bool:
    """Return whether a request is of the simple kind that may be answered at once."""
    return request.method in _METHODS and not any(
        name in request.headers for name in _NEEDS_A_HANDLER
    )


class AnswerDelegate(httputil.HTTPMessageDelegate):
    """Sends an answer as soon as the request has been read."""

    __slots__ = ("_answer", "_request")

    def __init__(self, request: httputil.HTTPServerRequest, answer: Answer) -> None:
        self._request = request
        self._answer = answer

    def finish(self) -> None:
        """Send it; tornado leaves the body out where HEAD asks."""
        headers, body = self._answer
        connection: Any = self._request.connection
        sent = httputil.HTTPHeaders(headers)
        sent["Date"] = _date(int(time.time()))
        sent["Content-Length"] = str(len(body))
        connection.write_headers(_GOOD, sent, body if self._request.method == "GET" else None)
        connection.finish()


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return httputil.format_timestamp(second)
