from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.service.lab import LabSettings

Run = Callable[..., Any]


def test_serve_hands_its_words_to_the_server(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def serve(settings: LabSettings, host: str, port: int, *, started: Callable) -> int:
        calls.append((settings, host, port))
        started("http://127.0.0.1:1/")
        return 0

    app = types.ModuleType("wsi_lab.server.app")
    app.serve = serve
    monkeypatch.setitem(sys.modules, "wsi_lab.server.app", app)
    monkeypatch.setattr("wsi_lab.server.app", app, raising=False)
    words = ("--host", "::1", "--port", 1, "--workers", 3, "--slides", tmp_path, "--json")
    assert run("serve", *words).json == {"url": "http://127.0.0.1:1/"}
    (settings, host, port) = calls[0]
    assert (host, port) == ("::1", 1)
    assert (settings.home, settings.workers) == (home, 3)
    assert settings.slide_roots == (tmp_path.resolve(),)
    assert "http://127.0.0.1:1/" in run("serve").out
    assert calls[1][0].slide_roots is None


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
