"""Readings as `v1` takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from wsi_lab.model.answer import LONGEST_VALUE
from wsi_lab.model.reading import LONGEST_VISIT, Progress, ReadingTime
from wsi_lab.server.annotating.forms import DrawnQuery
from wsi_lab.server.api.forms import Email, Id, Json, Words
from wsi_lab.server.api.forms_answers import CorePlace, Revision
from wsi_lab.service.answers import Shown
from wsi_lab.service.reading.invitations import Invitation
from wsi_lab.service.reading.pages import (
    AskedQuestion,
    ItemOfList,
    ItemPage,
    NumberedSlide,
    OpenReading,
    OtherAnswer,
    OwnAnswer,
    ReadCore,
)
from wsi_lab.service.reading.pages import CorePlace as Place

Key = Annotated[str, Meta(min_length=1, max_length=100)]
Seconds = Annotated[float, Meta(ge=0, le=LONGEST_VISIT)]


class CoreOfItem(Struct, forbid_unknown_fields=True):
    """A core of an item, counted from 0."""

    row: CorePlace
    column: CorePlace


class GivenAnswer(Struct, forbid_unknown_fields=True):
    """An answer to a question about an item."""

    question_id: Id
    answer: Annotated[str, Meta(max_length=LONGEST_VALUE)]
    revision: Revision
    core: CoreOfItem | None = None

    @property
    def place(self) -> Place | None:
        """Row and column of the core that it is about."""
        return None if self.core is None else (self.core.row, self.core.column)


class Visit(Struct, forbid_unknown_fields=True):
    """How long somebody has looked at an item."""

    key: Key
    seconds: Seconds


class OwnShapesQuery(Struct):
    """Where shapes are drawn: a slide by its number."""

    slide_id: Id


class SeenShapesQuery(DrawnQuery):
    """Which shapes on a slide; that is named by its number."""


class NewInvitation(Struct, forbid_unknown_fields=True):
    """A reader to be asked in."""

    email: Email
    name: Words | None = None
    expires_on: Annotated[datetime, Meta(tz=True)] | None = None


def reading(one: OpenReading) -> Json:
    """Return what a reader begins with."""
    study, settings = one.study, one.settings
    return {
        "study": {"id": study.id, "name": study.name, "description": study.description},
        "reader": one.reader,
        "settings": {
            "hides_names": settings.hides_names,
            "may_change": one.may_change,
            "may_jump": settings.may_jump,
            "shows_others": settings.shows_others,
            "is_timed": settings.is_timed,
            "scores_cases": settings.scores_cases,
            "cores_at_once": settings.cores_at_once,
        },
        "questions": [_question(each) for each in one.questions],
        "items": [_item(each) for each in one.items],
    }


def item(one: ItemPage) -> Json:
    """Return one item."""
    return {
        "number": one.number,
        "name": one.name,
        "slides": [_slide(numbered, shown) for numbered, shown in one.slides],
        "cores": [_core(each) for each in one.cores],
        "answers": [answer(each) for each in one.answers],
        "others": [_other(each) for each in one.others],
    }


def answer(one: OwnAnswer) -> Json:
    """Return what the reader has answered."""
    said = {
        "question_id": one.question_id,
        "core": _core_place(one.core),
        "answer": one.value,
        "revision": one.revision,
        "answered_on": one.answered_on,
    }
    return said if one.shape_count is None else {**said, "shape_count": one.shape_count}


def progress(one: Progress) -> Json:
    """Return how far a reader is."""
    return {
        "reader": one.reader,
        "answered": one.answered,
        "needed": one.needed,
        "items_done": one.items_done,
        "items": one.items,
        "answered_on": one.answered_on,
        "seconds": one.seconds,
    }


def time(one: ReadingTime) -> Json:
    """Return a visit to an item."""
    return {
        "reader": one.reader,
        "slide_id": one.slide_id,
        "case_id": one.case_id,
        "opened_on": one.opened_on,
        "seconds": one.seconds,
    }


def invitation(one: Invitation, *, base: str) -> Json:
    """Return what a reader is sent; `base` is where the lab is, with a slash at its end."""
    return {
        "email": one.email,
        "token": one.token,
        "link": f"{base}{one.address}",
        "expires_on": one.expires_on,
    }


def _question(one: AskedQuestion) -> Json:
    question = one.question
    return {
        "id": question.id,
        "name": question.name,
        "kind": question.kind.value,
        "options": list(question.options),
        "configuration": question.configuration,
        "colour": question.colour if question.kind.is_drawn else None,
        "is_needed": one.is_needed,
    }


def _item(one: ItemOfList) -> Json:
    return {
        "number": one.number,
        "name": one.name,
        "slides": [_numbered(each) for each in one.slides],
        "core_count": one.core_count,
        "needed": one.needed,
        "answered": one.answered,
    }


def _numbered(one: NumberedSlide) -> Json:
    return {"number": one.number, "name": one.name}


def _slide(numbered: NumberedSlide, shown: Shown) -> Json:
    properties, grid = shown.properties, shown.grids["map"]
    return {
        **_numbered(numbered),
        "width": properties.width,
        "height": properties.height,
        "tile_size": grid.tile_size,
        "zooms": grid.level_count,
        "mpp": properties.mpp_x,
        "objective": properties.objective_power,
        "version": shown.version,
    }


def _core(one: ReadCore) -> Json:
    return {
        "row": one.row,
        "column": one.column,
        "sample": one.sample,
        "is_control": one.is_control,
        "box": list(one.box),
    }


def _core_place(core: Place | None) -> Json | None:
    return None if core is None else {"row": core[0], "column": core[1]}


def _other(one: OtherAnswer) -> Json:
    return {
        "reader": one.reader,
        "question_id": one.question_id,
        "core": _core_place(one.core),
        "answer": one.value,
    }
