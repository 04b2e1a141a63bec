"""A list of what readers differ on, to be opened by a click or by Enter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import pandas as pd

from wsi_lab.widgets import dashboard_tables as tables

ROWS = 10
_OPEN = "▸ "


class Differences(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets ships no types
    """A row for each unit that readers differ on: the first `ROWS`, and as many again on demand.

    Parameters
    ----------
    chosen
        Called with the unit whose row was clicked.
    """

    def __init__(self, chosen: Callable[[dict[Any, Any]], None]) -> None:
        self._chosen = chosen
        self._units: list[dict[Any, Any]] = []
        self._opened: dict[Any, Any] | None = None
        # Rows share these: a widget of their own for each would take half of all time.
        self._cell = {"layout": ipywidgets.Layout(), "style": ipywidgets.Label().style}
        self._wide = ipywidgets.Layout(width="100%", margin="1px 0")
        self.buttons: list[ipywidgets.Button] = []
        self._grid = ipywidgets.GridBox(
            layout=ipywidgets.Layout(
                grid_template_columns="minmax(120px, 1fr) repeat(4, max-content)",
                grid_gap="0 14px",
                width="100%",
            )
        )
        self._note = ipywidgets.Label()
        self._more = ipywidgets.Button(layout=ipywidgets.Layout(width="auto"))
        self._more.on_click(lambda _: self._add_rows())
        super().__init__(children=[self._grid, self._note, self._more])
        self.add_class("wsl-differences")

    def show(self, differences: pd.DataFrame, opened: dict[Any, Any] | None) -> None:
        """Show the first rows of a table as `Study.disagreement` returns it.

        Parameters
        ----------
        opened
            The unit that is open; it may be one of them.
        """
        self._units = differences.to_dict("records")
        self._opened = opened
        self.buttons = []
        self._grid.children = ()
        self._note.value = "" if self._units else tables.NO_DIFFERENCES
        self._add_rows()

    def mark(self, opened: dict[Any, Any] | None) -> None:
        """Mark the row of the unit that is open."""
        self._opened = opened
        for unit, button in zip(self._units, self.buttons, strict=False):
            button.description = self._name(unit)

    def _add_rows(self) -> None:
        first = len(self.buttons)
        heads = () if first or not self._units else tables.DIFFERENCE_HEADS
        cells: list[Any] = [ipywidgets.HTML(f"<strong>{head}</strong>") for head in heads]
        for unit in self._units[first : first + ROWS]:
            words = tables.difference_words(unit)
            self.buttons.append(self._button(unit, words))
            cells += [self.buttons[-1], *(ipywidgets.Label(each, **self._cell) for each in words)]
        self._grid.children += tuple(cells)
        left = len(self._units) - len(self.buttons)
        self._more.layout.display = None if left else "none"
        self._more.description = f"{min(left, ROWS)} more of {len(self._units):,}"

    def _button(self, unit: dict[Any, Any], words: tuple[str, str, str, str]) -> ipywidgets.Button:
        readers, ends, differ, spread = words
        button = ipywidgets.Button(
            description=self._name(unit),
            # What the row says, for those who hear only its button.
            tooltip=f"{readers} readers, {ends}, {differ} of pairs differ, spread {spread}",
            layout=self._wide,
        )
        button.on_click(lambda _: self._chosen(unit))
        return button

    def _name(self, unit: dict[Any, Any]) -> str:
        name = tables.unit_name(unit)
        is_open = self._opened is not None and tables.unit_name(self._opened) == name
        return _OPEN + name if is_open else name
