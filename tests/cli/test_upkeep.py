from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_backup_is_restored_elsewhere(run: Run, tmp_path: Path) -> None:
    run("study", "create", "s")
    file = tmp_path / "backup ü"
    made = run("backup", file, "--json").json
    assert made == {"file": str(file), "bytes": file.stat().st_size}
    assert run("backup", file).code == 1
    other = ("--home", tmp_path / "restored")
    assert run("restore", file, *other, "--json").json == {"home": str(tmp_path / "restored")}
    assert run("study", "list", *other, "--json").json[0]["name"] == "s"
    again = run("restore", file, *other)
    assert (again.code, again.out) == (1, "")
    assert "lab.sqlite3" in again.err


def test_doctor_tells_what_is_wrong_and_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsi_lab.service.health.DECODERS", ("simplejpeg", "no_such_decoder"))
    ended = run("doctor")
    assert ended.code == 1
    assert "BAD   Decoders" in ended.out
    assert "pip install" in ended.out
    ended = run("doctor", "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["ok"]) == (1, False)
    verdicts = {check["name"]: check["verdict"] for check in found["checks"]}
    assert (verdicts["SQLite"], verdicts["Decoders"]) == ("good", "bad")


def test_doctor_looks_into_a_source_that_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, slides: Path
) -> None:
    monkeypatch.setattr("wsi_lab.service.health.DECODERS", ("simplejpeg",))
    assert "2 keys that end like slides among 3 objects" in run("doctor", slides).out
    assert "Source" not in run("doctor").out
