"""What is said of things besides: properties, tags, descriptions."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.model.study import checked_name

LONGEST_VALUE = 100_000
"""Characters of the value of a property."""
CASE_KEY = "case"
"""What a slide's case is called among its properties."""

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class ThingKind(StrEnum):
    """What can be remarked on."""

    STUDY = "project"
    SLIDE = "imageinstance"
    IMAGE = "abstractimage"
    ANNOTATION = "annotation"


@dataclass(frozen=True, slots=True)
class Property:
    """A key and a value, which is told as text.

    Attributes
    ----------
    created_on, created_by, changed_on
        `None` where that is not told apart from the thing's own.
    """

    id: int
    kind: ThingKind
    thing_id: int
    key: str
    value: str
    created_on: datetime | None = None
    created_by: int | None = None
    changed_on: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A word that things can be tagged with; capital letters do not make it another one.

    Attributes
    ----------
    created_on, created_by
        `None` for a word that came with a slide.
    """

    id: int
    name: str
    created_on: datetime | None
    created_by: int | None


@dataclass(frozen=True, slots=True)
class TagLink:
    """That a thing has a tag."""

    id: int
    tag: Tag
    kind: ThingKind
    thing_id: int
    created_on: datetime | None
    created_by: int | None


@dataclass(frozen=True, slots=True)
class Description:
    """A text about a thing, in HTML that is sanitised already."""

    kind: ThingKind
    thing_id: int
    html: str
    created_on: datetime | None = None
    created_by: int | None = None
    changed_on: datetime | None = None


def property_id(kind: ThingKind, thing_id: int, key: str) -> int:
    """Return the id of a property that is a part of its thing, where no other has its key.

    Examples
    --------
    >>> property_id(ThingKind.ANNOTATION, 7, "grade")
    116796952501325
    """
    said = f"{kind.value}/{thing_id}/{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(said).digest()[:6], "big") or 1


def value_text(value: Any) -> str:
    """Return a value of a property as text: JSON, but for what is text already.

    Examples
    --------
    >>> value_text("3+4"), value_text(10), value_text(0.5), value_text(True), value_text(["a"])
    ('3+4', '10', '0.5', 'true', '["a"]')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return msgspec.json.encode(value).decode()


def checked_value(value: Any) -> str:
    """Return the value of a property as text.

    Raises
    ------
    Invalid
        It is longer than `LONGEST_VALUE` characters, or holds control characters.
    """
    text = value_text(value)
    if len(text) > LONGEST_VALUE:
        raise Invalid(f"The value of a property may have at most {LONGEST_VALUE:,} characters.")
    if _NOT_TEXT.search(text):
        raise Invalid("The value of a property may not hold control characters.")
    return text


def checked_key(key: str) -> str:
    """Return the key of a property without blanks around it; see `checked_name`."""
    return checked_name(key, "property")


def same_word(one: str, other: str) -> bool:
    """Return whether two words are one tag.

    Only the capital letters of English count as equal to small ones, as in the database.

    Examples
    --------
    >>> same_word("Good", "good"), same_word("Ü", "ü")
    (True, False)
    """
    return _small(one) == _small(other)


def _small(word: str) -> bytes:
    # Of bytes, which leaves all letters alone but those of ASCII.
    return word.encode("utf-8", "surrogatepass").lower()
