"""``wsi-lab backup``, ``wsi-lab restore`` and ``wsi-lab doctor``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.cli.places import Reached, one_source, reached_stores

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=FILE)
@lab_command
def backup(console: Console, *, file: Path) -> None:
    """Write everything the lab remembers to FILE.

    The lab may go on working. Slide files and caches are not part of it.
    """
    target = Path(os.path.abspath(file))  # noqa: PTH100 (resolve() would follow links)
    with console.lab() as (lab, _owner):
        lab.backup(target)
    size = target.stat().st_size
    console.show({"file": str(target), "bytes": size}, f"Wrote {target} ({size:,} bytes).")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@lab_command
def restore(console: Console, *, file: Path) -> None:
    """Make the lab of the backup FILE, in a home that has none yet."""
    from wsi_lab.service.lab import Lab  # noqa: PLC0415 (``--help`` needs none of it)

    Lab.restore(console.settings(), file.absolute())
    console.show({"home": str(console.home)}, f"The lab of {file} is in {console.home} now.")


@click.command()
@one_source
@reached_stores
@lab_command
def doctor(console: Console, *, named: str | None, reached: Reached) -> int:
    """Look whether all that the lab needs is there, and say what to do.

    A SOURCE that is named is looked into, too.
    """
    from wsi_lab.service.health import Verdict, examine  # noqa: PLC0415 (only the doctor needs it)

    source = None if named is None else reached.source(named)
    findings = list(examine(console.settings(source=source)))
    shapes = [
        {
            "name": finding.name,
            "verdict": finding.verdict.value,
            "found": finding.found,
            "advice": finding.advice,
        }
        for finding in findings
    ]
    signs = {Verdict.GOOD: "ok  ", Verdict.REMARK: "note", Verdict.BAD: "BAD "}
    lines = []
    for finding in findings:
        lines.append(f"{signs[finding.verdict]}  {finding.name}: {finding.found}")
        if finding.advice:
            lines.append(f"      {finding.advice}")
    healthy = all(finding.verdict is not Verdict.BAD for finding in findings)
    console.show({"ok": healthy, "checks": shapes}, "\n".join(lines))
    return 0 if healthy else 1
