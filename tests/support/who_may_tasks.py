"""Who may what with label sets, tasks and keys: the cells, and requests to ask with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from who_may import (
    ADMINS_FIND,
    ADMINS_FIND_AND_REMOVE,
    ADMINS_SEE,
    EDITORS_CHANGE,
    EDITORS_MAKE,
    EDITORS_REMOVE,
    FULL_TOKEN,
    FULL_TOKEN_MAKES,
    MEMBERS_SEE,
    VIEWERS_OWN,
    Ask,
)

from wsi_lab.model.layer import LabelSet, NewLabel
from wsi_lab.model.task import Access, TaskSettings

TASK_CELLS = {
    "GET v1/studies/{study_id}/label-sets": MEMBERS_SEE,
    "POST v1/studies/{study_id}/label-sets": EDITORS_MAKE,
    "GET v1/label-sets/{label_set_id}": MEMBERS_SEE,
    "POST v1/label-sets/{label_set_id}/labels": EDITORS_MAKE,
    "PATCH v1/labels/{label_id}": EDITORS_CHANGE,
    "DELETE v1/labels/{label_id}": EDITORS_REMOVE,
    "GET v1/studies/{study_id}/tasks": MEMBERS_SEE,
    "POST v1/studies/{study_id}/tasks": EDITORS_MAKE,
    "GET v1/tasks/{task_id}": MEMBERS_SEE,
    "DELETE v1/tasks/{task_id}": EDITORS_REMOVE,
    "GET v1/tasks/{task_id}/members": ADMINS_SEE,
    # These tasks are restricted, so that others do not know of them.
    "PUT v1/tasks/{task_id}/members/{email}": ADMINS_FIND,
    "DELETE v1/tasks/{task_id}/members/{email}": ADMINS_FIND_AND_REMOVE,
    "GET v1/keys": FULL_TOKEN,
    "POST v1/keys": FULL_TOKEN_MAKES,
    "DELETE v1/keys/{key_id}": VIEWERS_OWN,
}


def _new_label_set(world: Any) -> LabelSet:
    found: LabelSet = world.lab.label_sets.create(
        world.owner, world.study.id, world.name(), [NewLabel("tumour")]
    )
    return found


def _study(world: Any, **body: Any) -> Ask:
    return Ask({"study_id": world.study.id}, body=body or None)


def _label_set(world: Any, **body: Any) -> Ask:
    return Ask({"label_set_id": _new_label_set(world).id}, body=body or None)


def _label(world: Any, **body: Any) -> Ask:
    return Ask({"label_id": _new_label_set(world).labels[0].id}, body=body or None)


def _task(world: Any) -> Ask:
    made = world.lab.tasks.create(world.owner, world.study.id, TaskSettings(world.name()))
    return Ask({"task_id": made.id})


def _member(world: Any, **body: Any) -> Ask:
    settings = TaskSettings(world.name(), is_restricted=True)
    made = world.lab.tasks.create(world.owner, world.study.id, settings)
    # A viewer who is a member already would know of it.
    email = "viewer@lab" if body else "study_admin@lab"
    if not body:
        world.lab.tasks.set_member(world.owner, made.id, email, Access.READ)
    return Ask({"task_id": made.id, "email": email}, body=body or None)


def _viewers_key(world: Any) -> Ask:
    return Ask({"key_id": world.lab.keys.create(world.owner, "phas", email="viewer@lab").token.id})


TASK_ASKS: dict[str, Callable[[Any], Ask]] = {
    "GET v1/studies/{study_id}/label-sets": _study,
    "POST v1/studies/{study_id}/label-sets": lambda world: _study(world, name=world.name()),
    "GET v1/label-sets/{label_set_id}": _label_set,
    "POST v1/label-sets/{label_set_id}/labels": lambda world: _label_set(world, name="stroma"),
    "PATCH v1/labels/{label_id}": lambda world: _label(world, description="malignant"),
    "DELETE v1/labels/{label_id}": _label,
    "GET v1/studies/{study_id}/tasks": _study,
    "POST v1/studies/{study_id}/tasks": lambda world: _study(
        world, **{"name": world.name(), "mode": "annot", "restrict-access": False}
    ),
    "GET v1/tasks/{task_id}": _task,
    "DELETE v1/tasks/{task_id}": _task,
    "GET v1/tasks/{task_id}/members": _task,
    "PUT v1/tasks/{task_id}/members/{email}": lambda world: _member(world, access="read"),
    "DELETE v1/tasks/{task_id}/members/{email}": _member,
    "POST v1/keys": lambda _world: Ask(body={"purpose": "phas"}),
    "DELETE v1/keys/{key_id}": _viewers_key,
}
