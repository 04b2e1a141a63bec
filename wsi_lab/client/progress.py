"""How far something has come: a bar in a notebook, a line in a terminal, or a function of yours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import escape
from typing import Any

ShowProgress = bool | Callable[[float, str], Any]
"""Whether to show it where somebody is looking, or what to call with 0 to 1 and a few words."""


class Bar:
    """Shows how far something has come, as long as it goes on: ``with Bar(True) as bar:``."""

    def __init__(self, shown: ShowProgress, title: str = "") -> None:
        self._title = title
        self._handle: Any = None
        self._width = 0
        self._tell: Callable[[float, str], Any] = _nothing
        if callable(shown):
            self._tell = shown
        elif shown and _in_notebook():
            self._tell = self._in_page
        elif shown and sys.stderr.isatty():
            self._tell = self._in_line

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
        if self._handle is not None:
            self._handle.update(_page(""))

    def at(self, done: float, words: str = "") -> None:
        """Say how much is done, from 0 to 1, and with what it goes on."""
        self._tell(min(1.0, max(0.0, done)), words)

    def _in_line(self, done: float, words: str) -> None:
        text = f"{self._title} {done:4.0%} {words}".strip()
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = max(self._width, len(text))

    def _in_page(self, done: float, words: str) -> None:
        from IPython.display import display  # noqa: PLC0415 (it is there: this is a notebook)

        text = escape(f"{self._title} {words}".strip())
        bar = _page(f'<progress max="1" value="{done:.3f}"></progress> {text}')
        if self._handle is None:
            self._handle = display(bar, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types
        else:
            self._handle.update(bar)


def _page(html: str) -> Any:
    from IPython.display import HTML  # noqa: PLC0415 (as above)

    return HTML(html)  # type: ignore[no-untyped-call]  # as above


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _nothing(_done: float, _words: str) -> None:
    """Show nothing."""
