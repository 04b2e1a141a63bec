"""A slide, a core or a case that readers differ on, and who said what of it."""

from __future__ import annotations

import io
from typing import Any

import ipywidgets

from wsi_lab.client import Slide
from wsi_lab.client.overview import Overview
from wsi_lab.errors import SourceUnavailable, WsiLabError
from wsi_lab.widgets import dashboard_tables as tables
from wsi_lab.widgets.viewer import SlideViewer

THUMBNAIL_SIDE = 420
CORE_SIDE = 380
"""How large a core is at first, in pixels of the screen."""


class OpenedUnit(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets ships no types
    """The place beside the list where its rows are opened.

    Attributes
    ----------
    unit
        What is open, or `None`.
    viewer
        Of the slide that is shown, or `None`.
    """

    def __init__(self, height: str) -> None:
        self.unit: dict[Any, Any] | None = None
        self.viewer: SlideViewer | None = None
        self._height = height
        self._overview: Overview | None = None
        self._question = ""
        hint = ipywidgets.Label("Choose one of the list to see it here.")
        self._picture = ipywidgets.VBox([hint])
        self._said = ipywidgets.HTML()
        self._slide = ipywidgets.Dropdown(
            description="Slide", layout=ipywidgets.Layout(display="none")
        )
        self._slide.observe(self._on_slide, "value")
        super().__init__(children=[self._slide, self._picture, self._said])

    def present(self, overview: Overview, unit: dict[Any, Any], question: str) -> None:
        """Show a unit, and what readers answered to a question about it."""
        self.unit = unit
        self._overview, self._question = overview, question
        self.tell(overview, question)
        slides = overview.slides_of(unit)
        # A case is told by one of its slides; choosing one of the others shows that.
        self._slide.unobserve(self._on_slide, "value")
        self._slide.options = [(each.name, each.id) for each in slides]
        self._slide.observe(self._on_slide, "value")
        self._slide.layout.display = None if len(slides) > 1 else "none"
        self._show(slides[0] if slides else None)

    def tell(self, overview: Overview, question: str) -> None:
        """Tell what readers answered to a question about what is open."""
        if self.unit is not None:
            self._overview, self._question = overview, question
            self._said.value = tables.said_table(overview, self.unit, question)

    def _on_slide(self, change: Any) -> None:
        if self._overview is not None and change["new"] is not None:
            self._show(self._overview.slides[change["new"]])

    def _show(self, slide: Slide | None) -> None:
        before = self._picture.children
        self.viewer = None
        try:
            self._picture.children = self._pictures(slide)
        except WsiLabError as error:
            self._picture.children = (ipywidgets.HTML(tables.alert(error.message)),)
        for each in before:
            _close(each)

    def _pictures(self, slide: Slide | None) -> tuple[Any, ...]:
        if slide is None:
            return (ipywidgets.Label("There is no slide of it."),)
        try:
            viewer = SlideViewer(slide, height=self._height)
        except SourceUnavailable as error:
            if slide.connection.browser_url is not None:
                raise
            buffer = io.BytesIO()
            slide.thumbnail(THUMBNAIL_SIDE).save(buffer, format="png")
            return (
                ipywidgets.Image(value=buffer.getvalue(), format="png"),
                ipywidgets.HTML(tables.alert(error.message)),
            )
        self.viewer = viewer
        self._go_to_core(viewer)
        if self._overview is not None and self._overview.kinds[self._question].is_drawn:
            viewer.show(self._question)
        return (viewer,)

    def _go_to_core(self, viewer: SlideViewer) -> None:
        box = None
        if self._overview is not None and self.unit is not None:
            box = self._overview.box_of(self.unit)
        if box is not None:
            x, y, width, height = box
            scale = max(width, height) / CORE_SIDE
            viewer.goto(x + width / 2, y + height / 2, downsample=scale)


def _close(widget: Any) -> None:
    """End a widget and those in it; kernels keep what nobody ends."""
    for each in getattr(widget, "children", ()):
        _close(each)
    widget.close()
