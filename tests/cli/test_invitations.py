from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.model.people import Right
from wsi_lab.service.lab import Lab, LabSettings

Run = Callable[..., Any]


def test_reader_is_invited_by_a_link_that_holds_the_token(run: Run, home: Path) -> None:
    study = run("study", "create", "pilot", "--json").json
    ended = run(
        *("member", "invite", "pilot", "anna@lab", "--name", "Anna"),
        *("--expires", "2999-01-31", "--json"),
    )
    made = ended.json
    assert set(made) == {"email", "token", "link"}
    assert made["link"] == f"/read/{study['id']}#{made['token']}"
    with Lab.open(LabSettings(home)) as lab:
        reader = lab.people.actor_for_token(made["token"], door="v1")
        assert (reader.user.email, reader.user.name) == (made["email"], "Anna")
        assert reader.rights[study["id"]] == {Right.VIEW, Right.SCORE}
    (token,) = run("token", "list", "--json").json
    assert token["expires_on"] == "2999-01-31T00:00:00Z"
    assert token["capabilities"] == ["pixels", "scores"]


def test_link_begins_with_the_address_that_the_lab_is_known_by(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSI_LAB_PUBLIC_URL", "https://lab.example/wsi/")
    run("study", "create", "pilot")
    ended = run("member", "invite", "pilot", "anna@lab")
    assert ended.out.startswith("https://lab.example/wsi/read/1#wsi_")
    assert "not shown again" in ended.err


def test_study_that_is_not_there_is_said(run: Run) -> None:
    ended = run("member", "invite", "pilto", "anna@lab")
    assert ended.code == 1
    assert "pilto" in ended.err
