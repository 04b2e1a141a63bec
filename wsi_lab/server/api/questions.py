"""Questions of a study."""

from __future__ import annotations

from operator import attrgetter

from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, checked_question
from wsi_lab.server.api import forms, forms_answers, forms_studies
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab


class QuestionsHandler(JsonHandler):
    """The questions of a study."""

    async def get(self, study_id: str) -> None:
        """Return questions."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.questions.list, self.actor, number)
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), forms_answers.question))

    async def post(self, study_id: str) -> None:
        """Ask one more."""
        number, new = whole_id(study_id, "study"), self.body(forms_answers.NewQuestion)
        question = await self.ask(_add, self.lab, self.actor, number, new)
        self.send(
            forms_answers.question(question),
            status=201,
            revision=question.revision,
            location=f"v1/questions/{question.id}",
        )

    async def put(self, study_id: str) -> None:
        """Ask all of a list, in its order; none is removed."""
        number, wanted = whole_id(study_id, "study"), self.body(forms_studies.QuestionList)
        planned = [each.planned() for each in wanted.questions]
        found = await self.ask(self.lab.questions.ask_all, self.actor, number, planned)
        self.send({"questions": [forms_answers.question(each) for each in found]})


class QuestionHandler(JsonHandler):
    """One question."""

    async def get(self, question_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        number = whole_id(question_id, "question")
        question = await self.ask(self.lab.questions.get, self.actor, number)
        self.send(forms_answers.question(question), revision=question.revision)

    async def patch(self, question_id: str) -> None:
        """Change it."""
        number, revision = whole_id(question_id, "question"), self.revision()
        change = self.body(forms_answers.QuestionChange)
        question = await self.ask(_change, self.lab, self.actor, number, revision, change)
        self.send(forms_answers.question(question), revision=question.revision)

    async def delete(self, question_id: str) -> None:
        """Ask it no more; its answers are kept, and shown no more."""
        number, revision = whole_id(question_id, "question"), self.revision()
        self.query(forms.NoQuery)
        await self.ask(self.lab.questions.remove, self.actor, number, revision=revision)
        self.send_nothing()


def _add(lab: Lab, actor: Actor, study_id: int, new: forms_answers.NewQuestion) -> Question:
    spec = checked_question(new.name, new.kind, new.configuration)
    return lab.questions.add(actor, study_id, spec, position=new.position)


def _change(
    lab: Lab, actor: Actor, question_id: int, revision: int, change: forms_answers.QuestionChange
) -> Question:
    given = forms.given(change)
    position = given.pop("position", None)
    spec = None
    if given:
        # What is not given stays; the revision says that nobody has changed it in between.
        old = lab.questions.get(actor, question_id)
        spec = checked_question(
            given.get("name", old.name),
            given.get("kind", old.kind),
            given.get("configuration", old.configuration),
        )
    return lab.questions.change(actor, question_id, revision=revision, spec=spec, position=position)
