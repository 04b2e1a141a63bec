"""Readings: what there is to read, one item, and what is answered about it."""

from __future__ import annotations

from wsi_lab.errors import Conflict
from wsi_lab.model.people import Actor
from wsi_lab.server.api.forms import Json, NoQuery
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.reading import forms
from wsi_lab.server.reading.handling import ReadingHandler
from wsi_lab.service.lab import Lab
from wsi_lab.service.reading.pages import OwnAnswer


class OpenReadingHandler(ReadingHandler):
    """A study as whoever asks goes through it."""

    async def get(self, study_id: str) -> None:
        """Return its questions, and its items in their order."""
        self.query(NoQuery)
        number = whole_id(study_id, "study")
        self.send(forms.reading(await self.ask(self.lab.readings.open, self.actor, number)))


class ItemHandler(ReadingHandler):
    """One item."""

    async def get(self, study_id: str, number: str) -> None:
        """Return its slides and cores, and what was answered about it."""
        self.query(NoQuery)
        study, item = whole_id(study_id, "study"), whole_id(number, "item")
        found = await self.draw(self.lab.readings.item, self.actor, study, item)
        self.send(forms.item(found))


class ItemAnswersHandler(ReadingHandler):
    """What is answered about an item."""

    async def put(self, study_id: str, number: str) -> None:
        """Take the answer to one question."""
        study, item = whole_id(study_id, "study"), whole_id(number, "item")
        given = await self.large_body(forms.GivenAnswer)
        self.send(await self.ask(_answered, self.lab, self.actor, study, item, given))


class ItemTimeHandler(ReadingHandler):
    """How long an item is looked at."""

    async def put(self, study_id: str, number: str) -> None:
        """Keep it."""
        study, item = whole_id(study_id, "study"), whole_id(number, "item")
        visit = self.body(forms.Visit)
        await self.ask(
            self.lab.readings.note_time,
            self.actor,
            study,
            item,
            key=visit.key,
            seconds=visit.seconds,
        )
        self.send_nothing()


def _answered(lab: Lab, actor: Actor, study_id: int, item: int, given: forms.GivenAnswer) -> Json:
    try:
        answer = lab.readings.answer(
            actor,
            study_id,
            item,
            question_id=given.question_id,
            value=given.answer,
            revision=given.revision,
            core=given.place,
        )
    except Conflict as error:
        current = error.details.get("current")
        told = forms.answer(current) if isinstance(current, OwnAnswer) else None
        raise Conflict(error.message, current=told) from error
    return forms.answer(answer)
