"""A table of slides to add: which file, and what is known about it."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid
from wsi_lab.model.source import is_address

if TYPE_CHECKING:
    from wsi_lab.service.slides import NewSlide

TEXT_COLUMNS: Mapping[str, str] = {
    "name": "name",
    "case": "case",
    "case_public": "case_public",
    "block": "block",
    "section": "section",
    "slide": "number",
    "stain": "stain",
}
"""Columns that are taken as they are, and the attribute of `NewSlide` they fill."""

MPP_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "mpp": ("mpp_x", "mpp_y"),
    "mpp_x": ("mpp_x",),
    "mpp_y": ("mpp_y",),
}
COLUMNS = frozenset({"path", "tags", *TEXT_COLUMNS, *MPP_COLUMNS})
LARGEST_TABLE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One slide to add.

    Attributes
    ----------
    path
        The file as it was named, or the text of an address.
    known
        Attributes of `NewSlide`.
    place
        Where it was named, to stand before a problem: ``"line 3: "``, or nothing.
    """

    path: Path | str
    known: Mapping[str, object] = field(default_factory=dict)
    place: str = ""

    def slide(self) -> NewSlide:
        """Return what is to be added."""
        from wsi_lab.service.slides import NewSlide  # noqa: PLC0415 (``--help`` needs none of it)

        return NewSlide(path=_absolute(self.path), **self.known)  # type: ignore[arg-type]  # by column, as read


@dataclass(frozen=True, slots=True)
class Manifest:
    """A table as it was read.

    Attributes
    ----------
    folder
        Where it lies; its paths may be relative to that.
    unknown_columns
        Columns nobody has a use for.
    """

    folder: Path = Path()
    entries: tuple[Entry, ...] = ()
    unknown_columns: tuple[str, ...] = ()


def read_manifest(path: Path) -> Manifest:
    """Return the rows of a table.

    Commas, semicolons or tabs stand between its columns, whichever its first line has.

    Raises
    ------
    Invalid
        It cannot be read, has no column ``path``, or rows of it are wrong; every one is named.
    """
    try:
        if path.stat().st_size > LARGEST_TABLE_BYTES:
            raise Invalid(f"The table is larger than {LARGEST_TABLE_BYTES >> 20} MiB.")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The table {path.name} cannot be read as text in UTF-8.") from error
    if not text:
        raise Invalid(f"The table {path.name} is empty.")
    delimiter = _delimiter(text.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(reader))
        rows = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} of the table is no CSV: {error}.") from error
    entries, problems = _entries(columns, rows)
    if problems:
        count = "1 bad row" if len(problems) == 1 else f"{len(problems)} bad rows"
        raise Invalid(f"The table {path.name} has {count}.", problems=problems)
    if not entries:
        raise Invalid(f"The table {path.name} has no rows.")
    unknown = tuple(column for column in columns if column and column not in COLUMNS)
    return Manifest(path.parent, tuple(entries), unknown)


def entries_of(table: Manifest, files: Iterable[Path | str]) -> list[Entry]:
    """Return what is to be added: the rows of a table, and the files it does not speak of.

    A path of the table is relative to the table's folder. Where no such file is, it may also
    name one of `files` by the last parts of its path. Addresses are what they are.
    """
    given = {_absolute(file): Entry(file) for file in files}
    entries: list[Entry] = []
    for row in table.entries:
        path = _path_of(row, table.folder, given)
        given.pop(path, None)
        entries.append(Entry(path, row.known, row.place))
    return [*entries, *given.values()]


def _path_of(row: Entry, folder: Path, given: Mapping[Path | str, Entry]) -> Path | str:
    if isinstance(row.path, str):
        return row.path
    path = _absolute(folder / row.path)
    if path not in given and isinstance(path, Path) and not path.exists():
        path = _named_by_its_end(row.path, given) or path
    return path


def _named_by_its_end(path: Path, given: Iterable[Path | str]) -> Path | str | None:
    found = [file for file in given if Path(file).parts[-len(path.parts) :] == path.parts]
    return found[0] if len(found) == 1 else None


def file_or_address(text: str) -> Path | str:
    """Return what somebody named: the text of an address, or a path.

    Examples
    --------
    >>> file_or_address("s3://slides//a.svs")
    's3://slides//a.svs'
    """
    return text if is_address(text) else Path(text)


def _absolute(path: Path | str) -> Path | str:
    if isinstance(path, str):
        return path
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)


def _delimiter(first_line: str) -> str:
    return max(",;\t", key=first_line.count)


def _columns(cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
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


def _entries(
    columns: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]
) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    problems: list[str] = []
    for line, cells in rows:
        try:
            entries.append(_entry(columns, cells, f"line {line}: "))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    return entries, problems


def _entry(columns: Sequence[str], cells: Sequence[str], place: str) -> Entry:
    if len(cells) > len(columns):
        raise ValueError(f"{len(cells)} cells, but {len(columns)} columns")
    filled = dict(zip(columns, map(str.strip, cells), strict=False))
    if not filled.get("path"):
        raise ValueError("no path")
    known = _known({name: text for name, text in filled.items() if text})
    return Entry(file_or_address(filled["path"]), known, place)


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
