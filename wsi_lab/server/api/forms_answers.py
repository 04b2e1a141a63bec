"""Questions, answers and annotations as `v1` takes and gives them."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from wsi_lab.model.answer import (
    LONGEST_VALUE,
    Answer,
    Core,
    NewAnswer,
    Place,
    ResultRow,
    WantedAnswers,
)
from wsi_lab.model.question import LONGEST_CONFIGURATION, Question
from wsi_lab.server.api.forms import Email, Id, Json, Name, PageQuery, Words

Configuration = Annotated[str, Meta(max_length=LONGEST_CONFIGURATION)]
Position = Annotated[int, Meta(ge=0, le=1_000_000)]
CorePlace = Annotated[int, Meta(ge=0, le=10_000)]
Revision = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class NewQuestion(Struct):
    """A question to be asked."""

    name: Name
    kind: Name
    configuration: Configuration = ""
    position: Position | None = None


class QuestionChange(Struct):
    """What is to be different about a question."""

    name: Name | UnsetType = UNSET
    kind: Name | UnsetType = UNSET
    configuration: Configuration | UnsetType = UNSET
    position: Position | UnsetType = UNSET


class AnswersQuery(PageQuery):
    """Which answers of a study; `mine` leaves those of others out."""

    question: Name | None = None
    author: Email | None = None
    slide_id: Id | None = None
    case_id: Id | None = None
    as_of: datetime | None = None
    complete: bool = False
    mine: bool = False

    @property
    def wanted(self) -> dict[str, Any]:
        """What `WantedAnswers` has."""
        names = (each.name for each in fields(WantedAnswers))
        return {name: getattr(self, name) for name in names}


class CoreForm(Struct, forbid_unknown_fields=True):
    """A core of a tissue microarray, counted from 0."""

    row: CorePlace
    column: CorePlace
    sample: Words = ""


class NewAnswerForm(Struct):
    """An answer in the asker's own name."""

    question: Name
    answer: Annotated[str, Meta(max_length=LONGEST_VALUE)]
    slide_id: Id | None = None
    case_id: Id | None = None
    core: CoreForm | None = None
    revision: Revision | None = None

    def by(self, author: str) -> NewAnswer:
        """Return the answer as somebody's."""
        core = None
        if self.core is not None:
            core = Core(self.core.row, self.core.column, self.core.sample)
        place = Place(self.slide_id, self.case_id, core)
        return NewAnswer(self.question, place, author, self.answer)


def question(one: Question) -> Json:
    """Return a question."""
    return {
        "id": one.id,
        "study_id": one.study_id,
        "position": one.position,
        "name": one.name,
        "kind": one.kind.value,
        "configuration": one.configuration,
        "options": list(one.options),
        "colour": one.colour if one.kind.is_drawn else None,
        "revision": one.revision,
    }


def answer(one: Answer) -> Json:
    """Return an answer by the ids of what it is about."""
    return {
        "id": one.id,
        "study_id": one.study_id,
        "question_id": one.question_id,
        "slide_id": one.place.slide_id,
        "case_id": one.place.case_id,
        "core": core(one.place.core),
        "author": one.author,
        "answer": one.value,
        "answered_on": one.answered_on,
        "answered_by": one.answered_by,
        "door": one.door,
        "file_uuid": one.file_uuid,
        "revision": one.revision,
    }


def result(row: ResultRow, kind: str | None) -> Json:
    """Return an answer in words, as tables of results have it."""
    return {
        "id": row.answer_id,
        "slide_id": row.slide_id,
        "slide": row.slide_name or None,
        "case": row.case_name,
        "core": core(row.core),
        "author": row.author,
        "question": row.question,
        "kind": kind,
        "answer": row.value,
        "answered_on": row.answered_on,
        "revision": row.revision,
    }


def core(one: Core | None) -> Json | None:
    """Return a core of a tissue microarray."""
    return None if one is None else {"row": one.row, "column": one.column, "sample": one.sample}
