"""What those who run a study ask about its readers, and how they ask them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.api.forms import Json, PageQuery, id_after, listed
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.reading import forms

T = TypeVar("T")


class ReadersHandler(JsonHandler):
    """The readers of a study."""

    async def get(self, study_id: str) -> None:
        """Return how far they are."""
        number, query = whole_id(study_id, "study"), self.query(PageQuery)
        found = await self.ask(self.lab.reports.progress, self.actor, number)
        self.send(_page(found, query, forms.progress))


class ReadingTimesHandler(JsonHandler):
    """How long readers looked at items."""

    async def get(self, study_id: str) -> None:
        """Return all visits."""
        number, query = whole_id(study_id, "study"), self.query(PageQuery)
        found = await self.ask(self.lab.reports.times, self.actor, number)
        self.send(_page(found, query, forms.time))


class InvitationsHandler(JsonHandler):
    """Readers who are asked in by a link."""

    async def post(self, study_id: str) -> None:
        """Ask one in; the token that is returned is told nobody again."""
        number, new = whole_id(study_id, "study"), self.body(forms.NewInvitation)
        made = await self.ask(
            self.lab.invitations.invite,
            self.actor,
            number,
            new.email,
            name=new.name,
            expires_on=new.expires_on,
        )
        public = self.lab.settings.public_url.rstrip("/")
        self.send(forms.invitation(made, base=f"{public}/" if public else self.mount), status=201)


def _page(found: Sequence[T], query: PageQuery, as_json: Callable[[T], Json]) -> Json:
    """Return a page of a list whose items have no ids: the cursor tells how many came before."""
    start = id_after(query)
    end = start + query.limit
    return listed(map(as_json, found[start:end]), str(end) if end < len(found) else None)
