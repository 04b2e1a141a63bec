"""Methods about the questions of a study and the maps of its tissue microarrays."""

from __future__ import annotations

from typing import Any, ClassVar

from wsi_lab.errors import NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Changing, Reading, named_wrongly, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.slides import slide_of_study
from wsi_lab.service.configuring.configuration import question_of_line
from wsi_lab.service.lab import Lab

_EDIT = needs(Action.STUDY_EDIT, Kind.STUDY)


class Questions(Reading):
    """The questions of a study."""

    name = "Questions"
    need: ClassVar[Need] = needs(Action.STUDY_VIEW, Kind.STUDY)
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Return them in their order."""
        study_id = params.required_number("studyId")
        return [
            question_object(each)
            for each in await self.ask(self.lab.questions.list, self.actor, study_id)
        ]


class AddQuestion(Changing):
    """Ask one more question."""

    name = "AddQuestion"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Return its id."""
        study_id = params.required_number("studyId")
        spec = question_of_line(params.required("questionSpec"))
        question = await self.ask(self.lab.questions.add, self.actor, study_id, spec)
        return {**SUCCESS, "id": question.id}


class UpdateQuestion(Changing):
    """Ask a question in another way, or in another place."""

    name = "UpdateQuestion"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Return its id."""
        study_id, question_id = _which(params)
        line, position = params.text("questionSpec"), params.number("order")
        changes: dict[str, Any] = {
            "spec": question_of_line(line) if line else None,
            "position": position,
        }
        await self.ask(_change, self.lab, self.actor, study_id, question_id, changes)
        return {**SUCCESS, "id": question_id}


class RemoveQuestion(Changing):
    """Ask a question no more."""

    name = "RemoveQuestion"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Remove it."""
        await self.ask(_remove, self.lab, self.actor, *_which(params))
        return SUCCESS


class CreateTmaMap(Changing):
    """Make a map of an uploaded file."""

    name = "CreateTMAMap"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Return what it is called."""
        study_id, file_name = params.required_number("studyId"), params.required("tmaMapFileName")
        await self.ask(self.lab.studies.get, self.actor, study_id)
        create = self.lab.tma_maps.create_from_file
        with named_wrongly():
            made = await self.ask(create, self.actor, study_id, file_name)
        return {**SUCCESS, "mapName": made.name}


class SetSlideTmaMap(Changing):
    """Say which map tells the cores of a slide."""

    name = "SetSlideTMAMap"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Say so; an empty name takes the map away."""
        study_id, slide_id = (params.required_number(each) for each in ("studyId", "imageId"))
        name = params.required("tmaMapName")
        await self.ask(slide_of_study, self.lab, self.actor, slide_id, study_id)
        with named_wrongly():
            await self.ask(self.lab.tma_maps.assign, self.actor, study_id, slide_id, name)
        return SUCCESS


def question_object(question: Question) -> dict[str, Any]:
    """Return a question as clients read it."""
    return {
        "id": question.id,
        "name": question.name,
        "type": question.kind.number,
        "typeName": question.kind.value,
        "valuesAllowed": question.configuration,
        "order": question.position,
    }


def _which(params: Params) -> tuple[int, int]:
    return params.required_number("studyId"), params.required_number("scoreId")


def _check(lab: Lab, actor: Actor, study_id: int, question_id: int) -> None:
    known = {each.id for each in lab.questions.list(actor, study_id)}
    if question_id not in known:
        raise NotFound(f"The study has no question {question_id}.")


def _change(
    lab: Lab, actor: Actor, study_id: int, question_id: int, changes: dict[str, Any]
) -> None:
    _check(lab, actor, study_id, question_id)
    lab.questions.change(actor, question_id, **changes)


def _remove(lab: Lab, actor: Actor, study_id: int, question_id: int) -> None:
    _check(lab, actor, study_id, question_id)
    lab.questions.remove(actor, question_id)


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return routes_of(
        door,
        *(Questions, AddQuestion, UpdateQuestion, RemoveQuestion, CreateTmaMap, SetSlideTmaMap),
    )
