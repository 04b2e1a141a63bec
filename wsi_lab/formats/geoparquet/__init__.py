"""GeoParquet: shapes as a column of well-known binaries, beside columns of anything."""

from wsi_lab.formats.geoparquet.reading import read, read_columns
from wsi_lab.formats.geoparquet.writing import write, write_columns

__all__ = ["read", "read_columns", "write", "write_columns"]
