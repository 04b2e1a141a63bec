"""What readers can be asked: a constructor for each of the twenty kinds of questions.

>>> Choice("Grade", ["1", "2", "3"])
Choice(name='Grade', options=('1', '2', '3'))
>>> Shapes("Tumour", colour="#e6194b").configuration
'#e6194b'

The kinds whose names end in ``Only`` take nothing but what they are called after; the others of
the same name leave room for words beside it, such as "not evaluable".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from wsi_lab.errors import Invalid
from wsi_lab.model.question import DEFAULT_COLOUR, QuestionKind, checked_question, is_colour


@dataclass(frozen=True)
class AskedQuestion:
    """A question that is to be asked.

    Attributes
    ----------
    kind
        Slide Score's name of its kind.
    configuration
        Options with semicolons between them, or the colour ``#rrggbb`` of what is drawn.
    """

    name: str
    kind: ClassVar[QuestionKind]

    def __post_init__(self) -> None:
        checked_question(self.name, self.kind, self.configuration)

    @property
    def configuration(self) -> str:
        """What its kind has to know."""
        return ""


@dataclass(frozen=True)
class OfOptions(AskedQuestion):
    """A question that one answers by choosing.

    Attributes
    ----------
    options
        What one may choose from, in the order in which it is shown.
    """

    options: tuple[str, ...]

    def __init__(self, name: str, options: Iterable[object]) -> None:
        if isinstance(options, str):
            raise Invalid(f"'{name}' takes a list of options, not a single text.")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "options", tuple(str(each).strip() for each in options))
        self.__post_init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.options or not all(self.options):
            raise Invalid(f"'{self.name}' needs at least one option, and none that is empty.")
        for each in self.options:
            if ";" in each:
                raise Invalid(
                    f"The option '{each}' of '{self.name}' may not hold a semicolon, which stands "
                    "between options."
                )
        if len({each.casefold() for each in self.options}) < len(self.options):
            raise Invalid(f"'{self.name}' has an option twice.")

    @property
    def configuration(self) -> str:
        """The options, with semicolons between them."""
        return ";".join(self.options)


@dataclass(frozen=True)
class Drawn(AskedQuestion):
    """A question that one answers by drawing: a layer of annotations.

    Attributes
    ----------
    colour
        ``#rrggbb`` of what is drawn.
    """

    colour: str = DEFAULT_COLOUR

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_colour(self.colour):
            raise Invalid(f"The colour of '{self.name}' is written #rrggbb, such as #e6194b.")

    @property
    def configuration(self) -> str:
        """The colour."""
        return self.colour


class FreeText(AskedQuestion):
    """Any text."""

    kind = QuestionKind.FREE_TEXT


class Integer(AskedQuestion):
    """A whole number."""

    kind = QuestionKind.INTEGER


class Real(AskedQuestion):
    """A number."""

    kind = QuestionKind.REAL


class Choice(OfOptions):
    """One of several, from a list that drops down."""

    kind = QuestionKind.DROP_DOWN


class PositiveNegative(AskedQuestion):
    """Positive or negative, or words."""

    kind = QuestionKind.POSITIVE_NEGATIVE


class Intensities(AskedQuestion):
    """The intensity of a stain from 0 to 3, or words."""

    kind = QuestionKind.INTENSITIES


class Percentage(AskedQuestion):
    """A percentage, or words."""

    kind = QuestionKind.PERCENTAGE


class Checkbox(AskedQuestion):
    """Yes or no."""

    kind = QuestionKind.CHECKBOX


class Buttons(OfOptions):
    """One of several, a button for each, or words."""

    kind = QuestionKind.CLICK_FRIENDLY


class PercentageOnly(AskedQuestion):
    """A percentage from 0 to 100."""

    kind = QuestionKind.PERCENTAGE_ONLY


class IntensitiesOnly(AskedQuestion):
    """The intensity of a stain, from 0 to 3."""

    kind = QuestionKind.INTENSITIES_ONLY


class PositiveNegativeOnly(AskedQuestion):
    """Positive or negative."""

    kind = QuestionKind.POSITIVE_NEGATIVE_ONLY


class ButtonsOnly(OfOptions):
    """One of several, a button for each."""

    kind = QuestionKind.CLICK_FRIENDLY_ONLY


class Poll(OfOptions):
    """One of several, of which it is shown how many chose each."""

    kind = QuestionKind.CLICK_FRIENDLY_POLL_ONLY


@dataclass(frozen=True)
class Explanation(AskedQuestion):
    """A text that readers are shown, which asks for no answer.

    Attributes
    ----------
    text
        What is shown beneath the name.
    """

    kind = QuestionKind.EXPLANATION
    text: str = ""

    @property
    def configuration(self) -> str:
        """The text."""
        return self.text


class HScore(AskedQuestion):
    """An H-score from 0 to 300, or words."""

    kind = QuestionKind.H_SCORE


class HScoreOnly(AskedQuestion):
    """An H-score from 0 to 300."""

    kind = QuestionKind.H_SCORE_ONLY


class Points(Drawn):
    """Points, such as cells that are counted."""

    kind = QuestionKind.ANNO_POINTS


class Measurements(Drawn):
    """Lines whose lengths are measured."""

    kind = QuestionKind.ANNO_MEASURE


class Shapes(Drawn):
    """Outlines of regions: polygons, rectangles, ellipses, brush strokes."""

    kind = QuestionKind.ANNO_SHAPES


KINDS: Mapping[QuestionKind, type[AskedQuestion]] = {
    each.kind: each
    for each in (
        *(FreeText, Integer, Real, Choice, PositiveNegative, Intensities, Percentage),
        *(Checkbox, Buttons, PercentageOnly, IntensitiesOnly, PositiveNegativeOnly, ButtonsOnly),
        *(Poll, Explanation, HScore, HScoreOnly, Points, Measurements, Shapes),
    )
}
"""The constructor of every kind."""
