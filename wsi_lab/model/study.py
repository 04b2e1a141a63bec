"""Studies, cases and slides as the lab keeps them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Right

T = TypeVar("T")

LONGEST_NAME = 200
LONGEST_DESCRIPTION = 20_000
MOST_TAGS = 100
# Those that turn the direction of what follows let one name look like another.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Study:
    """A set of slides that the same people look at for the same purpose.

    Attributes
    ----------
    revision
        Counts the changes; a change must name the revision it was made from.
    published_on
        When readers were let in, or `None` while the study is being set up.
    friendly_name, folder
        What people are shown instead of the name, and the folder it is listed in.
    settings
        How it is shown and scored, by the names that `wsi_lab.model.study_settings` knows.
    answered_on
        When the last answer was given.
    created_with
        Id of the token it was made with, if any.
    """

    id: int
    name: str
    description: str
    created_on: datetime
    published_on: datetime | None
    revision: int
    friendly_name: str = ""
    folder: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    answered_on: datetime | None = None
    created_with: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One patient's specimen in a study.

    Attributes
    ----------
    name
        The private name; `None` for those who may not see private information.
    public_name
        What everybody else sees.
    description
        HTML, already sanitised.
    """

    id: int
    study_id: int
    name: str | None
    public_name: str
    revision: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Slide:
    """One whole-slide image in a study.

    Attributes
    ----------
    source
        Where the bytes are: an absolute path of the server. Never sent to anybody but
        administrators.
    block, section, number, stain
        Where in the specimen the slide comes from (`number` counts the slides of a section)
        and how it was stained, free text.
    tags
        Free words, sorted.
    format, width, height, objective_power, file_mpp_x, file_mpp_y
        What the file said when it was added; see `wsi_lab.model.slide.SlideProperties`.
    stated_mpp_x, stated_mpp_y
        Micrometres per level-0 pixel that somebody stated because the file does not say, or
        says wrongly; `None` leaves it to the file.
    description
        HTML, already sanitised.
    rotation
        Degrees clockwise that it is turned by when shown: 0, 90, 180 or 270.
    tma_map_id
        The map of the cores on it, if it is a tissue microarray.
    file_size
        Bytes, when it was added; `None` if nobody knows.
    """

    id: int
    study_id: int
    case_id: int | None
    name: str
    source: str
    block: str
    section: str
    stain: str
    tags: tuple[str, ...]
    format: str
    width: int
    height: int
    objective_power: float | None
    file_mpp_x: float | None
    file_mpp_y: float | None
    stated_mpp_x: float | None
    stated_mpp_y: float | None
    added_on: datetime
    revision: int
    number: str = ""
    description: str = ""
    rotation: int = 0
    tma_map_id: int | None = None
    file_size: int | None = None

    @property
    def mpp_x(self) -> float | None:
        """Micrometres per level-0 pixel from left to right: what was stated, else the file's."""
        return self.stated_mpp_x if self.stated_mpp_x is not None else self.file_mpp_x

    @property
    def mpp_y(self) -> float | None:
        """Micrometres per level-0 pixel from top to bottom: what was stated, else the file's."""
        return self.stated_mpp_y if self.stated_mpp_y is not None else self.file_mpp_y


@dataclass(frozen=True, slots=True)
class Member:
    """A user's rights in a study."""

    study_id: int
    user_id: int
    email: str
    rights: frozenset[Right]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes
    ----------
    items
        In the order of their ids.
    next_cursor
        Hand it in to get the following page; `None` on the last one. Opaque.
    """

    items: tuple[T, ...]
    next_cursor: str | None


def checked_name(name: str, what: str) -> str:
    """Return the name without blanks around it.

    Raises
    ------
    Invalid
        It is empty, longer than `LONGEST_NAME` characters, or holds control characters; or
        nobody could see it.

    Examples
    --------
    >>> checked_name("  HTT pilot ", "study")
    'HTT pilot'
    """
    name = name.strip()
    if not name or _is_invisible(name):
        raise Invalid(f"A {what} needs a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"The name of a {what} may have at most {LONGEST_NAME} characters.")
    if _CONTROL_CHARACTERS.search(name):
        raise Invalid(f"The name of a {what} may not hold line breaks or control characters.")
    return name


def checked_study_name(name: str) -> str:
    """Return the name of a study without blanks around it; see `checked_name`.

    Raises
    ------
    Invalid
        It is no name, or a whole number: tokens are limited to studies by names and ids alike.

    Examples
    --------
    >>> checked_study_name(" 2026-HTT ")
    '2026-HTT'
    """
    name = checked_name(name, "study")
    if name.isdecimal():
        raise Invalid("The name of a study may not be a number: that would look like an id.")
    return name


def checked_text(text: str, what: str) -> str:
    """Return a short free text, which may be empty, without blanks around it.

    Raises
    ------
    Invalid
        It is longer than `LONGEST_NAME` characters, or holds control characters.

    Examples
    --------
    >>> checked_text(" H&E ", "stain")
    'H&E'
    """
    text = text.strip()
    return checked_name(text, what) if text else ""


def checked_description(text: str, what: str) -> str:
    """Return a long free text, which may hold line breaks.

    Raises
    ------
    Invalid
        It is longer than `LONGEST_DESCRIPTION` characters, or holds control characters.
    """
    if len(text) > LONGEST_DESCRIPTION:
        raise Invalid(
            f"The description of a {what} may have at most {LONGEST_DESCRIPTION:,} characters."
        )
    if _NOT_TEXT.search(text):
        raise Invalid(f"The description of a {what} may not hold control characters.")
    return text


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags sorted, each once, without empty ones.

    Raises
    ------
    Invalid
        There are more than `MOST_TAGS`, or one of them is not a name.

    Examples
    --------
    >>> checked_tags(["tumour", " HE ", "", "HE"])
    ('HE', 'tumour')
    """
    found = {checked_name(tag, "tag") for tag in tags if tag.strip()}
    if len(found) > MOST_TAGS:
        raise Invalid(f"A slide may have at most {MOST_TAGS} tags.")
    return tuple(sorted(found))


def _is_invisible(name: str) -> bool:
    # Format characters join and order visible ones; on their own they are as good as blanks.
    return all(unicodedata.category(each) in {"Cf", "Zs"} for each in name)
