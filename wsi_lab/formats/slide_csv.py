"""A table of slides that are to be added: a line for each, with what is known about it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wsi_lab.errors import Invalid

TEXT_COLUMNS: Mapping[str, str] = {
    "name": "name",
    "case": "case",
    "case_public": "case_public",
    "block": "block",
    "section": "section",
    "slide": "number",
    "stain": "stain",
}
"""Columns that are taken as they are, and the word for a new slide's field that they fill."""

MPP_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "mpp": ("mpp_x", "mpp_y"),
    "mpp_x": ("mpp_x",),
    "mpp_y": ("mpp_y",),
}
LEFT_OUT_COLUMN = "cert"
LEFT_OUT = frozenset({"duplicate", "exclude"})
"""What PHAS's tables say of slides that are not to be imported."""

COLUMNS = frozenset({"path", "tags", LEFT_OUT_COLUMN, *TEXT_COLUMNS, *MPP_COLUMNS})

SYNONYMS: Mapping[str, str] = {
    "specimen": "case",
    "specimen_public": "case_public",
    "slide_number": "slide",
    "slide_name": "name",
}
"""PHAS's words for the same columns."""

LARGEST_TABLE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class SlideLine:
    """One slide to add.

    Attributes
    ----------
    path
        As it is written in the table.
    known
        Fields of a new slide, by the words of `TEXT_COLUMNS` and `MPP_COLUMNS`, and its tags.
    place
        Where it stands, to be put before a problem: ``"line 3: "``.
    """

    path: str
    known: Mapping[str, object] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True, slots=True)
class SlideTable:
    """A table as it was read.

    Attributes
    ----------
    unknown_columns
        Columns nobody has a use for.
    left_out
        How many rows say that their slides are not to be imported.
    """

    lines: tuple[SlideLine, ...]
    unknown_columns: tuple[str, ...] = ()
    left_out: int = 0


def read_slide_csv(content: bytes, name: str) -> SlideTable:
    r"""Return the rows of a table.

    Commas, semicolons or tabs stand between its columns, whichever its first line has.

    Parameters
    ----------
    name
        What the table is called in problems.

    Raises
    ------
    Invalid
        It cannot be read, has no column ``path``, or rows of it are wrong; every one is named.

    Examples
    --------
    >>> read_slide_csv(b"path,stain\na.svs,HE\n", "table").lines[0].known
    {'stain': 'HE'}
    """
    if len(content) > LARGEST_TABLE_BYTES:
        raise Invalid(f"The table is larger than {LARGEST_TABLE_BYTES >> 20} MiB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"The table {name} cannot be read as text in UTF-8.") from error
    if not text:
        raise Invalid(f"The table {name} is empty.")
    delimiter = _delimiter(text.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = next(reader)
        rows = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} of the table is no CSV: {error}.") from error
    return slide_table_of(columns, rows, f"The table {name}")


def slide_table_of(
    heads: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    name: str,
    *,
    row_word: str = "line",
) -> SlideTable:
    """Return the slides of rows that are texts already, each with its number.

    Raises
    ------
    Invalid
        There is no column ``path``, there are no rows, or some are wrong; every one is named.
    """
    columns = _columns(heads)
    meant = [(line, cells) for line, cells in rows if not _is_left_out(columns, cells)]
    lines, problems = _lines(columns, meant, row_word)
    if problems:
        count = "1 bad row" if len(problems) == 1 else f"{len(problems)} bad rows"
        raise Invalid(f"{name} has {count}.", problems=problems)
    if not rows:
        raise Invalid(f"{name} has no rows.")
    unknown = tuple(column for column in columns if column and column not in COLUMNS)
    return SlideTable(tuple(lines), unknown, len(rows) - len(meant))


def _delimiter(first_line: str) -> str:
    return max(",;\t", key=first_line.count)


def _columns(cells: Sequence[str]) -> list[str]:
    words = [cell.strip().lower().replace(" ", "_") for cell in cells]
    columns = [SYNONYMS.get(word, word) for word in words]
    problems = []
    if "path" not in columns:
        problems.append("there is no column 'path'")
    problems += [
        f"the column '{column}' is there twice"
        for column in sorted(COLUMNS)
        if columns.count(column) > 1
    ]
    if problems:
        raise Invalid(f"The table's first line is wrong: {'; '.join(problems)}.")
    return columns


def _is_left_out(columns: Sequence[str], cells: Sequence[str]) -> bool:
    filled = dict(zip(columns, cells, strict=False))
    return filled.get(LEFT_OUT_COLUMN, "").strip().lower() in LEFT_OUT


def _lines(
    columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]], row_word: str
) -> tuple[list[SlideLine], list[str]]:
    lines: list[SlideLine] = []
    problems: list[str] = []
    for number, cells in rows:
        place = f"{row_word} {number}: "
        try:
            lines.append(_line(columns, cells, place))
        except ValueError as error:
            problems.append(f"{place}{error}")
    return lines, problems


def _line(columns: Sequence[str], cells: Sequence[str], place: str) -> SlideLine:
    if len(cells) > len(columns):
        raise ValueError(f"{len(cells)} cells, but {len(columns)} columns")
    filled = dict(zip(columns, map(str.strip, cells), strict=False))
    if not filled.get("path"):
        raise ValueError("no path")
    known = _known({name: text for name, text in filled.items() if text})
    return SlideLine(filled["path"], known, place)


def _known(cells: Mapping[str, str]) -> dict[str, object]:
    known: dict[str, object] = {
        attribute: cells[column] for column, attribute in TEXT_COLUMNS.items() if column in cells
    }
    if "tags" in cells:
        known["tags"] = tuple(tag.strip() for tag in cells["tags"].split(";") if tag.strip())
    for column, attributes in MPP_COLUMNS.items():
        if column in cells:
            known.update(dict.fromkeys(attributes, _number(column, cells[column])))
    return known


def _number(column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        advice = "; write it with a point" if "," in text else ""
        raise ValueError(f"'{text}' in the column '{column}' is not a number{advice}")
    return number
