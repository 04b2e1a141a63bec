"""What readers are asked: the twenty kinds of questions, and what each takes for an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wsi_lab.errors import Invalid
from wsi_lab.model.study import checked_name

LONGEST_CONFIGURATION = 20_000
DEFAULT_COLOUR = "#e6194b"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class QuestionKind(StrEnum):
    """Slide Score's kinds, by its names and in the order of its numbers."""

    FREE_TEXT = "FreeText"
    INTEGER = "Integer"
    REAL = "Real"
    DROP_DOWN = "DropDown"
    POSITIVE_NEGATIVE = "PositiveNegative"
    INTENSITIES = "Intensities"
    PERCENTAGE = "Percentage"
    CHECKBOX = "Checkbox"
    CLICK_FRIENDLY = "ClickFriendly"
    PERCENTAGE_ONLY = "PercentageOnly"
    INTENSITIES_ONLY = "IntensitiesOnly"
    POSITIVE_NEGATIVE_ONLY = "PositiveNegativeOnly"
    CLICK_FRIENDLY_ONLY = "ClickFriendlyOnly"
    CLICK_FRIENDLY_POLL_ONLY = "ClickFriendlyPollOnly"
    EXPLANATION = "Explanation"
    H_SCORE = "HScore"
    H_SCORE_ONLY = "HScoreOnly"
    ANNO_POINTS = "AnnoPoints"
    ANNO_MEASURE = "AnnoMeasure"
    ANNO_SHAPES = "AnnoShapes"

    @property
    def number(self) -> int:
        """Slide Score's number of the kind.

        Examples
        --------
        >>> QuestionKind.ANNO_SHAPES.number
        19
        """
        return list(QuestionKind).index(self)

    @property
    def is_drawn(self) -> bool:
        """Whether an answer is a list of shapes: the question is a layer of annotations."""
        return self in _DRAWN

    @property
    def has_options(self) -> bool:
        """Whether the configuration lists what one may choose from."""
        return self in _CHOSEN


_DRAWN = frozenset({QuestionKind.ANNO_POINTS, QuestionKind.ANNO_MEASURE, QuestionKind.ANNO_SHAPES})
_CHOSEN = frozenset(
    {
        QuestionKind.DROP_DOWN,
        QuestionKind.CLICK_FRIENDLY,
        QuestionKind.CLICK_FRIENDLY_ONLY,
        QuestionKind.CLICK_FRIENDLY_POLL_ONLY,
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a study; one whose answers are drawn is a layer of annotations.

    Attributes
    ----------
    position
        By which questions are ordered.
    name
        Unique among the study's questions.
    configuration
        As it was stated: options, separated by semicolons, or the colour of what is drawn.
    """

    id: int
    study_id: int
    position: int
    name: str
    kind: QuestionKind
    configuration: str
    revision: int

    @property
    def options(self) -> tuple[str, ...]:
        """What one may choose from; empty for kinds that are no choice.

        Examples
        --------
        >>> Question(1, 1, 0, "Grade", QuestionKind.DROP_DOWN, "1;;2; 3", 1).options
        ('1', '2', '3')
        """
        if not self.kind.has_options:
            return ()
        return tuple(part.strip() for part in self.configuration.split(";") if part.strip())

    @property
    def colour(self) -> str:
        """The colour its shapes are drawn in, ``#rrggbb`` in small letters."""
        stated = self.configuration.partition(";")[0].strip()
        return stated.lower() if _COLOUR.fullmatch(stated) else DEFAULT_COLOUR


@dataclass(frozen=True, slots=True)
class QuestionSpec:
    """What a question is to be: a line of a ``.scores`` file."""

    name: str
    kind: QuestionKind
    configuration: str = ""


def is_colour(text: str) -> bool:
    """Return whether a text is a colour that shapes can be drawn in.

    Examples
    --------
    >>> is_colour("#E6194b"), is_colour("red")
    (True, False)
    """
    return _COLOUR.fullmatch(text) is not None


def checked_question(name: str, kind: str, configuration: str = "") -> QuestionSpec:
    """Return what a question is to be.

    Parameters
    ----------
    kind
        A name of `QuestionKind`, whatever its case.

    Raises
    ------
    Invalid
        There is no such kind, or a text is not one.

    Examples
    --------
    >>> checked_question(" Tumour ", "annoshapes", "#e6194b").kind
    <QuestionKind.ANNO_SHAPES: 'AnnoShapes'>
    """
    name = checked_name(name, "question")
    found = _BY_WORD.get(kind.strip().lower())
    if found is None:
        raise Invalid(
            f"'{kind.strip()[:40]}' is not a kind of question. "
            f"There are: {', '.join(QuestionKind)}."
        )
    if len(configuration) > LONGEST_CONFIGURATION:
        raise Invalid(
            "The configuration of a question may have at most "
            f"{LONGEST_CONFIGURATION:,} characters."
        )
    if _CONTROL.search(configuration):
        raise Invalid(
            "The configuration of a question may not hold line breaks or control characters."
        )
    return QuestionSpec(name, found, configuration)


def problem_of(question: Question, value: str) -> str | None:
    """Return why a reader's answer to a question is none, or `None` when it is one.

    Only what a form would not let pass either is refused: numbers that are none, what is not
    among the options. An empty answer takes an earlier one back. Whether shapes can be read is
    told by whoever reads them.

    Examples
    --------
    >>> grade = Question(1, 1, 0, "Grade", QuestionKind.DROP_DOWN, "1;2;3", 1)
    >>> problem_of(grade, "2")
    >>> problem_of(grade, "4")
    "'Grade' takes one of: 1, 2, 3."
    """
    if not value or question.kind.is_drawn:
        return None
    name, kind = question.name, question.kind
    if kind is QuestionKind.INTEGER and not _INTEGER.fullmatch(value):
        return f"'{name}' takes a whole number."
    if kind is QuestionKind.REAL and not _REAL.fullmatch(value):
        return f"'{name}' takes a number, such as 0.5."
    if kind in _RANGES:
        low, high = _RANGES[kind]
        number = value.removesuffix("%").strip()
        if not _REAL.fullmatch(number) or not low <= float(number) <= high:
            return f"'{name}' takes a number from {low} to {high}."
    choices = question.options or _WORDS.get(kind, ())
    if choices and value.strip().lower() not in {choice.lower() for choice in choices}:
        return f"'{name}' takes one of: {', '.join(choices)}."
    if kind is QuestionKind.EXPLANATION:
        return f"'{name}' explains something and takes no answer."
    return None


# Of the others of their kinds nobody says what they take beside, so that they take any text.
_RANGES: Mapping[QuestionKind, tuple[int, int]] = {
    QuestionKind.PERCENTAGE_ONLY: (0, 100),
    QuestionKind.INTENSITIES_ONLY: (0, 3),
    QuestionKind.H_SCORE_ONLY: (0, 300),
}
_WORDS: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.POSITIVE_NEGATIVE_ONLY: ("Positive", "Negative"),
    QuestionKind.CHECKBOX: ("True", "False", "1", "0"),
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_REAL = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][+-]?[0-9]{1,2})?")
_BY_WORD = {kind.value.lower(): kind for kind in QuestionKind}
