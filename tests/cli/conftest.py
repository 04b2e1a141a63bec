"""The command line, run in this process on a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wsi_lab.cli
from bench.object_server import ObjectServer


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
    for name in [each for each in os.environ if each.startswith(("WSI_", "AWS_", "RUST_LOG"))]:
        monkeypatch.delenv(name)
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


@pytest.fixture
def slides(tmp_path: Path, demo_slide: Path) -> Path:
    """A folder with two slides and a note, one of them deeper."""
    folder = tmp_path / "slides ü"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(demo_slide, folder / "a.svs")
    shutil.copy(demo_slide, folder / "sub" / "b c.svs")
    (folder / "note.txt").write_text("no slide")
    return folder


@pytest.fixture
def objects(slides: Path) -> Iterator[ObjectServer]:
    """The same as the bucket ``slides`` of a store that speaks S3."""
    with ObjectServer(slides) as server:
        yield server
