"""Tasks: what is to be done with some of a study's slides, as PHAS sets work up.

A task *is* a layer of annotations, with what it asks for besides: its id is the layer's. A layer
that nobody made a task of is one for free annotation of all slides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from wsi_lab.model.layer import Box, Label


class TaskMode(StrEnum):
    """What is done in a task."""

    ANNOT = "annot"
    """Drawing freely, with or without labels."""
    DLTRAIN = "dltrain"
    """Placing boxes with a label, from which patches are cut to train a classifier."""
    SAMPLING = "sampling"
    """Outlining regions with a label, in which patches are sampled."""
    BROWSE = "browse"
    """Looking only."""


class Access(IntEnum):
    """What somebody may do in a project or task; each level holds those below."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As PHAS spells it, for example ``read``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which slides belong to a task. Whatever is `None` restricts nothing.

    Attributes
    ----------
    stains
        One of these, in any case.
    cases
        Of one of these, by private names.
    tags_any, tags_all, tags_not
        With at least one, with all, with none of these, in any case.

    Examples
    --------
    >>> Selection(stains=("h&e",), tags_not=("bad",)).holds("H&E", "c1", ["good"])
    True
    """

    stains: tuple[str, ...] | None = None
    cases: tuple[str, ...] | None = None
    tags_any: tuple[str, ...] | None = None
    tags_all: tuple[str, ...] | None = None
    tags_not: tuple[str, ...] | None = None

    def holds(self, stain: str, case: str | None, tags: Iterable[str]) -> bool:
        """Return whether a slide of that stain, case and tags belongs to the task."""
        own = {each.casefold() for each in tags}
        if self.stains is not None and stain.casefold() not in _folded(self.stains):
            return False
        if self.cases is not None and case not in self.cases:
            return False
        if self.tags_any is not None and own.isdisjoint(_folded(self.tags_any)):
            return False
        if self.tags_all is not None and not _folded(self.tags_all) <= own:
            return False
        return self.tags_not is None or own.isdisjoint(_folded(self.tags_not))


EVERY_SLIDE = Selection()
DEFAULT_PATCH_SIZE = 512


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """What a task asks for, as PHAS's files state it; see `wsi_lab.formats.phas_files`.

    Attributes
    ----------
    is_restricted
        Whether only those may in who are named for the task, whatever they may in the study.
    is_anonymised
        Kept as it was stated; nothing follows from it.
    reference
        The name of another task of the study, whose annotations are shown instead of its own.
    label_set
        By name; of tasks with labels.
    smallest_box, largest_box
        What the sides of a box may be, in level-0 pixels.
    patch_size
        Side of the square patches that are cut around boxes, in level-0 pixels.
    slide_size_limit
        Longest side of pictures of a slide that may be downloaded; `None` for any.
    """

    name: str
    mode: TaskMode = TaskMode.ANNOT
    description: str | None = None
    is_restricted: bool = False
    is_anonymised: bool = False
    reference: str | None = None
    label_set: str | None = None
    selection: Selection = EVERY_SLIDE
    smallest_box: int | None = None
    largest_box: int | None = None
    patch_size: int = DEFAULT_PATCH_SIZE
    slide_size_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a study.

    Attributes
    ----------
    id
        Of its layer.
    label_set_id
        Of its layer; `None` where that has no labels yet.
    reference_id
        The task that `settings.reference` names, as long as there is one.
    access
        What the asker may do in it.
    """

    id: int
    study_id: int
    settings: TaskSettings
    label_set_id: int | None
    reference_id: int | None
    access: Access = Access.NONE


@dataclass(frozen=True, slots=True)
class TaskMember:
    """Somebody's access to a restricted task."""

    task_id: int
    user_id: int
    email: str
    access: Access


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """How many of a study's or task's slides, blocks and cases there are."""

    cases: int
    blocks: int
    slides: int


@dataclass(frozen=True, slots=True)
class TaskSlide:
    """A slide as a task lists it.

    Attributes
    ----------
    block_id
        The smallest id of the slides of the same case and block.
    name, case_private
        `None` while private names are hidden.
    extension
        Of the file, without the dot.
    case_id
        0 for slides without a case.
    case_display
        The private name where it is shown, else the public one.
    path_count, marker_count, sample_count, region_count
        What is on it in the task; `None` where the task's mode has none of these.
    """

    id: int
    study_id: int
    block_id: int
    block: str
    section: str
    number: str
    stain: str
    tags: tuple[str, ...]
    name: str | None
    extension: str
    case_id: int
    case_private: str | None
    case_public: str
    case_display: str
    path_count: int | None = None
    marker_count: int | None = None
    sample_count: int | None = None
    region_count: int | None = None


@dataclass(frozen=True, slots=True)
class ManifestFilter:
    """Which slides of a task are listed; all conditions hold together, and `None` is none.

    Attributes
    ----------
    case, block
        Patterns as SQL's LIKE has them, in any case; `case` is matched with private names.
    section, number
        Equal, as numbers where both are.
    stain
        Equal.
    least_paths, least_markers, least_regions
        At least so many.
    tags_any, tags_all, tags_none
        As in `Selection`, but by exact spelling.
    """

    case: str | None = None
    block: str | None = None
    section: str | None = None
    number: str | None = None
    stain: str | None = None
    least_paths: int | None = None
    least_markers: int | None = None
    least_regions: int | None = None
    tags_any: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    tags_none: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditRecord:
    """Who made something and who changed it last, by user ids, and when."""

    created_by: int
    created_on: datetime
    changed_by: int
    changed_on: datetime


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn on a slide in a task, in the words of paper.js.

    Attributes
    ----------
    text
        JSON; what was sent, unchanged, as long as nobody changed a shape elsewhere.
    """

    text: str
    path_count: int
    marker_count: int
    edit: EditRecord


@dataclass(frozen=True, slots=True)
class TaskShape:
    """A training sample or a sampling region: a shape with one label.

    Attributes
    ----------
    box
        ``(left, top, right, bottom)`` around it, in level-0 pixels.
    label
        `None` for shapes without one, which were drawn elsewhere.
    geometry
        Of a region, ``{"type": "polygon" | "trapezoid", "data": […]}`` as it was given, as JSON.
    """

    id: int
    task_id: int
    slide_id: int
    box: Box
    label: Label | None
    geometry: str
    edit: EditRecord


@dataclass(frozen=True, slots=True)
class LabelUse:
    """A label, and how often tasks with labels have it."""

    label: Label
    sample_count: int
    region_count: int


def _folded(words: Iterable[str]) -> set[str]:
    return {each.casefold() for each in words}
