"""Shapes as Mapbox vector tiles, version 2.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.packing import PackedShapes
from wsi_lab.geometry.vector_features import write_features

_LABEL = b"label"


class VectorLayer(NamedTuple):
    """Shapes that are a layer of the tile.

    Attributes
    ----------
    ids
        ``(shapes,)`` whole numbers from 0 on.
    label_names
        A shape's label is written as its property ``label``.
    mask
        ``(shapes,)``: the shapes to write.
    """

    name: str
    shapes: PackedShapes | ShapeColumns
    ids: NDArray[np.int64]
    label_names: Sequence[str] = ()
    mask: NDArray[np.bool_] | None = None


def vector_tile(
    layers: Sequence[VectorLayer],
    *,
    origin: tuple[float, float],
    size: float,
    extent: int = 4096,
    buffer: int = 64,
) -> bytes:
    """Return a square as a vector tile.

    Layers of the same name become one; what is not within the square and its border is
    clipped away, and areas too small for the tile's units are left out.

    Parameters
    ----------
    origin, size
        Its left upper corner and its side, in level-0 pixels.
    extent, buffer
        Its side, and the width of the border, in units of the tile.
    """
    frame = (float(origin[0]), float(origin[1]), extent / size, extent, buffer)
    reach = buffer * size / extent
    right, bottom = origin[0] + size + reach, origin[1] + size + reach
    box = (origin[0] - reach, origin[1] - reach, right, bottom)
    features: dict[str, list[bytes]] = {}
    labels: dict[str, dict[str, int]] = {}
    for layer in layers:
        known = labels.setdefault(layer.name, {})
        values = [known.setdefault(name, len(known)) for name in layer.label_names]
        written = _features(layer, np.array([*values, -1], np.int32), box, frame)
        features.setdefault(layer.name, []).append(written)
    tile = []
    for name, parts in features.items():
        body = b"".join(parts)
        if body:
            tile.append(_field(3, _layer(name, body, list(labels[name]), extent)))
    return b"".join(tile)


def _features(
    layer: VectorLayer,
    values: NDArray[np.int32],
    box: tuple[float, float, float, float],
    frame: tuple[float, float, float, int, int],
) -> bytes:
    shapes, ids, mask = layer.shapes, layer.ids, layer.mask
    if isinstance(shapes, PackedShapes):
        seen = shapes.touching(box)
        if mask is not None:
            seen &= mask
        if not seen.any():
            return b""
        shapes, ids, mask = shapes.columns(seen), ids[seen], None
    columns = (
        np.ones(len(shapes), np.uint8) if mask is None else np.ascontiguousarray(mask, np.uint8),
        shapes.kinds,
        shapes.coordinates,
        shapes.ring_offsets,
        shapes.ring_roles,
        shapes.shape_offsets,
        # A label that has no name is none.
        values[np.where(shapes.labels < len(values) - 1, shapes.labels, -1)],
        np.ascontiguousarray(ids, np.int64),
    )
    out = np.empty(8 * len(shapes.coordinates) + 64 * len(shapes) + 256, np.uint8)
    progress = np.zeros(3, np.int64)
    while not write_features(*columns, *frame, progress, out):
        # The rest may need more than what a coordinate usually takes.
        larger = np.empty(2 * len(out) + int(progress[2]), np.uint8)
        larger[: progress[1]] = out[: progress[1]]
        out = larger
    return out[: progress[1]].tobytes()


def _layer(name: str, features: bytes, labels: Sequence[str], extent: int) -> bytes:
    values = b"".join(_field(4, _field(1, label.encode())) for label in labels)
    return b"".join(
        (
            b"\x78\x02",
            _field(1, name.encode()),
            features,
            _field(3, _LABEL) if labels else b"",
            values,
            b"\x28" + _number(extent),
        )
    )


def _field(place: int, data: bytes) -> bytes:
    return bytes([place << 3 | 2]) + _number(len(data)) + data


def _number(value: int) -> bytes:
    octets = []
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])
