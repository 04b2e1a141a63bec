"""``wsi-lab study fit-cores``: where the cores of a tissue microarray lie on its slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wsi_lab.cli.console import Console, lab_command
from wsi_lab.errors import NotFound

if TYPE_CHECKING:
    from wsi_lab.model.people import Actor
    from wsi_lab.model.study import Slide
    from wsi_lab.model.tma import SlideCores
    from wsi_lab.service.lab import Lab

COUNT = click.IntRange(1, 200)


@click.command("fit-cores")
@click.argument("name", metavar="STUDY")
@click.argument("slide")
@click.option("--rows", type=COUNT, help="How many there are; the default is what the map says.")
@click.option("--columns", type=COUNT, help="Likewise.")
@lab_command
def fit_cores(
    console: Console, *, name: str, slide: str, rows: int | None, columns: int | None
) -> None:
    """Find the cores of a tissue microarray in a picture of the SLIDE of that name.

    A slide without a TMA map gets one, with cores A1, A2, ... where there is tissue.
    """
    with console.lab() as (lab, owner):
        found = lab.tma_maps.fit(owner, _slide(lab, owner, name, slide).id, rows, columns)
    tissue = sum(each.is_found is True for each in found.places)
    size = f"{found.tma_map.row_count} rows and {found.tma_map.column_count} columns"
    confidence = found.fit.confidence if found.fit is not None else None
    console.show(
        _shape(found, tissue),
        f"Found {size} on '{slide}', {tissue} places with tissue (confidence {confidence:.2f}).",
    )


def _slide(lab: Lab, owner: Actor, study: str, name: str) -> Slide:
    found = lab.slides.list(owner, lab.studies.by_name(owner, study).id, name=name, limit=1).items
    if not found:
        raise NotFound(f"The study '{study}' has no slide '{name}'.")
    return found[0]


def _shape(found: SlideCores, tissue: int) -> dict[str, Any]:
    fit = found.fit
    return {
        "slide_id": found.slide_id,
        "tma_map": found.tma_map.name,
        "row_count": found.tma_map.row_count,
        "column_count": found.tma_map.column_count,
        "found_count": tissue,
        "confidence": None if fit is None else fit.confidence,
        "residual": None if fit is None else fit.residual,
        "angle": None if fit is None else fit.angle,
    }
