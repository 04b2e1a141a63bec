"""The slides of a task, as tables and one by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Actor
from wsi_lab.model.task import ManifestFilter, TaskMode, TaskSlide
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.phas.handlers import CSV, PhasHandler, task_and_slide
from wsi_lab.server.phas.projects import study_of_task
from wsi_lab.service.lab import Lab
from wsi_lab.service.tasks.tasks import project_id

COLUMNS = (
    *("id", "block_id", "section", "slide", "stain", "slide_name", "slide_ext", "project"),
    *("specimen", "block_name", "specimen_private", "specimen_public", "task_id"),
    "specimen_display",
)
COUNTS: Mapping[TaskMode, tuple[str, ...]] = {
    TaskMode.ANNOT: ("n_paths", "n_markers", "n_annot"),
    TaskMode.DLTRAIN: ("n_samples",),
    TaskMode.SAMPLING: ("n_sampling_rois",),
    TaskMode.BROWSE: (),
}
"""The further columns of tasks of a mode."""

_Query = Mapping[str, Sequence[bytes]]


class DetailedManifestHandler(PhasHandler):
    """The slides of a task, and how much is drawn on each."""

    async def get(self, task_id: str) -> None:
        """Return those that the filters in the query take, as a table."""
        task, filters = whole_id(task_id, "task"), filters_of(self.request.query_arguments)
        verb, hide = _detailed, self.anonymise
        data = await self.ask(verb, self.lab, self.actor, task, filters, hide_private=hide)
        await self.send_file(data, CSV)


class ManifestHandler(PhasHandler):
    """The slides of a task."""

    async def get(self, task_id: str) -> None:
        """Return all of them, as a table."""
        task = whole_id(task_id, "task")
        verb, hide = _plain, self.anonymise
        data = await self.ask(verb, self.lab, self.actor, task, hide_private=hide)
        await self.send_file(data, CSV)


class SpecimensHandler(PhasHandler):
    """The specimens that the slides of a task are of."""

    async def get(self, task_id: str) -> None:
        """Return each with the number of its blocks and slides."""
        task = whole_id(task_id, "task")
        verb, hide = _specimens, self.anonymise
        found = await self.ask(verb, self.lab, self.actor, task, hide_private=hide)
        await self.send_json(found)


class SlideHandler(PhasHandler):
    """A slide of a task."""

    async def get(self, task_id: str, slide_id: str) -> None:
        """Return what it is of."""
        slide = await self.slide(task_id, slide_id)
        await self.send_json(
            {
                "specimen": slide.case_id,
                "block_name": slide.block,
                "specimen_private": slide.case_private,
                "specimen_public": slide.case_public,
                "specimen_display": slide.case_display,
                "section": number_of(slide.section),
                "slide": number_of(slide.number),
                "stain": slide.stain,
            }
        )

    async def slide(self, task_id: str, slide_id: str) -> TaskSlide:
        """Return it."""
        ids = task_and_slide(task_id, slide_id)
        verb = self.lab.task_slides.slide
        return await self.ask(verb, self.actor, *ids, hide_private=self.anonymise)


class TagsHandler(SlideHandler):
    """The tags of a slide."""

    async def get(self, task_id: str, slide_id: str) -> None:
        """Return them."""
        slide = await self.slide(task_id, slide_id)
        await self.send_json(slide.tags)


def filters_of(query: _Query) -> ManifestFilter:
    """Return what a query asks for. What it says besides means nothing.

    Clients send the printed form of a task along, by accident.

    Raises
    ------
    Invalid
        A number is none.

    Examples
    --------
    >>> filters_of({"min_paths": [b"1"], "tags_any": [b"a", b"b"], "self": [b"Task 5"]}).tags_any
    ('a', 'b')
    """
    return ManifestFilter(
        case=_text(query, "specimen"),
        block=_text(query, "block"),
        section=_text(query, "section"),
        number=_text(query, "slide"),
        stain=_text(query, "stain"),
        least_paths=_whole(query, "min_paths"),
        least_markers=_whole(query, "min_markers"),
        least_regions=_whole(query, "min_sroi"),
        tags_any=_texts(query, "tags_any"),
        tags_all=_texts(query, "tags_all"),
        tags_none=_texts(query, "tags_none"),
    )


def number_of(text: str) -> int | str:
    """Return a section or a slide's number as PHAS has it: whole, and 0 where nobody said it.

    Others may have named theirs: then it is the name.

    Examples
    --------
    >>> number_of("07"), number_of(""), number_of("2b")
    (7, 0, '2b')
    """
    text = text.strip()
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    r"""Return a table with its header; `None` is an empty cell.

    Examples
    --------
    >>> csv_of(("a", "b"), [(1, None)])
    b'a,b\n1,\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue().encode()


def _detailed(
    lab: Lab, actor: Actor, task_id: int, filters: ManifestFilter, *, hide_private: bool
) -> bytes:
    slides = lab.task_slides.manifest(actor, task_id, filters, hide_private=hide_private)
    task = lab.tasks.get(actor, task_id)
    project = project_id(study_of_task(lab, actor, task.study_id))
    mode = task.settings.mode
    rows = [(*_row(each, project, task_id), *_counts(each, mode)) for each in slides]
    return csv_of((*COLUMNS, *COUNTS[mode]), rows)


def _plain(lab: Lab, actor: Actor, task_id: int, *, hide_private: bool) -> bytes:
    slides = lab.task_slides.manifest(actor, task_id, ManifestFilter(), hide_private=hide_private)
    study = study_of_task(lab, actor, lab.tasks.get(actor, task_id).study_id)
    return csv_of(COLUMNS, [_row(each, project_id(study), task_id) for each in slides])


def _specimens(lab: Lab, actor: Actor, task_id: int, *, hide_private: bool) -> list[dict[str, Any]]:
    slides = lab.task_slides.manifest(actor, task_id, ManifestFilter(), hide_private=hide_private)
    by_case: dict[int, list[TaskSlide]] = {}
    for each in slides:
        by_case.setdefault(each.case_id, []).append(each)
    return [
        {
            "id": case_id,
            "specimen_private": own[0].case_private,
            "specimen_public": own[0].case_public,
            "specimen_display": own[0].case_display,
            "nblocks": len({each.block_id for each in own}),
            "nslides": len(own),
        }
        for case_id, own in by_case.items()
    ]


def _row(slide: TaskSlide, project: str, task_id: int) -> tuple[Any, ...]:
    return (
        *(slide.id, slide.block_id, number_of(slide.section), number_of(slide.number)),
        *(slide.stain, slide.name, slide.extension, project),
        *(slide.case_id, slide.block, slide.case_private, slide.case_public, task_id),
        slide.case_display,
    )


def _counts(slide: TaskSlide, mode: TaskMode) -> tuple[int, ...]:
    paths, markers = slide.path_count or 0, slide.marker_count or 0
    counts = {
        TaskMode.ANNOT: (paths, markers, paths + markers),
        TaskMode.DLTRAIN: (slide.sample_count or 0,),
        TaskMode.SAMPLING: (slide.region_count or 0,),
        TaskMode.BROWSE: (),
    }
    return counts[mode]


def _texts(query: _Query, name: str) -> tuple[str, ...]:
    try:
        return tuple(value.decode() for value in query.get(name, ()))
    except UnicodeDecodeError as error:
        raise Invalid(f"The parameter '{name}' is not UTF-8.") from error


def _text(query: _Query, name: str) -> str | None:
    return next(iter(_texts(query, name)), None)


def _whole(query: _Query, name: str) -> int | None:
    text = _text(query, name)
    if text is None:
        return None
    digits = text.strip()
    digits_only = digits.removeprefix("-")
    if not (digits_only.isascii() and digits_only.isdigit() and len(digits_only) < 19):
        raise Invalid(f"The parameter '{name}' must be a whole number.")
    return int(digits)
