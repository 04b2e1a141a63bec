"""GeoJSON as QuPath writes and reads it: objects with a classification and measurements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wsi_lab.formats.bulk import BulkDocument
from wsi_lab.formats.geojson.reading import read_bulk, read_document
from wsi_lab.formats.geojson.writing import Dialect, written, written_columns
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.feature import Document

NAME = "qupath"


def read(data: bytes) -> Document:
    """Return the objects of a document. The classification is the label.

    What else they say becomes properties: measurements by their names, ``name``, ``isLocked``,
    ``objectType``, ``color`` as ``#rrggbb``, ``id``, and the ``nucleusGeometry`` of cells as text.
    """
    return read_document(data, NAME)


def read_columns(data: bytes) -> BulkDocument:
    """As `read`, as columns."""
    return read_bulk(data)


def write(document: Document, *, object_type: str = "annotation") -> bytes:
    """Return shapes as a collection of objects.

    Parameters
    ----------
    object_type
        What those are that do not say it: ``annotation``, or ``detection``.
    """
    return written(document, Dialect.QUPATH, object_type)


def write_columns(
    parts: Iterable[ShapeColumns],
    *,
    colours: Mapping[str, str] | None = None,
    object_type: str = "detection",
) -> Iterator[bytes]:
    """Yield shapes as a collection of objects in pieces."""
    return written_columns(parts, colours or {}, Dialect.QUPATH, object_type)
