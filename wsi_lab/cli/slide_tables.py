"""Slides to be added: the files that are named, with what tables say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wsi_lab.cli.console import Console, contents_of
from wsi_lab.cli.manifest import Entry, Manifest, entries_of, read_manifest
from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    from wsi_lab.formats.phas_files import SlideRow


@dataclass(frozen=True, slots=True)
class Described:
    """Files, with what tables say of them.

    Attributes
    ----------
    left_out
        How many files the tables say not to import.
    without_file
        Names of slides for which no file was named.
    """

    entries: tuple[Entry, ...]
    left_out: int
    without_file: tuple[str, ...]


def named_slides(
    console: Console,
    files: Iterable[Path | str],
    manifest: Path | None,
    phas_tables: Sequence[Path] = (),
) -> Sequence[Entry]:
    """Return what is to be added, and remark on what is not."""
    table = Manifest() if manifest is None else read_manifest(manifest)
    if table.unknown_columns:
        console.remark(f"Columns that are not used: {', '.join(table.unknown_columns)}.")
    found = described(entries_of(table, files), phas_tables)
    if left_out := table.left_out + found.left_out:
        console.remark(f"Left out, as the table says: {left_out}.")
    if found.without_file:
        console.remark(f"No file was named for: {', '.join(found.without_file)}.")
    return found.entries


def described(entries: Iterable[Entry], tables: Sequence[Path]) -> Described:
    """Return what tables say of files, which are called like the slides; see `read_slide_table`.

    Raises
    ------
    Invalid
        A table makes no sense, or two files or rows are of one slide.
    """
    from wsi_lab.formats.phas_files import read_slide_table  # noqa: PLC0415 (``--help`` needs none of it)

    rows: dict[str, SlideRow] = {}
    for table in tables:
        for row in read_slide_table(contents_of(table), table.name):
            if rows.get(row.name, row) != row:
                raise Invalid(f"The tables name the slide '{row.name}' twice.")
            rows[row.name] = row
    taken: dict[str, Entry] = {}
    kept: list[Entry] = []
    for entry in entries:
        name = _stem(entry.path)
        if name in taken:
            raise Invalid(f"Two files are called '{name}'; the tables cannot say which is which.")
        found = rows.get(name)
        if found is not None:
            taken[name] = entry
        if found is None or not found.is_left_out:
            kept.append(entry if found is None else _described(entry, found))
    return Described(
        tuple(kept),
        sum(rows[name].is_left_out for name in taken),
        tuple(name for name, row in rows.items() if name not in taken and not row.is_left_out),
    )


def _described(entry: Entry, row: SlideRow) -> Entry:
    said = {
        "name": row.name,
        "case": row.specimen,
        "block": row.block,
        "section": _number_text(row.section),
        "number": _number_text(row.number),
        "stain": row.stain,
        "tags": row.tags,
    }
    known = {attribute: value for attribute, value in said.items() if value}
    return Entry(entry.path, {**known, **entry.known}, entry.place)


def _number_text(number: int) -> str:
    return str(number) if number else ""


def _stem(path: Path | str) -> str:
    return (path if isinstance(path, Path) else PurePosixPath(path)).stem
