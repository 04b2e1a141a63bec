"""GeoJSON: the geometry of each shape, its label, and whatever else is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wsi_lab.formats.bulk import BulkDocument
from wsi_lab.formats.geojson.reading import read_bulk, read_document
from wsi_lab.formats.geojson.writing import Dialect, written, written_columns
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.feature import Document

NAME = "geojson"


def read(data: bytes) -> Document:
    """Return what a document says: a collection, a list of features, a feature, a geometry."""
    return read_document(data, NAME)


def read_columns(data: bytes) -> BulkDocument:
    """As `read`, as columns."""
    return read_bulk(data)


def write(document: Document) -> bytes:
    """Return a collection of features."""
    return written(document, Dialect.PLAIN)


def write_columns(
    parts: Iterable[ShapeColumns], *, colours: Mapping[str, str] | None = None
) -> Iterator[bytes]:
    """Yield a collection of features in pieces."""
    return written_columns(parts, colours or {}, Dialect.PLAIN)
