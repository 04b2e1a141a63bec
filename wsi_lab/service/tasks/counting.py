"""How much is drawn on the slides of a task, counted without reading any of it."""

from __future__ import annotations

from wsi_lab.model.task import TaskMode
from wsi_lab.service.annotating.seeing import seen_layers
from wsi_lab.service.tasks.access import OpenTask
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import drawings
from wsi_lab.store.bulk import loads

Counts = dict[str, int]


def counts_by_slide(transaction: Transaction, opened: OpenTask) -> dict[int, Counts]:
    """Return what slides of a task have, by the names of `TaskSlide`; others have nothing."""
    task = opened.task
    if task.settings.mode is TaskMode.BROWSE:
        return {}
    connection = transaction.connection
    (seen,) = seen_layers(transaction, opened.study, [task.id])
    found: dict[int, tuple[int, int]] = drawings.shape_counts(connection, task.id, author=seen.only)
    for stored in loads.loads(connection, question_ids=[task.id]):
        load = stored.load
        if load.kind == "shapes" and seen.shows(load.author):
            shapes, points = found.get(load.slide_id, (0, 0))
            found[load.slide_id] = (shapes + load.count, points)
    if task.settings.mode is TaskMode.DLTRAIN:
        return {slide_id: {"sample_count": sum(each)} for slide_id, each in found.items()}
    if task.settings.mode is TaskMode.SAMPLING:
        return {slide_id: {"region_count": sum(each)} for slide_id, each in found.items()}
    # What came as a whole and is still so counts as it says.
    stamps = drawings.stamps(connection, task.id, author=seen.only)
    for slide_id, row in drawings.drawing_counts(connection, task.id, seen.only or "").items():
        if row.stamp == stamps.get(slide_id, ""):
            found[slide_id] = (row.path_count, row.marker_count)
    return {
        slide_id: {"path_count": paths, "marker_count": markers}
        for slide_id, (paths, markers) in found.items()
    }
