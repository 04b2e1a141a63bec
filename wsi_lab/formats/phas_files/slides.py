"""Tables of slides, and of the public names of specimens."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from wsi_lab.errors import Invalid
from wsi_lab.formats.phas_files.checking import JsonObject, Problems
from wsi_lab.formats.safe import no_text_problems, quoted, read_json, text_of
from wsi_lab.formats.safe.text import check_size
from wsi_lab.model.study import checked_name, checked_tags, checked_text

LARGEST = 16 << 20
LARGEST_NUMBER = 1_000_000
LEFT_OUT = frozenset({"duplicate", "exclude"})
"""What is said of slides that are not to be imported."""
_MEMBERS = (
    *("specimen", "block", "stain", "section", "slide_number", "cert", "tags"),
    *sorted(LEFT_OUT),
)
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("slide name", "name", "slide id"),
    "stain": ("stain", "staining"),
    "block": ("block", "block name"),
    "section": ("section", "section number"),
    "number": ("slide number", "slide", "slide no"),
    "cert": ("cert", "certainty"),
    "tags": ("tags", "tag"),
}
"""Columns in their order, and what a header may call them."""
_PUBLIC = frozenset({"public", "public name", "specimen public", "case public", "anonymized name"})


@dataclass(frozen=True, slots=True)
class SlideRow:
    """A slide as a table of PHAS tells of it.

    Attributes
    ----------
    name
        Of the slide, by which its file is found.
    section, number
        Which section of the block, and which slide of it; 0 where nobody said.
    is_left_out
        It is a duplicate, or no good: it is not to be imported.
    """

    specimen: str
    block: str
    section: int
    number: int
    stain: str
    tags: tuple[str, ...]
    name: str
    is_left_out: bool


def read_slide_table(data: bytes, file_name: str) -> list[SlideRow]:
    r"""Return the slides of a table: a JSON object of one slide, or CSV of those of a specimen.

    Parameters
    ----------
    file_name
        Without its ending, it is the name of the slide, or of the specimen.

    Raises
    ------
    Invalid
        Something is wrong with it; ``problems`` lists everything that is.

    Examples
    --------
    >>> (row,) = read_slide_table(b"S1,H&E,A1,2,1,certain,Good;new\n", "HNL-14-18.csv")
    >>> row.specimen, row.name, row.block, row.section, row.number, row.tags
    ('HNL-14-18', 'S1', 'A1', 2, 1, ('good', 'new'))
    """
    stem = PurePath(PurePath(file_name.replace("\\", "/")).name).stem
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return [_slide_of_json(data, stem)]
    return _slides_of_csv(data, stem)


def read_public_names(data: bytes) -> dict[str, str]:
    r"""Return the public names of specimens by their private ones: CSV of these two columns.

    Raises
    ------
    Invalid
        Something is wrong with it; ``problems`` lists everything that is.

    Examples
    --------
    >>> read_public_names(b"private,public\nMiller,Case 1\n")
    {'Miller': 'Case 1'}
    """
    problems = Problems("These public names cannot be used")
    names: dict[str, str] = {}
    given: set[str] = set()
    for line, cells in _rows(data, "table of public names", problems):
        if len(cells) != 2:
            problems.add(f"Line {line}: it has not two columns")
            continue
        if not names and _plain(cells[1]) in _PUBLIC:
            continue
        private, public = (
            problems.checked(f"Line {line}", lambda cell=cell: checked_name(cell, "specimen"), "")  # type: ignore[misc]  # cell
            for cell in cells
        )
        if private in names:
            problems.add(f"Line {line}: {quoted(private)} is named a second time")
        elif public in given:
            problems.add(f"Line {line}: {quoted(public)} is the name of two specimens")
        elif private and public:
            names[private] = public
            given.add(public)
    problems.require_none()
    return names


def _slide_of_json(data: bytes, name: str) -> SlideRow:
    members = read_json(data, most_bytes=LARGEST)
    if not isinstance(members, dict):
        raise Invalid("The file of a slide is a JSON object.")
    problems = Problems("This slide cannot be imported")
    said = JsonObject(members, problems, where="", known=_MEMBERS)
    flags = [said.flag(word) for word in sorted(LEFT_OUT)]
    row = SlideRow(
        specimen=said.text("specimen", lambda text: checked_name(text, "specimen"), required=True)
        or "",
        block=said.text("block", lambda text: checked_text(text, "block"), required=True) or "",
        section=said.number("section", 0, LARGEST_NUMBER) or 0,
        number=said.number("slide_number", 0, LARGEST_NUMBER) or 0,
        stain=said.text("stain", lambda text: checked_text(text, "stain"), required=True) or "",
        tags=said.texts("tags", lambda text: checked_name(text, "tag")) or (),
        name=problems.checked("File name", lambda: checked_name(name, "slide"), ""),
        is_left_out=_is_left_out(said.text("cert")) or True in flags,
    )
    problems.require_none()
    return row


def _slides_of_csv(data: bytes, specimen: str) -> list[SlideRow]:
    problems = Problems("This table of slides cannot be imported")
    specimen = problems.checked("File name", lambda: checked_name(specimen, "specimen"), "")
    places: dict[str, int] | None = None
    rows: list[SlideRow] = []
    names: set[str] = set()
    for line, cells in _rows(data, "table of slides", problems):
        if places is None:
            places = _header(cells)
            if places is not None:
                _check_header(places, line, problems)
                continue
            places = {column: place for place, column in enumerate(_COLUMNS)}
        said = {
            column: cells[place].strip() if place < len(cells) else ""
            for column, place in places.items()
        }
        row = _row(said, specimen, f"Line {line}", problems)
        rows.append(row)
        # One that is left out may well be the same again.
        if row.name and not row.is_left_out:
            if row.name in names:
                problems.add(f"Line {line}: the slide {quoted(row.name)} is named a second time")
            names.add(row.name)
    problems.require_none()
    return rows


def _row(said: Mapping[str, str], specimen: str, where: str, problems: Problems) -> SlideRow:
    def checked(check: Any, column: str, instead: Any) -> Any:
        return problems.checked(where, lambda: check(said.get(column, "")), instead)

    return SlideRow(
        specimen=specimen,
        block=checked(lambda text: checked_name(text, "block"), "block", ""),
        section=checked(lambda text: _number(text, "section"), "section", 0),
        number=checked(lambda text: _number(text, "slide number"), "number", 0),
        stain=checked(lambda text: checked_text(text, "stain"), "stain", ""),
        tags=checked(lambda text: checked_tags(text.lower().split(";")), "tags", ()),
        name=checked(lambda text: checked_name(text, "slide"), "name", ""),
        is_left_out=_is_left_out(said.get("cert")),
    )


def _number(text: str, what: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[0-9]{1,7}(?:\.0*)?", text) or float(text) > LARGEST_NUMBER:
        raise Invalid(f"The {what} {quoted(text)} is no whole number.")
    return int(float(text))


def _is_left_out(cert: str | None) -> bool:
    return cert is not None and cert.strip().lower() in LEFT_OUT


def _header(cells: list[str]) -> dict[str, int] | None:
    """Return in which place each column stands, if this is a header."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        for column, words in _COLUMNS.items():
            if _plain(cell) in words:
                found.setdefault(column, place)
    return found if len(found) >= 3 else None


def _check_header(places: Mapping[str, int], line: int, problems: Problems) -> None:
    lacking = [words[0] for column, words in _COLUMNS.items() if column not in places]
    for word in sorted({"slide name", "stain", "block"} & set(lacking)):
        problems.add(f"Line {line}: there is no column '{word}'")


def _plain(cell: str) -> str:
    return re.sub(r"[\s_-]+", " ", cell.strip().lower())


def _rows(data: bytes, what: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that are not blank, with the numbers of their lines."""
    check_size(len(data), LARGEST, what)
    text = text_of(data, what)
    for problem in no_text_problems(text):
        problems.add(problem)
    first = text.lstrip().split("\n", 1)[0]
    mark = next((each for each in "\t,;" if each in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    is_empty = True
    try:
        for cells in reader:
            if any(map(str.strip, cells)) and not problems.are_too_many:
                is_empty = False
                yield reader.line_num, cells
    except csv.Error as error:
        problems.add(f"Line {reader.line_num}: it is no CSV: {error}")
    if is_empty:
        problems.add(f"The {what} is empty")
