from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import NotIdentified
from wsi_lab.service.lab import Lab, LabSettings

Run = Callable[..., Any]


def test_users_are_added_and_listed(run: Run) -> None:
    added = run("user", "add", "reader@lab", "--name", "Ü", "--json").json
    assert (added["email"], added["name"], added["is_admin"]) == ("reader@lab", "Ü", False)
    assert run("user", "add", "chief@lab", "--admin", "--json").json["is_admin"] is True
    users = run("user", "list", "--json").json
    assert [user["email"] for user in users] == ["anna@localhost", "reader@lab", "chief@lab"]
    assert all({"id", "name"} <= set(user) for user in users)
    table = run("user", "list").out.splitlines()
    assert table[0].split() == ["id", "email", "name", "is", "admin"]
    assert table[2].split() == ["2", "reader@lab", "Ü", "no"]


def test_token_is_made_listed_and_revoked(run: Run, home: Path) -> None:
    run("user", "add", "reader@lab")
    made = run(
        *("token", "create", "--user", "reader@lab", "--name", "script"),
        *("--can", "pixels,scores", "--read", "a;b", "--modify", "a", "--folders", "in"),
        *("--expires", "2099-01-31", "--json"),
    ).json
    with Lab.open(LabSettings(home)) as lab:
        actor = lab.people.actor_for_token(made["token"], door="v1")
        assert actor.user.email == "reader@lab"
    (token,) = run("token", "list", "--json").json
    assert (token["id"], token["name"], token["email"]) == (made["id"], "script", "reader@lab")
    assert token["capabilities"] == ["pixels", "scores"]
    assert (token["read_studies"], token["modify_studies"]) == (["a", "b"], ["a"])
    assert token["folders"] == ["in"]
    assert token["expires_on"] == "2099-01-31T00:00:00Z"
    assert made["token"] not in run("token", "list").out
    assert run("token", "revoke", made["id"], "--json").json == {"id": made["id"], "revoked": True}
    with Lab.open(LabSettings(home)) as lab, pytest.raises(NotIdentified):
        lab.people.actor_for_token(made["token"], door="v1")


def test_study_of_a_token_that_is_not_there_is_remarked_on(run: Run) -> None:
    run("study", "create", "pilot")
    words = ("token", "create", "--name", "x", "--can", "all", "--read")
    assert "no study" not in run(*words, "pilot;1").err
    ended = run(*words, "pilot;pilto;7")
    assert (ended.code, len(ended.out)) == (0, 48)
    assert "There is no study 'pilto', '7' yet." in ended.err


def test_token_for_everything_is_listed_in_a_word(run: Run) -> None:
    run("token", "create", "--name", "x", "--can", "all")
    assert run("token", "list").out.splitlines()[1].split()[2:4] == ["x", "all"]
    assert len(run("token", "list", "--json").json[0]["capabilities"]) > 5


def test_token_alone_is_on_standard_output(run: Run) -> None:
    ended = run("token", "create", "--name", "x", "--can", "all")
    assert ended.out.startswith("wsi_")
    assert len(ended.out) == 48
    assert "not shown again" in ended.err


def test_token_that_may_nothing_can_be_made(run: Run) -> None:
    run("token", "create", "--name", "x", "--can", "")
    assert run("token", "list", "--json").json[0]["capabilities"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--can", "fly"),
        ("--can", "all", "--expires", "soon"),
        (),
    ],
)
def test_token_that_makes_no_sense_is_a_matter_of_usage(run: Run, words: tuple[str, ...]) -> None:
    ended = run("token", "create", "--name", "x", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err


@pytest.mark.parametrize("option", ["--read", "--modify", "--folders"])
def test_limit_that_is_blank_makes_no_token(run: Run, option: str) -> None:
    for blank in ("", " ; "):
        ended = run("token", "create", "--name", "x", "--can", "all", option, blank)
        assert (ended.code, ended.out) == (2, "")
    assert run("token", "list", "--json").json == []
