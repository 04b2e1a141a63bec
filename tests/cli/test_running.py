from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_demo_hands_its_words_to_the_demo(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def start(home: Path, *, port: int | None, open_browser: bool) -> int:
        calls.append((home, port, open_browser))
        print("chatter")  # noqa: T201 (what a demo does)
        return 0

    demo = types.ModuleType("wsi_lab.demo")
    demo.run = start
    monkeypatch.setitem(sys.modules, "wsi_lab.demo", demo)
    monkeypatch.setattr("wsi_lab.demo", demo, raising=False)
    ended = run("demo", "--port", 1, "--no-browser", "--json")
    assert ended.json == {"home": str(home), "exit_code": 0}
    assert ended.err == "chatter\n"
    assert run("demo").out == "chatter\n"
    assert calls == [(home, 1, False), (home, None, True)]
