"""Colours of labels and of values."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid

PALETTE: tuple[str, ...] = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#332288",
    "#44aa99", "#882255", "#999933", "#88ccee", "#aa4499", "#117733", "#ddcc77", "#cc6677",
)  # fmt: skip
"""Colours of labels that have none of their own.

Okabe and Ito's, then Tol's: told apart by most people who do not see all colours.
"""

_STOPS = {
    "viridis": "440154 482878 3e4a89 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "magma": "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
    "inferno": "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
    "plasma": "0d0887 46039f 7201a8 9c179e bd3786 d8576b ed7953 fb9f3a fdca26 f0f921",
    "cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    "turbo": "30123b 4662d7 36aaf9 1ae4b6 72fe5e c7ef34 faba39 f66b19 ca2a04 7a0403",
    "grey": "000000 ffffff",
    "coolwarm": "3b4cc0 5977e3 7b9ff9 9ebeff c0d4f5 dddcdc f2cbb7 f7ac8e ee8468 d65244 b40426",
}

NAMES: tuple[str, ...] = tuple(_STOPS)
"""What `colour_map` knows."""


@cache
def colour_map(name: str) -> NDArray[np.uint8]:
    """Return ``(256, 3) uint8`` red, green, blue, from low to high.

    The same array each time: it cannot be changed.

    Examples
    --------
    >>> colour_map("grey")[[0, 128, 255]].tolist()
    [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    """
    stops = _STOPS.get(name)
    if stops is None:
        raise Invalid(f"There is no colour map {name!r}. There are: {', '.join(NAMES)}.")
    known = np.array([rgb(f"#{stop}") for stop in stops.split()], np.float64)
    places = np.linspace(0, len(known) - 1, 256)
    steps = np.arange(len(known))
    colours = np.stack([np.interp(places, steps, known[:, part]) for part in range(3)], axis=1)
    table: NDArray[np.uint8] = np.rint(colours).astype(np.uint8)
    table.setflags(write=False)
    return table


def next_colour(used: int) -> str:
    """Return the colour of the label that comes after so many.

    Examples
    --------
    >>> next_colour(0), next_colour(16)
    ('#e69f00', '#e69f00')
    """
    return PALETTE[used % len(PALETTE)]


def rgb(colour: str) -> tuple[int, int, int]:
    """Return what ``#rrggbb`` means.

    Examples
    --------
    >>> rgb("#d55e00")
    (213, 94, 0)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
