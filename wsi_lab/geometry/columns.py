"""Many shapes as columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wsi_lab.model.annotation import ShapeKind

KINDS: tuple[ShapeKind, ...] = tuple(ShapeKind)
"""What the numbers in `ShapeColumns.kinds` mean."""
OUTER, HOLE = 0, 1


@dataclass(frozen=True, slots=True)
class ShapeColumns:
    """Shapes side by side, each made of rings, each of vertices.

    A point is a ring of one vertex and a line a ring that stays open; rings of areas do not
    repeat their first vertex. A ring that is a hole belongs to the outer one before it.

    Attributes
    ----------
    kinds
        ``(shapes,) uint8``, places in `KINDS`.
    coordinates
        ``(vertices, 2) float64`` level-0 pixels.
    ring_offsets
        ``(rings + 1,) int64``: where in `coordinates` each ring begins.
    ring_roles
        ``(rings,) uint8``: `OUTER` or `HOLE`.
    shape_offsets
        ``(shapes + 1,) int64``: where in the rings each shape begins.
    labels
        ``(shapes,) int32``: places in `label_names`, -1 for none.
    properties
        By name, each as long as there are shapes; numbers, or objects where values are missing.
    """

    kinds: NDArray[np.uint8]
    coordinates: NDArray[np.float64]
    ring_offsets: NDArray[np.int64]
    ring_roles: NDArray[np.uint8]
    shape_offsets: NDArray[np.int64]
    labels: NDArray[np.int32]
    label_names: tuple[str, ...] = ()
    properties: dict[str, NDArray[np.generic]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)
