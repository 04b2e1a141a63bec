"""Studies and their members."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from wsi_lab.errors import NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Page, Study
from wsi_lab.server.api import forms, forms_studies
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab


class StudiesHandler(JsonHandler):
    """The studies the asker may view."""

    async def get(self) -> None:
        """Return studies."""
        query = self.query(forms.StudiesQuery)
        self.send(await self.ask(_page, self.lab, self.actor, query))

    async def post(self) -> None:
        """Make a study."""
        new = self.body(forms.NewStudy)
        answer = await self.ask(_create, self.lab, self.actor, new)
        location = f"v1/studies/{answer['id']}"
        self.send(answer, status=201, revision=answer["revision"], location=location)


class PlansHandler(JsonHandler):
    """Studies made with all that belongs to them."""

    async def post(self) -> None:
        """Make one, or nothing at all."""
        plan = await self.large_body(forms_studies.PlanForm)
        # It opens all slides.
        answer = await self.wait_in(self.site.transfers, _set_up, self.lab, self.actor, plan)
        location = f"v1/studies/{answer['id']}"
        self.send(answer, status=201, revision=answer["revision"], location=location)


class StudyHandler(JsonHandler):
    """One study."""

    async def get(self, study_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        answer = await self.ask(_get, self.lab, self.actor, whole_id(study_id, "study"))
        self.send(answer, revision=answer["revision"])

    async def patch(self, study_id: str) -> None:
        """Change it."""
        number, revision = whole_id(study_id, "study"), self.revision()
        change = self.body(forms.StudyChange)
        answer = await self.ask(_change, self.lab, self.actor, number, revision, change)
        self.send(answer, revision=answer["revision"])

    async def delete(self, study_id: str) -> None:
        """Remove it; slide files stay where they are."""
        number, revision = whole_id(study_id, "study"), self.revision()
        self.query(forms.NoQuery)
        await self.ask(self.lab.studies.remove, self.actor, number, revision=revision)
        self.send_nothing()


class PublicationHandler(JsonHandler):
    """Whether readers are let in, whatever else was changed meanwhile."""

    async def put(self, study_id: str) -> None:
        """Let them in, or keep them out again."""
        number, wanted = whole_id(study_id, "study"), self.body(forms_studies.Publication)
        answer = await self.ask(_publish, self.lab, self.actor, number, wanted)
        self.send(answer, revision=answer["revision"])


class MembersHandler(JsonHandler):
    """Who may do what in a study."""

    async def get(self, study_id: str) -> None:
        """Return the members."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.studies.members, self.actor, number)
        self.send(forms.page(forms.cut(found, query, attrgetter("user_id")), forms.member))


class MemberHandler(JsonHandler):
    """One member of a study."""

    async def put(self, study_id: str, email: str) -> None:
        """Give somebody exactly these rights."""
        number, wanted = whole_id(study_id, "study"), self.body(forms.MemberRights)
        member = await self.ask(
            self.lab.studies.set_member, self.actor, number, email, wanted.rights
        )
        self.send(forms.member(member))

    async def delete(self, study_id: str, email: str) -> None:
        """Take all rights from somebody."""
        self.query(forms.NoQuery)
        number = whole_id(study_id, "study")
        await self.ask(self.lab.studies.remove_member, self.actor, number, email)
        self.send_nothing()


def _page(lab: Lab, actor: Actor, query: forms.StudiesQuery) -> forms.Json:
    if query.name is None:
        found = lab.studies.list(actor, limit=query.limit, cursor=query.cursor)
    else:
        try:
            found = Page((lab.studies.by_name(actor, query.name),), None)
        except NotFound:
            found = Page((), None)
    return forms.listed(_as_json(lab, actor, found.items), found.next_cursor)


def _create(lab: Lab, actor: Actor, new: forms.NewStudy) -> forms.Json:
    return study_json(lab, actor, lab.studies.create(actor, new.name, new.description))


def _set_up(lab: Lab, actor: Actor, plan: forms_studies.PlanForm) -> forms.Json:
    return study_json(lab, actor, lab.setup.create(actor, plan.plan(), plan.new_slides()))


def _publish(
    lab: Lab, actor: Actor, study_id: int, wanted: forms_studies.Publication
) -> forms.Json:
    change = lab.studies.publish if wanted.published else lab.studies.unpublish
    return study_json(lab, actor, change(actor, study_id))


def _get(lab: Lab, actor: Actor, study_id: int) -> forms.Json:
    return study_json(lab, actor, lab.studies.get(actor, study_id))


def _change(
    lab: Lab, actor: Actor, study_id: int, revision: int, change: forms.StudyChange
) -> forms.Json:
    study = lab.studies.change(actor, study_id, revision=revision, **forms.given(change))
    return study_json(lab, actor, study)


def study_json(lab: Lab, actor: Actor, study: Study) -> forms.Json:
    """Return a study as the asker sees it."""
    return _as_json(lab, actor, [study])[0]


def _as_json(lab: Lab, actor: Actor, studies: Iterable[Study]) -> list[forms.Json]:
    studies = list(studies)
    counts = lab.studies.slide_counts(actor, [study.id for study in studies])
    return [
        forms.study(
            study,
            slide_count=counts.get(study.id, 0),
            rights=lab.studies.rights(actor, study.id),
        )
        for study in studies
    ]
