"""How far something has come, for whoever looks."""

from __future__ import annotations

import io
import sys

import pytest

from wsi_lab.client import progress
from wsi_lab.client.progress import Bar


class Terminal(io.StringIO):
    """A terminal that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_line_in_a_terminal_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar(True, "nuclei") as bar:
        bar.at(0.5, "sending")
        bar.at(2.0)
    shown = terminal.getvalue().split("\r")
    assert shown[1] == "nuclei  50% sending"
    assert shown[2].rstrip() == "nuclei 100%"
    assert shown[3].strip() == shown[4] == ""


def test_nothing_is_shown_where_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar(True) as bar:
        bar.at(0.5, "sending")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar(False) as bar:
        bar.at(0.5, "sending")
    assert terminal.getvalue() == ""
    assert capsys.readouterr().err == ""


def test_bar_in_a_notebook_is_one_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = pytest.importorskip("IPython.display")
    shown: list[str] = []

    class Handle:
        def update(self, html: ipython.HTML) -> None:
            shown.append(html.data)

    def display(html: ipython.HTML, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(html.data)
        return Handle()

    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(ipython, "display", display)
    with Bar(True, "<nuclei>") as bar:
        bar.at(0.25, "sending")
        bar.at(0.5)
    assert 'value="0.250"' in shown[0]
    assert "&lt;nuclei&gt; sending" in shown[0]
    assert 'value="0.500"' in shown[1]
    assert shown[2] == ""
