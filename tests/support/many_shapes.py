"""Many shapes, as a model would find them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from wsi_lab.geometry.columns import ShapeColumns

LABELS = ("neoplastic", "inflammatory")


def squares(
    count: int,
    *,
    across: int = 100,
    pitch: float = 20.0,
    side: float = 10.0,
    names: Sequence[str] = LABELS,
    properties: dict[str, np.ndarray] | None = None,
) -> ShapeColumns:
    """Return squares row by row; every third has no label, the others the names in turn."""
    places = np.arange(count)
    left, top = (places % across) * pitch, (places // across) * pitch
    labels = np.where(places % 3 == 2, -1, places % 3 % max(len(names), 1))
    return ShapeColumns.from_geometries(
        shapely.box(left, top, left + side, top + side),
        labels=labels if names else None,
        label_names=names,
        properties=properties if properties is not None else {"score": places / 4},
    )
