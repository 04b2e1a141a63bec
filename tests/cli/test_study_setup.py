from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.service.lab import Lab, LabSettings

Run = Callable[..., Any]


def test_study_is_made_with_slides_questions_and_readers(
    run: Run, slides: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "study.x.scores"
    scores.write_text("Grade\tDropDown\t1;2\nTumour\tAnnoShapes\t#e6194b\n")
    made = run(
        *("study", "create", "pilot", "--slides", slides, "--questions", scores),
        *("--reader", "anna@lab", "--reader", "ben@lab", "--rights", "view,score,results"),
        *("--setting", "shuffle", "--setting", "stainings=HE, CD3", "--publish", "--json"),
    ).json
    assert made["slide_count"] == 2
    assert made["published_on"] is not None
    members = run("member", "list", "pilot", "--json").json
    assert [each["email"] for each in members] == ["anna@lab", "ben@lab"]
    assert members[0]["rights"] == ["results", "score", "view"]
    assert run("study", "unpublish", "pilot", "--json").json["published_on"] is None
    assert run("study", "publish", "pilot", "--json").json["published_on"] is not None


def test_table_says_more_of_the_slides_of_a_folder(
    run: Run, slides: Path, tmp_path: Path, home: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,name,case\nsub/b c.svs,B,H-1\n")
    words = ("study", "create", "pilot", "--slides", slides, "--manifest", table, "--json")
    assert run(*words).json["slide_count"] == 2
    with Lab.open(LabSettings(home)) as lab:
        owner = lab.people.owner("tests")
        found = lab.slides.list(owner, 1).items
        assert [(each.name, each.case_id) for each in found] == [("B", 1), ("a", None)]


@pytest.mark.parametrize(
    "words", [("--rights", "fly"), ("--rights", ""), ("--setting", "colour=red")]
)
def test_words_that_mean_nothing_are_a_matter_of_usage(run: Run, words: tuple[str, ...]) -> None:
    assert run("study", "create", "pilot", *words).code == 2


def test_nothing_is_made_of_questions_or_slides_that_are_wrong(
    run: Run, slides: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "study.x.scores"
    scores.write_text("Grade\tNothing\nSize\tSome\n")
    ended = run("study", "create", "pilot", "--questions", scores)
    assert (ended.code, ended.err.count("\n")) == (1, 3)
    (slides / "bad.svs").write_text("no slide")
    ended = run("study", "create", "pilot", "--slides", slides, "--reader", "a@lab")
    assert ended.code == 1
    assert "No study was made" in ended.err
    assert run("study", "list", "--json").json == []
    assert [each["email"] for each in run("user", "list", "--json").json] == ["anna@localhost"]
