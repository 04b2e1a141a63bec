"""Methods about slides: what there is, and how it is described."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide
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
from wsi_lab.server.slidescore.studies import name_of
from wsi_lab.service.lab import Lab

_VIEW = needs(Action.STUDY_VIEW, Kind.SLIDE)
_EDIT = needs(Action.STUDY_EDIT, Kind.SLIDE)
_PATH = needs(Action.SLIDE_PATH, Kind.SLIDE)


class Images(Reading):
    """The slides of a study."""

    name = "Images"
    need: ClassVar[Need] = needs(Action.STUDY_VIEW, Kind.STUDY)
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Return them in the order in which they were added."""
        study_id = params.required_number("studyId")
        found = await self.ask(everything, self.lab.slides.list, self.actor, study_id)
        return [
            {
                "id": each.id,
                "name": each.name,
                "fileSize": each.file_size or 0,
                "studyID": each.study_id,
            }
            for each in found
        ]


class SlideMethod(Changing):
    """A method about one slide, whose study may be named, too."""

    need: ClassVar[Need] = _EDIT

    async def slide_id(self, params: Params) -> int:
        """Return the id of the slide.

        Raises
        ------
        NotFound
            The study that is named has no such slide.
        """
        slide_id, study_id = params.required_number("imageId"), params.number("studyId")
        if study_id is not None:
            await self.ask(slide_of_study, self.lab, self.actor, slide_id, study_id)
        return slide_id


class SlidePath(Reading):
    """Where the file of a slide lies."""

    name = "GetSlidePath"
    need: ClassVar[Need] = _PATH

    async def answer(self, params: Params) -> Any:
        """Return its path below the lab's folder, after ``images/``."""
        slide_id = params.required_number("imageId")
        return {**SUCCESS, "path": await self.ask(self.lab.slides.path_of, self.actor, slide_id)}


class UpdateSlidePath(Changing):
    """Say that the file of a slide is another one."""

    name = "UpdateSlidePath"
    need: ClassVar[Need] = _PATH

    async def answer(self, params: Params) -> Any:
        """Change it; the file must be there and a slide."""
        slide_id, path = params.required_number("imageId"), params.required("newPath")
        await self.ask(self.lab.slides.get, self.actor, slide_id)
        with named_wrongly():
            await self.draw(self.lab.slides.move, self.actor, slide_id, path)
        return SUCCESS


class GenerateSlideFileURL(Changing):
    """Make a link to the page of a slide, for whoever gets it."""

    name = "GenerateSlideFileURL"
    need: ClassVar[Need] = _PATH

    async def answer(self, params: Params) -> Any:
        """Return it, from the address of the server on. The slide is named by its file."""
        path = params.required("filename")
        return {**SUCCESS, "link": await self.ask(_page_of_file, self.lab, self.actor, path)}


class SlideDescription(Reading):
    """What is said about a slide."""

    name = "GetSlideDescription"
    need: ClassVar[Need] = _VIEW

    async def answer(self, params: Params) -> Any:
        """Return it as HTML."""
        slide = await self.ask(self.lab.slides.get, self.actor, params.required_number("imageId"))
        return {**SUCCESS, "description": slide.description}


class SetSlideDescription(SlideMethod):
    """Describe a slide."""

    name = "SetSlideDescription"

    async def answer(self, params: Params) -> Any:
        """Keep of the HTML what is harmless."""
        slide_id, html = await self.slide_id(params), params.required("description")
        await self.ask(self.lab.slides.set_description, self.actor, slide_id, html)
        return {}


class SetSlideResolution(SlideMethod):
    """State how large the pixels of a slide are."""

    name = "SetSlideResolution"
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """State it in micrometres."""
        mpp = params.real("micronsPerPixel")
        if mpp is None:
            raise Invalid("The parameter 'micronsPerPixel' is missing.")
        slide_id = await self.slide_id(params)
        await self.ask(self.lab.slides.set_resolution, self.actor, slide_id, mpp)
        return {}


class UpdateSlideName(SlideMethod):
    """Give a slide another name."""

    name = "UpdateSlideName"

    async def answer(self, params: Params) -> Any:
        """Rename it."""
        slide_id, new = await self.slide_id(params), params.required("newName")
        await self.ask(self.lab.slides.rename, self.actor, slide_id, new)
        return SUCCESS


class SlideDetails(Reading):
    """Which study and case a slide belongs to."""

    name = "GetSlideDetails"
    need: ClassVar[Need] = _VIEW

    async def answer(self, params: Params) -> Any:
        """Return that, and what it is called."""
        slide_id = params.required_number("imageId")
        return await self.ask(_details, self.lab, self.actor, slide_id)


class AddSlide(Changing):
    """Make a slide of an uploaded file."""

    name = "AddSlide"
    need: ClassVar[Need] = needs(Action.SLIDE_ADD_UPLOADED, Kind.STUDY)
    form: ClassVar[Form] = Form.TEXT

    async def answer(self, params: Params) -> Any:
        """Return its id, and whether it is out of focus."""
        study_id, path = params.required_number("studyId"), params.required("path")
        slide = await self.draw(self.lab.slides.add_uploaded, self.actor, study_id, path)
        is_blurred = await self.draw(self.lab.slides.out_of_focus, self.actor, slide.id)
        return {**SUCCESS, "id": slide.id, "isOOF": is_blurred}


class DeleteSlide(SlideMethod):
    """Take a slide out of its study; the file stays."""

    name = "DeleteSlide"
    need: ClassVar[Need] = needs(Action.SLIDE_DELETE, Kind.SLIDE)
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Remove it, and say nothing."""
        slide_id = await self.slide_id(params)
        await self.ask(_remove, self.lab, self.actor, slide_id)


class IsSlideOutOfFocus(SlideMethod):
    """Whether a slide was scanned out of focus."""

    name = "IsSlideOutOfFocus"
    need: ClassVar[Need] = _VIEW

    async def answer(self, params: Params) -> Any:
        """Look at it."""
        slide_id = await self.slide_id(params)
        is_blurred = await self.draw(self.lab.slides.out_of_focus, self.actor, slide_id)
        return {**SUCCESS, "isOOF": is_blurred}


class SetImageCase(SlideMethod):
    """Put a slide into a case, or, without one, out of its case."""

    name = "SetImageCase"

    async def answer(self, params: Params) -> Any:
        """Move it."""
        slide_id, case_id = await self.slide_id(params), params.number("caseId")
        await self.ask(_set_case, self.lab, self.actor, slide_id, case_id)
        return SUCCESS


def slide_of_study(lab: Lab, actor: Actor, slide_id: int, study_id: int) -> Slide:
    """Return a slide of a study.

    Raises
    ------
    NotFound
        The study has no such slide.
    """
    lab.studies.get(actor, study_id)
    slide = lab.slides.get(actor, slide_id)
    if slide.study_id != study_id:
        raise NotFound(f"The study has no slide {slide_id}.")
    return slide


def _details(lab: Lab, actor: Actor, slide_id: int) -> dict[str, Any]:
    slide = lab.slides.get(actor, slide_id)
    case = None if slide.case_id is None else lab.cases.get(actor, slide.case_id)
    return {
        **SUCCESS,
        "id": slide.id,
        "imageID": slide.id,
        "name": slide.name,
        "fileSize": slide.file_size or 0,
        "studyID": slide.study_id,
        "caseID": slide.case_id,
        "caseName": None if case is None else name_of(case),
    }


def _remove(lab: Lab, actor: Actor, slide_id: int) -> None:
    lab.slides.remove(actor, slide_id, revision=lab.slides.get(actor, slide_id).revision)


def _set_case(lab: Lab, actor: Actor, slide_id: int, case_id: int | None) -> None:
    revision = lab.slides.get(actor, slide_id).revision
    lab.slides.change(actor, slide_id, revision=revision, case_id=case_id)


def _page_of_file(lab: Lab, actor: Actor, path: str) -> str:
    slide = lab.slides.of_file(actor, path)
    access = lab.grants.slide_page(actor, slide.id, for_guests=True).text
    query = {"imageId": slide.id, "studyId": slide.study_id, "access": access}
    return f"Image/Details?{urlencode(query)}"


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return routes_of(
        door,
        *(Images, SlidePath, UpdateSlidePath, SlideDescription, SetSlideDescription),
        *(SetSlideResolution, UpdateSlideName, SlideDetails, AddSlide, DeleteSlide),
        *(IsSlideOutOfFocus, SetImageCase, GenerateSlideFileURL),
    )
