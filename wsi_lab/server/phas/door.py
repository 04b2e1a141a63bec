"""The door of PHAS: a session's cookie and nothing else, failures as JSON, and no redirects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec

from wsi_lab.model.people import Actor
from wsi_lab.server.browsers import GrantCookie, first_known
from wsi_lab.server.dialect import JSON
from wsi_lab.server.doors import Door, FailureAnswer, refusal_headers, words_of
from wsi_lab.server.failures import Failure
from wsi_lab.service.grants import PhasVisitor
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    from wsi_lab.server.base import Handler
    from wsi_lab.server.phas.handlers import PhasHandler

COOKIE = GrantCookie("phas_session")


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
        sent = COOKIE.sent(handler.request.headers)
        if not sent:
            return None
        lab = handler.site.lab or await handler.site.ready()
        if lab.grants.is_ready:
            return self._visitor(lab, sent)
        return await handler.ask(self._visitor, lab, sent)

    def _visitor(self, lab: Lab, sent: Sequence[str]) -> PhasVisitor:
        known = partial(lab.grants.phas_visitor, door=self.name)
        return first_known(sent, known, "This session has ended; sign in again.")

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:  # noqa: ARG002 (others look at it)
        """Return a failure as the status and an object that holds the sentence."""
        error = failure.error
        body = msgspec.json.encode({"status": "failed", "error": words_of(error)})
        return FailureAnswer(failure.status.value, body, JSON, refusal_headers(error, "PHAS"))


PHAS_DOOR = PhasDoor()
