"""What somebody may do in a task, which may be for some members of its study only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.people import Action
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import Access, Task
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import studies, tasks
from wsi_lab.store.tasks import TaskRow


class OpenTask(NamedTuple):
    """A task that the asker may enter, and its study."""

    study: Study
    task: Task


def study_access(transaction: Transaction, study: Study) -> Access:
    """Return what the asker may in a study, in PHAS's levels."""
    if not transaction.may(Action.STUDY_VIEW, study):
        return Access.NONE
    if transaction.may(Action.STUDY_ADMIN, study):
        return Access.ADMIN
    may_draw = (Action.ANSWER_SUBMIT, Action.ANSWER_IMPORT)
    return Access.WRITE if any(transaction.may(each, study) for each in may_draw) else Access.READ


def as_seen(transaction: Transaction, study: Study, found: list[TaskRow]) -> list[Task]:
    """Return the tasks of a study that the asker may enter."""
    general = study_access(transaction, study)
    own = tasks.accesses(transaction.connection, transaction.actor.user.id)
    names: dict[str | None, int] = {}
    if any(row.settings.reference is not None for row in found):
        known = tasks.tasks(transaction.connection, study.id)
        names = {each.settings.name: each.id for each in known}
    seen = []
    for row in found:
        access = _access(general, row, own)
        if access is not Access.NONE:
            reference_id = names.get(row.settings.reference)
            seen.append(
                Task(row.id, row.study_id, row.settings, row.label_set_id, reference_id, access)
            )
    return seen


def open_task(
    transaction: Transaction, task_id: int, least: Access, *, through_api: bool = False
) -> OpenTask:
    """Return a task that the asker may do so much in.

    Raises
    ------
    NotFound
        There is none, or the asker may not know that there is.
    NotAllowed
        They may enter it, but not do this.
    """
    missing = NotFound(f"There is no task {task_id}.")
    row = tasks.task(transaction.connection, task_id) if is_id(task_id) else None
    study = None if row is None else studies.study(transaction.connection, row.study_id)
    if row is None or study is None:
        raise missing
    seen = as_seen(transaction, study, [row])
    if not seen:
        raise missing
    if seen[0].access < least:
        raise NotAllowed(
            f"This needs {least.word} access to the task '{row.settings.name}'; "
            "an administrator of the study can grant it."
        )
    if through_api:
        transaction.study(study.id, Action.API_USE)
    return OpenTask(study, seen[0])


def belongs(task: Task, slide: Slide, case: str | None) -> bool:
    """Return whether a slide of a case belongs to a task."""
    return task.settings.selection.holds(slide.stain, case, slide.tags)


def _access(general: Access, row: TaskRow, own: Mapping[int, Access]) -> Access:
    if not row.settings.is_restricted or general in {Access.NONE, Access.ADMIN}:
        return general
    # Nobody may more in a task than in its study.
    return min(general, own.get(row.id, Access.NONE))
