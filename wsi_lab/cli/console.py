"""What all commands share: which home, and how an answer is printed."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wsi_lab.service.home import HOME_VARIABLE, default_home

if TYPE_CHECKING:
    from wsi_lab.model.people import Actor
    from wsi_lab.service.lab import Lab, LabSettings

Shape = dict[str, Any]

LARGEST_DOCUMENT_BYTES = 16 << 20

with_version = click.version_option(
    None, "-V", "--version", package_name="wsi-lab", message="%(version)s"
)
"""Gives a command ``--version``."""

_OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Console:
    """One run of a command.

    Attributes
    ----------
    home
        The lab's folder.
    as_json
        Whether the answer is read by a program: one JSON value on standard output, and
        everything else on standard error.
    """

    home: Path
    as_json: bool

    def settings(self, **more: Any) -> LabSettings:
        """Return the settings of the lab in this home."""
        from wsi_lab.service.lab import LabSettings  # noqa: PLC0415 (``--help`` needs none of it)

        return LabSettings(self.home, **more)

    @contextlib.contextmanager
    def lab(self, **more: Any) -> Iterator[tuple[Lab, Actor]]:
        """Open the lab, with whoever runs this process as its owner; see `settings`."""
        from wsi_lab.service.lab import Lab  # noqa: PLC0415 (``--help`` needs none of it)

        with Lab.open(self.settings(**more)) as lab:
            yield lab, lab.people.owner("cli")

    def show(self, thing: object, text: str) -> None:
        """Print an answer: as JSON, or in words."""
        click.echo(json.dumps(thing, ensure_ascii=False) if self.as_json else harmless(text))

    def show_list(self, things: Sequence[Shape], columns: Sequence[str]) -> None:
        """Print a list: as JSON, or as a table of these columns."""
        self.show(list(things), _table(things, columns))

    def remark(self, sentence: str) -> None:
        """Say something that is not the answer."""
        click.echo(harmless(sentence), err=True)

    @contextlib.contextmanager
    def progress(self, length: int, label: str) -> Iterator[Callable[[int], None]]:
        """Show how far something has come, where somebody is watching."""
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield lambda done: bar.update(done - bar.pos)


def lab_command(run: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--home`` and ``--json``, and hand it a `Console` as first argument."""

    @click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar=HOME_VARIABLE,
        show_envvar=True,
        help="The lab's folder; the default is the platform's folder for data.",
    )
    @click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON value, and remarks elsewhere."
    )
    @functools.wraps(run)
    def with_console(home: Path | None, as_json: bool, **given: Any) -> Any:  # noqa: FBT001 (click's)
        return run(Console(home or default_home(), as_json), **given)

    return with_console


def harmless(text: str) -> str:
    r"""Return text without what a terminal obeys: names of files may hold anything.

    Examples
    --------
    >>> print(harmless("Added \x1b[31mred.svs.\nDone."))
    Added \x1b[31mred.svs.
    Done.
    """
    return _OBEYED.sub(lambda found: ascii(found.group())[1:-1], text)


def contents_of(file: Path) -> bytes:
    """Return the bytes of a document that somebody wrote by hand; see `content_of`."""
    from wsi_lab.client.local_files import content_of  # noqa: PLC0415 (``--help`` needs none of it)

    return content_of(file, LARGEST_DOCUMENT_BYTES)


def moment(time: datetime | None) -> str | None:
    """Return a moment as ISO 8601 in UTC.

    Examples
    --------
    >>> moment(datetime(2026, 7, 1, 12, tzinfo=UTC))
    '2026-07-01T12:00:00Z'
    """
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _table(things: Sequence[Shape], columns: Sequence[str]) -> str:
    if not things:
        return "(none)"
    rows = [[_cell(column, thing[column]) for column in columns] for thing in things]
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    )


def _cell(column: str, value: object) -> str:
    if value is None:
        return "-"
    if column.endswith("_on"):
        return datetime.fromisoformat(str(value)).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return str(value)
