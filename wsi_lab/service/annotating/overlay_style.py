"""How what is drawn on a layer is shown: which of it, and in which colours."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from wsi_lab.errors import Invalid
from wsi_lab.model.layer import Tier

NO_LABEL = 0
"""Stands for having no label, where labels are named by their ids."""
MOST_SKIPPED = 1_000
WIDEST_LINE = 8
BY_LABEL = "label"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which shapes.

    Attributes
    ----------
    labels
        Ids of labels, `NO_LABEL` among them; `None` for all. A shape with several labels is
        meant when one of them is.
    hidden
        Ids of labels that are left out.
    author
        Only by this one.
    skipped
        Ids of annotations that are left out.
    """

    labels: frozenset[int] | None = None
    hidden: frozenset[int] = frozenset()
    author: str | None = None
    tier: Tier = "all"
    skipped: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if len(self.skipped) > MOST_SKIPPED:
            raise Invalid(f"At most {MOST_SKIPPED:,} annotations can be left out by their ids.")

    @property
    def is_everything(self) -> bool:
        """Whether all labels are shown."""
        return self.labels is None and not self.hidden

    def shows(self, label_id: int | None) -> bool:
        """Return whether a label is shown; `None` is none.

        Examples
        --------
        >>> Choice(labels=frozenset({3, NO_LABEL})).shows(None), Choice(hidden={3}).shows(3)
        (True, False)
        """
        key = NO_LABEL if label_id is None else label_id
        return (self.labels is None or key in self.labels) and key not in self.hidden

    def shown_label(self, label_ids: Iterable[int]) -> int | None:
        """Return the first label of a shape that is shown: `NO_LABEL` for none, `None` if hidden.

        Examples
        --------
        >>> Choice(hidden=frozenset({3})).shown_label([3, 4])
        4
        """
        return next((each for each in label_ids or (NO_LABEL,) if self.shows(each)), None)


@dataclass(frozen=True, slots=True)
class Style:
    """How shapes and grids are shown.

    Attributes
    ----------
    by
        What their colours say: `BY_LABEL`, or the name of a property that is a number.
    colour_map
        Of properties and of grids; see `wsi_lab.geometry.colour_maps`.
    low, high
        What the ends of the colour map mean; by default the least and the greatest value there
        is on the slide.
    fill, line, grid_opacity
        How opaque insides, outlines and grids are, from 0 to 1.
    width
        Of lines, in pixels of the picture.
    grids
        Ids of the loads that are grids and are shown; `None` for all.
    """

    choice: Choice = Choice()
    by: str = BY_LABEL
    colour_map: str = "viridis"
    low: float | None = None
    high: float | None = None
    fill: float = 0.25
    line: float = 1.0
    width: int = 1
    grids: frozenset[int] | None = None
    grid_opacity: float = 0.6

    def __post_init__(self) -> None:
        if not all(0 <= each <= 1 for each in (self.fill, self.line, self.grid_opacity)):
            raise Invalid("How opaque something is, is a number from 0 to 1.")
        if not 1 <= self.width <= WIDEST_LINE:
            raise Invalid(f"Lines are 1 to {WIDEST_LINE} pixels wide.")
        if not all(each is None or math.isfinite(each) for each in (self.low, self.high)):
            raise Invalid("What the ends of a colour map mean are numbers.")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise Invalid("What the low end of a colour map means is less than what the high does.")

    @property
    def by_property(self) -> str | None:
        """The property that colours say; `None` where they say labels."""
        return None if self.by == BY_LABEL else self.by

    def shows_grid(self, load_id: int) -> bool:
        """Return whether a grid is shown."""
        return self.grid_opacity > 0 and (self.grids is None or load_id in self.grids)
