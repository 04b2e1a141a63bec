"""PHAS's released client and ours, each in a process of its own, with the same calls at one lab."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from phas_lab import PhasLab, own_client


@dataclass(frozen=True)
class Run:
    """What a client was answered."""

    folder: Path
    told: Mapping[str, Any]
    output: str

    def __getitem__(self, name: str) -> Any:
        """Return an answer; it must be there."""
        answer = self.told["answers"][name]
        assert "value" in answer, (name, answer)
        return self._read(answer["value"])

    def refused(self, name: str) -> Any:
        """Return the status of a refusal; it must be one."""
        answer = self.told["answers"][name]
        assert "refused" in answer, (name, answer)
        return answer["refused"]

    @property
    def names(self) -> set[str]:
        return set(self.told["answers"])

    def told_of(self, name: str) -> Any:
        """Return what can be compared with another run's."""
        answer = self.told["answers"][name]
        return self._read(answer["value"]) if "value" in answer else answer["refused"]

    def _read(self, value: Any) -> Any:
        if isinstance(value, dict) and "npy" in value:
            return np.load(self.folder / value["npy"])
        if isinstance(value, dict) and "bin" in value:
            return (self.folder / value["bin"]).read_bytes()
        if isinstance(value, list):
            return [self._read(each) for each in value]
        return value


@dataclass(frozen=True)
class Runs:
    """Who changed and read, and who read the same after that."""

    lab: PhasLab
    released: Run
    released_seen_by_ours: Run
    ours: Run
    ours_seen_by_released: Run

    @cached_property
    def both(self) -> list[Run]:
        """The runs in which everything was called."""
        return [self.released, self.ours]


def all_calls(lab: PhasLab, url: str, released: Path, repository: Path) -> Runs:
    """Let both clients do all calls at a served lab.

    Parameters
    ----------
    released
        The interpreter of PHAS's own client.
    """
    plan = lab.folder / "plan.json"
    plan.write_text(json.dumps(lab.plan))
    script = repository / "tests" / "support" / "phas_calls.py"

    def run(name: str, client: str, steps: str) -> Run:
        folder = lab.folder / name
        python = released if client == "phas" else own_client()
        command = [python, script, client, steps, url, lab.folder, plan, folder]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=150,
            cwd=lab.folder,
            env=os.environ | {"FLASK_INSTANCE_PATH": str(lab.folder / "flask")},
        )
        assert done.returncode == 0, done.stderr[-4000:]
        told = json.loads((folder / "results.json").read_text())
        return Run(folder, told, done.stdout + done.stderr)

    return Runs(
        lab,
        run("released", "phas", "change,read,refused"),
        run("read-by-ours", "wsi_lab", "read"),
        run("ours", "wsi_lab", "change,read,refused"),
        run("read-by-released", "phas", "read"),
    )
