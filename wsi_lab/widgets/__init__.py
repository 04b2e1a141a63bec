"""Slides in notebooks, on ipyleaflet and ipywidgets."""

from __future__ import annotations

from wsi_lab.widgets.linking import ViewerLink, link
from wsi_lab.widgets.viewer import SlideViewer

__all__ = ["SlideViewer", "ViewerLink", "link"]
