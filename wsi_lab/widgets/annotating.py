"""Layers in a viewer: which one is meant, and how it is to look."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from wsi_lab.client import Slide
from wsi_lab.errors import Invalid, NotFound

COLOUR_MAPS = ("viridis", "magma", "inferno", "plasma", "cividis", "turbo", "grey", "coolwarm")


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
    colour_map: str,
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
    if colour_map not in COLOUR_MAPS:
        known = ", ".join(COLOUR_MAPS)
        raise Invalid(f"There is no colour map {colour_map!r}; there are {known}.")
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
    words = {"by": by, "map": colour_map, "low": low, "high": high, "fill": fill, "author": author}
    given = {name: word for name, word in words.items() if word is not None}
    return {"opacity": opacity, "hide": hidden, **given}
