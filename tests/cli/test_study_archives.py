from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_study_is_exported_and_loaded_again(run: Run, slides: Path, tmp_path: Path) -> None:
    words = ("--slides", slides, "--reader", "ben@lab", "--setting", "shuffle", "--publish")
    made = run("study", "create", "pilot", *words, "--json").json
    file = tmp_path / "pilot.zip"
    told = run("study", "export", "pilot", file, "--json").json
    assert told == {"id": 1, "name": "pilot", "file": str(file), "size": file.stat().st_size}
    loaded = run("study", "load", file, "--name", "copy", "--json").json
    for name in ("description", "published_on", "slide_count"):
        assert loaded[name] == made[name]
    assert run("member", "list", "copy", "--json").json[0]["email"] == "ben@lab"
    taken = run("study", "load", file)
    assert (taken.code, taken.out) == (1, "")
    assert "by another name" in taken.err


def test_slides_come_from_the_archive_or_from_a_folder(
    run: Run, slides: Path, tmp_path: Path
) -> None:
    run("study", "create", "pilot", "--slides", slides)
    whole, bare = tmp_path / "whole.zip", tmp_path / "bare.zip"
    assert run("study", "export", "pilot", whole, "--with-slides").code == 0
    assert run("study", "export", "pilot", bare).code == 0
    assert whole.stat().st_size > 100 * bare.stat().st_size
    moved = slides.rename(tmp_path / "moved")
    assert run("study", "load", bare, "--name", "a").code == 1
    for words in ((bare, "--name", "a", "--slides", moved), (whole, "--name", "b")):
        assert run("study", "load", *words, "--json").json["slide_count"] == 2
    assert len(run("study", "list", "--json").json) == 3


def test_file_that_is_no_archive_makes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", "{}")
    ended = run("study", "load", file)
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert run("study", "list", "--json").json == []


def test_export_that_fails_leaves_no_file(run: Run, tmp_path: Path) -> None:
    assert run("study", "export", "nothing", tmp_path / "x.zip").code == 1
    run("study", "create", "pilot")
    assert run("study", "export", "pilot", tmp_path / "none" / "x.zip").code == 1
    assert not list(tmp_path.glob("*.zip*"))
