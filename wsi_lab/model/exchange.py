"""What came of bringing annotations in from a file, or of taking them out into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wsi_lab.model.feature import Notice
from wsi_lab.model.layer import Load

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
class Imported:
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
    loads: tuple[Load, ...]
    is_dry_run: bool


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
