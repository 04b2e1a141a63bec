"""How a study stands, in a notebook: progress, gaps, and the slides that readers differ on."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import anywidget
import ipywidgets
import traitlets

from wsi_lab.client import Study
from wsi_lab.client.overview import Overview
from wsi_lab.errors import NotFound, WsiLabError
from wsi_lab.model.question import QuestionKind
from wsi_lab.widgets import dashboard_tables as tables
from wsi_lab.widgets.differences import ROWS, Differences
from wsi_lab.widgets.opened_unit import OpenedUnit
from wsi_lab.widgets.viewer import SlideViewer

_FRONT = files("wsi_lab.widgets") / "front"
_WORDS_ONLY = frozenset({QuestionKind.FREE_TEXT, QuestionKind.EXPLANATION})


class Page(anywidget.AnyWidget):
    """The browser's part of a dashboard: how it looks, and that it keeps its keys."""

    _esm = (_FRONT / "dashboard.mjs").read_text(encoding="utf-8")
    _css = (_FRONT / "dashboard.css").read_text(encoding="utf-8")


class Dashboard(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets ships no types
    """How a study stands: a bar for each reader, what is missing, and where readers differ.

    Answers are read once; the button *Refresh* reads them anew. A click, or Enter, on a slide, core
    or case that readers differ on opens it beside the list, with what each of them said.

    Parameters
    ----------
    study
        The study.
    question
        Whose differences are shown; by default the first question that needs an answer.
    height
        Of slides, as CSS, for example ``"420px"``.

    Attributes
    ----------
    overview
        What was read.

    Raises
    ------
    NotFound
        The study has no such question, or nobody can differ on it.

    Examples
    --------
    >>> study.dashboard("TIL %")  # doctest: +SKIP
    """

    question = traitlets.Unicode(help="Whose differences are shown. Set it to choose another.")

    def __init__(
        self, study: Study, question: str | None = None, *, height: str = "420px", **options: Any
    ) -> None:
        self.study = study
        self.overview: Overview = study.overview()
        questions = self._questions()
        if question is None:
            question = questions[0] if questions else None
        elif question not in questions:
            raise NotFound(f"The study {study.name!r} has no question {question!r} to differ on.")
        self._summary, self._progress, self._missing, self._error = (
            ipywidgets.HTML() for _ in range(4)
        )
        self._refresh = ipywidgets.Button(
            description="Refresh", icon="refresh", tooltip="Read all answers anew"
        )
        self._choice = ipywidgets.Dropdown(
            options=questions,
            value=question,
            description="Differences on",
            style={"description_width": "initial"},
        )
        self._differences = Differences(self._open)
        self._opened = OpenedUnit(height)
        super().__init__(children=self._laid_out(), **options)
        self.add_class("wsl-dashboard")
        self._tell_standing()
        if question is not None:
            self.question = question
            traitlets.link((self, "question"), (self._choice, "value"))
        self._refresh.on_click(lambda _: self.refresh())

    @property
    def viewer(self) -> SlideViewer | None:
        """The viewer of the slide that is open, or `None`."""
        return self._opened.viewer

    def refresh(self) -> None:
        """Read all answers anew; what is open stays open."""
        self._refresh.disabled = True
        try:
            self.overview = self.study.overview()
        except WsiLabError as error:
            self._error.value = tables.alert(error.message)
        else:
            self._error.value = ""
            self._tell_standing()
            self._offer(self._questions())
        finally:
            self._refresh.disabled = False

    def __repr__(self) -> str:
        return f"<Dashboard of {self.study.name!r}: {tables.summary(self.overview)}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # Tables stand in where nobody runs widgets: exported pages, other viewers.
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/html"] = tables.page(self.overview, self.question, ROWS)
        return bundle

    def _laid_out(self) -> list[Any]:
        row = {"flex_flow": "row wrap", "grid_gap": "8px 32px", "align_items": "flex-start"}
        half = ipywidgets.Layout(flex="1 1 400px", min_width="0")
        list_side = ipywidgets.VBox([self._choice, self._differences], layout=half)
        self._opened.layout = ipywidgets.Layout(flex="1 1 400px", min_width="0")
        return [
            ipywidgets.HBox([self._summary, self._refresh], layout=ipywidgets.Layout(**row)),
            Page(layout=ipywidgets.Layout(display="none")),
            self._error,
            ipywidgets.HBox([self._progress, self._missing], layout=ipywidgets.Layout(**row)),
            ipywidgets.HBox([list_side, self._opened], layout=ipywidgets.Layout(**row)),
        ]

    def _questions(self) -> list[str]:
        return [name for name, kind in self.overview.kinds.items() if kind not in _WORDS_ONLY]

    def _offer(self, questions: list[str]) -> None:
        if questions != list(self._choice.options):
            before = self.question
            self._choice.options = questions
            if before in questions:
                self.question = before
        self._tell_differences()

    def _tell_standing(self) -> None:
        self._summary.value = tables.heading(self.overview)
        self._progress.value = tables.progress_table(self.overview)
        self._missing.value = tables.missing_table(self.overview)

    @traitlets.observe("question")
    def _tell_differences(self, _: Any = None) -> None:
        if self.question in self.overview.kinds:
            found = self.overview.disagreement(self.question)
            self._differences.show(found, self._opened.unit)
            self._opened.tell(self.overview, self.question)

    def _open(self, unit: dict[Any, Any]) -> None:
        self._opened.present(self.overview, unit, self.question)
        self._differences.mark(unit)
