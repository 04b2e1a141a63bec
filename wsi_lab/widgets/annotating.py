"""Layers in a viewer: which one is meant, and how it is to look."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from wsi_lab.client import Slide
from wsi_lab.errors import Invalid, NotFound
from wsi_lab.geometry.colour_maps import NAMES, colour_map

LEGEND_STEP = 17
"""Of the 256 colours of a map: 16 of them, and straight lines between, look like all."""


def legends() -> dict[str, list[str]]:
    """Return colours of each colour map, from low to high.

    Examples
    --------
    >>> legends()["grey"][:2]
    ['#000000', '#111111']
    """
    return {
        name: [f"#{bytes(each).hex()}" for each in colour_map(name)[::LEGEND_STEP]]
        for name in NAMES
    }


def id_of_layer(slide: Slide, layer: Any) -> int:
    """Return the id of a layer of the slide's study, from itself, its name or its id.

    Raises
    ------
    NotFound
        There is none.
    """
    wanted = getattr(layer, "id", layer)
    there = slide.connection.get(f"v1/slides/{slide.id}/layers")["items"]
    for each in there:
        if wanted in (each["id"], each["name"]) and not isinstance(wanted, bool):
            return int(each["id"])
    names = ", ".join(repr(each["name"]) for each in there)
    known = f"it has {names}." if names else "it has none yet."
    raise NotFound(f"The study of this slide has no layer {wanted!r}; {known}")


def style(
    by: str,
    map_name: str,
    ends: tuple[float | None, float | None],
    *,
    opacity: float,
    fill: float | None,
    hide: Iterable[str],
    author: str | None,
) -> dict[str, Any]:
    """Return how a layer is to look in the words of an overlay's address.

    Examples
    --------
    >>> unset = {"fill": None, "author": None}
    >>> style("score", "magma", (0, 1), opacity=0.5, hide=["stroma"], **unset)
    {'opacity': 0.5, 'hide': ['stroma'], 'by': 'score', 'map': 'magma', 'low': 0, 'high': 1}

    Raises
    ------
    Invalid
        The words or numbers mean nothing.
    """
    if map_name not in NAMES:
        raise Invalid(f"There is no colour map {map_name!r}; there are {', '.join(NAMES)}.")
    for name, share in (("opacity", opacity), ("fill", fill)):
        if share is not None and not 0 <= share <= 1:
            raise Invalid(f"The {name} of a layer is a number from 0 to 1.")
    low, high = ends
    for end in ends:
        if end is not None and not math.isfinite(end):
            raise Invalid("The ends of a colour map are finite numbers.")
    if low is not None and high is not None and not low < high:
        raise Invalid("The low end of a colour map is less than the high one.")
    hidden = [hide] if isinstance(hide, str) else list(hide)
    words = {"by": by, "map": map_name, "low": low, "high": high, "fill": fill, "author": author}
    given = {name: word for name, word in words.items() if word is not None}
    return {"opacity": opacity, "hide": hidden, **given}
