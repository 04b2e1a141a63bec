"""What all these files share: one thing a line, and problems that name theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import lines_of, no_text_problems, text_of

_LONGEST_PROBLEM = 500
MOST_PROBLEMS = 10_000
"""Whoever gets more has sent something else."""


def each_line(text: str | bytes, read: Callable[[int, str], None]) -> list[str]:
    """Hand every line that is not blank to `read`, and return what was wrong with which."""
    try:
        problems = no_text_problems(text_of(text))
        lines = [] if problems else list(lines_of(text))
    except Invalid as error:
        return [error.message]
    for number, line in lines:
        if not line or line.isspace():
            continue
        try:
            read(number, line)
        except Invalid as error:
            problems.append(f"Line {number}: {error.message[:_LONGEST_PROBLEM]}")
            if len(problems) == MOST_PROBLEMS:
                problems.append(f"Line {number + 1}: here and below nothing was looked at any more")
                break
    return problems


def file_of(lines: Iterable[str]) -> str:
    """Return a file of lines."""
    text = "".join(f"{line}\n" for line in lines)
    # A name may begin with what at the beginning of a file is a byte order mark.
    return "\ufeff" + text if text.startswith("\ufeff") else text
