"""Slide Score's annotation files, "anno2", as documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import anno2, anno2_columns
from wsi_lab.formats.bulk import BulkDocument, bulk_of, features_of
from wsi_lab.formats.classic import MOST_SHAPES, MOST_VERTICES
from wsi_lab.formats.outlines import sound
from wsi_lab.formats.slidescore_document import document_of, heat_map_shape, shapes_of
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.feature import Document, Grid

LARGEST_FILE = 1 << 28
_LINES = frozenset({ShapeKind.POLYLINE, ShapeKind.OTHER})


def read(data: bytes) -> Document:
    """Return what a file says, heat maps as grids.

    Raises
    ------
    Invalid
        It is no such file, or is damaged.
    TooLarge
        It holds more than can be read shape by shape.
    """
    if len(data) > LARGEST_FILE:
        raise TooLarge(f"An annotation file may have at most {LARGEST_FILE:,} bytes.")
    found = anno2.read(data)
    if found.shapes is None:
        raise TooLarge(
            f"More than {MOST_SHAPES:,} shapes or {MOST_VERTICES:,} corners are read in bulk only."
        )
    grids, shapes = [], []
    for shape in found.shapes:
        grid = anno2_columns.grid_of(shape, str(found.metadata.get("name", "")))
        if grid is None:
            shapes.append(shape)
        else:
            grids.append(grid)
    return document_of(shapes, grids)


def write(document: Document) -> bytes:
    """Return points, closed shapes or one heat map as an archive, in whole pixels.

    Points and closed shapes together, and several heat maps, are an array packed by gzip, which
    such a file may be as well. Lines are left out.

    Raises
    ------
    Invalid
        Nothing is left that such a file can hold.
    """
    shapes = [
        shape
        for shape in shapes_of(document)
        if shape.kind is ShapeKind.HEATMAP or _has_room_for(shape)
    ]
    shapes += map(_with_place, document.grids)
    if not shapes and document.features:
        raise Invalid("Only points, heat maps or closed shapes fit into an annotation file.")
    kinds = Counter(_family(shape) for shape in shapes)
    if len(kinds) <= 1 and kinds[ShapeKind.HEATMAP] <= 1:
        try:
            return anno2.write(shapes, {})
        except Invalid:
            if not kinds[ShapeKind.HEATMAP]:
                raise
    # A heat map of oblong cells, or one without a size, fits an array only.
    return anno2_columns.write_classic(shape.original for shape in shapes)


def read_columns(data: bytes) -> BulkDocument:
    """As `read`, as columns: points and outlines by the million."""
    if len(data) > LARGEST_FILE:
        raise TooLarge(f"An annotation file may have at most {LARGEST_FILE:,} bytes.")
    columns = anno2_columns.read_columns(data) if data.startswith(b"PK\x03\x04") else None
    if columns is None:
        return bulk_of(read(data))
    columns, notices = sound(columns)
    return BulkDocument(columns, notices=notices)


def write_columns(
    parts: Iterable[ShapeColumns],
    *,
    colours: Mapping[str, str] | None = None,  # noqa: ARG001 - it has no room for labels
) -> Iterator[bytes]:
    """Yield a file as `write` makes it."""
    columns = ShapeColumns.concatenated([ShapeColumns.empty(), *parts])
    if len(columns) and anno2_columns.fits(columns):
        yield anno2_columns.write_columns(columns, {})
    else:
        yield write(Document(list(features_of(columns))))


def _has_room_for(shape: Shape) -> bool:
    if shape.kind in _LINES or shape.geometry is None:
        return False
    kinds = {each.geom_type for each in shapely.get_parts(shape.geometry)}
    return kinds == ({"Point"} if shape.kind is ShapeKind.POINT else {"Polygon"})


def _family(shape: Shape) -> ShapeKind:
    if shape.kind in {ShapeKind.POINT, ShapeKind.HEATMAP}:
        return shape.kind
    return ShapeKind.POLYGON


def _with_place(grid: Grid) -> Shape:
    told = heat_map_shape(grid)
    return Shape(told.kind, shapely.box(*grid.box), told.original)
