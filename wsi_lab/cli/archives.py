"""``wsi-lab study export`` and ``load``: whole studies as one ZIP file each."""

from __future__ import annotations

from pathlib import Path

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.cli.shapes import study_shape
from wsi_lab.client.local_files import whole_file

_STEPS = 1000


@click.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-slides", is_flag=True, help="Put the slide files into it, too.")
@lab_command
def export_study(console: Console, *, name: str, file: Path, with_slides: bool) -> None:
    """Write all of the study of that NAME into a FILE.zip, from which it can be loaded again."""
    with console.lab() as (lab, owner), console.progress(_STEPS, "Exporting") as done:
        found = lab.studies.by_name(owner, name)
        with whole_file(file) as target:
            left_out = lab.archives.export(
                owner,
                found.id,
                target,
                with_slides=with_slides,
                progress=lambda part: done(int(part * _STEPS)),
            )
    for each in left_out:
        console.remark(f"Left out: {each}")
    size = file.stat().st_size
    console.show(
        {"id": found.id, "name": found.name, "file": str(file), "size": size},
        f"Wrote study {found.id}, '{found.name}', into {file.name}: {size:,} bytes.",
    )


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Of the study; the default is what it was called.")
@click.option(
    "--slides",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with the slide files that are not part of it, by their names; the default is "
    "where they lay.",
)
@lab_command
def load_study(console: Console, *, file: Path, name: str | None, slides: Path | None) -> None:
    """Make the study of a FILE.zip that was exported; all of it, or nothing."""
    with console.lab() as (lab, owner), console.progress(_STEPS, "Loading") as done:
        made = lab.archives.load(
            owner,
            file,
            name=name,
            folder=slides,
            progress=lambda part: done(int(part * _STEPS)),
        )
        count = lab.studies.slide_counts(owner, [made.id])[made.id]
    console.show(
        study_shape(made, count), f"Loaded study {made.id}, '{made.name}', with {count} slides."
    )
