"""A table of slides to add: which file, and what is known about it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_lab.model.source import is_address

if TYPE_CHECKING:
    from wsi_lab.service.slides import NewSlide


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
    left_out
        How many rows say that their slides are not to be imported.
    """

    folder: Path = Path()
    entries: tuple[Entry, ...] = ()
    unknown_columns: tuple[str, ...] = ()
    left_out: int = 0


def read_manifest(path: Path) -> Manifest:
    """Return the rows of a table.

    Commas, semicolons or tabs stand between its columns, whichever its first line has.

    Raises
    ------
    Invalid
        It cannot be read, has no column ``path``, or rows of it are wrong; every one is named.
    """
    from wsi_lab.client.local_files import content_of  # noqa: PLC0415 (``--help`` needs none of it)
    from wsi_lab.formats.slide_csv import LARGEST_TABLE_BYTES, read_slide_csv  # noqa: PLC0415 (as above)

    table = read_slide_csv(content_of(path, LARGEST_TABLE_BYTES), path.name)
    entries = tuple(
        Entry(file_or_address(line.path), line.known, line.place) for line in table.lines
    )
    return Manifest(path.parent, entries, table.unknown_columns, table.left_out)


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
