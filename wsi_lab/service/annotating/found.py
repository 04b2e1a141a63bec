"""Shapes that were found: batches of one slide, layer and author."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsi_lab.geometry.columns import ShapeColumns
    from wsi_lab.geometry.packing import PackedShapes
    from wsi_lab.model.layer import Label, Load


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the shapes of one author on one layer and slide, of one tier.

    Attributes
    ----------
    slide, layer
        Their names.
    load
        That they are of; `None` for shapes drawn by hand.
    ids
        ``(shapes,) int64``: ids of annotations.
    shapes
        With their first labels, and their properties.
    labels
        All labels of each shape, by name; only where some shape has several.
    revisions
        ``(shapes,) int64``, what has to be named to change a shape.
    changed_on
        ``(shapes,) datetime64[us]`` in UTC.
    """

    slide_id: int
    slide: str
    layer_id: int
    layer: str
    author: str
    tier: Literal["hand", "bulk"]
    load: Load | None
    ids: NDArray[np.int64]
    shapes: ShapeColumns
    labels: Sequence[tuple[str, ...]] | None
    revisions: NDArray[np.int64]
    changed_on: NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.ids)


class PackedPart(NamedTuple):
    """A chunk of a load that touches a box.

    Attributes
    ----------
    key
        Tells the chunk from any other there is or will be, so that it can be kept by it.
    shapes
        All shapes of the chunk; never to be written to.
    mask
        Those that are still part of the load; `None` when all are.
    labels
        What the labels of `shapes` mean, by their places; -1 is none.
    """

    load: Load
    key: tuple[int, int]
    shapes: PackedShapes
    mask: NDArray[np.bool_] | None
    labels: tuple[Label, ...]

    @property
    def ids(self) -> NDArray[np.int64]:
        """Return the ids of all shapes of the chunk."""
        return self.load.first_id + self.shapes.numbers
