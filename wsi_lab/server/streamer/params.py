"""From the query of a request to values, with the door's own words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wsi_lab.errors import Invalid

Query = Mapping[str, list[bytes]]
"""As tornado has it: every name with all its values."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Clamped:
    """A number that was asked for, and the nearest one that is given."""

    asked: int
    value: int

    @property
    def is_changed(self) -> bool:
        """Whether another one was asked for."""
        return self.asked != self.value


def one(query: Query, name: str, *, reason: str = "invalid_request") -> str | None:
    """Return the value of a parameter, `None` without one.

    Raises
    ------
    Invalid
        It is given more than once.

    Examples
    --------
    >>> one({"prefix": [b"a/"]}, "prefix")
    'a/'
    """
    values = query.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise Invalid(f"'{name}' is given {len(values)} times.", reason=reason)
    return values[0].decode("utf-8", "replace")


def clamped(query: Query, name: str, usual: int, least: int, most: int) -> Clamped:
    """Return a whole number, moved between `least` and `most`.

    Raises
    ------
    Invalid
        It is no whole number, or given more than once.

    Examples
    --------
    >>> clamped({"limit": [b"-5"]}, "limit", 100, 1, 1000)
    Clamped(asked=-5, value=1)
    """
    text = one(query, name)
    if text is None:
        return Clamped(usual, usual)
    if _WHOLE_NUMBER.fullmatch(text) is None:
        raise Invalid(f"'{name}' is a whole number.", reason="invalid_request")
    # Nobody means a number of more digits; python would refuse to read thousands of them.
    asked = int(text) if len(text) <= _MOST_DIGITS else int(text[:_MOST_DIGITS])
    return Clamped(asked, min(max(asked, least), most))


def quality(query: Query) -> int | None:
    """Return the quality of images that is asked for, `None` when none is.

    Raises
    ------
    Invalid
        It is no whole number from 1 to 100, or given more than once.

    Examples
    --------
    >>> quality({"quality": [b"90"]}), quality({})
    (90, None)
    """
    text = one(query, "quality", reason="invalid_quality")
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
    if not 1 <= number <= 100:
        raise Invalid(
            "The quality of an image is a whole number from 1 to 100.", reason="invalid_quality"
        )
    return number
