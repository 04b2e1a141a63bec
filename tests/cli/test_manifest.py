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


def test_words_of_phas_name_the_same_columns(run: Run, slides: Path) -> None:
    table = write(
        slides / "table.csv",
        "path,Slide Name,specimen,specimen_public,block,section,slide_number,stain,tags,cert\n"
        "a.svs,A,Müller,C1,A1,2,3,H&E,tumour;he,yes\n"
        "b.svs,B,Müller,C1,A1,2,4,H&E,,duplicate\n"
        "missing.svs,C,Müller,C1,A1,2,5,H&E,,Exclude\n",
    )
    run("study", "create", "s")
    ended = run("study", "add-slides", "s", "--manifest", table, "--json")
    (slide,) = ended.json
    assert (slide["name"], slide["case"], slide["number"]) == ("A", "C1", "3")
    assert (slide["section"], slide["tags"]) == ("2", ["he", "tumour"])
    assert ended.err == "Left out, as the table says: 2.\n"


def test_column_is_there_once_whatever_it_is_called(run: Run, slides: Path) -> None:
    table = write(slides / "table.csv", "path,case,Specimen\na.svs,x,y\n")
    ended = run("study", "add-slides", "s", "--manifest", table)
    assert ended.code == 1
    assert "'case' is there twice" in ended.err


def test_table_is_read_again_to_bring_slides_up_to_date(run: Run, slides: Path) -> None:
    table = write(slides / "table.csv", "path,name,specimen,stain\na.svs,A,M,HE\nb.svs,B,M,HE\n")
    run("study", "create", "s")
    words = ("study", "add-slides", "s", "--manifest", table)
    first = run(*words, "--json").json
    write(
        table,
        "path,name,specimen,specimen_public,stain,block\n"
        "a.svs,A,M,C-1,PAS,\nb.svs,B,M,,,7\nc.svs,C,M,,HE,\n",
    )
    refused = run(*words)
    assert (refused.code, refused.out) == (1, "")
    again = run(*words, "--update", "--json").json
    assert [slide["id"] for slide in again[:2]] == [slide["id"] for slide in first]
    assert [(slide["name"], slide["stain"], slide["block"]) for slide in again] == [
        ("A", "PAS", ""),
        ("B", "HE", "7"),
        ("C", "HE", ""),
    ]
    assert {slide["case"] for slide in again} == {"C-1"}
    said = run(*words, "--update").out.splitlines()
    assert said[0] == f"Slide {first[0]['id']}, 'A', is up to date."
    assert run("study", "list", "--json").json[0]["slide_count"] == 3


def test_public_names_come_from_a_table(run: Run, slides: Path) -> None:
    table = write(slides / "table.csv", "path,case\na.svs,Müller\nb.svs,Meier\nc.svs,Schmidt\n")
    run("study", "create", "s")
    run("study", "add-slides", "s", "--manifest", table)
    names = write(slides / "names.csv", "Müller,A-1\nMeier,A-2\nNobody,A-3\n")
    ended = run("study", "public-names", "s", names, "--json")
    assert [(case["name"], case["public_name"]) for case in ended.json] == [
        ("Müller", "A-1"),
        ("Meier", "A-2"),
    ]
    assert ended.err == "The study has no case 'Nobody'.\n"
    assert "0 of 3 cases" in run("study", "public-names", "s", names).out
    write(names, "Müller\n")
    refused = run("study", "public-names", "s", names)
    assert (refused.code, refused.out) == (1, "")


def test_tables_of_phas_describe_the_files_that_are_named(run: Run, slides: Path) -> None:
    specimen = write(
        slides / "HNL-14.csv",
        "a,H&E,A1,2,3,certain,Good;new\nb,HE,A1,2,4,duplicate,\nz,HE,A1,,,certain,\n",
    )
    one = write(slides / "c.json", '{"specimen": "HNL-15", "block": "B2", "stain": "tau"}')
    run("study", "create", "s")
    files = [slides / f"{name}.svs" for name in "abc"]
    tables = ("--phas-table", specimen, "--phas-table", one)
    ended = run("study", "add-slides", "s", *files, *tables, "--json")
    a, c = ended.json
    assert (a["name"], a["block"], a["section"], a["number"], a["stain"], a["tags"]) == (
        *("a", "A1", "2", "3", "H&E", ["good", "new"]),
    )
    assert (c["name"], c["block"], c["section"], c["stain"]) == ("c", "B2", "", "tau")
    assert ended.err == "Left out, as the table says: 1.\nNo file was named for: z.\n"
    names = write(slides / "names.csv", "HNL-14,A-1\nHNL-15,A-2\n")
    assert len(run("study", "public-names", "s", names, "--json").json) == 2


def test_table_of_phas_that_does_not_fit_the_files_is_refused(run: Run, slides: Path) -> None:
    first = write(slides / "first.csv", "a,HE,A1,1,1,certain,\n")
    second = write(slides / "second.csv", "a,HE,A1,1,1,certain,\n")
    (slides / "sub").mkdir()
    twice = shutil.copy(slides / "a.svs", slides / "sub" / "a.svs")
    run("study", "create", "s")
    words = ("study", "add-slides", "s", slides / "a.svs", "--phas-table", first)
    for more, reason in (
        (("--phas-table", second), "name the slide 'a' twice"),
        ((twice,), "Two files are called 'a'"),
        (("--phas-table", write(slides / "x.csv", "a,b\n")), "cannot be imported"),
    ):
        ended = run(*words, *more)
        assert (ended.code, ended.out) == (1, "")
        assert reason in ended.err
    assert run("study", "list", "--json").json[0]["slide_count"] == 0
