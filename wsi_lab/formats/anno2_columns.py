"""Annotation files of very many shapes: read as columns, and written from them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid
from wsi_lab.formats import anno2_pictures, anno2_polygons
from wsi_lab.formats.anno2 import LARGEST_FILE, VERSION, holes_in, labels_in, unpacked
from wsi_lab.formats.classic import heat_map_of, value_of
from wsi_lab.formats.safe import SafeZip, read_json
from wsi_lab.geometry.columns import AREAS, HOLE, KINDS, OUTER, ShapeColumns
from wsi_lab.geometry.joining import spans
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.answer import LONGEST_VALUE
from wsi_lab.model.feature import Grid

MOST_VERTICES = 100_000_000
MOST_SHAPES = 20_000_000
LARGEST_BLOCK = 1 << 28
"""Bytes of all outlines, unpacked."""
BROTLI_LEVEL = 5
"""From there on it takes several times as long for some percent."""
LABELS = "labels"
"""The property that holds what is written beside a shape."""

_POLYGON, _BRUSH, _POINT = (
    KINDS.index(kind) for kind in (ShapeKind.POLYGON, ShapeKind.BRUSH, ShapeKind.POINT)
)
_CLOSED = frozenset(map(KINDS.index, AREAS))

_json = msgspec.json.Encoder()


def read_columns(source: Path | bytes) -> ShapeColumns | None:
    """Return the shapes of an archive of points or polygons; `None` for what has neither.

    Raises
    ------
    Invalid
        It is damaged, or holds more than can be read.
    """
    with SafeZip(source) as archive:
        if "polygon_container/encoded_polygons.bin.br" in archive.names:
            return _polygons(archive)
        if "anno1_points.json.br" in archive.names:
            return _points_of(_points_said(archive))
        if "masks.tar.gz" in archive.names:
            packed = archive.read("masks.tar.gz", LARGEST_FILE)
            points = anno2_pictures.points_of_masks(packed, MOST_SHAPES)
            if points is None:
                raise Invalid(f"An annotation file may have at most {MOST_SHAPES:,} points.")
            return _points_of(points.astype(np.float64))
    return None


def fits(columns: ShapeColumns) -> bool:
    """Return whether an archive can hold these shapes: points only, or closed shapes only."""
    kinds = set(columns.kinds.tolist())
    has_rings = bool((np.diff(columns.shape_offsets) > 0).all())
    return has_rings and (kinds <= {_POINT} or kinds <= _CLOSED)


def write_columns(columns: ShapeColumns, metadata: Mapping[str, Any]) -> bytes:
    """Return shapes that `fits` as an archive. Its numbers are whole pixels, none negative."""
    if len(columns) and (columns.kinds == _POINT).all():
        kind, parts = "points", _point_parts(columns)
    else:
        kind, parts = "polygons", _polygon_parts(columns)
    # Readers count outlines, those of holes as well.
    system = {"version": VERSION, "type": kind, "numItems": len(columns.ring_roles)}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("system_metadata.json", _json.encode(system))
        archive.writestr("user_metadata.json", _json.encode(dict(metadata)))
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def write_classic(originals: Iterable[str]) -> bytes:
    """Return shapes of all kinds as a file: a JSON array of their texts, packed by gzip."""
    return gzip.compress(value_of(originals).encode(), 6, mtime=0)


def grid_of(shape: Shape, name: str) -> Grid | None:
    """Return the heat map of a shape as a grid; `None` where it has no size."""
    found = heat_map_of(shape)
    if found is None or found.width is None or found.height is None:
        return None
    values = np.where(found.values == 0, np.nan, found.values).astype(np.float32)
    return Grid(name, values, (found.x, found.y, found.x + found.width, found.y + found.height))


def _polygons(archive: SafeZip) -> ShapeColumns:
    block = unpacked(archive, "polygon_container/encoded_polygons.bin.br", LARGEST_BLOCK)
    found = anno2_polygons.decoded_columns(block, MOST_VERTICES)
    if found is None or len(found[1]) > MOST_SHAPES:
        raise Invalid(f"An annotation file may have at most {MOST_VERTICES:,} corners.")
    points, lengths = _with_three_corners(*found)
    count = len(lengths)
    holes = holes_in(archive, count)
    roles, owners = np.full(count, OUTER, np.uint8), np.arange(count)
    for owner, inner in holes.items():
        roles[inner], owners[inner] = HOLE, owner
    # Holes come right after the outline that they are in.
    order = np.lexsort((np.arange(count), roles, owners))
    order = order[(lengths[order] > 0) & (roles[owners[order]] == OUTER)]
    vertices, ring_offsets = spans(np.append(0, np.cumsum(lengths)), order)
    roles = roles[order]
    firsts = np.flatnonzero(roles == OUTER)
    shape_offsets = np.append(firsts, len(order))
    if len(firsts) and firsts[0]:
        raise Invalid("The annotation file's list of holes is damaged.")
    kinds = np.where(np.diff(shape_offsets) > 1, _BRUSH, _POLYGON)
    return ShapeColumns(
        kinds.astype(np.uint8),
        points[vertices].astype(np.float64),
        ring_offsets,
        roles,
        shape_offsets,
        np.full(len(firsts), -1, np.int32),
        (),
        _labels(archive, order[firsts]),
    )


def _with_three_corners(
    points: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return outlines of one or two points as such of three, which an area needs."""
    short = (lengths > 0) & (lengths < 3)
    if not short.any():
        return points, lengths
    outlines = np.split(points, np.cumsum(lengths)[:-1])
    for number in np.flatnonzero(short).tolist():
        outlines[number] = np.resize(outlines[number], (3, 2))
    return np.concatenate(outlines), np.where(short, 3, lengths)


def _labels(archive: SafeZip, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    said = labels_in(archive)
    if not said:
        return {}
    values = np.empty(len(numbers), object)
    values[:] = [said.get(number) for number in numbers.tolist()]
    return {LABELS: values}


def _points_said(archive: SafeZip) -> NDArray[np.float64]:
    text = unpacked(archive, "anno1_points.json.br", LONGEST_VALUE)
    said = read_json(text, most_bytes=LONGEST_VALUE)
    try:
        pairs = [(each["x"], each["y"]) for each in said]
        points = np.array(pairs, np.float64).reshape(-1, 2)
    except (TypeError, KeyError, ValueError):
        raise Invalid("The points of the annotation file are damaged.") from None
    if not np.isfinite(points).all():
        raise Invalid("A point of the annotation file has no coordinates.")
    return points


def _points_of(points: NDArray[np.float64]) -> ShapeColumns:
    count = len(points)
    each = np.arange(count + 1)
    return ShapeColumns(
        np.full(count, _POINT, np.uint8),
        points,
        each,
        np.zeros(count, np.uint8),
        each,
        np.full(count, -1, np.int32),
    )


def _pixels(coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    # Readers of these files count pixels in unsigned numbers.
    return np.maximum(np.rint(coordinates), 0).astype(np.int64)


def _point_parts(columns: ShapeColumns) -> dict[str, bytes]:
    places = _pixels(columns.coordinates).tolist()
    text = _json.encode([{"x": x, "y": y} for x, y in places])
    return {"anno1_points.json.br": _packed(text)}


def _polygon_parts(columns: ShapeColumns) -> dict[str, bytes]:
    lengths = np.diff(columns.ring_offsets)
    block = anno2_polygons.encoded_columns(_pixels(columns.coordinates), lengths)
    holes: dict[str, list[int]] = {}
    inner = np.flatnonzero(columns.ring_roles == HOLE)
    outer = np.flatnonzero(columns.ring_roles == OUTER)
    owners = outer[np.searchsorted(outer, inner) - 1]
    for hole, owner in zip(inner.tolist(), owners.tolist(), strict=True):
        holes.setdefault(str(owner), []).append(hole)
    parts = {
        "polygon_container/encoded_polygons.bin.br": _packed(block),
        "polygon_container/negative_polygons.json": _json.encode(holes),
    }
    labels = _labels_said(columns)
    if labels:
        parts["labels.json"] = _json.encode(labels)
    return parts


def _labels_said(columns: ShapeColumns) -> list[dict[str, Any]]:
    values = columns.properties.get(LABELS)
    if values is None or values.dtype.kind != "O":
        return []
    firsts = columns.shape_offsets[:-1].tolist()
    return [
        {**label, "polygon_i": first}
        for some, first in zip(values.tolist(), firsts, strict=True)
        if isinstance(some, list)
        for label in some
        if isinstance(label, dict)
    ]


def _packed(data: bytes) -> bytes:
    return bytes(imagecodecs.brotli_encode(data, level=BROTLI_LEVEL))
