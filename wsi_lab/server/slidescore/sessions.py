"""Methods about who looked at which slide, where and for how long."""

from __future__ import annotations

from typing import Any, ClassVar

from wsi_lab.model.people import Action
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, SlideScoreDoor
from wsi_lab.server.slidescore.method import Reading, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.studies import iso

_RESULTS = needs(Action.RESULTS_VIEW, Kind.STUDY)


class Sessions(Reading):
    """The sessions of a study."""

    name = "Sessions"
    need: ClassVar[Need] = _RESULTS

    async def answer(self, params: Params) -> Any:
        """Return those of a slide or a user, or all."""
        return await self.wait_in(
            self.site.transfers,
            self._sessions,
            params.required_number("studyId"),
            params.number("imageId"),
            params.text("email"),
        )

    def _sessions(self, study_id: int, slide_id: int | None, email: str | None) -> Any:
        found = self.lab.sessions.list(self.actor, study_id, slide_id=slide_id, email=email)
        sessions = [
            {
                "id": each.id,
                "imageID": each.slide_id,
                "email": each.email,
                "length": each.length_ms,
                "studyID": each.study_id,
                "createdOn": iso(each.created_on),
            }
            for each in found
        ]
        return {**SUCCESS, "sessions": sessions}


class SessionEvents(Reading):
    """What was seen in a session."""

    name = "SessionEvents"
    need: ClassVar[Need] = _RESULTS

    async def answer(self, params: Params) -> Any:
        """Return its events, each as whole numbers with tabs between them."""
        study_id, session_id = (params.required_number(each) for each in ("studyId", "sessionId"))
        return await self.wait_in(self.site.transfers, self._events, study_id, session_id)

    def _events(self, study_id: int, session_id: int) -> Any:
        # There may be a million of them.
        events = self.lab.sessions.events(self.actor, study_id, session_id)
        return {**SUCCESS, "events": ["\t".join(map(str, each)) for each in events]}


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return routes_of(door, Sessions, SessionEvents)
