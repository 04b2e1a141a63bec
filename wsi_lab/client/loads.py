"""Loads: what came on a layer at once."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wsi_lab.client.connection import Connection, parsed
from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    import numpy.typing as npt

NPY = "application/x-npy"
SECONDS_PER_GRID = 600.0


@dataclass(frozen=True, kw_only=True)
class _Fields:
    id: int
    layer_id: int
    slide_id: int
    author: str
    name: str
    kind: str
    count: int
    box: tuple[float, float, float, float] | None
    precision: float
    properties: tuple[str, ...]
    ranges: dict[str, tuple[float, float]] = field(hash=False)
    loaded_on: datetime
    revision: int


@dataclass(frozen=True, kw_only=True)
class Load(_Fields):
    """Shapes or a grid of one slide that came at once, as it was when it was read.

    Attributes
    ----------
    layer
        The name of the layer it lies on.
    kind
        ``shapes`` or ``grid``.
    count
        Of the shapes, without those that became hand-made since; of a grid, its cells.
    box
        ``(left, top, right, bottom)`` of all of it, in level-0 pixels.
    precision
        Coordinates are at most half of it off, in level-0 pixels; 0 where they are exact.
    properties, ranges
        What is said of its shapes, and the least and greatest value of what is a number.
    """

    layer: str
    connection: Connection = field(repr=False, compare=False)

    def __repr__(self) -> str:
        of = f" {self.name!r}" if self.name else ""
        what = "cells" if self.kind == "grid" else "shapes"
        return f"<Load {self.id}{of} of {self.layer!r}: {self.count:,} {what} by {self.author}>"

    def remove(self) -> None:
        """Remove it for good. Shapes of it that became hand-made stay."""
        self.connection.json("DELETE", f"v1/loads/{self.id}")


def load_of(connection: Connection, data: Any, *, layer: str) -> Load:
    """Return the load of an answer."""
    return Load(connection=connection, layer=layer, **vars(parsed(_Fields, data)))


def loads_of(
    connection: Connection, layer_id: int, *, slide_id: int | None, layer: str
) -> tuple[Load, ...]:
    """Return the loads of a layer; see `wsi_lab.client.Layer.loads`."""
    found = connection.get(f"v1/layers/{layer_id}/loads", slide_id=slide_id)["items"]
    return tuple(load_of(connection, data, layer=layer) for data in found)


def add_grid(
    connection: Connection,
    layer_id: int,
    values: npt.ArrayLike,
    *,
    slide_id: int,
    box: Sequence[float] | None,
    downsample: float | None,
    name: str,
    layer: str,
    author: str | None,
    replace: bool,
) -> Load:
    """Add a grid of values; see `wsi_lab.client.Layer.add_grid`."""
    import numpy as np  # noqa: PLC0415 (only for those who send grids)

    try:
        grid = np.ascontiguousarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise Invalid("A grid has rows of numbers, each as long as the others.") from error
    if grid.ndim != 2 or not grid.size:
        raise Invalid("A grid has rows and columns.")
    rows, columns = grid.shape
    if box is not None and downsample is not None:
        raise Invalid("A grid is placed by a box, or by a downsample; not by both.")
    if box is None and downsample is not None:
        box = (0.0, 0.0, columns * downsample, rows * downsample)
    elif box is None:
        slide = connection.get(f"v1/slides/{slide_id}")
        box = (0.0, 0.0, slide["width"], slide["height"])
    if len(box) != 4:
        raise Invalid("A box is (left, top, right, bottom), in level-0 pixels.")
    file = io.BytesIO()
    np.save(file, grid, allow_pickle=False)
    sides: dict[str, Any] = dict(
        zip(("left", "top", "right", "bottom"), map(float, box), strict=True)
    )
    answer = connection.ask(
        "POST",
        f"v1/layers/{layer_id}/grids",
        content=file.getvalue(),
        media_type=NPY,
        timeout_s=SECONDS_PER_GRID,
        slide_id=slide_id,
        name=name,
        author=author,
        replace="true" if replace else None,
        **sides,
    )
    return load_of(connection, answer.json(), layer=layer)
