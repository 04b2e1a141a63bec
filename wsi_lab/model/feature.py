"""Shapes as files have them: what a format reads and writes, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wsi_lab.model.annotation import ShapeKind, Source

__all__ = ["Document", "Feature", "Grid", "Notice", "Source"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Feature:
    """One shape.

    Attributes
    ----------
    geometry
        In level-0 pixels, x to the right and y down; `None` where it cannot be told.
    labels
        By their names; most shapes have at most one.
    properties
        Whatever else is said of it: names, measurements. JSON values.
    source
        What it came as, so that the same format gives it back equal; only formats that have
        words of their own for single shapes state it.
    """

    kind: ShapeKind
    geometry: BaseGeometry | None
    labels: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of values over a rectangle of a slide: a heat map, a probability map.

    Attributes
    ----------
    values
        ``(rows, columns) float32``; NaN where nothing is known.
    box
        ``(left, top, right, bottom)`` in level-0 pixels.
    """

    name: str
    values: NDArray[np.float32]
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something in a file that was not understood, repaired, or cannot be written.

    Attributes
    ----------
    where
        Such as ``Feature 12`` or ``Line 3``.
    what
        A sentence.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Document:
    """What a file of annotations says.

    Attributes
    ----------
    colours
        ``#rrggbb`` of labels, by their names, where the file states them.
    notices
        What was not understood or had to be repaired; nothing is dropped without one.
    """

    features: Sequence[Feature] = ()
    grids: Sequence[Grid] = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    notices: Sequence[Notice] = ()
