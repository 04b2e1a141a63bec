"""Tasks of a study, and who may enter those that are restricted."""

from __future__ import annotations

import dataclasses

from wsi_lab.errors import Conflict, Invalid, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import QuestionKind, checked_question
from wsi_lab.model.study import Study, checked_description, checked_name
from wsi_lab.model.task import Access, Task, TaskCounts, TaskMember, TaskMode, TaskSettings
from wsi_lab.service.scoring.questions import add_question
from wsi_lab.service.seen import seen_studies
from wsi_lab.service.tasks.access import as_seen, belongs, open_task, study_access
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import layers, people, questions
from wsi_lab.store import tasks as rows
from wsi_lab.store.placed_slides import PlacedSlide, placed_slides, task_counts

LONGEST_TASK_NAME = 80


class Tasks:
    """Tasks: layers, and what is to be done on which slides.

    What is done in them is told by the rooms of `wsi_lab.service.tasks`.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def study(self, actor: Actor, project: str) -> Study:
        """Return the study that PHAS's id of a project means: its name, or its number.

        Raises
        ------
        NotFound
            There is none, or the asker may not know that there is.
        """

        def read(transaction: Transaction) -> Study:
            return study_of(transaction, project)

        return self._transactions.read(actor, read)

    def studies(self, actor: Actor) -> list[tuple[Study, Access, TaskCounts]]:
        """Return the studies that the asker may view, by what they are called."""

        def read(transaction: Transaction) -> list[tuple[Study, Access, TaskCounts]]:
            found = seen_studies(transaction)
            found.sort(key=lambda study: (display_name(study).casefold(), study.id))
            counts = task_counts(transaction.connection, [each.id for each in found])
            return [(each, study_access(transaction, each), counts[each.id]) for each in found]

        return self._transactions.read(actor, read)

    def access(self, actor: Actor, study_id: int) -> Access:
        """Return what the asker may in a study, in PHAS's levels."""

        def read(transaction: Transaction) -> Access:
            return study_access(transaction, transaction.study(study_id, Action.STUDY_VIEW))

        return self._transactions.read(actor, read)

    def private_access(self, actor: Actor, project: str) -> bool:
        """Return whether the asker may see private names; not, where there is no such study."""

        def read(transaction: Transaction) -> bool:
            try:
                return transaction.may(Action.CASE_PRIVATE, study_of(transaction, project))
            except NotFound:
                return False

        return self._transactions.read(actor, read)

    def get(
        self,
        actor: Actor,
        task_id: int,
        *,
        least: Access = Access.READ,
        through_api: bool = False,
    ) -> Task:
        """Return one task.

        Parameters
        ----------
        least
            What the asker wants to do in it.
        through_api
            Whether that also needs the right ``api``.

        Raises
        ------
        NotFound
            There is none, or the asker may not know that there is.
        NotAllowed
            They may enter it, but not do this.
        """
        return self._transactions.read(
            actor, lambda t: open_task(t, task_id, least, through_api=through_api).task
        )

    def create(self, actor: Actor, study_id: int, settings: TaskSettings) -> Task:
        """Make a task, which is a layer of the study at once, and return it.

        Raises
        ------
        Invalid
            A setting makes no sense, or names a label set or a task that there is not.
        Conflict
            The study has a task, a layer or another question of that name.
        """
        settings = checked_settings(settings)

        def create(transaction: Transaction) -> Task:
            connection = transaction.connection
            study = transaction.study(study_id, Action.STUDY_EDIT)
            known = {each.settings.name for each in rows.tasks(connection, study.id)}
            if settings.name in known:
                raise Conflict(f"The study already has a task or layer named '{settings.name}'.")
            if settings.reference is not None and settings.reference not in known:
                raise Invalid(f"The study has no task '{settings.reference}' to refer to.")
            spec = checked_question(settings.name, QuestionKind.ANNO_SHAPES, "")
            question = add_question(transaction, study, spec)
            if settings.label_set is not None:
                layers.use_label_set(
                    connection, question.id, _label_set_id(transaction, study, settings.label_set)
                )
            layers.set_shared(connection, question.id, is_shared=True)
            rows.add_task(connection, question.id, settings, transaction.now)
            if settings.mode is TaskMode.BROWSE:
                questions.remove_question(connection, question.id, transaction.now)
            transaction.record("create", "task", question.id, study_id=study.id, after=settings)
            return open_task(transaction, question.id, Access.READ).task

        return self._transactions.write(actor, create)

    def remove(self, actor: Actor, task_id: int) -> None:
        """Remove a task and its layer; what was drawn is kept, but shown no more."""

        def remove(transaction: Transaction) -> None:
            study, task = open_task(transaction, task_id, Access.READ)
            transaction.study(study.id, Action.STUDY_EDIT)
            rows.remove_task(transaction.connection, task.id, transaction.now)
            questions.remove_question(transaction.connection, task.id, transaction.now)
            transaction.record("remove", "task", task.id, study_id=study.id, before=task.settings)

        self._transactions.write(actor, remove)

    def members(self, actor: Actor, task_id: int) -> list[TaskMember]:
        """Return who is named for a restricted task. For the study's administrators."""

        def read(transaction: Transaction) -> list[TaskMember]:
            study, task = open_task(transaction, task_id, Access.READ)
            transaction.study(study.id, Action.STUDY_ADMIN)
            return rows.task_members(transaction.connection, task.id)

        return self._transactions.read(actor, read)

    def set_member(
        self, actor: Actor, task_id: int, email: str, access: Access
    ) -> TaskMember | None:
        """Let a member of the study into a restricted task, or out of it with `Access.NONE`.

        Raises
        ------
        NotFound
            There is no such user.
        Invalid
            The task is not restricted, or they are no member of its study.
        """
        return self._transactions.write(actor, lambda t: put_member(t, task_id, email, access))

    def list(self, actor: Actor, study_id: int) -> list[tuple[Task, TaskCounts]]:
        """Return the tasks of a study that the asker may enter, by their ids."""

        def read(transaction: Transaction) -> list[tuple[Task, TaskCounts]]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            seen = as_seen(transaction, study, rows.tasks(transaction.connection, study.id))
            placed = placed_slides(transaction.connection, study.id) if seen else []
            return [
                (task, counted([each for each in placed if belongs(task, each.slide, each.case)]))
                for task in seen
            ]

        return self._transactions.read(actor, read)


def put_member(
    transaction: Transaction, task_id: int, email: str, access: Access
) -> TaskMember | None:
    """Let somebody into a restricted task, as `Tasks.set_member` does, inside a change."""
    study, task = open_task(transaction, task_id, Access.READ)
    transaction.study(study.id, Action.STUDY_ADMIN)
    connection = transaction.connection
    user = people.user_by_email(connection, email.strip())
    if user is None:
        raise NotFound(f"There is no user {email.strip()}; add them first.")
    if access is not Access.NONE:
        _check_may_enter(transaction, study, task, user.id, email)
    before = rows.accesses(connection, user.id).get(task.id, Access.NONE)
    rows.set_access(connection, task.id, user.id, access)
    if before is not access:
        transaction.record(
            "change",
            "task member",
            user.id,
            study_id=study.id,
            before={"task": task.id, "access": before.word},
            after={"task": task.id, "access": access.word},
        )
    return None if access is Access.NONE else TaskMember(task.id, user.id, user.email, access)


def study_of(transaction: Transaction, project: str) -> Study:
    """Return the study that PHAS's id of a project means, if the asker may view it."""
    missing = NotFound("There is no project of that id.")
    try:
        if project.isdecimal() and len(project) < 19:
            return transaction.study(int(project), Action.STUDY_VIEW)
        return transaction.study_by_name(project, Action.STUDY_VIEW)
    except NotFound:
        raise missing from None


def project_id(study: Study) -> str:
    """Return what PHAS calls a study: its name, or its number where a name cannot be in a path.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> project_id(Study(7, "a/b", "", datetime.now(UTC), None, 1))
    '7'
    """
    is_safe = "/" not in study.name and study.name not in {".", ".."}
    return study.name if is_safe else str(study.id)


def display_name(study: Study) -> str:
    """Return what people are shown as the name of a study."""
    return study.friendly_name or study.name


def counted(placed: list[PlacedSlide]) -> TaskCounts:
    """Return how many slides these are, of how many blocks and cases."""
    return TaskCounts(
        cases=len({each.slide.case_id for each in placed}),
        blocks=len({(each.slide.case_id, each.slide.block) for each in placed}),
        slides=len(placed),
    )


def checked_settings(settings: TaskSettings) -> TaskSettings:
    """Return settings that make sense together.

    Raises
    ------
    Invalid
        They do not; ``problems`` names each.
    """
    problems = []
    name = checked_name(settings.name, "task")
    if not 2 <= len(name) <= LONGEST_TASK_NAME:
        problems.append(f"the name of a task has 2 to {LONGEST_TASK_NAME} characters")
    has_labels = settings.mode in {TaskMode.DLTRAIN, TaskMode.SAMPLING}
    if has_labels and settings.label_set is None:
        problems.append(f"a task of the mode '{settings.mode}' names a label set")
    least, most = settings.smallest_box, settings.largest_box
    if least is not None and most is not None and least > most:
        problems.append("the smallest box is not larger than the largest")
    if not 1 <= settings.patch_size <= 8192:
        problems.append("patches have sides of 1 to 8192 pixels")
    if problems:
        raise Invalid(f"This is no task: {'; '.join(problems)}.", problems=problems)
    description = settings.description
    if description is not None:
        description = checked_description(description, "task")
    return dataclasses.replace(settings, name=name, description=description)


def _label_set_id(transaction: Transaction, study: Study, name: str) -> int:
    found = layers.label_sets(transaction.connection, study.id)
    for each in found:
        if each.name == name:
            return each.id
    there = ", ".join(f"'{each.name}'" for each in found) or "none"
    raise Invalid(f"The study has no label set '{name}'; it has {there}. Make it first.")


def _check_may_enter(
    transaction: Transaction, study: Study, task: Task, user_id: int, email: str
) -> None:
    if not task.settings.is_restricted:
        raise Invalid(
            "This task is open to all members of the study; only one that is restricted "
            "has members of its own."
        )
    rights = people.rights_of_user(transaction.connection, user_id)
    if study.id not in rights:
        raise Invalid(f"{email.strip()} is no member of the study; make them one first.")
