"""What all these files share: a look at members of JSON, and problems that are collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import quoted

T = TypeVar("T")

MOST_PROBLEMS = 1_000
"""Whoever gets more has sent something else."""
_NAMED_IN_A_SENTENCE = 5


class Problems:
    """What is wrong with a file; readers go on with something in its place.

    Examples
    --------
    >>> problems = Problems("This label set cannot be used")
    >>> problems.add("Label 2: it has no name")
    >>> problems.require_none()
    Traceback (most recent call last):
    wsi_lab.errors.Invalid: This label set cannot be used: Label 2: it has no name.
    """

    def __init__(self, about: str) -> None:
        self._about = about
        self._found: list[str] = []

    @property
    def are_too_many(self) -> bool:
        """Whether nobody would read any more of them."""
        return len(self._found) > MOST_PROBLEMS

    def add(self, problem: str) -> None:
        """Note a problem."""
        if not self.are_too_many:
            self._found.append(problem)

    def checked(self, where: str, check: Callable[[], T], instead: T) -> T:
        """Return what `check` does; where it refuses, note why and return something else."""
        try:
            return check()
        except Invalid as error:
            self.add(f"{where}: {_within_a_sentence(error.message)}")
            return instead

    def require_none(self) -> None:
        """Refuse the file if anything is wrong with it."""
        if not self._found:
            return
        named = "; ".join(self._found[:_NAMED_IN_A_SENTENCE])
        more = len(self._found) - _NAMED_IN_A_SENTENCE
        rest = f"; and {more:,} more" if more > 0 else ""
        raise Invalid(f"{self._about}: {named}{rest}.", problems=self._found)


class JsonObject:
    """The members of a JSON object, each asked for by its kind.

    A member that is null counts as absent.

    Parameters
    ----------
    where
        What it is, to stand before problems with it; may be empty.
    known
        The names that members may have; others are problems.
    """

    def __init__(
        self, members: Mapping[str, Any], problems: Problems, *, where: str, known: Sequence[str]
    ) -> None:
        self._members = {name: value for name, value in members.items() if value is not None}
        self._problems = problems
        self._where = where
        for name in self._members.keys() - known:
            self.say(name, f"there is no such member; known are {', '.join(known)}")

    def say(self, name: str, problem: str) -> None:
        """Note a problem with a member."""
        self._problems.add(f"{self._where}{quoted(name)}: {problem}")

    def text(
        self, name: str, check: Callable[[str], str] = str, *, required: bool = False
    ) -> str | None:
        """Return a member that is text as `check` passes it on, `None` where there is none."""
        value = self._value(name, required=required)
        # Names of blocks are often numbers.
        if type(value) is int:
            value = str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            self.say(name, "it is no text")
            return None
        return self._problems.checked(f"{self._where}{quoted(name)}", lambda: check(value), "")

    def flag(self, name: str, *, required: bool = False) -> bool:
        """Return a member that is true or false, false where there is none."""
        value = self._value(name, required=required)
        if value is not None and not isinstance(value, bool):
            self.say(name, "it is neither true nor false")
        return value is True

    def number(self, name: str, least: int, most: int) -> int | None:
        """Return a member that is a whole number, `None` where there is none."""
        value = self._value(name)
        if value is None or (type(value) is int and least <= value <= most):
            return value
        self.say(name, f"it is no whole number from {least:,} to {most:,}")
        return None

    def texts(self, name: str, check: Callable[[str], str]) -> tuple[str, ...] | None:
        """Return a member that is a list of texts, `None` where there is none."""
        value = self._value(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.say(name, "it is no list of texts")
            return None
        where = f"{self._where}{quoted(name)}"
        checked = (
            self._problems.checked(where, lambda text=each: check(text), "")  # type: ignore[misc]  # each
            for each in value
        )
        return tuple(checked)

    def object(self, name: str, known: Sequence[str]) -> JsonObject | None:
        """Return a member that is an object, `None` where there is none."""
        value = self._value(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.say(name, "it is no object")
            return None
        where = f"{self._where}{quoted(name)}, "
        return JsonObject(value, self._problems, where=where, known=known)

    def _value(self, name: str, *, required: bool = False) -> Any:
        value = self._members.get(name)
        if value is None and required:
            self.say(name, "it is missing")
        return value


def _within_a_sentence(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
