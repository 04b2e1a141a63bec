"""A reading: one reader goes through the items of a study, in an order of their own.

An item is what is answered about at once: a slide or, where a study says so, a case with all its
slides. Items and slides have numbers from 1 on in the reader's order. Whoever reads blind knows
nothing but these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from wsi_lab.model.case_order import case_order
from wsi_lab.model.question import Question, QuestionKind
from wsi_lab.model.study_settings import SCORE_CASES, SEED, SHUFFLE, TIME_CASES, is_blind, is_on

LONGEST_VISIT = 7 * 24 * 3600.0
"""Seconds that one visit to an item may take; a page that is left open tells nothing."""

_NOT_NEEDED = frozenset({QuestionKind.FREE_TEXT, QuestionKind.EXPLANATION})


@dataclass(frozen=True, slots=True)
class ReadingSettings:
    """How a study is read.

    Attributes
    ----------
    is_blind
        Readers may not know what cases are called, or in which order they are.
    hides_names
        They are told numbers instead of names.
    may_change
        An answer that was given may become another one.
    may_jump
        They may go to any item, and not only to the next one.
    shows_others
        Whoever has answered a question sees what others have answered.
    is_timed
        How long they look at an item is kept.
    scores_cases
        Items are cases, not slides.
    cores_at_once
        All cores of a tissue microarray are shown at once, not one after the other.
    shows_samples
        What the cores of a tissue microarray are called is told.
    seed
        Of the orders; `None` where all have the study's.
    """

    is_blind: bool
    hides_names: bool
    may_change: bool
    may_jump: bool
    shows_others: bool
    is_timed: bool
    scores_cases: bool
    cores_at_once: bool
    shows_samples: bool
    seed: int | None

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> ReadingSettings:
        """Return what a study's settings say.

        Examples
        --------
        >>> found = ReadingSettings.of({"hideslidenames": "true", "allowchangingscores": "no"})
        >>> found.is_blind, found.may_change, found.may_jump
        (True, False, True)
        """
        hides_names = is_on(settings, "hideslidenames")
        is_fixed = is_on(settings, "disallowrewritingscores") or (
            "allowchangingscores" in settings and not is_on(settings, "allowchangingscores")
        )
        return cls(
            is_blind=is_blind(settings),
            hides_names=hides_names,
            may_change=not is_fixed,
            may_jump=not is_on(settings, "disallownavigation"),
            shows_others=is_on(settings, "showotherpeoplesscores"),
            is_timed=is_on(settings, TIME_CASES),
            scores_cases=is_on(settings, SCORE_CASES),
            cores_at_once=is_on(settings, "scoretmacoresatonce"),
            shows_samples=not hides_names or is_on(settings, "showtmasampleids"),
            seed=int(settings.get(SEED) or 0) if is_on(settings, SHUFFLE) else None,
        )


class SlideOfCase(NamedTuple):
    """A slide, and the case that it belongs to, if any."""

    slide_id: int
    case_id: int | None


class Item(NamedTuple):
    """What is answered about at once.

    Attributes
    ----------
    number
        In the reader's order, from 1.
    slide_ids
        Of its slides, in their order.
    first_slide
        The number of the first of them; the others follow.
    case_id
        `None` for an item that is a slide.
    """

    number: int
    slide_ids: tuple[int, ...]
    first_slide: int
    case_id: int | None = None


def items_of(
    settings: ReadingSettings, reader: str, slides: Iterable[SlideOfCase]
) -> tuple[Item, ...]:
    """Return the items of a study in the order that a reader gets them.

    Slides of a case stay together, and in their order.

    Parameters
    ----------
    reader
        Their e-mail address.
    slides
        In the study's order.

    Examples
    --------
    >>> settings = ReadingSettings.of({"scorecases": "true"})
    >>> slides = [SlideOfCase(1, 9), SlideOfCase(2, None), SlideOfCase(3, 9)]
    >>> [(item.number, item.slide_ids) for item in items_of(settings, "anna@lab", slides)]
    [(1, (1, 3)), (2, (2,))]
    """
    # A slide without a case is by itself; no case has such an id.
    together: dict[int, list[int]] = {}
    for slide_id, case_id in slides:
        together.setdefault(-slide_id if case_id is None else case_id, []).append(slide_id)
    order: Iterable[int] = together
    if settings.seed is not None:
        order = case_order(settings.seed, reader, together)
    items: list[Item] = []
    first = 1
    for group in order:
        slide_ids = together[group]
        if settings.scores_cases and group > 0:
            items.append(Item(len(items) + 1, tuple(slide_ids), first, group))
            first += len(slide_ids)
            continue
        for slide_id in slide_ids:
            items.append(Item(len(items) + 1, (slide_id,), first))
            first += 1
    return tuple(items)


def is_needed(question: Question) -> bool:
    """Return whether an item without an answer to a question is not done.

    Examples
    --------
    >>> is_needed(Question(1, 1, 0, "Remarks", QuestionKind.FREE_TEXT, "", 1))
    False
    """
    return question.kind not in _NOT_NEEDED


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reader is.

    Attributes
    ----------
    answered, needed
        Answers that were given, of those that the study needs: one to each question, item and
        core.
    items_done, items
        Items with all answers that they need, of all that need any.
    answered_on
        When the last answer was given.
    seconds
        For how long they looked at items; `None` where nobody kept it.
    """

    reader: str
    answered: int
    needed: int
    items_done: int
    items: int
    answered_on: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ReadingTime:
    """One visit of a reader to an item.

    Attributes
    ----------
    slide_id, case_id
        What the item is.
    """

    reader: str
    slide_id: int | None
    case_id: int | None
    opened_on: datetime
    seconds: float
