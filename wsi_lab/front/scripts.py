"""Which parts make up a viewer of slides in the browser, each list in the order of its imports."""

from __future__ import annotations

from importlib.resources.abc import Traversable

from wsi_lab.front import Constant, Part, front_file, shared

_MAP = front_file("map")
_DRAWING = (
    *("shapes", "pieces", "hitting", "booleans", "wire", "drawing", "painting", "making"),
    *("tracing", "brushing", "editing", "tools", "board", "alarm", "saving"),
)

MAP_PARTS: tuple[Part, ...] = (
    _MAP / "frame.mjs",
    shared("readouts"),
    shared("dom"),
    *(_MAP / f"{name}.mjs" for name in ("bundles", "loader", "tiles")),
    *(_MAP / f"{name}.mjs" for name in ("motion", "overview", "chrome")),
    front_file("clipper2") / "Core.js",
    front_file("clipper2") / "Engine.js",
    *(front_file("draw") / f"{name}.mjs" for name in _DRAWING),
    *(_MAP / f"{name}.mjs" for name in ("calls", "surface", "overlays", "toolbar", "cards")),
    *(_MAP / f"{name}.mjs" for name in ("layers_panel", "desk", "annotating", "linking", "viewer")),
)
"""All that works on a Leaflet map which somebody else has made."""

VIEW_PARTS: tuple[Part, ...] = (
    Constant("L", front_file("leaflet") / "leaflet.js"),
    *MAP_PARTS,
    *(_MAP / f"{name}.mjs" for name in ("pictures", "marks", "view")),
)
"""`MapView`, which makes a map itself."""

NO_MARKUP = _MAP / "markup.mjs"
"""What a page whose policy asks for trusted types needs before `VIEW_PARTS`. Not for a widget: it
speaks for the whole page."""

MAP_SHEETS: tuple[Traversable, ...] = (_MAP / "map.css", _MAP / "drawing.css")
"""The styles of `MAP_PARTS`."""

VIEW_SHEETS: tuple[Traversable, ...] = (front_file("leaflet") / "leaflet.css", *MAP_SHEETS)
"""The styles of `VIEW_PARTS`."""
