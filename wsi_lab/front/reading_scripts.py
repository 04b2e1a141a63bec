"""Which parts make up the app that readers score with, each list in the order of its imports."""

from __future__ import annotations

from wsi_lab.front import front_file
from wsi_lab.front.scripts import NO_MARKUP, VIEW_PARTS, VIEW_SHEETS

_READING = front_file("reading")
_NAMES = (
    *("lab", "kept", "saving", "values", "reading", "choices", "numbers", "texts", "drawn"),
    *("field", "form", "cores", "timing", "progress", "keys", "stage", "items", "ahead"),
    *("slide_tabs", "room", "hands", "ways", "sitting", "app"),
)

READING_PARTS = (*VIEW_PARTS, *(_READING / f"{name}.mjs" for name in _NAMES))
"""The app, to be mounted wherever."""

READING_PAGE_PARTS = (
    NO_MARKUP,
    *READING_PARTS,
    *(_READING / f"{name}.mjs" for name in ("link", "main")),
)
"""The readers' page, which is nothing but the app."""

READING_SHEETS = (*VIEW_SHEETS, _READING / "reading.css")
"""The styles of `READING_PARTS`."""

READING_PAGE_SHEETS = (*READING_SHEETS, _READING / "page.css")
"""The styles of the page."""
