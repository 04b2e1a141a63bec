"""A process that is killed at any moment loses nothing it has acknowledged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store.connection import Connection

KILLS_A_HOME = 50


def cases(lab: Lab) -> dict[str, tuple[str, int]]:
    def query(connection: Connection) -> dict[str, tuple[str, int]]:
        found = connection.execute("SELECT name, public_name, revision FROM cases")
        return {name: (public_name, revision) for name, public_name, revision in found}

    return lab._database.read(query)


def entries(lab: Lab) -> int:
    def query(connection: Connection) -> int:
        return connection.execute("SELECT count(*) FROM audit WHERE kind = 'case'").fetchone()[0]

    return lab._database.read(query)


def kill_many_times(kills: int, folder: Path, start: Callable, integrity: Callable) -> int:
    """Kill a writing process so often; return how many writes it had acknowledged."""
    chance = random.Random()
    total = 0
    for number in range(kills):
        home = folder / f"home-{number // KILLS_A_HOME}"
        if not home.exists():
            with Lab.open(LabSettings(home)) as lab:
                lab.studies.create(lab.people.owner(name="owner"), "study")
        with start("write_until_killed.py", home, number) as program:
            lines = [program.stdout.readline()]
            time.sleep(chance.uniform(0, 0.03))
            program.kill()
            lines += program.stdout.readlines()
        acknowledged = [line.split() for line in lines if line.endswith("\n")]
        # Of the processor: what else the machine does is not this lab's doing.
        began = time.process_time()
        with Lab.open(LabSettings(home)) as lab:
            assert time.process_time() - began < 2
            found = cases(lab)
            # One entry for each case, and one for each change of it.
            assert entries(lab) == sum(revision for _, revision in found.values())
        assert integrity(home / "lab.sqlite3") == "ok"
        for name, revision in acknowledged:
            assert found[name][1] >= int(revision)
        for name, (public_name, revision) in found.items():
            assert (public_name == name) == (revision == 2), "a change is there whole, or not"
        total += len(acknowledged)
    return total


@pytest.mark.timeout(600)
def test_fifty_kills_lose_nothing(tmp_path: Path, start: Callable, integrity: Callable) -> None:
    assert kill_many_times(50, tmp_path, start, integrity) > 50


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_thousand_kills_lose_nothing(
    tmp_path: Path, start: Callable, integrity: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    total = kill_many_times(1000, tmp_path, start, integrity)
    with capsys.disabled():
        seconds = time.monotonic() - began
        print(f"\n1,000 kills: {total:,} acknowledged, 0 lost, {seconds:.0f} s")  # noqa: T201 (a figure to keep)
