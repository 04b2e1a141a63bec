from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.fixture
def slides(tmp_path: Path, demo_slide: Path) -> Path:
    """A folder with three slides."""
    folder = tmp_path / "slides"
    folder.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(demo_slide, folder / f"{name}.svs")
    return folder


def test_manifest_says_what_is_known_of_the_slides(run: Run, slides: Path) -> None:
    table = write(
        slides / "table.csv",
        "path,name,case,case_public,block,section,slide,stain,tags,mpp,colour,Weight\n"
        'a.svs,A,"Müller, H.",C1,A1,2,3,H&E,tumour;HE; ,0.25,red,1\n'
        "\n"
        "b.svs,,,,,,,,,,,\n",
        "utf-8-sig",
    )
    run("study", "create", "s")
    ended = run("study", "add-slides", "s", slides / "c.svs", "--manifest", table, "--json")
    a, b, c = ended.json
    assert (a["name"], a["case"], a["block"], a["section"], a["number"], a["stain"]) == (
        *("A", "C1", "A1", "2", "3", "H&E"),
    )
    assert (a["tags"], a["mpp_x"], a["mpp_y"]) == (["HE", "tumour"], 0.25, 0.25)
    assert (b["name"], b["case"], b["mpp_x"]) == ("b", None, 0.499)
    assert c["name"] == "c"
    assert "colour, weight" in ended.err


def test_manifest_elsewhere_may_name_given_files_by_their_ends(
    run: Run, slides: Path, tmp_path: Path
) -> None:
    table = write(tmp_path / "table.csv", "PATH\tStain\na.svs\tHE\nslides/b.svs\tPAS\n")
    run("study", "create", "s")
    files = [slides / "a.svs", slides / "b.svs"]
    found = run("study", "add-slides", "s", *files, "--manifest", table, "--json").json
    assert [(slide["name"], slide["stain"]) for slide in found] == [("a", "HE"), ("b", "PAS")]


def test_bad_rows_are_all_named_and_nothing_is_added(run: Run, slides: Path) -> None:
    (slides / "note.svs").write_text("no slide")
    table = write(
        slides / "table.csv",
        "path;mpp_x\na.svs;0.5\nnothing.svs;\nnote.svs;\na.svs;\nb.svs;900\n",
    )
    run("study", "create", "s")
    ended = run("study", "add-slides", "s", "--manifest", table, "--json")
    assert (ended.code, ended.out) == (1, "")
    for line, name in ((3, "nothing.svs"), (4, "note.svs"), (5, "a.svs"), (6, "b.svs")):
        assert f"line {line}: {name}: " in ended.err
    assert "4 of 5 slides" in ended.err
    assert run("study", "list", "--json").json[0]["slide_count"] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("path\n", "no rows"),
        ("name,case\na,b\n", "no column 'path'"),
        ("path,case,Case\na,b,c\n", "'case' is there twice"),
        ('path\n"a.svs\n', "no CSV"),
        ("path,mpp\na.svs,x\n,1\na.svs,1,2\na.svs,nan\n", "4 bad rows"),
        ("path;mpp\na.svs;0,5\n", "1 bad row."),
        (
            "path;mpp\na.svs;0,5\n",
            "'0,5' in the column 'mpp' is not a number; write it with a point",
        ),
    ],
)
def test_table_that_makes_no_sense_is_refused(
    run: Run, tmp_path: Path, text: str, words: str
) -> None:
    run("study", "create", "s")
    table = write(tmp_path / "table.csv", text)
    ended = run("study", "add-slides", "s", "--manifest", table)
    assert (ended.code, ended.out) == (1, "")
    assert words in ended.err


def test_table_that_is_no_text_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"path\n\xff\xfe\n")
    ended = run("study", "add-slides", "s", "--manifest", tmp_path / "table.csv")
    assert (ended.code, ended.out) == (1, "")
    assert "UTF-8" in ended.err
