from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

LABELS = [
    {"name": "tumour", "color": "#ff0000", "description": "malignant"},
    {"name": "stroma", "color": "#00FF00"},
]
TASK = {
    "name": "Regions",
    "desc": "Where tau is",
    "mode": "sampling",
    "restrict-access": True,
    "stains": ["tau"],
    "sampling": {"labelset": "tissue"},
}


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def study(run: Run, tmp_path: Path, demo_slide: Path) -> str:
    """A study with two slides, of which one is stained for tau."""
    for name in ("a", "b"):
        shutil.copy(demo_slide, tmp_path / f"{name}.svs")
    table = tmp_path / "slides.csv"
    table.write_text("path,specimen,stain\na.svs,C1,Tau\nb.svs,C1,HE\n")
    run("study", "create", "pilot")
    assert run("study", "add-slides", "pilot", "--manifest", table).code == 0
    return "pilot"


@pytest.fixture
def labelled(run: Run, study: str, tmp_path: Path) -> str:
    """The study, with a label set."""
    assert run("labelset", "create", study, "tissue", write(tmp_path / "l.json", LABELS)).code == 0
    return study


def test_label_set_is_made_of_phas_file_and_listed(run: Run, study: str, tmp_path: Path) -> None:
    file = write(tmp_path / "labels.json", LABELS)
    made = run("labelset", "create", study, "tissue", file, "--description", "All", "--json").json
    assert (made["name"], made["description"]) == ("tissue", "All")
    assert [(each["name"], each["colour"], each["description"]) for each in made["labels"]] == [
        ("tumour", "#ff0000", "malignant"),
        ("stroma", "#00ff00", ""),
    ]
    assert run("labelset", "list", study, "--json").json == [made]
    assert run("labelset", "list", study).out.splitlines()[1].split() == [
        *(str(made["id"]), "tissue", "tumour,stroma"),
    ]
    ended = run("labelset", "create", study, "tissue", file)
    assert (ended.code, ended.out) == (1, "")
    assert "already" in ended.err


def test_task_is_made_of_phas_file_listed_and_removed(
    run: Run, labelled: str, tmp_path: Path
) -> None:
    made = run("task", "create", labelled, write(tmp_path / "t.json", TASK), "--json").json
    assert (made["name"], made["mode"], made["description"]) == (
        *("Regions", "sampling", "Where tau is"),
    )
    assert (made["is_restricted"], made["label_set"], made["slides"]) == (True, "tissue", 1)
    assert run("task", "list", labelled, "--json").json == [made]
    assert run("task", "list", labelled).out.splitlines()[1].split() == [
        *(str(made["id"]), "Regions", "sampling", "yes", "tissue", "1"),
    ]
    assert "no task 'x'" in run("task", "remove", labelled, "x").err
    assert run("task", "remove", labelled, "Regions", "--json").json == {
        "id": made["id"],
        "removed": True,
    }
    assert run("task", "list", labelled, "--json").json == []


def test_task_is_named_by_its_number_where_no_name_is_that(
    run: Run, labelled: str, tmp_path: Path
) -> None:
    first = run("task", "create", labelled, write(tmp_path / "t.json", TASK), "--json").json
    named = {**TASK, "name": f"{first['id']:02d}"}
    second = run("task", "create", labelled, write(tmp_path / "t.json", named), "--json").json
    assert run("task", "remove", labelled, named["name"], "--json").json["id"] == second["id"]
    assert run("task", "remove", labelled, first["id"], "--json").json["id"] == first["id"]


def test_members_are_let_into_a_restricted_task_and_out_of_it(
    run: Run, labelled: str, tmp_path: Path
) -> None:
    task = run("task", "create", labelled, write(tmp_path / "t.json", TASK), "--json").json
    run("user", "add", "reader@lab")
    run("member", "add", labelled, "reader@lab", "--rights", "read")
    words = ("task", "add-member", labelled, "Regions", "reader@lab", "--access")
    member = run(*words, "write", "--json").json
    assert (member["email"], member["access"], member["task_id"]) == (
        *("reader@lab", "write", task["id"]),
    )
    assert run("task", "list-members", labelled, "Regions", "--json").json == [member]
    removed = run("task", "remove-member", labelled, "Regions", "reader@lab", "--json").json
    assert removed["removed"] is True
    assert run("task", "list-members", labelled, "Regions", "--json").json == []
    assert run(*words, "none").code == 2
    assert run("task", "add-member", labelled, "Regions", "x@lab", "--access", "read").code == 1


@pytest.mark.parametrize("kind", ["labelset", "task"])
@pytest.mark.parametrize("text", ["", "{", "7", '"a"', "[[]]", "\x00", '{"name": 7}'])
def test_document_that_makes_no_sense_is_refused(
    run: Run, study: str, tmp_path: Path, kind: str, text: str
) -> None:
    (tmp_path / "x.json").write_text(text)
    names = ["tissue"] if kind == "labelset" else []
    ended = run(kind, "create", study, *names, tmp_path / "x.json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert "Something went wrong" not in ended.err
    assert run(kind, "list", study, "--json").json == []


def test_task_without_its_label_set_is_refused(run: Run, study: str, tmp_path: Path) -> None:
    ended = run("task", "create", study, write(tmp_path / "t.json", TASK))
    assert (ended.code, ended.out) == (1, "")
    assert "no label set 'tissue'" in ended.err


def test_write_lets_members_draw(run: Run, study: str) -> None:
    run("user", "add", "writer@lab")
    member = run("member", "add", study, "writer@lab", "--rights", "write,api", "--json").json
    assert member["rights"] == ["api", "edit", "score", "view"]
