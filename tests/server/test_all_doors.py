"""What is drawn through any of the four clients is read through the three others.

Each client draws areas, cells and regions under its own name. All of them are drawn before
anything is read, so that none of what one client does harms what another did. Left out is only
what a client has no word for: labels in Slide Score, authors in PHAS's drawings.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import shapely
from all_doors import DOORS, Cytomine, Notebook, Refused, Shape, Sheets, opened
from lab_processes import alone, in_jupyter
from phas_lab import released_client
from served_lab import ServedLab

import wsi_lab
from wsi_lab.errors import WsiLabError

HEIGHT = 2967
RIGHTS = ["view", "score", "results", "edit", "api"]
SHEETS = ("areas", "cells", "regions")
LABELS = {"areas": ["tumour", "stroma"], "cells": ["mitosis"], "regions": ["grey", "white"]}
SHARED = {"regions"}
"""Tasks of PHAS are everybody's; other layers are those of whoever may see results."""


class Read(NamedTuple):
    """What there is, and who was told what of it.

    Attributes
    ----------
    drawn
        By door and sheet.
    told
        By door and person.
    """

    sheets: Sheets
    drawn: dict[str, dict[str, list[Shape]]]
    told: dict[tuple[str, str], list[Shape]]


def shapes_of(place: int) -> dict[str, list[Shape]]:
    """Return what a client draws: shapes that nobody else draws."""
    x, y = 60.25 + 500 * place, 80.5 + 600 * place
    area = shapely.Polygon([(x, y), (x + 300.75, y + 10), (x + 250, y + 290.13), (x + 7, y + 200)])
    ring = shapely.Polygon(
        [(x, y + 300), (x + 400, y + 310.5), (x + 380, y + 500), (x + 3, y + 480)],
        [[(x + 50, y + 340), (x + 60, y + 420.25), (x + 200, y + 400)]],
    )
    cells = [shapely.Point(x + 3.25, y + 5), shapely.Point(x + 100, y + 90.75)]
    region = shapely.Polygon([(x + 9, y + 9.5), (x + 200, y), (x + 100.25, y + 150)])
    return {
        "areas": [Shape(area, "tumour", None), Shape(ring, "stroma", None)],
        "cells": [Shape(cell, "mitosis", None) for cell in cells],
        "regions": [Shape(region, "grey", None)],
    }


def set_up(lab: ServedLab, folder: Path, slide: Path, repository: Path) -> Sheets:
    python = released_client(repository, os.environ)
    if python is None:
        pytest.skip("PHAS's client is not here; WSI_LAB_PHAS_PYTHON names an interpreter with it")
    own = wsi_lab.connect(lab.host, lab.place.token)
    study = own.studies.create("all doors")
    number = lab.add_slide(study.id, slide, name="slide")
    areas = study.layers.create("areas", labels=LABELS["areas"])
    cells = study.layers.create("cells", labels=LABELS["cells"], kind="AnnoPoints")
    own.close()
    labels = [{"name": name} for name in LABELS["regions"]]
    path = f"studies/{study.id}"
    tissue = lab.ask("POST", f"{path}/label-sets", {"name": "tissue", "labels": labels})
    task = {
        "name": "regions",
        "mode": "sampling",
        "restrict-access": False,
        "sampling": {"labelset": "tissue"},
    }
    regions = lab.ask("POST", f"{path}/tasks", task)
    known = [*areas.labels, *cells.labels]
    return Sheets(
        lab=lab,
        folder=folder,
        study=study.id,
        slide=number,
        height=HEIGHT,
        layers={"areas": areas.id, "cells": cells.id, "regions": regions["id"]},
        labels={
            **{each.name: each.id for each in known},
            **{each["name"]: each["id"] for each in tissue["labels"]},
        },
        phas_python=python,
        phas_script=repository / "tests" / "support" / "phas_shapes.py",
    )


def writer_of(door: str) -> str:
    return f"{door}@lab"


@pytest.fixture(scope="module", params=[alone, in_jupyter], ids=["alone", "in-jupyter"])
def sheets(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    demo_slide: Path,
    repository: Path,
) -> Iterator[Sheets]:
    folder = tmp_path_factory.mktemp("doors")
    with request.param(folder) as place:
        lab = ServedLab(place)
        sheets = set_up(lab, folder, demo_slide, repository)
        for email in (*map(writer_of, DOORS), "reader@lab", "peeper@lab", "stranger@lab"):
            lab.add_person(email)
        for email in (*map(writer_of, DOORS), "reader@lab"):
            lab.set_rights(sheets.study, email, RIGHTS)
        lab.set_rights(sheets.study, "peeper@lab", ["view", "score", "api"])
        yield sheets
        lab.close()


@pytest.fixture(scope="module")
def read(sheets: Sheets) -> Read:
    """Let all draw, and then all read."""
    drawn = {door: shapes_of(place) for place, door in enumerate(DOORS)}
    for door, kind in DOORS.items():
        kind(sheets).draw(writer_of(door), drawn[door])
    told = {
        (door, person): told_to(sheets, door, f"{person}@lab")
        for door in DOORS
        for person in ("reader", "peeper", "stranger")
    }
    return Read(sheets, drawn, told)


def told_to(sheets: Sheets, door: str, email: str) -> list[Shape]:
    """Return what somebody is told; nothing, where they are refused."""
    try:
        return DOORS[door](sheets).read(email)
    except Refused:
        return []


def same(told: list[Shape], geometry: Any) -> list[Shape]:
    """Return those that are equal to 0.01 px, corner by corner."""
    return [each for each in told if each.geometry.equals_exact(geometry, 0.01, normalize=True)]


@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize(("writer", "reader"), list(itertools.product(DOORS, DOORS)))
def test_shape_of_one_client_is_read_through_another(read, writer, reader, sheet):
    told = read.told[reader, "reader"]
    for shape in read.drawn[writer][sheet]:
        (found,) = same(told, shape.geometry)
        if DOORS[reader].tells_labels:
            assert found.label == (shape.label if DOORS[writer].tells_labels else None)
        if DOORS[reader].tells_authors or found.author is not None:
            assert found.author == writer_of(writer)


@pytest.mark.parametrize("reader", DOORS)
def test_nothing_else_is_told(read, reader):
    count = sum(len(some) for sheets in read.drawn.values() for some in sheets.values())
    assert len(read.told[reader, "reader"]) == count


@pytest.mark.parametrize("reader", DOORS)
def test_who_may_not_see_others_shapes_sees_none(read, reader):
    told = read.told[reader, "peeper"]
    for drawn in read.drawn.values():
        for sheet in SHEETS:
            for shape in drawn[sheet]:
                if sheet not in SHARED:
                    assert same(told, shape.geometry) == []
    shared = sum(len(drawn[sheet]) for drawn in read.drawn.values() for sheet in SHARED)
    # Answers in Slide Score are shared with nobody who may not see results.
    assert len(told) == (0 if reader == "slidescore" else shared)


@pytest.mark.parametrize("reader", DOORS)
def test_stranger_sees_nothing(read, reader):
    assert read.told[reader, "stranger"] == []


@pytest.mark.parametrize("writer", DOORS)
def test_stranger_draws_nothing(read, writer):
    before = len(DOORS["notebook"](read.sheets).read("reader@lab"))
    shapes = {"areas": [Shape(shapely.box(5, 5, 20, 30), "tumour", None)]}
    with pytest.raises(Refused):
        DOORS[writer](read.sheets).draw("stranger@lab", shapes)
    assert len(DOORS["notebook"](read.sheets).read("reader@lab")) == before


@pytest.fixture
def fresh(sheets: Sheets, demo_slide: Path) -> Sheets:
    """The same layers, on a slide that nobody has drawn on."""
    return dataclasses.replace(sheets, slide=sheets.lab.add_slide(sheets.study, demo_slide))


def test_what_one_client_changes_is_changed_for_all(fresh):
    author, shape = writer_of("notebook"), Shape(shapely.box(5, 5, 20, 30), "tumour", None)
    moved = shapely.Polygon([(50.25, 60), (90, 60.5), (70, 99.75)])
    DOORS["notebook"](fresh).draw(author, {"areas": [shape]})
    Cytomine(fresh).move(writer_of("cytomine"), shape, moved)
    for door, kind in DOORS.items():
        (found,) = kind(fresh).read("reader@lab")
        assert same([found], moved) == [found], door
        assert found.label == ("tumour" if kind.tells_labels else None)
        assert found.author == (author if kind.tells_authors else None)
    Cytomine(fresh).remove(writer_of("cytomine"), shape._replace(geometry=moved))
    for door in DOORS:
        assert told_to(fresh, door, "reader@lab") == [], door


def test_what_is_loaded_at_once_is_read_one_by_one(fresh):
    author = writer_of("notebook")
    shapes = [Shape(shapely.box(x, 5.5, x + 20.25, 30), "tumour", None) for x in (5, 50, 90.75)]
    Notebook(fresh).load(author, "areas", shapes)
    for door, kind in DOORS.items():
        told = kind(fresh).read("reader@lab")
        if door == "slidescore":
            assert told == []
            continue
        assert len(told) == len(shapes)
        for shape in shapes:
            (found,) = same(told, shape.geometry)
            assert found.label == "tumour", door
            assert found.author == (author if kind.tells_authors else None), door
    Cytomine(fresh).remove(writer_of("cytomine"), shapes[1])
    for door in ("notebook", "phas", "cytomine"):
        left = told_to(fresh, door, "reader@lab")
        assert len(left) == 2, door
        assert same(left, shapes[1].geometry) == [], door


def test_restricted_task_is_closed_through_every_door(fresh):
    lab, member = fresh.lab, writer_of("phas")
    task = {
        "name": lab.name("closed"),
        "mode": "sampling",
        "restrict-access": True,
        "sampling": {"labelset": "tissue"},
    }
    closed = lab.ask("POST", f"studies/{fresh.study}/tasks", task)["id"]
    lab.ask("PUT", f"tasks/{closed}/members/{member}", {"access": "write"})
    sheets = dataclasses.replace(fresh, layers={"regions": closed})
    shape = Shape(shapely.box(5, 5.5, 20, 30), "grey", None)
    DOORS["phas"](sheets).draw(member, {"regions": [shape]})
    leaks = {}
    for door in DOORS:
        assert len(same(told_to(sheets, door, member), shape.geometry)) == 1, door
        leaks[door] = told_to(sheets, door, "reader@lab")
    with opened(sheets, "reader@lab") as own:
        study = own.studies[sheets.study]
        leaks["table of shapes"] = list(study.annotations(slide=sheets.slide).index)
        leaks["table of scores"] = list(study.scores(slide=sheets.slide).index)
    assert {name: told for name, told in leaks.items() if told} == {}
    # PHAS's clients know the task by its id, the others by its name.
    for door, name in (
        ("notebook", task["name"]),
        ("slidescore", task["name"]),
        ("phas", "regions"),
    ):
        with pytest.raises((Refused, WsiLabError)):
            DOORS[door](sheets).draw("reader@lab", {name: [shape]})
    assert len(told_to(sheets, "phas", member)) == 1
