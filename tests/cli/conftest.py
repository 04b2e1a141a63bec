"""The command line, run in this process on a home of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wsi_lab.cli


@dataclass
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WSI_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.delenv("WSI_LAB_DEBUG", raising=False)
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["wsi-lab", *map(str, words)])
        code = wsi_lab.cli.main()
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run
