"""The script beside the map: loads its parts and holds what crosses between browser and kernel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from wsi_lab.front import joined
from wsi_lab.front.scripts import MAP_PARTS, MAP_SHEETS

_COMPANION = files("wsi_lab.widgets") / "front" / "companion.mjs"


@cache
def _script() -> str:
    return joined((*MAP_PARTS, _COMPANION))


@cache
def _style() -> str:
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in MAP_SHEETS)


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
    shown: Any = traitlets.List(
        help="Layers to show: layer (an id), hide, opacity, and the words of a tile's style."
    ).tag(sync=True)
    legends: Any = traitlets.Dict(help="Colours of each colour map, from low to high.").tag(
        sync=True
    )
    drawn: Any = traitlets.Dict(help="The layer to draw on: layer (an id), or nothing.").tag(
        sync=True
    )
    group = traitlets.Unicode(help="Viewers of the same group move together.").tag(sync=True)

    view: Any = traitlets.Dict(
        help="What is shown: x, y, downsample, width, height, and turn, the last wish heard."
    ).tag(sync=True)
    cursor: Any = traitlets.List(None, allow_none=True, help="x, y under the mouse.").tag(sync=True)
    saving: Any = traitlets.Dict(help="Of what is drawn: kind, count, detail.").tag(sync=True)
    chosen: Any = traitlets.List(help="Ids of the annotations that are chosen.").tag(sync=True)
    ready = traitlets.Bool(default_value=False, help="The map is found and works.").tag(sync=True)
    error = traitlets.Unicode(help="The sentence in the map, or nothing.").tag(sync=True)
