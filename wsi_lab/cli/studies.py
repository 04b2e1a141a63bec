"""``wsi-lab study`` and ``wsi-lab member``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsi_lab.cli.archives import export_study, load_study
from wsi_lab.cli.console import Console, contents_of, lab_command
from wsi_lab.cli.cores import fit_cores
from wsi_lab.cli.invitations import invite_reader
from wsi_lab.cli.manifest import Entry, file_or_address
from wsi_lab.cli.places import Reached, reached_stores
from wsi_lab.cli.shapes import case_shape, member_shape, slide_shape, study_shape
from wsi_lab.cli.slide_tables import named_slides
from wsi_lab.cli.study_setup import (
    create_study,
    publish_study,
    rights_words,
    unpublish_study,
)
from wsi_lab.errors import Invalid
from wsi_lab.model.source import WEB_SCHEMES, Source, is_address

if TYPE_CHECKING:
    from wsi_lab.model.people import Actor
    from wsi_lab.model.study import Study
    from wsi_lab.service.lab import Lab

WEB_ADVICE = (
    "A web server is declared by: wsi-lab serve --slides http://…, or slide_roots in Jupyter. Its "
    "slides are added through that server."
)
TABLE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def study() -> None:
    """Make studies and add slides to them."""


for command in (create_study, publish_study, unpublish_study, export_study, load_study):
    study.add_command(command)
study.add_command(fit_cores)


@study.command("list")
@lab_command
def list_studies(console: Console) -> None:
    """List all studies."""
    with console.lab() as (lab, owner):
        studies = _all_studies(lab, owner)
        counts = lab.studies.slide_counts(owner, [one.id for one in studies])
    shapes = [study_shape(one, counts[one.id]) for one in studies]
    console.show_list(shapes, ["id", "name", "slide_count", "created_on"])


@study.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@lab_command
def remove_study(console: Console, *, name: str, yes: bool) -> None:
    """Remove the study of that NAME.

    Slide files stay where they are.
    """
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, name)
        count = lab.studies.slide_counts(owner, [found.id])[found.id]
        if not yes and sys.stdin.isatty():
            click.confirm(f"Remove '{found.name}' with {count} slides?", abort=True, err=True)
        lab.studies.remove(owner, found.id, revision=found.revision)
    console.show({"id": found.id, "removed": True}, f"Removed study {found.id}, '{found.name}'.")


@study.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", help="Of the study; the default is what the files say.")
@click.option("--ignore-image-errors", is_flag=True, help="Leave out slides that cannot be shown.")
@lab_command
def import_study(
    console: Console, *, folder: Path, name: str | None, ignore_image_errors: bool
) -> None:
    """Make a study of Slide Score's configuration files in a FOLDER, or bring it up to date.

    The FOLDER holds study.NAME.emails, .images, .config, .scores and .map files, of which any
    may be missing, and slides beside them or in a folder named like the study. Everything is
    copied to the lab's home. Nothing is removed from a study; all is done, or nothing.
    """
    with console.lab() as (lab, owner):
        made = lab.configuration.import_folder(
            owner, folder, name=name, ignore_image_errors=ignore_image_errors
        )
        found = lab.studies.get(owner, made.study_id)
        count = lab.studies.slide_counts(owner, [found.id])[found.id]
    console.show(
        {**study_shape(found, count), "log": list(made.log)},
        "\n".join([*made.log, f"Study {found.id}, '{found.name}', has {count} slides."]),
    )


@study.command("add-slides")
@click.argument("name")
@click.argument("files", nargs=-1, type=click.UNPROCESSED, metavar="[FILE]...")
@click.option(
    "--manifest",
    type=TABLE,
    help="A table (CSV) with the columns path, name, case, case_public, block, section, slide, "
    "stain, tags (';' between them), mpp, mpp_x, mpp_y; only path is needed. PHAS's words for "
    "them will do: specimen, specimen_public, slide_number, slide_name.",
)
@click.option(
    "--phas-table",
    "phas_tables",
    type=TABLE,
    multiple=True,
    help="A table of slides as PHAS has it: CSV of a specimen that is called like the table, with "
    "slide name, stain, block, section, slide number, certainty and tags; or JSON of one slide. "
    "Slides are called like their FILEs. May be given several times.",
)
@click.option(
    "--update",
    is_flag=True,
    help="Bring slides up to date that the study has already, by their names; cells that are "
    "empty leave what is there.",
)
@reached_stores
@lab_command
def add_slides(
    console: Console,
    *,
    name: str,
    files: Sequence[str],
    manifest: Path | None,
    phas_tables: Sequence[Path],
    update: bool,
    reached: Reached,
) -> None:
    """Add slide FILEs to the study of that NAME.

    A FILE may also be the address of an object: s3://bucket/a.svs, gs:// or az://. All of them
    are added, or none: where one cannot be, every reason is said.

    How stores are reached is not remembered: a server needs the same --s3-endpoint, --s3-region
    and --anonymous to read these slides.
    """
    if not files and manifest is None:
        raise click.UsageError("Name at least one FILE, or a table with --manifest.")
    named = [file_or_address(file) for file in files]
    entries = named_slides(console, named, manifest, phas_tables)
    roots = _roots(entries, reached)
    with console.lab(slide_roots=roots) as (lab, owner):
        found = lab.studies.by_name(owner, name)
        with console.progress(len(entries), "Opening slides") as progress:
            try:
                slides = lab.slides.add_many(
                    owner,
                    found.id,
                    [entry.slide() for entry in entries],
                    progress=progress,
                    update=update,
                )
            except Invalid as error:
                raise _explained(error, entries) from error
        cases = lab.slides.case_names(owner, slides)
    shapes = [slide_shape(one, cases.get(one.case_id or 0)) for one in slides]
    said = "Slide {}, '{}', is up to date." if update else "Added slide {}, '{}'."
    lines = [said.format(one.id, one.name) for one in slides]
    console.show(shapes, "\n".join(lines))
    if roots is not None:
        console.remark(_what_a_server_needs(roots, reached))


@study.command("public-names")
@click.argument("name")
@click.argument("table", type=TABLE)
@lab_command
def set_public_names(console: Console, *, name: str, table: Path) -> None:
    """Give cases of the study of that NAME the public names that a TABLE states.

    The TABLE (CSV) has two columns: the private name of a case, and its public one.
    """
    from wsi_lab.formats.phas_files import read_public_names  # noqa: PLC0415 (``--help`` needs none of it)

    names = read_public_names(contents_of(table))
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, name)
        done = lab.cases.set_public_names(owner, found.id, names)
    if done.unknown:
        console.remark(f"The study has no case {', '.join(map(repr, done.unknown))}.")
    shapes = [case_shape(each) for each in done.changed]
    console.show(shapes, f"{len(shapes)} of {len(names)} cases have other public names now.")


def _roots(entries: Sequence[Entry], reached: Reached) -> tuple[Source, ...] | None:
    """Return where these slides may come from: anywhere on this machine, and their buckets.

    Buckets are only named where somebody has said how they are reached. Web servers are not:
    the lab's server refuses those that it was not told of.
    """
    if reached == Reached():
        return None
    buckets = {
        source.address: source
        for entry in entries
        if isinstance(entry.path, str) and not _is_of_the_web(entry.path)
        for source in [reached.container(entry.path)]
    }
    return (Source.at("/"), *buckets.values()) if buckets else None


def _what_a_server_needs(roots: Sequence[Source], reached: Reached) -> str:
    buckets = " ".join(f"--slides {root.address}" for root in roots if root.is_remote)
    known = {
        "AWS_ENDPOINT_URL": reached.endpoint,
        "AWS_REGION": reached.region,
        "AWS_SKIP_SIGNATURE": reached.anonymous,
    }
    variables = ", ".join(name for name, value in known.items() if value)
    traits = ", ".join(f"source_{name}" for name in reached.named)
    return (
        "A server reads these slides only if it is told the same: by wsi-lab serve "
        f"{buckets} {reached.as_options()}; for S3 by {variables} in its environment; "
        f"or, in Jupyter, by slide_roots and {traits}."
    )


def _is_of_the_web(address: str) -> bool:
    return address.partition("://")[0].lower() in WEB_SCHEMES


@click.group()
def member() -> None:
    """Say who may do what in a study."""


member.add_command(invite_reader)


@member.command("add")
@click.argument("name", metavar="STUDY")
@click.argument("email")
@click.option(
    "--rights",
    required=True,
    callback=rights_words,
    help="Words with commas between them: view score results edit admin private api, or PHAS's "
    "read (view) and write (view, score and edit). Every member may view.",
)
@lab_command
def add_member(console: Console, *, name: str, email: str, rights: list[str]) -> None:
    """Give the user with that EMAIL exactly these rights in the STUDY."""
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, name)
        made = lab.studies.set_member(owner, found.id, email, rights)
    held = ", ".join(sorted(made.rights))
    console.show(member_shape(made), f"{made.email} may {held} in '{found.name}'.")


@member.command("list")
@click.argument("name", metavar="STUDY")
@lab_command
def list_members(console: Console, *, name: str) -> None:
    """List the members of the STUDY."""
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, name)
        members = lab.studies.members(owner, found.id)
    console.show_list([member_shape(one) for one in members], ["id", "email", "rights"])


@member.command("remove")
@click.argument("name", metavar="STUDY")
@click.argument("email")
@lab_command
def remove_member(console: Console, *, name: str, email: str) -> None:
    """Take all rights in the STUDY from the user with that EMAIL."""
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, name)
        lab.studies.remove_member(owner, found.id, email)
    console.show(
        {"email": email, "study_id": found.id, "removed": True},
        f"{email} is no longer a member of '{found.name}'.",
    )


def _all_studies(lab: Lab, owner: Actor) -> list[Study]:
    studies: list[Study] = []
    cursor: str | None = None
    while True:
        page = lab.studies.list(owner, limit=1000, cursor=cursor)
        studies.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return studies


def _explained(error: Invalid, entries: Sequence[Entry]) -> Invalid:
    """Say of each problem where the row stands that it is about, and what often is the reason."""
    bad = [entries[row] for row in error.details.get("rows", ())]
    problems = [
        f"{entry.place}{problem}" for entry, problem in zip(bad, error.problems, strict=False)
    ]
    explained = Invalid(
        f"{len(problems)} of {len(entries)} slides cannot be added, so none was.",
        problems=problems,
    )
    addresses = [str(entry.path) for entry in bad if is_address(str(entry.path))]
    if any(_is_of_the_web(address) for address in addresses):
        explained.add_note(WEB_ADVICE)
    if any(mark in address for address in addresses for mark in "*?"):
        explained.add_note("Patterns are not expanded in addresses; name every object.")
    return explained
