"""Slides of a study: what is known about them. Their pixels are in `pixels`."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab


class SlidesHandler(JsonHandler):
    """The slides of a study."""

    async def get(self, study_id: str) -> None:
        """Return slides."""
        number, query = whole_id(study_id, "study"), self.query(forms.SlidesQuery)
        self.send(await self.ask(_page, self.lab, self.actor, number, query))

    async def post(self, study_id: str) -> None:
        """Add a file as a slide."""
        number, new = whole_id(study_id, "study"), self.body(forms.NewSlideForm)
        # It opens the file, which is slow the first time.
        answer = await self.draw(_add, self.lab, self.actor, number, new)
        location = f"v1/slides/{answer['id']}"
        self.send(answer, status=201, revision=answer["revision"], location=location)


class SlideHandler(JsonHandler):
    """One slide."""

    async def get(self, slide_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        answer = await self.ask(_get, self.lab, self.actor, whole_id(slide_id, "slide"))
        self.send(answer, revision=answer["revision"])

    async def patch(self, slide_id: str) -> None:
        """Change what is known about it."""
        number, revision = whole_id(slide_id, "slide"), self.revision()
        change = self.body(forms.SlideChange)
        answer = await self.ask(_change, self.lab, self.actor, number, revision, change)
        self.send(answer, revision=answer["revision"])

    async def delete(self, slide_id: str) -> None:
        """Take it out of its study; its file stays where it is."""
        number, revision = whole_id(slide_id, "slide"), self.revision()
        self.query(forms.NoQuery)
        await self.ask(self.lab.slides.remove, self.actor, number, revision=revision)
        self.send_nothing()


class PropertiesHandler(JsonHandler):
    """What a viewer needs to know of a slide."""

    async def get(self, slide_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        number = whole_id(slide_id, "slide")
        shown = await self.draw(self.lab.tiles.shown, self.actor, number)
        self.send(forms.properties(number, shown.properties, shown.version, shown.grids["map"]))


def _page(lab: Lab, actor: Actor, study_id: int, query: forms.SlidesQuery) -> forms.Json:
    found = lab.slides.list(
        actor,
        study_id,
        limit=query.limit,
        cursor=query.cursor,
        case_id=query.case_id,
        name=query.name,
    )
    return forms.listed(_as_json(lab, actor, found.items), found.next_cursor)


def _add(lab: Lab, actor: Actor, study_id: int, new: forms.NewSlideForm) -> forms.Json:
    given = forms.given(new)
    path, uploaded = given.pop("path"), given.pop("uploaded")
    if (path is None) == (uploaded is None):
        raise _refusal("path: is missing, and so is uploaded; a slide is added by one of them")
    if uploaded is None:
        return _one(lab, actor, lab.slides.add(actor, study_id, path, **given))
    if new != forms.NewSlideForm(uploaded=uploaded):
        raise _refusal("uploaded: comes alone; what else is known about the slide is a change")
    return _one(lab, actor, lab.slides.add_uploaded(actor, study_id, uploaded))


def _refusal(problem: str) -> Invalid:
    return Invalid(f"This request has a problem: {problem}.", problems=[problem])


def _get(lab: Lab, actor: Actor, slide_id: int) -> forms.Json:
    return _one(lab, actor, lab.slides.get(actor, slide_id))


def _change(
    lab: Lab, actor: Actor, slide_id: int, revision: int, change: forms.SlideChange
) -> forms.Json:
    slide = lab.slides.change(actor, slide_id, revision=revision, **forms.given(change))
    return _one(lab, actor, slide)


def _one(lab: Lab, actor: Actor, slide: Slide) -> forms.Json:
    return _as_json(lab, actor, [slide])[0]


def _as_json(lab: Lab, actor: Actor, slides: Sequence[Slide]) -> list[forms.Json]:
    names = lab.slides.case_names(actor, slides)
    return [forms.slide(slide, case_names=names) for slide in slides]
