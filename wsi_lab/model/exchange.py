"""What came of bringing annotations in from a file, or of taking them out into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from wsi_lab.model.feature import Notice

LoadT = TypeVar("LoadT")
"""What is told of a load: all of it in the lab, its id far from it."""

MOST_NOTICES = 100
"""So many are told one by one."""


@dataclass(frozen=True, slots=True)
class LabelFound:
    """A label that shapes in a file have.

    Attributes
    ----------
    colour
        ``#rrggbb``: that of the layer's label, or what the file says of a new one.
    is_new
        Whether the layer did not have it before.
    """

    name: str
    colour: str | None
    count: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Imported(Generic[LoadT]):
    """What came of a file of annotations.

    Attributes
    ----------
    format, title
        What it was read as, and what people call that.
    shape_count
        How many shapes it holds that can be stored.
    kinds
        How many shapes of which kind.
    grid_count
        How many grids of values it holds.
    notices
        What was not understood or had to be repaired: the first `MOST_NOTICES` of them.
    drawn_count, unchanged_count
        How many shapes became hand-made ones, and how many were there from the same file before.
    loads
        What was loaded at once; in a dry run, what would be, with ids that mean nothing.
    is_dry_run
        Whether nothing was stored.
    """

    format: str
    title: str
    shape_count: int
    kinds: Mapping[str, int]
    labels: tuple[LabelFound, ...]
    grid_count: int
    notices: tuple[Notice, ...]
    notice_count: int
    drawn_count: int
    unchanged_count: int
    loads: tuple[LoadT, ...]
    is_dry_run: bool

    def __str__(self) -> str:
        return _in_words(self)


@dataclass(frozen=True, slots=True)
class Exported:
    """A file of annotations on its way out.

    Attributes
    ----------
    name
        What to call the file.
    shape_count
        How many shapes there were to be written.
    notices
        What the format cannot say.
    pieces
        Of the file.
    """

    name: str
    media_type: str
    shape_count: int
    notices: tuple[Notice, ...]
    pieces: Iterator[bytes]


def counted(number: int, what: str) -> str:
    """Return how many there are.

    Examples
    --------
    >>> counted(1, "shape"), counted(2000, "shape")
    ('1 shape', '2,000 shapes')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _in_words(report: Imported[Any]) -> str:
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in report.kinds.items())
    found = f"{report.title}: {counted(report.shape_count, 'shape')}"
    lines = [f"{found} ({kinds})" if kinds else found]
    if report.grid_count:
        lines.append(f"{counted(report.grid_count, 'grid')} of values")
    if report.labels:
        lines.append("Labels: " + ", ".join(map(_label, report.labels)))
    said = ", ".join(_what_became(report)) or "nothing to store"
    lines.append(
        f"Nothing was stored (dry run); else: {said}" if report.is_dry_run else f"Stored: {said}"
    )
    lines += map(str, report.notices)
    rest = report.notice_count - len(report.notices)
    return "\n".join([*lines, f"… and {rest:,} more notices"] if rest else lines)


def _what_became(report: Imported[Any]) -> Iterator[str]:
    if report.drawn_count:
        yield f"{counted(report.drawn_count, 'shape')} drawn"
    if report.unchanged_count:
        yield f"{counted(report.unchanged_count, 'shape')} there already"
    if len(report.loads):
        yield counted(len(report.loads), "load")


def _label(one: LabelFound) -> str:
    return f"{one.name} {one.count:,}{' (new)' if one.is_new else ''}"
