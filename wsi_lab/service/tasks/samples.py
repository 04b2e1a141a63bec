"""Training samples: boxes with a label, around whose middle patches are cut."""

from __future__ import annotations

import dataclasses
import math

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import FARTHEST, Annotation, ShapeKind, Source
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Box
from wsi_lab.model.people import Actor
from wsi_lab.model.task import Access, Task, TaskMode, TaskShape
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.tasks.labelled import LabelledShape, LabelledShapes
from wsi_lab.service.tasks.tasks import Tasks
from wsi_lab.service.transaction import Transactions

BOX_FORMAT = "phas-box"
"""A list of left, top, right and bottom in level-0 pixels, as JSON."""


class Samples:
    """Training samples of tasks of the mode ``dltrain``."""

    def __init__(self, transactions: Transactions, finder: Finder, tasks: Tasks) -> None:
        self._shapes = LabelledShapes(transactions, finder, TaskMode.DLTRAIN, _box)
        self._tasks = tasks

    def list(self, actor: Actor, task_id: int, slide_id: int | None = None) -> list[TaskShape]:
        """Return the samples on a slide in a task, or all of them, those changed last first."""
        return [_exact(each) for each in self._shapes.shapes(actor, task_id, slide_id)]

    def get(self, actor: Actor, sample_id: int) -> tuple[Task, TaskShape]:
        """Return one sample and its task.

        Raises
        ------
        NotFound
            There is none, or the asker may not see it.
        """
        opened, shape = self._shapes.one(actor, sample_id)
        return opened.task, _exact(shape)

    def create(self, actor: Actor, task_id: int, slide_id: int, label_id: int, box: Box) -> int:
        """Place a box and return its id.

        Raises
        ------
        Invalid
            It is smaller or larger than the task allows, or the task has no such label.
        """
        return self._shapes.create(
            actor, task_id, slide_id, self._new(actor, task_id, label_id, box)
        )

    def change(self, actor: Actor, task_id: int, sample_id: int, label_id: int, box: Box) -> None:
        """Move a box or give it another label; see `create`."""
        self._shapes.change(actor, task_id, sample_id, self._new(actor, task_id, label_id, box))

    def remove(self, actor: Actor, task_id: int, sample_id: int) -> None:
        """Remove a box."""
        self._shapes.remove(actor, task_id, sample_id)

    def _new(self, actor: Actor, task_id: int, label_id: int, box: Box) -> LabelledShape:
        import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

        task = self._tasks.get(actor, task_id, least=Access.WRITE)
        left, top, right, bottom = _checked(task, box)
        geometry = shapely.box(left, top, right, bottom)
        source = Source(BOX_FORMAT, msgspec.json.encode([left, top, right, bottom]).decode())
        return LabelledShape(Feature(ShapeKind.RECTANGLE, geometry, source=source), label_id)


def _checked(task: Task, box: Box) -> Box:
    if not all(math.isfinite(each) and abs(each) <= FARTHEST for each in box):
        raise Invalid("A box has four finite numbers of pixels: left, top, right, bottom.")
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    least, most = task.settings.smallest_box, task.settings.largest_box
    for side in (round(right - left), round(bottom - top)):
        if side < (least or 0) or (most is not None and side > most):
            bounds = f"from {least or 0:,}" + ("" if most is None else f" to {most:,}")
            raise Invalid(
                f"The sides of a box in this task have {bounds} pixels; one has {side:,}."
            )
    if left == right or top == bottom:
        raise Invalid("A box is wider and higher than nothing.")
    return left, top, right, bottom


def _box(annotation: Annotation) -> str:
    """Return the numbers that a box came with; of one that was drawn elsewhere, where it lies."""
    source = annotation.source
    if source is not None and source.format == BOX_FORMAT:
        return source.text
    assert annotation.shape.geometry is not None  # noqa: S101 (only those that have one are told)
    return msgspec.json.encode(annotation.shape.geometry.bounds).decode()


def _exact(shape: TaskShape) -> TaskShape:
    box = msgspec.json.decode(shape.geometry, type=tuple[float, float, float, float])
    return dataclasses.replace(shape, box=box)
