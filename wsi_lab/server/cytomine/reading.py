"""What clients of Cytomine send: more than is known here, and numbers as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.server.parsing import LARGEST_ID, from_said, real_in

F = TypeVar("F", bound=msgspec.Struct)

Said = str | int | float | bool
"""What may be sent where a text is stored."""

MOST_IDS = 10_000
_BETWEEN = re.compile(r"[,_]")
_WORDS = {"true": True, "false": False}


class Query:
    """The query of a request. Of parameters that come twice the last one counts."""

    def __init__(self, arguments: Mapping[str, list[bytes]]) -> None:
        self._texts = {
            name: values[-1].decode("utf-8", "replace").strip()
            for name, values in arguments.items()
        }

    def text(self, name: str) -> str | None:
        """Return a parameter; `None` for one that is not there, or empty."""
        return self._texts.get(name) or None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether a parameter says ``true``, however that is written."""
        text = self.text(name)
        if text is None:
            return default
        return _WORDS.get(text.lower(), default)

    def whole(self, name: str, default: int) -> int:
        """Return a parameter that is a whole number, 0 or more.

        Raises
        ------
        Invalid
            It is none.
        """
        text = self.text(name)
        number = default if text is None else _whole(text)
        if number is None:
            raise Invalid(f"'{name}' must be a whole number, 0 or more.")
        return number

    def real(self, name: str) -> float | None:
        """Return a parameter that is a finite number.

        Raises
        ------
        Invalid
            It is none.
        """
        text = self.text(name)
        if text is None:
            return None
        number = real_in(text)
        if number is None:
            raise Invalid(f"'{name}' must be a number.")
        return number

    def ids(self, *names: str) -> list[int] | None:
        """Return the ids in parameters, between commas or underscores; `None` without any.

        Raises
        ------
        Invalid
            They hold something else.
        """
        texts = [text for name in names if (text := self.text(name)) is not None]
        if not texts:
            return None
        parts = [each.strip() for text in texts for each in _BETWEEN.split(text.strip("[]"))]
        found = [_whole(each) for each in parts if each]
        if len(found) > MOST_IDS or not all(each and each <= LARGEST_ID for each in found):
            raise Invalid(f"'{names[-1]}' must be ids, separated by commas.")
        return [each for each in found if each is not None]


def objects_of(body: bytes) -> dict[str, Any] | list[dict[str, Any]]:
    """Return what a body holds: an object, or a list of them.

    Raises
    ------
    Invalid
        It is no JSON, or something else.
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body of this request must be a JSON object; this is no JSON.") from error
    if isinstance(given, list) and all(isinstance(each, dict) for each in given):
        return given
    if not isinstance(given, dict):
        raise Invalid("The body of this request must be a JSON object, or a list of them.")
    return given


def object_of(form: type[F], given: Any) -> F:
    """Return an object as a form. What the form does not know, and nothing, is passed over.

    Raises
    ------
    Invalid
        It is a list, or breaks the form.
    """
    if not isinstance(given, dict):
        raise Invalid("The body of this request must be one JSON object.")
    return from_said(form, given)


def text_of(said: Said) -> str:
    """Return what was sent as a text.

    Examples
    --------
    >>> text_of("3+4"), text_of(10), text_of(True)
    ('3+4', '10', 'true')
    """
    return said if isinstance(said, str) else msgspec.json.encode(said).decode()


def ids_of(value: Any, name: str) -> list[int]:
    """Return the ids that a field of an object holds: one, a list, or texts of these.

    Raises
    ------
    Invalid
        It holds something else.
    """
    parts = value if isinstance(value, list) else [] if value is None else [value]
    found: list[int] = []
    for part in parts:
        texts = _BETWEEN.split(part) if isinstance(part, str) else [part]
        for text in texts:
            number = text if isinstance(text, int) else _whole(str(text).strip())
            if isinstance(number, bool) or not number or not 0 < number <= LARGEST_ID:
                raise Invalid(f"'{name}' must be ids.")
            found.append(number)
    return found


def _whole(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    number = real_in(text)
    # 12.0 and 1e9 are whole numbers, too.
    return (
        None if number is None or not (0 <= number < 2**53 and number.is_integer()) else int(number)
    )
