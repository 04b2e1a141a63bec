"""A study to be made, with everything that belongs to it, as `v1` takes it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from wsi_lab.model.study_plan import PlannedCase, PlannedMember, PlannedQuestion, StudyPlan
from wsi_lab.server.api.forms import Email, Name, NewCase, Path, Prose, SaidOfSlide, Words
from wsi_lab.server.api.forms_answers import Configuration
from wsi_lab.service.slides import NewSlide

LARGEST_PLAN = 32 << 20
"""Bytes of everything that is said of a study at once."""


class NewStudySlide(SaidOfSlide, kw_only=True):
    """A file of the server to be added as a slide."""

    path: Path

    def new_slide(self) -> NewSlide:
        """Return it as the lab knows it."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return NewSlide(**fields | {"tags": tuple(self.tags)})


class QuestionForm(Struct):
    """A question, whose place is that in its list."""

    name: Name
    kind: Name
    configuration: Configuration = ""

    def planned(self) -> PlannedQuestion:
        """Return it as the lab knows it."""
        return PlannedQuestion(self.name, self.kind, self.configuration)


class QuestionList(Struct):
    """Questions in their order."""

    questions: Annotated[list[QuestionForm], Meta(max_length=1000)]


class NewMember(Struct):
    """Somebody to be a member."""

    email: Email
    rights: Annotated[list[Name], Meta(max_length=50)]


class PlanForm(Struct):
    """A study to be made with everything that belongs to it."""

    name: Name
    description: Prose = ""
    friendly_name: Words = ""
    folder: Words = ""
    settings: dict[Name, Words] = {}
    cases: Annotated[list[NewCase], Meta(max_length=10_000)] = []
    slides: Annotated[list[NewStudySlide], Meta(max_length=10_000)] = []
    questions: Annotated[list[QuestionForm], Meta(max_length=1000)] = []
    members: Annotated[list[NewMember], Meta(max_length=1000)] = []
    published: bool = False

    def plan(self) -> StudyPlan:
        """Return what it is to be, without its slides."""
        return StudyPlan(
            self.name,
            self.description,
            self.friendly_name,
            self.folder,
            self.settings,
            tuple(PlannedCase(each.name, each.public_name) for each in self.cases),
            tuple(each.planned() for each in self.questions),
            tuple(PlannedMember(each.email, frozenset(each.rights)) for each in self.members),
            self.published,
        )

    def new_slides(self) -> list[NewSlide]:
        """Return its slides."""
        return [each.new_slide() for each in self.slides]


class Publication(Struct):
    """Whether readers are let in."""

    published: bool
