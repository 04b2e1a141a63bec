"""What a reader is shown: the list of items, and one item with its slides and answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from wsi_lab.model.question import Question
from wsi_lab.model.reading import ReadingSettings
from wsi_lab.model.study import Study
from wsi_lab.service.answers import Shown

Box = tuple[float, float, float, float]
CorePlace = tuple[int, int]
"""Row and column, from 0."""


class NumberedSlide(NamedTuple):
    """A slide of an item, and what it is called."""

    number: int
    name: str


class AskedQuestion(NamedTuple):
    """A question, and whether an item without an answer to it is not done."""

    question: Question
    is_needed: bool


@dataclass(frozen=True, slots=True)
class ItemOfList:
    """An item, and how many of the answers that it needs there are."""

    number: int
    name: str
    slides: tuple[NumberedSlide, ...]
    core_count: int
    needed: int
    answered: int


@dataclass(frozen=True, slots=True)
class OpenReading:
    """What a reader begins with.

    Attributes
    ----------
    may_change
        Whether whoever reads may change the answers they gave.
    """

    study: Study
    reader: str
    settings: ReadingSettings
    may_change: bool
    questions: tuple[AskedQuestion, ...]
    items: tuple[ItemOfList, ...]


@dataclass(frozen=True, slots=True)
class ReadCore:
    """A core of an item; `box` is ``(x, y, width, height)`` in level-0 pixels."""

    row: int
    column: int
    sample: str
    is_control: bool
    box: Box


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What a reader has answered to a question.

    Attributes
    ----------
    value
        Empty where it is drawn.
    shape_count
        Of the shapes drawn by hand; `None` where none are drawn.
    """

    question_id: int
    core: CorePlace | None
    value: str
    revision: int
    answered_on: datetime
    shape_count: int | None = None


class OtherAnswer(NamedTuple):
    """What somebody else has answered to a question."""

    reader: str
    question_id: int
    core: CorePlace | None
    value: str


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item as a reader sees it."""

    number: int
    name: str
    slides: tuple[tuple[NumberedSlide, Shown], ...]
    cores: tuple[ReadCore, ...]
    answers: tuple[OwnAnswer, ...]
    others: tuple[OtherAnswer, ...]

    def with_slides(self, slides: Iterable[tuple[NumberedSlide, Shown]]) -> ItemPage:
        """Return the page with its slides on it."""
        return dataclasses.replace(self, slides=tuple(slides))
