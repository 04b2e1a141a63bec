"""The slides of a task, as PHAS lists them, and what may be told of each."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from wsi_lab.errors import Invalid, NotAllowed, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.task import Access, ManifestFilter, Task, TaskMode, TaskSlide
from wsi_lab.service.tasks.access import OpenTask, belongs, open_task, study_access
from wsi_lab.service.tasks.counting import counts_by_slide
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store import slides as slide_rows
from wsi_lab.store.placed_slides import PlacedSlide, block_id, placed_slide, placed_slides

_COUNTS = {
    TaskMode.ANNOT: ("path_count", "marker_count"),
    TaskMode.DLTRAIN: ("sample_count",),
    TaskMode.SAMPLING: ("region_count",),
    TaskMode.BROWSE: (),
}


_SHELL = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}


class TaskSlides:
    """Slides of tasks. Private names are told to those who may see them and want to."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def manifest(
        self, actor: Actor, task_id: int, filters: ManifestFilter, *, hide_private: bool
    ) -> list[TaskSlide]:
        """Return the slides of a task, by case, block, section and number.

        Needs the right ``api``.

        Raises
        ------
        Invalid
            A count is asked for that slides of the task's mode do not have.
        """

        def read(transaction: Transaction) -> list[TaskSlide]:
            opened = open_task(transaction, task_id, Access.READ, through_api=True)
            is_hidden = hide_private or not transaction.may(Action.CASE_PRIVATE, opened.study)
            task = opened.task
            placed = placed_slides(transaction.connection, opened.study.id)
            blocks = _block_ids(placed)
            counts = counts_by_slide(transaction, opened)
            empty: dict[str, Any] = dict.fromkeys(_COUNTS[task.settings.mode], 0)
            found = [
                replace(
                    _as_listed(each, blocks, is_hidden=is_hidden),
                    **(empty | counts.get(each.slide.id, {})),
                )
                for each in placed
                if belongs(task, each.slide, each.case)
            ]
            wanted = _Filter(filters, task)
            return sorted((each for each in found if wanted.takes(each)), key=_order)

        return self._transactions.read(actor, read)

    def slide(
        self,
        actor: Actor,
        task_id: int,
        slide_id: int,
        *,
        hide_private: bool,
        through_api: bool = True,
    ) -> TaskSlide:
        """Return one slide of a task.

        Raises
        ------
        NotFound
            There is no such task for the asker, or no such slide in it.
        """

        def read(transaction: Transaction) -> TaskSlide:
            opened, placed = slide_in_task(
                transaction, task_id, slide_id, Access.READ, through_api=through_api
            )
            is_hidden = hide_private or not transaction.may(Action.CASE_PRIVATE, opened.study)
            slide = placed.slide
            block = {(slide.case_id, slide.block): block_id(transaction.connection, slide)}
            return _as_listed(placed, block, is_hidden=is_hidden)

        return self._transactions.read(actor, read)

    def in_study(self, actor: Actor, study_id: int, slide_id: int) -> None:
        """Raise `NotFound` unless a slide is one of a study that the asker may view."""
        self._transactions.read(actor, lambda t: _slide_of_study(t, study_id, slide_id))

    def path(self, actor: Actor, study_id: int, slide_id: int, *, hide_private: bool) -> str:
        """Return where a slide's file lies. For the study's administrators.

        Raises
        ------
        NotAllowed
            The asker is none, or private names are hidden: a path may spell them.
        """

        def read(transaction: Transaction) -> str:
            study, slide = _slide_of_study(transaction, study_id, slide_id)
            transaction.study(study.id, Action.CASE_PRIVATE)
            if study_access(transaction, study) is not Access.ADMIN:
                raise NotAllowed("Only an administrator of the study may see where slides lie.")
            if hide_private:
                raise NotAllowed("Where slides lie may tell private names, which are hidden now.")
            return slide.source

        return self._transactions.read(actor, read)

    def check_private(self, actor: Actor, study_id: int, slide_id: int) -> None:
        """Raise unless the asker may see what may tell who the patient is, such as labels."""

        def read(transaction: Transaction) -> None:
            study, _ = _slide_of_study(transaction, study_id, slide_id)
            transaction.study(study.id, Action.SLIDE_PRIVATE)

        self._transactions.read(actor, read)


def slide_in_task(
    transaction: Transaction,
    task_id: int,
    slide_id: int,
    least: Access,
    *,
    through_api: bool = False,
) -> tuple[OpenTask, PlacedSlide]:
    """Return a task that the asker may do so much in, and a slide that belongs to it.

    Raises
    ------
    NotFound
        There is no such task for the asker, or no such slide in it.
    NotAllowed
        They may enter the task, but not do this.
    """
    opened = open_task(transaction, task_id, least, through_api=through_api)
    missing = NotFound(f"There is no slide {slide_id} in this task.")
    slide = slide_rows.slide(transaction.connection, slide_id) if is_id(slide_id) else None
    if slide is None or slide.study_id != opened.study.id:
        raise missing
    placed = placed_slide(transaction.connection, slide)
    if not belongs(opened.task, slide, placed.case):
        raise missing
    return opened, placed


def _slide_of_study(transaction: Transaction, study_id: int, slide_id: int) -> tuple[Study, Slide]:
    study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
    if study.id != study_id:
        raise NotFound(f"There is no slide {slide_id} in this project.")
    return study, slide


def _block_ids(placed: Sequence[PlacedSlide]) -> dict[tuple[int | None, str], int]:
    ids: dict[tuple[int | None, str], int] = {}
    for each in placed:
        ids.setdefault((each.slide.case_id, each.slide.block), each.slide.id)
    return ids


def _as_listed(
    placed: PlacedSlide, blocks: dict[tuple[int | None, str], int], *, is_hidden: bool
) -> TaskSlide:
    slide = placed.slide
    public = placed.case_public or ""
    private = None if is_hidden else placed.case
    return TaskSlide(
        id=slide.id,
        study_id=slide.study_id,
        block_id=blocks[slide.case_id, slide.block],
        block=slide.block,
        section=slide.section,
        number=slide.number,
        stain=slide.stain,
        tags=slide.tags,
        name=None if is_hidden else slide.name,
        extension=PurePosixPath(slide.source).suffix.removeprefix("."),
        case_id=slide.case_id or 0,
        case_private=private,
        case_public=public,
        case_display=private or public,
    )


class _Filter:
    """What a manifest's filters take."""

    def __init__(self, filters: ManifestFilter, task: Task) -> None:
        self._filters = filters
        self._case = _like(filters.case)
        self._block = _like(filters.block)
        self._least = {
            name: least
            for name, least in (
                ("path_count", filters.least_paths),
                ("marker_count", filters.least_markers),
                ("region_count", filters.least_regions),
            )
            if least is not None
        }
        unknown = set(self._least) - set(_COUNTS[task.settings.mode])
        if unknown:
            names = " or ".join(sorted(name.removesuffix("_count") + "s" for name in unknown))
            raise Invalid(f"Slides of a task of the mode '{task.settings.mode}' have no {names}.")

    def takes(self, slide: TaskSlide) -> bool:
        """Return whether a slide is listed."""
        wanted, own = self._filters, set(slide.tags)
        return (
            (self._case is None or _matches(self._case, slide.case_private))
            and (self._block is None or _matches(self._block, slide.block))
            and _is_equal(wanted.section, slide.section)
            and _is_equal(wanted.number, slide.number)
            and (wanted.stain is None or wanted.stain == slide.stain)
            and all((getattr(slide, name) or 0) >= least for name, least in self._least.items())
            and (not wanted.tags_any or not own.isdisjoint(wanted.tags_any))
            and own.issuperset(wanted.tags_all)
            and own.isdisjoint(wanted.tags_none)
        )


def _like(pattern: str | None) -> re.Pattern[str] | None:
    """Return a pattern of SQL's LIKE as an expression.

    Examples
    --------
    >>> bool(_like("S_-%").fullmatch("s1-abc"))
    True
    """
    if pattern is None:
        return None
    # Patterns of the shell mean the same by other signs, and none of them takes long.
    shell = "".join(_SHELL.get(each, each) for each in pattern)
    return re.compile(fnmatch.translate(shell), re.IGNORECASE)


def _matches(pattern: re.Pattern[str], text: str | None) -> bool:
    return text is not None and pattern.fullmatch(text) is not None


def _is_equal(wanted: str | None, text: str) -> bool:
    return wanted is None or sort_number(wanted) == sort_number(text)


def sort_number(text: str) -> tuple[float, str]:
    """Return what a section or a slide's number is compared by: as a number, where it is one.

    Examples
    --------
    >>> sort_number("2") == sort_number("2.0"), sort_number("2") < sort_number("10")
    (True, True)
    """
    text = text.strip()
    try:
        return (float(text or 0), "")
    except ValueError:
        return (float("inf"), text)


def _order(slide: TaskSlide) -> tuple[Any, ...]:
    return (
        slide.case_display,
        slide.block,
        sort_number(slide.section),
        sort_number(slide.number),
        slide.id,
    )
