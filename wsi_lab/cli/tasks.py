"""``wsi-lab labelset`` and ``wsi-lab task``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsi_lab.cli.console import Console, contents_of, lab_command
from wsi_lab.cli.shapes import label_set_shape, task_member_shape, task_shape
from wsi_lab.errors import NotFound
from wsi_lab.model.task import Access

if TYPE_CHECKING:
    from wsi_lab.model.people import Actor
    from wsi_lab.model.study import Study
    from wsi_lab.model.task import Task
    from wsi_lab.service.lab import Lab

DOCUMENT = click.Path(path_type=Path, exists=True, dir_okay=False)
LEVELS = {access.word: access for access in Access if access is not Access.NONE}


@click.group()
def labelset() -> None:
    """Make sets of labels, which tasks and layers share."""


@labelset.command("create")
@click.argument("study")
@click.argument("name")
@click.argument("file", type=DOCUMENT)
@click.option("--description", default="", help="What the labels are for.")
@lab_command
def create_label_set(
    console: Console, *, study: str, name: str, file: Path, description: str
) -> None:
    """Make a label set of that NAME in the STUDY from a FILE, as PHAS has it.

    The FILE holds a JSON list of {"name": …, "color": …, "description": …}.
    """
    from wsi_lab.formats.phas_files import read_label_set  # noqa: PLC0415 (``--help`` needs none of it)

    labels = read_label_set(contents_of(file))
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, study)
        made = lab.label_sets.create(owner, found.id, name, labels, description=description)
    console.show(
        label_set_shape(made),
        f"Made label set {made.id}, '{made.name}', with {len(made.labels)} labels.",
    )


@labelset.command("list")
@click.argument("study")
@lab_command
def list_label_sets(console: Console, *, study: str) -> None:
    """List the label sets of the STUDY."""
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, study)
        shapes = [label_set_shape(each) for each in lab.label_sets.list(owner, found.id)]
    if not console.as_json:
        for shape in shapes:
            shape["labels"] = [label["name"] for label in shape["labels"]]
    console.show_list(shapes, ["id", "name", "labels"])


@click.group()
def task() -> None:
    """Make tasks of a study's slides, as PHAS sets work up."""


@task.command("create")
@click.argument("study")
@click.argument("file", type=DOCUMENT)
@lab_command
def create_task(console: Console, *, study: str, file: Path) -> None:
    """Make a task in the STUDY from a FILE, as PHAS has it.

    The FILE holds a JSON object with name, mode, restrict-access and more. A label set that it
    names must be there before.
    """
    from wsi_lab.formats.phas_files import read_task  # noqa: PLC0415 (``--help`` needs none of it)

    settings = read_task(contents_of(file))
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, study)
        made = lab.tasks.create(owner, found.id, settings)
        counts = next(
            counts for each, counts in lab.tasks.list(owner, found.id) if each.id == made.id
        )
    console.show(
        task_shape(made, counts),
        f"Made task {made.id}, '{made.settings.name}', of {counts.slides} slides.",
    )


@task.command("list")
@click.argument("study")
@lab_command
def list_tasks(console: Console, *, study: str) -> None:
    """List the tasks of the STUDY; its layers are among them."""
    with console.lab() as (lab, owner):
        found = lab.studies.by_name(owner, study)
        tasks = lab.tasks.list(owner, found.id)
    shapes = [task_shape(each, counts) for each, counts in tasks]
    console.show_list(shapes, ["id", "name", "mode", "is_restricted", "label_set", "slides"])


@task.command("remove")
@click.argument("study")
@click.argument("name")
@lab_command
def remove_task(console: Console, *, study: str, name: str) -> None:
    """Remove the task of that NAME from the STUDY.

    What was drawn in it is kept, and shown no more.
    """
    with console.lab() as (lab, owner):
        found = _task(lab, owner, lab.studies.by_name(owner, study), name)
        lab.tasks.remove(owner, found.id)
    console.show(
        {"id": found.id, "removed": True}, f"Removed task {found.id}, '{found.settings.name}'."
    )


@task.command("add-member")
@click.argument("study")
@click.argument("task_name", metavar="TASK")
@click.argument("email")
@click.option("--access", required=True, type=click.Choice(list(LEVELS)), help="What they may.")
@lab_command
def add_task_member(
    console: Console, *, study: str, task_name: str, email: str, access: str
) -> None:
    """Let the user with that EMAIL into a restricted TASK of the STUDY.

    Nobody may more in a task than in its study, whose member they must be.
    """
    with console.lab() as (lab, owner):
        found = _task(lab, owner, lab.studies.by_name(owner, study), task_name)
        made = lab.tasks.set_member(owner, found.id, email, LEVELS[access])
        assert made is not None  # noqa: S101 (only `Access.NONE` leaves none)
    console.show(
        task_member_shape(made),
        f"{made.email} has {made.access.word} access to '{found.settings.name}'.",
    )


@task.command("list-members")
@click.argument("study")
@click.argument("task_name", metavar="TASK")
@lab_command
def list_task_members(console: Console, *, study: str, task_name: str) -> None:
    """List who may enter a restricted TASK of the STUDY."""
    with console.lab() as (lab, owner):
        found = _task(lab, owner, lab.studies.by_name(owner, study), task_name)
        members = lab.tasks.members(owner, found.id)
    console.show_list([task_member_shape(each) for each in members], ["id", "email", "access"])


@task.command("remove-member")
@click.argument("study")
@click.argument("task_name", metavar="TASK")
@click.argument("email")
@lab_command
def remove_task_member(console: Console, *, study: str, task_name: str, email: str) -> None:
    """Keep the user with that EMAIL out of a restricted TASK of the STUDY."""
    with console.lab() as (lab, owner):
        found = _task(lab, owner, lab.studies.by_name(owner, study), task_name)
        lab.tasks.set_member(owner, found.id, email, Access.NONE)
    console.show(
        {"email": email, "task_id": found.id, "removed": True},
        f"{email} is no longer a member of '{found.settings.name}'.",
    )


def _task(lab: Lab, owner: Actor, study: Study, name: str) -> Task:
    """Return the task of a study that has this name, or else this number."""
    found = [each for each, _ in lab.tasks.list(owner, study.id)]
    for named in (each for each in found if each.settings.name == name):
        return named
    for numbered in (each for each in found if str(each.id) == name):
        return numbered
    raise NotFound(f"The study '{study.name}' has no task '{name}'.")
