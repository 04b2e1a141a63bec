from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.object_server import ObjectServer

Run = Callable[..., Any]


def test_study_is_made_filled_listed_and_removed(
    run: Run, demo_slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = run("study", "create", "HTT 'pilot' ü", "--description", "d", "--json").json
    assert (study["id"], study["name"], study["slide_count"]) == (1, "HTT 'pilot' ü", 0)
    shutil.copy(demo_slide, tmp_path / "a b.svs")
    monkeypatch.chdir(tmp_path)
    (slide,) = run("study", "add-slides", "HTT 'pilot' ü", "a b.svs", "--json").json
    assert (slide["name"], slide["width"], slide["mpp_x"]) == ("a b", 2220, 0.499)
    assert slide["source"] == str(tmp_path / "a b.svs")
    assert run("study", "list", "--json").json == [{**study, "slide_count": 1}]
    assert run("study", "remove", "HTT 'pilot' ü", "--json").json == {"id": 1, "removed": True}
    assert run("study", "list", "--json").json == []
    assert (tmp_path / "a b.svs").exists()


def test_study_is_removed_only_after_asking_where_somebody_can_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("study", "create", "s")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert run("study", "remove", "s").code == 1
    assert run("study", "remove", "s", "--yes").code == 0


def test_adding_nothing_is_a_matter_of_usage(run: Run) -> None:
    assert run("study", "add-slides", "s").code == 2


def test_web_servers_are_left_to_servers_that_declare_them(run: Run, objects: ObjectServer) -> None:
    run("study", "create", "s")
    address = f"{objects.url}/slides/a.svs"
    for words in ((), ("s3://slides/a.svs", "--s3-endpoint", objects.url, "--anonymous")):
        ended = run("study", "add-slides", "s", address, *words)
        assert (ended.code, ended.out) == (1, "")
        assert "wsi-lab serve --slides http://…" in ended.err
    assert run("study", "list", "--json").json[0]["slide_count"] == 0


def test_what_a_server_needs_for_slides_in_a_store_is_told(
    run: Run, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("study", "create", "s")
    words = ("study", "add-slides", "s")
    reached = ("--s3-endpoint", objects.url, "--anonymous")
    ended = run(*words, "s3://slides/a.svs", *reached)
    assert (ended.code, ended.err.count("\n")) == (0, 1)
    assert f"serve --slides s3://slides/ --s3-endpoint {objects.url} --anonymous;" in ended.err
    assert "AWS_ENDPOINT_URL, AWS_SKIP_SIGNATURE in" in ended.err
    assert "source_endpoint, source_anonymous." in ended.err
    # Whoever has the environment for it has it for the server, too.
    monkeypatch.setenv("AWS_ENDPOINT_URL", objects.url)
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    ended = run(*words, "s3://slides/sub/b c.svs")
    assert (ended.code, ended.err) == (0, "")


def test_patterns_are_not_expanded_in_addresses(run: Run, objects: ObjectServer) -> None:
    run("study", "create", "s")
    reached = ("--s3-endpoint", objects.url, "--anonymous")
    ended = run("study", "add-slides", "s", "s3://slides/*.svs", *reached)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith("  Patterns are not expanded")
    assert "Patterns" not in run("study", "add-slides", "s", "s3://slides/x.svs", *reached).err


def test_members_are_added_listed_and_removed(run: Run) -> None:
    run("study", "create", "s")
    run("user", "add", "r@lab")
    member = run("member", "add", "s", "r@lab", "--rights", "read,score", "--json").json
    assert (member["id"], member["email"]) == (2, "r@lab")
    assert member["rights"] == ["score", "view"]
    assert run("member", "list", "s", "--json").json == [member]
    assert run("member", "remove", "s", "r@lab", "--json").json["removed"] is True
    assert run("member", "list", "s").out == "(none)\n"


@pytest.mark.parametrize("rights", ["fly", "", "view,fly"])
def test_what_is_no_right_is_a_matter_of_usage(run: Run, rights: str) -> None:
    assert run("member", "add", "s", "r@lab", "--rights", rights).code == 2


def test_file_names_do_not_command_the_terminal(run: Run, tmp_path: Path) -> None:
    run("study", "create", "s")
    hostile = tmp_path / "\x1b]0;title\x07\nAdded slide 7, 'x'.svs"
    hostile.write_text("no slide")
    ended = run("study", "add-slides", "s", hostile)
    assert (ended.code, ended.out) == (1, "")
    assert "\x1b" not in ended.err
    assert "\\x1b]0;title\\x07\\nAdded slide 7" in ended.err
    assert not any(line.startswith("Added") for line in ended.err.splitlines())


def test_folder_of_configuration_files_is_imported(
    run: Run, demo_slide: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    (folder / "HTT").mkdir(parents=True)
    shutil.copy(demo_slide, folder / "HTT" / "a.svs")
    (folder / "study.HTT.scores").write_text("Grade;DropDown;1;2;3\n")
    made = run("study", "import", folder, "--json").json
    assert (made["name"], made["slide_count"]) == ("HTT", 1)
    assert "Slides: 1 new, 0 changed." in made["log"]
    ended = run("study", "import", folder)
    assert (ended.code, ended.out) == (
        0,
        "Nothing had changed.\nStudy 1, 'HTT', has 1 slides.\n",
    )


def test_bad_lines_of_configuration_files_are_all_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "study.HTT.scores").write_text("Grade\nSize;Huge\n")
    ended = run("study", "import", tmp_path, "--name", "HTT")
    assert ended.code == 1
    assert "study.HTT.scores: Line 1: " in ended.err
    assert "study.HTT.scores: Line 2: " in ended.err
    assert run("study", "list", "--json").json == []
