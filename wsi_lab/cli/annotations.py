"""``wsi-lab annotations``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wsi_lab.cli.console import Console, Shape, lab_command, moment
from wsi_lab.client.exports import format_for, write_whole
from wsi_lab.errors import Invalid, NotFound, WsiLabError
from wsi_lab.model.exchange import counted

if TYPE_CHECKING:
    from wsi_lab.model.exchange import Imported
    from wsi_lab.model.job import Job
    from wsi_lab.model.layer import Layer, Load
    from wsi_lab.model.people import Actor
    from wsi_lab.model.study import Slide
    from wsi_lab.service.lab import Lab

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
SECONDS_BETWEEN_LOOKS = 0.05
_PARTS = 1000


@click.group("annotations")
def files() -> None:
    """Bring annotations in from files and take them out."""


def _options(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> Shape:
    """Return ``name=value`` as a mapping; numbers are numbers."""
    found: Shape = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign:
            raise click.BadParameter(f"'{each}' is not NAME=VALUE")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            found[name.strip()] = value
    return found


with_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_options,
    help="What the format takes, such as downsample=4 for masks; may be given again.",
)


@files.command("layers")
@click.argument("name", metavar="STUDY")
@lab_command
def list_layers(console: Console, *, name: str) -> None:
    """List the layers of the STUDY."""
    with console.lab() as (lab, owner):
        study = lab.studies.by_name(owner, name)
        layers = lab.layers.list(owner, study.id)
        shapes = [_layer_shape(lab, owner, each) for each in layers]
    console.show_list(shapes, ["id", "name", "labels", "is_shared", "shapes"])


@files.command("import")
@click.argument("name", metavar="STUDY")
@click.argument("file", type=FILE)
@click.option("--slide", "slide_name", required=True, help="Name or id of the slide.")
@click.option(
    "--layer", "layer_name", required=True, help="Name of the layer; made if it is missing."
)
@click.option("--format", "format_name", help="Such as qupath; by default the file tells.")
@click.option("--author", help="Whose they are; by default yours.")
@click.option("--dry-run", is_flag=True, help="Report, and store nothing.")
@click.option(
    "--bulk/--by-hand",
    "as_bulk",
    default=None,
    help="Load shapes at once, or draw them one by one; by default as many as they are.",
)
@click.option("--replace", is_flag=True, help="Take the place of what was loaded by this name.")
@with_option
@lab_command
def import_file(
    console: Console,
    *,
    name: str,
    file: Path,
    slide_name: str,
    layer_name: str,
    format_name: str | None,
    author: str | None,
    dry_run: bool,
    as_bulk: bool | None,
    replace: bool,
    options: Shape,
) -> None:
    """Bring the annotations of a FILE into the STUDY: all of them, or none.

    Read are QuPath GeoJSON, GeoJSON, GeoParquet, Slide Score JSON and anno2, ASAP and ImageScope
    XML, PHAS, Cytomine WKT, label masks (PNG, NIfTI) and more.
    """
    with console.lab() as (lab, owner):
        study = lab.studies.by_name(owner, name)
        slide = _slide(lab, owner, study.id, slide_name)
        with _layer_to_fill(lab, owner, study.id, layer_name, is_made=not dry_run) as layer:
            job = lab.exchange.begin_import(
                owner,
                layer.id,
                slide.id,
                file.open("rb"),
                name=file.name,
                format=format_name,
                author=author,
                dry_run=dry_run,
                as_bulk=as_bulk,
                replace=replace,
                options=options,
            )
            report = _waited_for(console, lab, owner, job)
    console.show(_report_shape(report), str(report))


@files.command("export")
@click.argument("name", metavar="STUDY")
@click.argument("file", type=NEW_FILE)
@click.option("--slide", "slide_name", required=True, help="Name or id of the slide.")
@click.option("--layer", "layer_name", required=True, help="Name of the layer.")
@click.option("--format", "format_name", help="Such as qupath; by default what FILE ends in.")
@click.option("--label", "labels", multiple=True, help="Only shapes with it; may be given again.")
@click.option("--author", help="Only shapes by this author.")
@with_option
@lab_command
def export_file(
    console: Console,
    *,
    name: str,
    file: Path,
    slide_name: str,
    layer_name: str,
    format_name: str | None,
    labels: Sequence[str],
    author: str | None,
    options: Shape,
) -> None:
    """Write what is on a layer and slide of the STUDY into a FILE."""
    with console.lab() as (lab, owner):
        study = lab.studies.by_name(owner, name)
        slide = _slide(lab, owner, study.id, slide_name)
        layer = _layer(lab, owner, study.id, layer_name)
        made = lab.exchange.export(
            owner,
            layer.id,
            slide.id,
            format_name or format_for(file.name),
            author=author,
            labels=labels or None,
            options=options,
        )
        write_whole(file, made.pieces)
    notices = [str(each) for each in made.notices]
    written = f"Wrote {counted(made.shape_count, 'shape')} to {file.name}."
    shape = {"file": str(file), "shape_count": made.shape_count, "notices": notices}
    console.show(shape, "\n".join([written, *notices]))


def _waited_for(console: Console, lab: Lab, owner: Actor, job: Job) -> Imported[Load]:
    try:
        with console.progress(_PARTS, job.title) as progress:
            while not job.state.is_over:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                job = lab.jobs.get(owner, job.id)
                progress(int(_PARTS * job.progress))
    except BaseException:
        lab.jobs.stop(owner, job.id)
        raise
    if job.error is not None:
        raise job.error
    if job.result is None:
        raise WsiLabError("The work was stopped; nothing was stored.")
    report: Imported[Load] = job.result
    return report


def _slide(lab: Lab, owner: Actor, study_id: int, name: str) -> Slide:
    found = lab.slides.list(owner, study_id, name=name).items
    if len(found) == 1:
        return found[0]
    if not found and name.isascii() and name.isdigit():
        slide = lab.slides.get(owner, int(name))
        if slide.study_id == study_id:
            return slide
    if found:
        raise Invalid(f"Several slides are called '{name}'; give an id.")
    raise NotFound(f"There is no slide '{name}' in this study.")


@contextlib.contextmanager
def _layer_to_fill(
    lab: Lab, owner: Actor, study_id: int, name: str, *, is_made: bool
) -> Iterator[Layer]:
    """Give a layer, made where it is missing; one that could not be filled is gone again."""
    names = {each.name for each in lab.layers.list(owner, study_id)}
    if name not in names and not is_made:
        raise NotFound(
            f"There is no layer '{name}' in this study yet, and a dry run makes none; "
            f"{_those_there(names)}."
        )
    if name in names:
        yield _layer(lab, owner, study_id, name)
        return
    made = lab.layers.create(owner, study_id, name)
    try:
        yield made
    except BaseException:
        now = lab.layers.get(owner, made.id)
        lab.layers.remove(owner, made.id, revision=now.revision)
        raise


def _layer(lab: Lab, owner: Actor, study_id: int, name: str) -> Layer:
    there = lab.layers.list(owner, study_id)
    for each in there:
        if each.name == name:
            return each
    those = _those_there({each.name for each in there})
    raise NotFound(f"There is no layer '{name}' in this study; {those}.")


def _those_there(names: Collection[str]) -> str:
    return f"there are: {', '.join(map(repr, sorted(names)))}" if names else "there are none yet"


def _layer_shape(lab: Lab, owner: Actor, layer: Layer) -> Shape:
    counts = lab.finder.counts(owner, layer.id)
    return {
        "id": layer.id,
        "study_id": layer.study_id,
        "name": layer.name,
        "labels": [each.name for each in layer.labels],
        "is_shared": layer.is_shared,
        "shapes": sum(each.count for each in counts),
        "revision": layer.revision,
    }


def _report_shape(report: Imported[Load]) -> Shape:
    return {
        "format": report.format,
        "shape_count": report.shape_count,
        "kinds": dict(report.kinds),
        "labels": [
            {"name": each.name, "count": each.count, "is_new": each.is_new}
            for each in report.labels
        ],
        "grid_count": report.grid_count,
        "notices": [str(each) for each in report.notices],
        "notice_count": report.notice_count,
        "drawn_count": report.drawn_count,
        "unchanged_count": report.unchanged_count,
        "loads": [
            {"id": each.id, "count": each.count, "loaded_on": moment(each.loaded_on)}
            for each in report.loads
        ],
        "is_dry_run": report.is_dry_run,
    }
