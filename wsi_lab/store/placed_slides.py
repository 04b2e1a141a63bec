"""Slides with the cases they are of: rows <-> model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsi_lab.model.study import Slide
from wsi_lab.model.task import TaskCounts
from wsi_lab.store.columns import json_text
from wsi_lab.store.connection import Connection
from wsi_lab.store.slides import all_slides
from wsi_lab.store.studies import cases_by_id


class PlacedSlide(NamedTuple):
    """A slide, and the names of its case; both `None` where it is of none."""

    slide: Slide
    case: str | None
    case_public: str | None


def placed_slides(connection: Connection, study_id: int) -> list[PlacedSlide]:
    """Return all slides of a study in the order of their ids, with private names of cases."""
    found = all_slides(connection, study_id)
    case_ids = {each.case_id for each in found if each.case_id is not None}
    cases = {each.id: each for each in cases_by_id(connection, case_ids)}
    placed = []
    for slide in found:
        case = cases.get(slide.case_id or 0)
        names = (None, None) if case is None else (case.name, case.public_name)
        placed.append(PlacedSlide(slide, *names))
    return placed


def placed_slide(connection: Connection, slide: Slide) -> PlacedSlide:
    """Return a slide with the names of its case."""
    cases = [] if slide.case_id is None else cases_by_id(connection, [slide.case_id])
    names = (cases[0].name, cases[0].public_name) if cases else (None, None)
    return PlacedSlide(slide, *names)


def block_id(connection: Connection, slide: Slide) -> int:
    """Return the smallest id of the slides of the same case and block."""
    (found,) = connection.execute(
        "SELECT min(id) FROM slides WHERE study_id = ? AND case_id IS ? AND block = ?",
        (slide.study_id, slide.case_id, slide.block),
    ).fetchone()
    return int(found)


def task_counts(connection: Connection, study_ids: Iterable[int]) -> dict[int, TaskCounts]:
    """Return how many cases, blocks and slides studies have; slides of no case count as of one."""
    ids = list(study_ids)
    counts = dict.fromkeys(ids, TaskCounts(0, 0, 0))
    for study_id, cases, blocks, slides in connection.execute(
        """SELECT study_id, count(DISTINCT coalesce(case_id, 0)),
        count(DISTINCT coalesce(case_id, 0) || ' ' || block), count(*) FROM slides
        WHERE study_id IN (SELECT value FROM json_each(?)) GROUP BY study_id""",
        (json_text(ids),),
    ):
        counts[study_id] = TaskCounts(cases, blocks, slides)
    return counts
