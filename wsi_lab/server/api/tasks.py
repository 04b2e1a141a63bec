"""Tasks of a study, and who may enter those that are restricted."""

from __future__ import annotations

from operator import attrgetter

from wsi_lab.model.people import Actor
from wsi_lab.model.task import Access, Task
from wsi_lab.server.api import forms, forms_tasks
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab
from wsi_lab.service.tasks.documents import settings_of


class TasksHandler(JsonHandler):
    """The tasks of a study that the asker may enter."""

    async def get(self, study_id: str) -> None:
        """Return tasks; layers that nobody made a task of are among them."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        self.send(await self.ask(_page, self.lab, self.actor, number, query))

    async def post(self, study_id: str) -> None:
        """Make a task of what PHAS's files say of one."""
        number, document = whole_id(study_id, "study"), self.document()
        answer = await self.ask(_create, self.lab, self.actor, number, document)
        self.send(answer, status=201, location=f"v1/tasks/{answer['id']}")


class TaskHandler(JsonHandler):
    """One task."""

    async def get(self, task_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        self.send(await self.ask(_get, self.lab, self.actor, whole_id(task_id, "task")))

    async def delete(self, task_id: str) -> None:
        """Remove it; what was drawn in it is kept, and shown no more."""
        self.query(forms.NoQuery)
        await self.ask(self.lab.tasks.remove, self.actor, whole_id(task_id, "task"))
        self.send_nothing()


class TaskMembersHandler(JsonHandler):
    """Who may enter a restricted task."""

    async def get(self, task_id: str) -> None:
        """Return the members."""
        number, query = whole_id(task_id, "task"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.tasks.members, self.actor, number)
        cut = forms.cut(found, query, attrgetter("user_id"))
        self.send(forms.page(cut, forms_tasks.task_member))


class TaskMemberHandler(JsonHandler):
    """One member of a restricted task."""

    async def put(self, task_id: str, email: str) -> None:
        """Let somebody in, and say what they may."""
        number, wanted = whole_id(task_id, "task"), self.body(forms_tasks.TaskAccess)
        member = await self.ask(self.lab.tasks.set_member, self.actor, number, email, wanted.level)
        assert member is not None  # noqa: S101 (only `Access.NONE` leaves none)
        self.send(forms_tasks.task_member(member))

    async def delete(self, task_id: str, email: str) -> None:
        """Keep somebody out."""
        self.query(forms.NoQuery)
        number = whole_id(task_id, "task")
        await self.ask(self.lab.tasks.set_member, self.actor, number, email, Access.NONE)
        self.send_nothing()


def _page(lab: Lab, actor: Actor, study_id: int, query: forms.PageQuery) -> forms.Json:
    cut = forms.cut(lab.tasks.list(actor, study_id), query, lambda each: each[0].id)
    shows_private = lab.tasks.private_access(actor, str(study_id))
    items = [
        forms_tasks.task(task, counts, shows_private=shows_private) for task, counts in cut.items
    ]
    return forms.listed(items, cut.next_cursor)


def _get(lab: Lab, actor: Actor, task_id: int) -> forms.Json:
    return _one(lab, actor, lab.tasks.get(actor, task_id))


def _create(lab: Lab, actor: Actor, study_id: int, document: bytes) -> forms.Json:
    return _one(lab, actor, lab.tasks.create(actor, study_id, settings_of(document)))


def _one(lab: Lab, actor: Actor, task: Task) -> forms.Json:
    shows_private = lab.tasks.private_access(actor, str(task.study_id))
    return forms_tasks.task(task, shows_private=shows_private)
