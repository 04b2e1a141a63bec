"""Slide Score's JSON arrays of shapes as documents."""

from __future__ import annotations

import numpy as np

from wsi_lab.errors import TooLarge
from wsi_lab.formats.classic import MOST_SHAPES as MOST_TOLD
from wsi_lab.formats.classic import (
    MOST_VERTICES,
    HeatMap,
    parse_shapes,
    shape_text,
    value_of,
)
from wsi_lab.formats.repairing import Collecting
from wsi_lab.formats.sources import runs
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.feature import Document, Feature, Grid
from wsi_lab.model.question import QuestionKind

FORMAT = "slidescore"
LARGEST = 32 << 20
MOST_PLACES = 500_000
MOST_SHAPES = 100_000
MOST_POINTS = 200_000
"""More shapes, places in shapes or points are read in bulk only."""


def read(data: bytes) -> Document:
    """Return the shapes of an array, each with its own text.

    A heat map is a shape here, as it is in Slide Score.

    Raises
    ------
    Invalid
        It is no JSON array of objects, or holds a number that is not finite.
    TooLarge
        It has too many shapes or vertices.

    Examples
    --------
    >>> read(b'[{"x": 1, "y": 2}]').features[0].source.text
    '{"x": 1, "y": 2}'
    """
    _check_size(data)
    return document_of(parse_shapes(data, QuestionKind.ANNO_SHAPES))


def write(document: Document) -> bytes:
    """Return shapes as an array, and grids as heat maps; those that came as such are unchanged."""
    shapes = [*shapes_of(document), *map(heat_map_shape, document.grids)]
    return value_of(shape.original for shape in shapes).encode()


def _check_size(data: bytes) -> None:
    """Refuse, before anything is parsed, what would be too much as objects."""
    if len(data) > LARGEST:
        raise TooLarge(f"An array of shapes may have at most {LARGEST:,} bytes.")
    if data.count(b'"type"') > MOST_SHAPES:
        raise TooLarge(f"An array may have at most {MOST_SHAPES:,} shapes.")
    most = MOST_PLACES if b'"type"' in data or b'"points"' in data else MOST_POINTS
    if data.count(b"{") > most:
        raise TooLarge(f"An array may have at most {most:,} points or corners.")


def document_of(shapes: list[Shape], grids: list[Grid] | None = None) -> Document:
    """Return shapes that have Slide Score's text as a document."""
    collecting = Collecting(FORMAT, most_shapes=MOST_TOLD, most_vertices=MOST_VERTICES)
    for number, shape in enumerate(shapes, start=1):
        where = f"Shape {number}"
        if shape.kind is ShapeKind.OTHER:
            collecting.say(where, "It is of no type that is known; it is kept as it came.")
        elif shape.geometry is None and shape.kind is not ShapeKind.HEATMAP:
            collecting.say(where, "It has no coordinates; it is kept as it came.")
        collecting.add(where, shape.kind, shape.geometry, source=shape.original)
    return collecting.document(grids=grids or ())


def shapes_of(document: Document) -> list[Shape]:
    """Return features in Slide Score's words; those without coordinates or words are left out."""
    found = []
    for text, features in runs(document.features, FORMAT, _features, labels=False):
        for feature in features:
            geometry = feature.geometry
            if text is not None:
                found.append(Shape(feature.kind, geometry, text))
            elif geometry is not None and not geometry.is_empty:
                found.append(Shape(feature.kind, geometry, shape_text(feature.kind, geometry)))
    return found


def heat_map_shape(grid: Grid) -> Shape:
    """Return a grid as a heat map, whose values are 0 (nothing) to 255.

    Values that fit are kept, those from 0 to 1 are stretched, others as their range is.
    """
    values = np.asarray(grid.values, np.float64)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if low < 0 or high > 255:
        values = 1 + (values - low) * (254 / max(high - low, 1e-12))
    elif high <= 1 and np.any(known % 1):
        values *= 255
    cells = np.clip(np.rint(np.nan_to_num(values, nan=0.0, posinf=255.0, neginf=0.0)), 0, 255)
    left, top, right, bottom = grid.box
    heat_map = HeatMap(cells.astype(np.uint8), left, top, right - left, bottom - top)
    return Shape(ShapeKind.HEATMAP, None, shape_text(ShapeKind.HEATMAP, None, heat_map=heat_map))


def _features(text: str) -> list[Feature]:
    return list(document_of(parse_shapes(f"[{text}]", QuestionKind.ANNO_SHAPES)).features)
