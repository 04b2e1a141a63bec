"""Methods about studies, their cases and their members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Case, Study
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import (
    Changing,
    Reading,
    everything,
    named_wrongly,
    needs,
    routes_of,
)
from wsi_lab.server.slidescore.params import Params
from wsi_lab.service.lab import Lab

_VIEW = needs(Action.STUDY_VIEW, Kind.STUDY)
_EDIT = needs(Action.STUDY_EDIT, Kind.STUDY)
_EDIT_CASE = needs(Action.STUDY_EDIT, Kind.CASE)
_MEMBERS = needs(Action.STUDY_ADMIN, Kind.STUDY)


def iso(moment: datetime) -> str:
    """Return a point in time as the clients of this door read it.

    Examples
    --------
    >>> iso(datetime(2026, 5, 4, 12, 30, tzinfo=UTC))
    '2026-05-04T12:30:00.000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Studies(Reading):
    """The studies that the asker may see."""

    name = "Studies"
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:  # noqa: ARG002 (there are none)
        """Return all of them, unpublished ones included."""
        found = await self.ask(everything, self.lab.studies.list, self.actor)
        return [_study(each) for each in found]


class Cases(Reading):
    """The cases of a study."""

    name = "Cases"
    need: ClassVar[Need] = _VIEW
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Return them by the names that the asker may see."""
        study_id = params.required_number("studyId")
        found = await self.ask(everything, self.lab.cases.list, self.actor, study_id)
        return [{"id": each.id, "name": name_of(each)} for each in found]


class CaseDescription(Reading):
    """What is said about a case."""

    name = "GetCaseDescription"
    need: ClassVar[Need] = needs(Action.STUDY_VIEW, Kind.CASE)

    async def answer(self, params: Params) -> Any:
        """Return it as HTML."""
        case = await self.ask(self.lab.cases.get, self.actor, params.required_number("caseId"))
        return {**SUCCESS, "description": case.description}


class UpdateCaseName(Changing):
    """Give a case another name."""

    name = "UpdateCaseName"
    need: ClassVar[Need] = _EDIT_CASE

    async def answer(self, params: Params) -> Any:
        """Give it to the name that the asker knows it by."""
        case_id, new = params.required_number("caseId"), params.required("newName")
        await self.ask(self.lab.cases.rename, self.actor, case_id, new)
        return SUCCESS


class Publish(Changing):
    """Let readers in."""

    name = "Publish"
    need: ClassVar[Need] = needs(Action.STUDY_PUBLISH, Kind.STUDY)
    is_for_readers: ClassVar[bool] = True

    async def answer(self, params: Params) -> Any:
        """Do it, or keep them out."""
        study_id = params.required_number("studyId")
        await self.ask(_publish, self.lab, self.actor, study_id, published=self.is_for_readers)
        return SUCCESS


class Unpublish(Publish):
    """Keep readers out again."""

    name = "Unpublish"
    is_for_readers: ClassVar[bool] = False


class CreateStudy(Changing):
    """Make a study without configuration files."""

    name = "CreateStudy"
    need: ClassVar[Need] = Need(Action.STUDY_CREATE)

    async def answer(self, params: Params) -> Any:
        """Return its id."""
        study = await self.ask(self.lab.studies.create, self.actor, _named(params, "studyName"))
        return {**SUCCESS, "id": study.id}


class UpdateStudy(Changing):
    """Give a study another name."""

    name = "UpdateStudy"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Change what is given."""
        study_id = params.required_number("studyId")
        changes = {"name": _named(params, "newName")}
        await self.ask(_change, self.lab, self.actor, study_id, changes)
        return {**SUCCESS, "id": study_id}


class DeleteStudy(Changing):
    """Remove a study and everything in it; the files of its slides stay."""

    name = "DeleteStudy"
    need: ClassVar[Need] = needs(Action.STUDY_DELETE, Kind.STUDY)

    async def answer(self, params: Params) -> Any:
        """Remove it."""
        await self.ask(_remove, self.lab, self.actor, params.required_number("studyId"))
        return SUCCESS


class AddCase(Changing):
    """Make a case."""

    name = "AddCase"
    need: ClassVar[Need] = _EDIT

    async def answer(self, params: Params) -> Any:
        """Return its id."""
        study_id, name = params.required_number("studyId"), _named(params, "caseName")
        case = await self.ask(self.lab.cases.create, self.actor, study_id, name)
        return {**SUCCESS, "id": case.id}


class RemoveCase(Changing):
    """Remove a case that has no slides."""

    name = "RemoveCase"
    need: ClassVar[Need] = _EDIT_CASE

    async def answer(self, params: Params) -> Any:
        """Remove it."""
        case_id, study_id = params.required_number("caseId"), params.number("studyId")
        await self.ask(_remove_case, self.lab, self.actor, case_id, study_id)
        return SUCCESS


class AddUser(Changing):
    """Make somebody a member of a study, with the rights of a reader or those that are named."""

    name = "AddUser"
    need: ClassVar[Need] = _MEMBERS

    async def answer(self, params: Params) -> Any:
        """Add to the rights that they have."""
        study_id, email = params.required_number("studyId"), params.required("email")
        words = (params.text("rights") or "score").replace(";", ",").split(",")
        await self.ask(self.lab.studies.get, self.actor, study_id)
        with named_wrongly():
            await self.ask(_add_member, self.lab, self.actor, study_id, email, words)
        return SUCCESS


class RemoveUser(Changing):
    """Take a member out of a study."""

    name = "RemoveUser"
    need: ClassVar[Need] = _MEMBERS

    async def answer(self, params: Params) -> Any:
        """Take all of their rights."""
        study_id, email = params.required_number("studyId"), params.required("email")
        await self.ask(self.lab.studies.get, self.actor, study_id)
        with named_wrongly():
            await self.ask(self.lab.studies.remove_member, self.actor, study_id, email)
        return SUCCESS


def name_of(case: Case) -> str:
    """Return the name of a case that the asker may see."""
    return case.public_name if case.name is None else case.name


def _named(params: Params, longer: str) -> str:
    name = params.text(longer)
    return params.required("name") if name is None else name


def _study(study: Study) -> dict[str, Any]:
    return {
        "id": study.id,
        "name": study.name,
        "friendlyName": study.friendly_name,
        "folder": study.folder,
        "publishedOn": iso(study.published_on) if study.published_on else None,
    }


# Clients of this door know no revisions: what they say last is what is meant.


def _publish(lab: Lab, actor: Actor, study_id: int, *, published: bool) -> None:
    _change(lab, actor, study_id, {"published": published})


def _change(lab: Lab, actor: Actor, study_id: int, changes: dict[str, Any]) -> None:
    revision = lab.studies.get(actor, study_id).revision
    while True:
        try:
            lab.studies.change(actor, study_id, revision=revision, **changes)
        except Conflict as error:
            if error.details.get("current", revision) == revision:
                raise
            revision = error.details["current"]
        else:
            return


def _remove(lab: Lab, actor: Actor, study_id: int) -> None:
    lab.studies.remove(actor, study_id, revision=lab.studies.get(actor, study_id).revision)


def _remove_case(lab: Lab, actor: Actor, case_id: int, study_id: int | None) -> None:
    case = lab.cases.get(actor, case_id)
    if study_id not in {None, case.study_id}:
        raise NotFound(f"The study has no case {case_id}.")
    lab.cases.remove(actor, case_id, revision=case.revision)


def _add_member(lab: Lab, actor: Actor, study_id: int, email: str, words: list[str]) -> None:
    known = {"viewonly": "view", "canscore": "score", "canedit": "edit", "cangetresults": "results"}
    wanted = [known.get(word.strip().lower(), word) for word in words if word.strip()]
    lab.studies.set_member(actor, study_id, email, wanted, keep=True)


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return routes_of(
        door,
        *(Studies, Cases, CaseDescription, UpdateCaseName, Publish, Unpublish),
        *(CreateStudy, UpdateStudy, DeleteStudy, AddCase, RemoveCase, AddUser, RemoveUser),
    )
