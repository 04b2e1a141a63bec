"""Text that strangers sent, and its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wsi_lab.errors import Invalid

MOST_LINES = 1_000_000

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def text_of(data: str | bytes, what: str = "file") -> str:
    """Return text without a byte order mark, from UTF-8, or from UTF-16 that has one.

    Raises
    ------
    Invalid
        It is neither.
    """
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    coding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    try:
        return data.decode(coding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Invalid(f"The {what} is not UTF-8 text; save it as such.") from None


def lines_of(text: str | bytes) -> Iterator[tuple[int, str]]:
    r"""Yield every line with its number, from 1. Nothing but ``\n``, ``\r\n`` ends one.

    Text that has ``\r`` only is taken for lines that end so.

    Raises
    ------
    Invalid
        There are more than `MOST_LINES`, or it is no UTF-8.

    Examples
    --------
    >>> list(lines_of("\ufeffa\r\nb\u2028c"))
    [(1, 'a'), (2, 'b\u2028c')]
    """
    text = text_of(text)
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    if text.count("\n") > MOST_LINES:
        raise Invalid(f"The text has more than {MOST_LINES:,} lines; send it in parts.")
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.removesuffix("\r")


def no_text_problems(text: str) -> list[str]:
    """Return a problem for every line with characters that cannot be stored as text."""
    if _NO_TEXT.search(text) is None:
        return []
    return [
        f"Line {number}: holds characters that are no text (NUL, or half of a pair)"
        for number, line in lines_of(text)
        if _NO_TEXT.search(line)
    ]


def quoted(text: str) -> str:
    r"""Return a stranger's text for use in a sentence: short, on one line, in quotes.

    Examples
    --------
    >>> quoted("a\tb\u202e" + "c" * 90)
    "'a b cccccccccccccccccccccccccccccccccccc…'"
    """
    short = text if len(text) <= 40 else text[:40] + "…"
    return "'" + "".join(each if each.isprintable() else " " for each in short) + "'"


def encoded(data: str | bytes, what: str) -> bytes:
    """Return text in UTF-8, and bytes as they are."""
    if isinstance(data, bytes):
        return data
    try:
        return data.encode()
    except UnicodeEncodeError:
        raise Invalid(f"The {what} holds characters that are no text.") from None


def check_size(size: int, most_bytes: int, what: str) -> None:
    """Refuse what is larger than somebody is ready to read."""
    if size > most_bytes:
        raise Invalid(f"The {what} has more than {most_bytes:,} bytes.")
