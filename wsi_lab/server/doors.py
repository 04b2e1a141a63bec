"""A door: one of the interfaces the lab speaks, with its own credentials and words of failure.

`V1` is the lab's own. A dialect is a further `Door` and its own handlers and routes; nothing
else in this package knows which door a request came through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgspec

from wsi_lab.errors import (
    Busy,
    CutShort,
    DamagedSlide,
    Invalid,
    NotIdentified,
    SlideChanged,
    SourceRefused,
    SourceUnavailable,
    WsiLabError,
)
from wsi_lab.model.people import Actor
from wsi_lab.server.failures import Failure
from wsi_lab.server.identity import lab_token

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from wsi_lab.server.base import Handler

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer of a door that says nothing else; handlers change only Cache-Control."""

RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class FailureAnswer:
    """What goes over the wire when something was refused or failed."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal_headers(error: WsiLabError, scheme: str) -> dict[str, str]:
    """Return what a failure says in its headers: how one is let in, and when to come again.

    Parameters
    ----------
    scheme
        Of the credentials that are asked for.

    Examples
    --------
    >>> refusal_headers(NotIdentified("Who is asking?"), "Bearer")
    {'WWW-Authenticate': 'Bearer realm="wsi-lab"'}
    """
    headers = {}
    if isinstance(error, NotIdentified):
        headers["WWW-Authenticate"] = f'{scheme} realm="wsi-lab"'
    if isinstance(error, Busy):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return headers


def words_of(error: WsiLabError) -> str:
    r"""Return the sentence of an error and every problem it lists, each in a line of its own.

    Examples
    --------
    >>> words_of(Invalid("Two lines are wrong.", problems=["Line 2: a", "Line 3: b"]))
    'Two lines are wrong.\nLine 2: a\nLine 3: b'
    """
    problems = error.problems if isinstance(error, Invalid) else ()
    return "\n".join([error.message, *(each for each in problems if each not in error.message)])


class Door:
    """One interface of the lab.

    Attributes
    ----------
    name
        Kept in the audit with every change that comes through.
    trees
        How its addresses begin, by which an unknown address finds its door: the first segment
        or, where doors share that, the first two (``api/task``).
    accepts_host
        Whether whoever the host of the server (Jupyter) has identified may enter too.
    ignores_slashes
        Whether more slashes than one before its addresses are as good as one.
    told
        The parameters of addresses whose whole numbers may stand in the log. What comes from
        elsewhere (a file's name may be a patient's number) is not among them.
    """

    name: ClassVar[str]
    trees: ClassVar[tuple[str, ...]]
    accepts_host: ClassVar[bool] = False
    ignores_slashes: ClassVar[bool] = False
    told: ClassVar[frozenset[str]] = frozenset()

    async def identify(self, handler: Handler) -> Actor | None:
        """Return who asks by this door's own credentials, or `None` if there are none.

        Raises
        ------
        NotIdentified
            There are credentials, but they are wrong, expired or revoked.
        """
        raise NotImplementedError

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:
        """Return a failure in the words of this door."""
        raise NotImplementedError

    def headers(self, request: HTTPServerRequest) -> Mapping[str, str]:  # noqa: ARG002 (dialects look at it)
        """Return what every answer to a request carries, whatever it is."""
        return HEADERS


# Clients of `v1` know the codes of these, and what differs is nothing to them.
_TOLD_AS: Mapping[type[WsiLabError], type[WsiLabError]] = {
    CutShort: DamagedSlide,
    SlideChanged: Busy,
    SourceRefused: SourceUnavailable,
}


class V1(Door):
    """The lab's own interface: bearer tokens, and problem details (RFC 9457)."""

    name: ClassVar[str] = "v1"
    trees: ClassVar[tuple[str, ...]] = ("v1",)
    accepts_host: ClassVar[bool] = True
    told: ClassVar[frozenset[str]] = frozenset(
        {
            *("study_id", "case_id", "slide_id", "question_id", "answer_id", "map_id"),
            *("layer_id", "annotation_id", "load_id", "token_id", "x", "y", "z"),
            *("label_set_id", "label_id", "task_id", "key_id"),
        }
    )

    async def identify(self, handler: Handler) -> Actor | None:
        """Return the actor of the token in the Authorization header."""
        text = lab_token(handler.request.headers)
        return None if text is None else await handler.site.actor_for_token(text, door=self.name)

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:  # noqa: ARG002 (dialects look at the request)
        """Return problem details."""
        error = failure.error
        problem = {
            **error.details,
            "type": "about:blank",
            "title": failure.status.phrase,
            "status": failure.status.value,
            "code": _TOLD_AS.get(type(error), type(error)).code,
            "detail": error.message,
        }
        if isinstance(error, Invalid) and error.problems:
            problem["problems"] = list(error.problems)
        return FailureAnswer(
            failure.status.value,
            msgspec.json.encode(problem, enc_hook=str),
            "application/problem+json",
            refusal_headers(error, "Bearer"),
        )


V1_DOOR = V1()
