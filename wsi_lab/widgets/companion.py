"""The script beside the map: loads its parts and holds what crosses between browser and kernel."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

# In the order of their imports. A browser gets one module per widget, without a server to fetch
# further ones from; apart they stay small, and Node runs and tests them as they are.
_PARTS = (
    "frame",
    "readouts",
    "dom",
    "bundles",
    "loader",
    "tiles",
    "motion",
    "overview",
    "chrome",
    "linking",
    "companion",
)
_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./\w+\.mjs\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def joined(parts: tuple[str, ...] = _PARTS) -> str:
    """Return the script's parts as one module."""
    folder = files("wsi_lab.widgets") / "front"
    texts = ((folder / f"{part}.mjs").read_text(encoding="utf-8") for part in parts)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


@cache
def _script() -> str:
    return joined()


@cache
def _style() -> str:
    return (files("wsi_lab.widgets") / "front" / "companion.css").read_text(encoding="utf-8")


class Companion(anywidget.AnyWidget):
    """What the browser's half of a viewer is told, and what it tells. All in level-0 pixels."""

    _esm = _script()
    _css = _style()

    map_id = traitlets.Unicode(help="Model of the ipyleaflet map it works on.").tag(sync=True)
    slide: Any = traitlets.Dict(
        help="name, width, height, tileSize, zooms, mpp, objective, version, url."
    ).tag(sync=True)
    goal: Any = traitlets.Dict(
        help="Where Python wants the view: x, y, downsample or fit, and turn, which counts wishes."
    ).tag(sync=True)
    group = traitlets.Unicode(help="Viewers of the same group move together.").tag(sync=True)

    view: Any = traitlets.Dict(
        help="What is shown: x, y, downsample, width, height, and turn, the last wish heard."
    ).tag(sync=True)
    cursor: Any = traitlets.List(None, allow_none=True, help="x, y under the mouse.").tag(sync=True)
    ready = traitlets.Bool(default_value=False, help="The map is found and works.").tag(sync=True)
    error = traitlets.Unicode(help="The sentence in the map, or nothing.").tag(sync=True)
