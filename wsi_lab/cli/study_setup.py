"""``wsi-lab study create``, ``publish`` and ``unpublish``: reader studies and who is let in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsi_lab.cli.console import Console, contents_of, lab_command
from wsi_lab.cli.manifest import Entry
from wsi_lab.cli.shapes import study_shape
from wsi_lab.cli.slide_tables import named_slides
from wsi_lab.errors import Invalid
from wsi_lab.model.people import rights_of_words
from wsi_lab.model.study_plan import PlannedMember, PlannedQuestion, StudyPlan
from wsi_lab.model.study_settings import settings_of_words

if TYPE_CHECKING:
    from wsi_lab.model.study import Study

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_TRUTH = {"true": True, "false": False}


def rights_words(_context: click.Context, _option: click.Parameter, text: str) -> list[str]:
    """Return the words of an option that names rights."""
    words = text.replace(",", " ").replace(";", " ").split()
    try:
        rights = rights_of_words(words)
    except Invalid as error:
        raise click.BadParameter(error.message) from error
    if not rights:
        raise click.BadParameter("give at least one right")
    return words


def _settings(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    words: dict[str, object] = {}
    for text in texts:
        word, sign, value = text.partition("=")
        # The words for blinding are on when they are named; those of Slide Score have values.
        words[word] = _TRUTH.get(value.strip().lower(), value) if sign else True
    try:
        return settings_of_words(words)
    except Invalid as error:
        raise click.BadParameter(error.message) from error


@click.command("create")
@click.argument("name")
@click.option("--description", default="", help="What it is about.")
@click.option("--slides", "folder", type=FOLDER, help="Add the slides in this folder.")
@click.option(
    "--manifest",
    type=FILE,
    help="Add the slides of a table (CSV), or say more of those in the folder; its columns are "
    "those of: wsi-lab study add-slides --manifest.",
)
@click.option(
    "--questions",
    type=FILE,
    help="A Slide Score .scores file: a question a line, name, kind and configuration.",
)
@click.option("--reader", "readers", multiple=True, help="An e-mail; may be given several times.")
@click.option(
    "--rights",
    default="view score",
    callback=rights_words,
    help="What readers may; the default is to view and to score.",
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    callback=_settings,
    metavar="WORD[=VALUE]",
    help="hide_names, hide_other_scores, shuffle, seed=N, or one of Slide Score's, such as "
    "stainings=HE; may be given several times.",
)
@click.option("--publish", is_flag=True, help="Let readers in at once.")
@lab_command
def create_study(
    console: Console,
    *,
    name: str,
    description: str,
    folder: Path | None,
    manifest: Path | None,
    questions: Path | None,
    readers: Sequence[str],
    rights: Sequence[str],
    settings: dict[str, str],
    publish: bool,
) -> None:
    """Make a study of that NAME, with slides, questions and readers if they are named.

    All of it is made, or nothing. Readers whom the lab does not know yet become its users.
    """
    plan = StudyPlan(
        name,
        description,
        settings=settings,
        questions=() if questions is None else _questions(questions),
        members=tuple(PlannedMember(email, frozenset(rights)) for email in readers),
        publish=publish,
    )
    entries = _entries(console, folder, manifest)
    with console.lab() as (lab, owner), console.progress(len(entries), "Opening slides") as done:
        slides = [entry.slide() for entry in entries]
        made = lab.setup.create(owner, plan, slides, progress=done)
    with_slides = f", with {len(entries)} slides" if entries else ""
    console.show(
        study_shape(made, len(entries)), f"Made study {made.id}, '{made.name}'{with_slides}."
    )


@click.command("publish")
@click.argument("name")
@lab_command
def publish_study(console: Console, *, name: str) -> None:
    """Let readers into the study of that NAME."""
    _set_published(console, name, published=True)


@click.command("unpublish")
@click.argument("name")
@lab_command
def unpublish_study(console: Console, *, name: str) -> None:
    """Keep readers out of the study of that NAME."""
    _set_published(console, name, published=False)


def _set_published(console: Console, name: str, *, published: bool) -> None:
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, name)
        change = lab.studies.publish if published else lab.studies.unpublish
        study: Study = change(owner, found.id)
        count = lab.studies.slide_counts(owner, [study.id])[study.id]
    what = "let into" if published else "kept out of"
    console.show(study_shape(study, count), f"Readers are {what} '{study.name}'.")


def _entries(console: Console, folder: Path | None, manifest: Path | None) -> Sequence[Entry]:
    if folder is None and manifest is None:
        return ()
    from wsi_lab.client.study_setup import slides_below  # noqa: PLC0415 (``--help`` needs none of it)

    return named_slides(console, [] if folder is None else slides_below(folder), manifest)


def _questions(file: Path) -> tuple[PlannedQuestion, ...]:
    from wsi_lab.formats.slidescore_config import parse_scores  # noqa: PLC0415 (``--help`` needs none of it)

    specs, problems = parse_scores(contents_of(file))
    if problems:
        raise Invalid(f"The questions in {file.name} are wrong.", problems=problems)
    return tuple(PlannedQuestion(each.name, each.kind, each.configuration) for each in specs)
