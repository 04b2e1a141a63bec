"""Shapes with one label in tasks that ask for such: what samples and regions have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Label
from wsi_lab.model.people import Actor
from wsi_lab.model.task import Access, TaskMode, TaskShape
from wsi_lab.service.annotating.any_shape import any_shape
from wsi_lab.service.annotating.drawn_changes import add_drawn, change_drawn, remove_drawn
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.given_shapes import drawn_of
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.tasks.access import OpenTask, open_task
from wsi_lab.service.tasks.slides import slide_in_task
from wsi_lab.service.tasks.visible import edit_records, layer_of, visible_shapes
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import layers

_WHAT = {TaskMode.DLTRAIN: "training sample", TaskMode.SAMPLING: "sampling region"}


class LabelledShape(NamedTuple):
    """A shape that is to have a label of its task."""

    feature: Feature
    label_id: int


class LabelledShapes:
    """Shapes with a label in the tasks of one mode.

    Parameters
    ----------
    geometry
        Returns what is told of where a shape lies, in the words of the mode.
    """

    def __init__(
        self,
        transactions: Transactions,
        finder: Finder,
        mode: TaskMode,
        geometry: Callable[[Annotation], str],
    ) -> None:
        self._transactions = transactions
        self._finder = finder
        self._mode = mode
        self._geometry = geometry

    def shapes(self, actor: Actor, task_id: int, slide_id: int | None) -> list[TaskShape]:
        """Return the shapes on a slide in a task, or on all of its slides.

        Those that were changed last come first.
        """

        def read(transaction: Transaction) -> list[TaskShape]:
            opened = self._open(transaction, task_id)
            return self._told(transaction, self._found(transaction, opened, slide_id))

        return self._transactions.read(actor, read)

    def create(self, actor: Actor, task_id: int, slide_id: int, new: LabelledShape) -> int:
        """Draw a shape and return its id. Needs write access to the task."""

        def create(transaction: Transaction) -> int:
            opened, _ = slide_in_task(transaction, task_id, slide_id, Access.WRITE)
            self._check_mode(opened)
            author = transaction.actor.user.email
            study_for(transaction, opened.study.id, author)
            drawn = drawn_of([_labelled(transaction, opened, new)])[0]
            seen = layer_of(transaction, opened)
            (added,) = add_drawn(
                transaction, seen.study, seen.question, slide_id, author=author, new=[(None, drawn)]
            )
            return added.id

        return self._transactions.write(actor, create)

    def change(self, actor: Actor, task_id: int, shape_id: int, new: LabelledShape) -> int:
        """Make a shape another one and return its id, which one of a load gets anew."""

        def change(transaction: Transaction) -> int:
            opened = self._open(transaction, task_id, Access.WRITE)
            before = self._one(transaction, opened, shape_id)
            drawn = drawn_of([_labelled(transaction, opened, new)])[0]
            # What else is said of it is no matter of these words.
            wanted = replace(drawn, properties=before.properties)
            return change_drawn(transaction, before.id, wanted, before.revision).id

        return self._transactions.write(actor, change)

    def remove(self, actor: Actor, task_id: int, shape_id: int) -> None:
        """Remove a shape; what it was stays in the history."""

        def remove(transaction: Transaction) -> None:
            opened = self._open(transaction, task_id, Access.WRITE)
            before = self._one(transaction, opened, shape_id)
            remove_drawn(transaction, before.id, before.revision)

        self._transactions.write(actor, remove)

    def remove_all(self, actor: Actor, task_id: int, slide_id: int) -> None:
        """Remove all shapes on a slide in a task that the asker may see."""

        def remove(transaction: Transaction) -> None:
            opened, _ = slide_in_task(transaction, task_id, slide_id, Access.WRITE)
            self._check_mode(opened)
            for each in self._found(transaction, opened, slide_id):
                remove_drawn(transaction, each.id, each.revision)

        self._transactions.write(actor, remove)

    def one(self, actor: Actor, shape_id: int) -> tuple[OpenTask, TaskShape]:
        """Return one shape and its task.

        Raises
        ------
        NotFound
            There is none, or the asker may not see it.
        """

        def read(transaction: Transaction) -> tuple[OpenTask, TaskShape]:
            missing = NotFound(f"There is no {_WHAT[self._mode]} {shape_id}.")
            try:
                found = any_shape(transaction, self._finder, shape_id)
                opened = self._open(transaction, found.question_id)
            except (NotFound, Invalid):
                raise missing from None
            return opened, self._told(transaction, [found])[0]

        return self._transactions.read(actor, read)

    def _found(
        self, transaction: Transaction, opened: OpenTask, slide_id: int | None
    ) -> list[Annotation]:
        if slide_id is not None:
            slide_in_task(transaction, opened.task.id, slide_id, Access.READ)
        found = visible_shapes(transaction, layer_of(transaction, opened), slide_id)
        return [
            each
            for each in found
            if each.shape.geometry is not None and not each.shape.geometry.is_empty
        ]

    def _told(self, transaction: Transaction, found: list[Annotation]) -> list[TaskShape]:
        """Return shapes as they are told."""
        edits = edit_records(transaction, found)
        told = []
        for each in found:
            assert each.shape.geometry is not None  # noqa: S101 (only those that have one are found)
            assert each.place.slide_id is not None  # noqa: S101 (as above)
            told.append(
                TaskShape(
                    id=each.id,
                    task_id=each.question_id,
                    slide_id=each.place.slide_id,
                    box=each.shape.geometry.bounds,
                    label=each.labels[0] if each.labels else None,
                    geometry=self._geometry(each),
                    edit=edits[each.id],
                )
            )
        return sorted(told, key=lambda shape: (shape.edit.changed_on, shape.id), reverse=True)

    def _open(
        self, transaction: Transaction, task_id: int, least: Access = Access.READ
    ) -> OpenTask:
        opened = open_task(transaction, task_id, least)
        self._check_mode(opened)
        return opened

    def _check_mode(self, opened: OpenTask) -> None:
        settings = opened.task.settings
        if settings.mode is not self._mode:
            raise Invalid(
                f"The task '{settings.name}' is of the mode '{settings.mode}'; "
                f"it has no {_WHAT[self._mode]}s."
            )

    def _one(self, transaction: Transaction, opened: OpenTask, shape_id: int) -> Annotation:
        missing = NotFound(f"There is no {_WHAT[self._mode]} {shape_id} in this task.")
        try:
            found = any_shape(transaction, self._finder, shape_id)
        except NotFound:
            raise missing from None
        if found.question_id != opened.task.id:
            raise missing
        return found


def _labelled(transaction: Transaction, opened: OpenTask, new: LabelledShape) -> Feature:
    feature = new.feature
    label = _label(transaction, opened, new.label_id)
    return Feature(
        feature.kind, feature.geometry, (label.name,), feature.properties, feature.source
    )


def _label(transaction: Transaction, opened: OpenTask, label_id: int) -> Label:
    set_id = opened.task.label_set_id
    label_set = None if set_id is None else layers.label_set_by_id(transaction.connection, set_id)
    known = () if label_set is None else label_set.labels
    found = next((each for each in known if each.id == label_id), None)
    if found is None:
        there = ", ".join(f"{each.id} ({each.name})" for each in known) or "none"
        raise Invalid(f"The task has no label {label_id}; it has {there}.")
    return found
