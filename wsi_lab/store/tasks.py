"""Tasks and who has access to them: rows <-> model."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import NamedTuple

import msgspec

from wsi_lab.model.task import Access, TaskMember, TaskMode, TaskSettings
from wsi_lab.store.columns import json_text, time_text
from wsi_lab.store.connection import Connection, Row
from wsi_lab.store.questions import DRAWN_KINDS

# The layer of a task for browsing was never there for anybody to draw on.
_FIND = f"""SELECT q.id, q.study_id, q.name, t.settings, l.label_set_id FROM questions q
    LEFT JOIN tasks t ON t.question_id = q.id LEFT JOIN layers l ON l.question_id = q.id
    WHERE q.kind IN ({DRAWN_KINDS}) AND t.removed_on IS NULL AND (q.removed_on IS NULL
    OR json_extract(t.settings, '$.mode') = '{TaskMode.BROWSE.value}')"""  # noqa: S608 (constants)


class TaskRow(NamedTuple):
    """A task as it is stored, whoever asks."""

    id: int
    study_id: int
    settings: TaskSettings
    label_set_id: int | None


def tasks(connection: Connection, study_id: int) -> list[TaskRow]:
    """Return the tasks of a study, layers that nobody made one of included, by their ids."""
    found = connection.execute(f"{_FIND} AND q.study_id = ? ORDER BY q.id", (study_id,))
    return [_task(row) for row in found]


def made_tasks(connection: Connection, study_id: int) -> set[int]:
    """Return the layers of a study that somebody has made tasks of."""
    found = connection.execute(
        "SELECT t.question_id FROM tasks t JOIN questions q ON q.id = t.question_id "
        "WHERE q.study_id = ? AND t.removed_on IS NULL",
        (study_id,),
    )
    return {task_id for (task_id,) in found}


def task(connection: Connection, task_id: int) -> TaskRow | None:
    """Return one task."""
    row = connection.execute(f"{_FIND} AND q.id = ?", (task_id,)).fetchone()
    return None if row is None else _task(row)


def add_task(
    connection: Connection, question_id: int, settings: TaskSettings, created_on: datetime
) -> None:
    """Make a layer a task."""
    connection.execute(
        "INSERT INTO tasks (question_id, settings, is_restricted, created_on) VALUES (?, ?, ?, ?)",
        (question_id, json_text(settings), settings.is_restricted, time_text(created_on)),
    )


def remove_task(connection: Connection, task_id: int, removed_on: datetime) -> None:
    """End a task; what was done in it is kept."""
    connection.execute(
        "UPDATE tasks SET removed_on = ? WHERE question_id = ?", (time_text(removed_on), task_id)
    )


def restricted(connection: Connection, study_id: int) -> list[int]:
    """Return the layers of a study that are restricted tasks."""
    return [
        task_id
        for (task_id,) in connection.execute(
            "SELECT t.question_id FROM tasks t JOIN questions q ON q.id = t.question_id "
            "WHERE t.is_restricted AND q.study_id = ?",
            (study_id,),
        )
    ]


def accesses(connection: Connection, user_id: int) -> dict[int, Access]:
    """Return what somebody may in tasks that they are named for, by task id."""
    return {
        task_id: Access(access)
        for task_id, access in connection.execute(
            "SELECT question_id, access FROM task_members WHERE user_id = ?", (user_id,)
        )
    }


def task_members(connection: Connection, task_id: int) -> list[TaskMember]:
    """Return who is named for a task, by their ids."""
    return [
        TaskMember(task_id, row["user_id"], row["email"], Access(row["access"]))
        for row in connection.execute(
            "SELECT m.user_id, m.access, u.email FROM task_members m "
            "JOIN users u ON u.id = m.user_id WHERE m.question_id = ? ORDER BY m.user_id",
            (task_id,),
        )
    ]


def set_access(connection: Connection, task_id: int, user_id: int, access: Access) -> None:
    """Name somebody for a task, or nobody any more with `Access.NONE`."""
    connection.execute(
        "DELETE FROM task_members WHERE question_id = ? AND user_id = ?", (task_id, user_id)
    )
    if access is not Access.NONE:
        connection.execute(
            "INSERT INTO task_members (question_id, user_id, access) VALUES (?, ?, ?)",
            (task_id, user_id, int(access)),
        )


def _task(row: Row) -> TaskRow:
    said = row["settings"]
    settings = (
        TaskSettings(row["name"])
        if said is None
        else dataclasses.replace(msgspec.json.decode(said, type=TaskSettings), name=row["name"])
    )
    return TaskRow(row["id"], row["study_id"], settings, row["label_set_id"])
