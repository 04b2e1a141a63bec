"""Slides in notebooks, on ipyleaflet and ipywidgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_lab.widgets.linking import ViewerLink, link
from wsi_lab.widgets.viewer import SlideViewer

if TYPE_CHECKING:
    from wsi_lab.widgets.dashboard import Dashboard
    from wsi_lab.widgets.scoring import ScoringWidget

__all__ = ["Dashboard", "ScoringWidget", "SlideViewer", "ViewerLink", "link"]


def __getattr__(name: str) -> Any:
    # pandas takes half a second, which those who only look at slides need not wait for.
    if name == "Dashboard":
        from wsi_lab.widgets.dashboard import Dashboard  # noqa: PLC0415 (as said)

        return Dashboard
    if name == "ScoringWidget":
        from wsi_lab.widgets.scoring import ScoringWidget  # noqa: PLC0415 (its scripts are large)

        return ScoringWidget
    raise AttributeError(f"module 'wsi_lab.widgets' has no attribute {name!r}")
