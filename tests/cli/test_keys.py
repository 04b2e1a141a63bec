from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import NotIdentified
from wsi_lab.service.lab import Lab, LabSettings

Run = Callable[..., Any]


def test_key_of_phas_is_the_file_that_its_client_takes(run: Run, home: Path) -> None:
    run("user", "add", "reader@lab")
    words = ("key", "create", "--user", "reader@lab", "--for", "phas")
    ended = run(*words)
    assert list(json.loads(ended.out)) == ["api_key"]
    assert "not shown again" in ended.err
    made = run(*words, "--name", "laptop", "--json").json
    assert made["name"] == "laptop"
    with Lab.open(LabSettings(home)) as lab:
        for text in (json.loads(ended.out)["api_key"], made["api_key"]):
            actor = lab.keys.actor_of_phas_key(text, door="phas")
            assert actor.user.email == "reader@lab"
    assert {"id", "api_key"} <= set(made)


def test_keys_of_cytomine_are_a_pair(run: Run, home: Path) -> None:
    made = run("key", "create", "--for", "cytomine", "--json").json
    with Lab.open(LabSettings(home)) as lab:
        actor, private = lab.keys.actor_of_cytomine_key(made["public_key"], door="cytomine")
        assert (actor.user.email, private) == ("anna@localhost", made["private_key"])
    ended = run("key", "create", "--for", "cytomine")
    assert set(json.loads(ended.out)) == {"public_key", "private_key"}
    # A new pair ends the one before.
    assert [key["id"] for key in run("key", "list", "--json").json] == [made["id"] + 1]


def test_keys_are_listed_and_revoked(run: Run, home: Path) -> None:
    run("user", "add", "reader@lab")
    made = run("key", "create", "--user", "reader@lab", "--for", "phas", "--json").json
    run("token", "create", "--name", "script", "--can", "all")
    (key,) = run("key", "list", "--json").json
    assert (key["id"], key["email"], key["purpose"]) == (made["id"], "reader@lab", "phas")
    ends = datetime.fromisoformat(key["expires_on"]) - datetime.now(UTC)
    assert timedelta(days=364) < ends < timedelta(days=366)
    assert made["api_key"] not in run("key", "list").out + run("token", "list").out
    purposes = [token["purpose"] for token in run("token", "list", "--json").json]
    assert purposes == ["phas", "bearer"]
    assert run("key", "revoke", made["id"], "--json").json == {"id": made["id"], "revoked": True}
    assert run("key", "list").out == "(none)\n"
    with Lab.open(LabSettings(home)) as lab, pytest.raises(NotIdentified):
        lab.keys.actor_of_phas_key(made["api_key"], door="phas")
    ended = run("key", "revoke", 2)
    assert (ended.code, ended.out) == (1, "")
    assert "no key 2" in ended.err


def test_key_ends_when_it_is_told_to(run: Run) -> None:
    run("key", "create", "--for", "phas", "--expires", "2099-01-31")
    assert run("key", "list", "--json").json[0]["expires_on"] == "2099-01-31T00:00:00Z"
    assert run("key", "create", "--for", "phas", "--expires", "2001-01-31").code == 1


@pytest.mark.parametrize(
    "words", [(), ("--for", "fax"), ("--for", "bearer"), ("--for", "phas", "--expires", "soon")]
)
def test_key_that_makes_no_sense_is_a_matter_of_usage(run: Run, words: tuple[str, ...]) -> None:
    ended = run("key", "create", *words)
    assert (ended.code, ended.out) == (2, "")
