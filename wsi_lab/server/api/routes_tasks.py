"""Addresses of label sets, tasks and keys."""

from __future__ import annotations

from wsi_lab.model.people import Action
from wsi_lab.server.api.keys import KeyHandler, KeysHandler
from wsi_lab.server.api.label_sets import (
    LabelHandler,
    LabelSetHandler,
    LabelSetsHandler,
    SetLabelsHandler,
)
from wsi_lab.server.api.tasks import (
    TaskHandler,
    TaskMemberHandler,
    TaskMembersHandler,
    TasksHandler,
)
from wsi_lab.server.routing import Kind, Need, Route

_KEYS = Need(Action.TOKEN_MANAGE)
_LOOK = Need(Action.STUDY_VIEW, Kind.STUDY)
_EDIT = Need(Action.STUDY_EDIT, Kind.STUDY)
_EDIT_LABEL = Need(Action.STUDY_EDIT, Kind.LABEL)
_ADMIN_TASK = Need(Action.STUDY_ADMIN, Kind.TASK)

TASK_ROUTES: tuple[Route, ...] = (
    Route("v1/studies/{study_id}/label-sets", LabelSetsHandler, {"GET": _LOOK, "POST": _EDIT}),
    Route(
        "v1/label-sets/{label_set_id}",
        LabelSetHandler,
        {"GET": Need(Action.STUDY_VIEW, Kind.LABEL_SET)},
    ),
    Route(
        "v1/label-sets/{label_set_id}/labels",
        SetLabelsHandler,
        {"POST": Need(Action.STUDY_EDIT, Kind.LABEL_SET)},
    ),
    Route("v1/labels/{label_id}", LabelHandler, {"PATCH": _EDIT_LABEL, "DELETE": _EDIT_LABEL}),
    Route("v1/studies/{study_id}/tasks", TasksHandler, {"GET": _LOOK, "POST": _EDIT}),
    Route(
        "v1/tasks/{task_id}",
        TaskHandler,
        {
            "GET": Need(Action.STUDY_VIEW, Kind.TASK),
            "DELETE": Need(Action.STUDY_EDIT, Kind.TASK),
        },
    ),
    Route("v1/tasks/{task_id}/members", TaskMembersHandler, {"GET": _ADMIN_TASK}),
    Route(
        "v1/tasks/{task_id}/members/{email}",
        TaskMemberHandler,
        {"PUT": _ADMIN_TASK, "DELETE": _ADMIN_TASK},
    ),
    Route("v1/keys", KeysHandler, {"GET": _KEYS, "POST": _KEYS}),
    Route("v1/keys/{key_id}", KeyHandler, {"DELETE": Need(Action.TOKEN_MANAGE, Kind.KEY)}),
)
