"""Shapes as GeoParquet that GeoPandas, DuckDB and QGIS read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.formats.bulk import bulk_of, is_missing
from wsi_lab.formats.geoparquet.reading import OWN_KEY
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_A_GROUP = 1 << 16
_PIECE = 1 << 20
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_IMPLIED = (ShapeKind.POINT, ShapeKind.POLYLINE, ShapeKind.POLYGON)

_json = msgspec.json.Encoder()


def write(document: Document) -> bytes:
    """Return a file of all shapes that have coordinates."""
    features = [each for each in document.features if each.geometry is not None]
    columns = bulk_of(Document(features)).columns
    labels = [each.labels for each in features]
    if not any(len(each) > 1 for each in labels):
        return _file(columns, document.colours, None)
    return _file(columns, document.colours, labels)


def write_columns(
    parts: Iterable[ShapeColumns], *, colours: Mapping[str, str] | None = None
) -> Iterator[bytes]:
    """Yield a file in pieces; what it says of its columns stands at its end only."""
    all_parts = list(parts)
    columns = ShapeColumns.concatenated(all_parts) if all_parts else ShapeColumns.empty()
    has_rings = np.diff(columns.shape_offsets) > 0
    data = memoryview(_file(columns if has_rings.all() else columns.take(has_rings), colours, None))
    for begin in range(0, len(data), _PIECE):
        yield bytes(data[begin : begin + _PIECE])


def _file(
    columns: ShapeColumns,
    colours: Mapping[str, str] | None,
    labels: Sequence[tuple[str, ...]] | None,
) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 (only who writes such files waits for it)
    import pyarrow.parquet as pq  # noqa: PLC0415 (as above)

    boxes = columns.boxes()
    arrays: dict[str, Any] = {"geometry": _geometries(columns)}
    if labels is not None:
        arrays["labels"] = pa.array([list(each) for each in labels], pa.list_(pa.string()))
    elif np.any(columns.labels >= 0):
        arrays["label"] = _label_array(columns)
    kinds = _kind_array(columns)
    if kinds is not None:
        arrays["kind"] = kinds
    as_json = []
    for name, values in columns.properties.items():
        free = name if name not in arrays and name != "bbox" else f"{name} (property)"
        arrays[free], is_json = _property_array(values)
        as_json += [free] if is_json else []
    arrays["bbox"] = pa.StructArray.from_arrays(
        [pa.array(np.ascontiguousarray(boxes[:, side])) for side in range(4)], _SIDES
    )
    own = _json.encode({"colours": dict(colours or {}), "json": as_json})
    metadata = {b"geo": _json.encode(_about(boxes)), OWN_KEY: own}
    table = pa.table(arrays).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=_ROWS_A_GROUP, store_schema=True)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _about(boxes: NDArray[np.float64]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [],
        # Pixels of a slide lie nowhere on Earth.
        "crs": None,
        "edges": "planar",
        "covering": {"bbox": {side: ["bbox", side] for side in _SIDES}},
    }
    if len(boxes) and np.isfinite(boxes).any():
        low, high = np.nanmin(boxes, axis=0), np.nanmax(boxes, axis=0)
        about["bbox"] = [*low[:2].tolist(), *high[2:].tolist()]
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": about}}


def _geometries(columns: ShapeColumns) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    offsets, data = columns.to_wkb()
    if offsets[-1] < 1 << 31:
        small = pa.py_buffer(offsets.astype(np.int32))
        return pa.Array.from_buffers(
            pa.binary(), len(columns), [None, small, pa.py_buffer(np.ascontiguousarray(data))]
        )
    large = pa.py_buffer(np.ascontiguousarray(offsets))
    return pa.Array.from_buffers(
        pa.large_binary(), len(columns), [None, large, pa.py_buffer(np.ascontiguousarray(data))]
    )


def _label_array(columns: ShapeColumns) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    places = pa.array(columns.labels, mask=columns.labels < 0)
    return pa.DictionaryArray.from_arrays(places, pa.array(columns.label_names, pa.string()))


def _kind_array(columns: ShapeColumns) -> pa.Array | None:
    """Return what shapes were drawn as, where their geometries do not say it."""
    import pyarrow as pa  # noqa: PLC0415 (as above)

    implied = [KINDS.index(each) for each in _IMPLIED]
    rings = np.diff(columns.shape_offsets)
    is_brush = (columns.kinds == KINDS.index(ShapeKind.BRUSH)) & (rings > 1)
    is_single = (columns.kinds != KINDS.index(ShapeKind.POLYGON)) | (rings == 1)
    is_implied = (np.isin(columns.kinds, implied) & is_single) | is_brush
    if is_implied.all():
        return None
    places = pa.array(columns.kinds, mask=is_implied)
    names = pa.array([kind.value for kind in KINDS], pa.string())
    return pa.DictionaryArray.from_arrays(places, names)


def _property_array(values: NDArray[np.generic]) -> tuple[pa.Array, bool]:
    """Return a property as an array, and whether it is JSON since nothing else holds it."""
    import pyarrow as pa  # noqa: PLC0415 (as above)

    if values.dtype != object:
        mask = np.isnan(values) if values.dtype.kind == "f" else None
        return pa.array(values, mask=mask), False
    said = [None if is_missing(value) else value for value in values.tolist()]
    kinds = {type(value) for value in said if value is not None}
    if kinds <= {str} or kinds <= {bool}:
        return pa.array(said), False
    texts = [None if value is None else _json.encode(value).decode() for value in said]
    return pa.array(texts, pa.string()), True
