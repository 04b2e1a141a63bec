"""Projects and tasks: what there is, and what each is like."""

from __future__ import annotations

from typing import Any

from wsi_lab.model.people import Actor
from wsi_lab.model.study import Study
from wsi_lab.model.task import Access, TaskCounts
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.phas.handlers import PhasHandler
from wsi_lab.service.lab import Lab
from wsi_lab.service.tasks.tasks import display_name, project_id


class ProjectsHandler(PhasHandler):
    """The projects."""

    async def get(self) -> None:
        """Return those that the asker may view, by what they are called."""
        await self.send_json(await self.ask(_projects, self.lab, self.actor))


class TasksHandler(PhasHandler):
    """The tasks of a project."""

    async def get(self, project: str) -> None:
        """Return those that the asker may enter."""
        await self.send_json(await self.ask(_tasks, self.lab, self.actor, project))


class TaskHandler(PhasHandler):
    """A task."""

    async def get(self, task_id: str) -> None:
        """Return what it is like."""
        task = whole_id(task_id, "task")
        await self.send_json(await self.ask(_task, self.lab, self.actor, task))


class TaskLabelSetHandler(PhasHandler):
    """The label set of a task."""

    async def get(self, task_id: str) -> None:
        """Return its id and name, which are `None` where there is none."""
        task = whole_id(task_id, "task")
        await self.send_json(await self.ask(_label_set, self.lab, self.actor, task))


def study_of_task(lab: Lab, actor: Actor, study_id: int) -> Study:
    """Return the study of a task that the asker may enter."""
    return lab.tasks.study(actor, str(study_id))


def _projects(lab: Lab, actor: Actor) -> list[dict[str, Any]]:
    return [
        {
            "id": project_id(study),
            "admin": _is_admin(access),
            "disp_name": display_name(study),
            "desc": study.description,
            **_counts(counts),
        }
        for study, access, counts in lab.tasks.studies(actor)
    ]


def _tasks(lab: Lab, actor: Actor, project: str) -> list[dict[str, Any]]:
    study = lab.tasks.study(actor, project)
    return [
        {
            "id": task.id,
            "name": task.settings.name,
            "desc": task.settings.description,
            "mode": task.settings.mode,
            "admin": _is_admin(task.access),
            **_counts(counts),
        }
        for task, counts in lab.tasks.list(actor, study.id)
    ]


def _task(lab: Lab, actor: Actor, task_id: int) -> dict[str, Any]:
    task = lab.tasks.get(actor, task_id)
    settings = task.settings
    told = {
        "id": task.id,
        "project": project_id(study_of_task(lab, actor, task.study_id)),
        "name": settings.name,
        "restrict_access": int(settings.is_restricted),
        "anonymize": int(settings.is_anonymised),
        "mode": settings.mode,
        # Clients break without it.
        "desc": settings.description,
    }
    if settings.reference is not None:
        told["reference-task"] = settings.reference
    return told


def _label_set(lab: Lab, actor: Actor, task_id: int) -> dict[str, Any]:
    task = lab.tasks.get(actor, task_id)
    if task.label_set_id is None:
        return {"name": None, "id": None}
    found = lab.label_sets.get(actor, task.label_set_id)
    return {"name": found.name, "id": found.id}


def _is_admin(access: Access) -> int:
    return int(access >= Access.ADMIN)


def _counts(counts: TaskCounts) -> dict[str, int]:
    return {"nspecimens": counts.cases, "nblocks": counts.blocks, "nslides": counts.slides}
