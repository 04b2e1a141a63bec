"""The door of Slide Score: its bearer tokens, and its several ways of saying no."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from wsi_lab.errors import Busy, NotAllowed, NotIdentified, SlideMissing, WsiLabError
from wsi_lab.model.grants import GRANT_ENDED
from wsi_lab.model.people import Actor
from wsi_lab.server.doors import RETRY_AFTER_SECONDS, Door, FailureAnswer, words_of
from wsi_lab.server.failures import Failure
from wsi_lab.server.identity import lab_token

if TYPE_CHECKING:
    from wsi_lab.server.base import Handler

JSON = "application/json"

_STAY = frozenset({401, 404, 405})


class Form(StrEnum):
    """How clients look for a failure that is no matter of who asks or of the server."""

    STATUS = "status"
    """By the status alone."""
    FLAG = "flag"
    """In an object whose ``success`` is false; the status is 200."""
    TEXT = "text"
    """By a JSON string where an object, or another string, was due; the status is 200."""


class SlideScoreDoor(Door):
    """The door of Slide Score.

    Only bearer tokens of the lab open it: its clients keep no cookies and can neither follow
    to a page where one signs in nor bring a token against forged requests.

    Attributes
    ----------
    description
        Of all its addresses, in OpenAPI's JSON.
    """

    name: ClassVar[str] = "slidescore"
    trees: ClassVar[tuple[str, ...]] = ("Api", "i", "a", "Image", "Admin", "swagger")
    told: ClassVar[frozenset[str]] = frozenset({"image_id", "level", "x", "y"})

    def __init__(self) -> None:
        self.description = b"{}"

    async def identify(self, handler: Handler) -> Actor | None:
        """Return the actor of the token in the Authorization header.

        Clients send it with what was written behind it, such as ``#expires:2027-01-01``.
        """
        text = lab_token(handler.request.headers)
        if text is None:
            return None
        return await handler.site.actor_for_token(text.partition("#")[0], door=self.name)

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:
        """Return a failure as the client of the method looks for it.

        Who may not, what there is not, and what is the server's own fault are told by the
        status, whichever method it is.
        """
        error = failure.error
        form = form_of(handler)
        headers = {}
        if error.details.get("reason") == GRANT_ENDED:
            # By this clients know that they need a new one.
            status = 503
        elif isinstance(error, NotIdentified | NotAllowed):
            status = 401
            headers["WWW-Authenticate"] = 'Bearer realm="wsi-lab"'
        else:
            status = failure.status.value
        if isinstance(error, Busy):
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        is_missing_file = form is Form.TEXT and isinstance(error, SlideMissing)
        if is_missing_file or (status < 500 and status not in _STAY):
            status = (status if status == 409 else 400) if form is Form.STATUS else 200
        said = words_of(error) if form is Form.TEXT else failure_object(error)
        return FailureAnswer(status, msgspec.json.encode(said), JSON, headers)


def form_of(handler: Handler) -> Form:
    """Return how the client of a request looks for failures.

    It goes by the route: another handler may answer in its name, such as that for bodies that
    are too large.
    """
    form: Form = getattr(handler.route.handler, "form", Form.STATUS)
    return form


def failure_object(error: WsiLabError) -> dict[str, Any]:
    r"""Return a failure as an object, in which every client finds what it looks for.

    Examples
    --------
    >>> from wsi_lab.errors import Invalid
    >>> failure_object(Invalid("Two lines are wrong.", problems=["Line 2: a", "Line 3: b"]))["log"]
    'Two lines are wrong.\nLine 2: a\nLine 3: b'
    """
    return {"success": False, "error": error.message, "log": words_of(error)}


SUCCESS: Mapping[str, Any] = {"success": True}
"""What is answered where there is nothing else to tell."""
