"""How times and lists lie in columns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec


def time_text(time: datetime) -> str:
    """Return a moment as text of fixed length in UTC, so that texts sort as the moments do.

    Examples
    --------
    >>> time_text(datetime(2026, 7, 1, 12, tzinfo=UTC))
    '2026-07-01T12:00:00.000000Z'
    """
    # Not strftime: it writes the year 1, which programs without a time tend to name, as "1".
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def time_of(text: str) -> datetime:
    """Return the moment that `time_text` wrote."""
    return datetime.fromisoformat(text)


def maybe_time_text(time: datetime | None) -> str | None:
    """Return `time_text`, or `None` for no moment."""
    return None if time is None else time_text(time)


def maybe_time_of(text: str | None) -> datetime | None:
    """Return `time_of`, or `None` for no text."""
    return None if text is None else time_of(text)


def words_text(words: Iterable[str]) -> str:
    """Return words as a JSON array, sorted, each once.

    Examples
    --------
    >>> words_text(["tumour", "HE", "HE"])
    '["HE","tumour"]'
    """
    return msgspec.json.encode(sorted({str(word) for word in words})).decode()


def words_of(text: str) -> tuple[str, ...]:
    """Return the words that `words_text` wrote."""
    return msgspec.json.decode(text, type=tuple[str, ...])


def texts_of(text: str) -> dict[str, str]:
    """Return texts by name from what `json_text` wrote of them."""
    return msgspec.json.decode(text, type=dict[str, str])


def json_text(thing: Any) -> str:
    """Return any value of the model as JSON, the same text for equal values."""
    return msgspec.json.encode(thing, order="deterministic").decode()
