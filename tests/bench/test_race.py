"""Servers that are asked in turn: who takes part, and what is told of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from bench import load
from bench.load import Load, NotServed
from bench.race import Effort, Race
from bench.report import Findings
from bench.subjects import Server, Subject
from bench.walk import Tile, View

WALK: list[View] = [(Tile(0, 0, 0), Tile(0, 1, 0)), (Tile(1, 0, 0),)]
EFFORT = Effort(rounds=3, seconds=1, warming_seconds=1, tiles=3)


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    body = tmp_path / "body.jpg"
    body.write_bytes(simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    command = [sys.executable, "-m", "bench.peers", "memory", "--file", str(body), "--port"]
    server = Server("memory", lambda port: [[*command, str(port)]])
    return Subject("memory", server, lambda view: f"/{view[0].level}/{view[0].column}/0")


def answering(asked: list[str], answers: list[Load | NotServed]):
    def run(_address: str, requests: list[load.Request], *, connections: int, **_how) -> Load:
        asked.append(f"{requests[0].path} x {connections}")
        answer = answers.pop(0)
        if isinstance(answer, NotServed):
            raise answer
        return answer

    return run


def test_the_middle_of_all_rounds_but_the_first_is_told_beside_a_yardstick(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    answers = [Load(4, 4, 2.0, 8.0, p50, 9.0) for p50 in (99.0, 1.0, 3.0, 2.0)]
    monkeypatch.setattr(load, "run", answering(asked, answers))
    findings = Findings("race")
    race = Race(WALK, tmp_path, "wrk", findings, connections=64)
    try:
        race.run([subject], EFFORT, quiet)
        table = race.table("Tiles", EFFORT, {"CPU × memory": "memory", "× nobody": "nobody"})
    finally:
        race.stop()
    assert findings.failures == []
    # Four requests over a walk of three tiles: every round begins one tile further on.
    assert asked == ["/0/0/0 x 64", "/0/1/0 x 64", "/1/0/0 x 64", "/0/0/0 x 64"]
    assert len(findings.rounds["memory"]) == EFFORT.rounds
    ((name, rate, p50, p99, _cpu, kilobytes, rss, _times, nobody),) = table.rows
    assert (name, rate, p50, p99, kilobytes) == ("memory", 2.0, 2.0, 9.0, 2.0)
    assert rss > 1
    assert nobody is None
    assert "64 connections; 3 tiles in 2 views" in table.notes[0]


def test_a_server_that_fails_has_no_figures_and_is_not_asked_again(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    answers = [Load(3, 3, 1.0, 8.0, 1.0, 9.0), NotServed("2 of 3 requests failed")]
    monkeypatch.setattr(load, "run", answering(asked, answers))
    findings = Findings("race")
    race = Race(WALK, tmp_path, "wrk", findings)
    try:
        race.run([subject], EFFORT, quiet)
        rows = race.table("Tiles", EFFORT, {}).rows
    finally:
        race.stop()
    assert findings.failures == ["memory: 2 of 3 requests failed"]
    assert len(asked) == 2
    assert rows == []
    assert "memory" not in findings.rounds
