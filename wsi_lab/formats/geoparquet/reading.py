"""GeoParquet of anybody, within limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument, column_of, features_of, numbered
from wsi_lab.formats.outlines import sound
from wsi_lab.formats.safe import quoted, read_json
from wsi_lab.geometry.columns import AREAS, KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Notice

if TYPE_CHECKING:
    import pyarrow as pa

OWN_KEY = b"wsi_lab"
"""In the metadata of a file: colours of labels, and which columns hold JSON."""
LABEL_COLUMNS = ("label", "class_name", "classification", "class", "category", "labels")
MOST_ROWS = 4_000_000
MOST_BYTES = 2 << 30
_GEOMETRY_NAMES = ("geometry", "geom", "wkb_geometry")
_LONGEST_METADATA = 1 << 20

_any = msgspec.json.Decoder()


@dataclass(slots=True)
class _Read:
    columns: ShapeColumns
    several: dict[int, tuple[str, ...]] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def read(data: bytes) -> Document:
    """Return what a file says; what a shape is, is told by a column such as ``class_name``."""
    found = _read(data)
    features = []
    for place, feature in enumerate(features_of(found.columns)):
        labels = found.several.get(place)
        features.append(feature if labels is None else replace(feature, labels=labels))
    return Document(features, colours=found.colours, notices=found.notices)


def read_columns(data: bytes) -> BulkDocument:
    """As `read`, as columns."""
    found = _read(data)
    if found.several:
        what = "There are several labels; in bulk the first is kept."
        found.notices.append(Notice(f"{len(found.several):,} rows", what))
    return BulkDocument(found.columns, found.colours, found.notices)


def _read(data: bytes) -> _Read:
    table, metadata = _table(data)
    notices: list[Notice] = []
    name, covering = _geometry_column(table, metadata, notices)
    columns = _shapes(table.column(name), notices)
    own = _own(metadata)
    skipped = {name, covering, None}
    properties: dict[str, NDArray[np.generic]] = {}
    labels = None
    several: list[tuple[str, ...] | None] | None = None
    for column in table.column_names:
        if column in skipped:
            continue
        values = _values(table.column(column), is_json=column in own.get("json", ()))
        if column == "labels" and all(_are_names(value) for value in values):
            several = [None if value is None else tuple(value) for value in values]
        elif column == "kind" and all(map(_is_kind, values)):
            columns = _with_kinds(columns, values)
        else:
            properties[column] = column_of(values)
    label_column = next((each for each in LABEL_COLUMNS if each in properties), None)
    if several is not None:
        labels = [value[0] if value else None for value in several]
    elif label_column is not None:
        labels = [_label(value) for value in properties.pop(label_column).tolist()]
    columns = _with_labels(columns, labels, properties)
    place = np.arange(len(columns))
    columns = replace(columns, properties={**columns.properties, "\0row": place})
    columns, troubles = sound(columns, "row")
    rows = columns.properties["\0row"].tolist()
    columns = replace(
        columns,
        properties={key: value for key, value in columns.properties.items() if key != "\0row"},
    )
    found = _Read(columns, notices=[*notices, *troubles], colours=_colours(own))
    if several is not None:
        found.several = {
            place: value
            for place, row in enumerate(rows)
            if (value := several[int(row)]) and len(value) > 1
        }
    return found


def _table(data: bytes) -> tuple[pa.Table, Mapping[bytes, bytes]]:
    import pyarrow as pa  # noqa: PLC0415 (only who reads such files waits for it)
    import pyarrow.parquet as pq  # noqa: PLC0415 (as above)

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        # Many times the same text is small in the file only as long as it stays so.
        repeated = [
            each.name
            for each in schema
            if pa.types.is_string(each.type)
            or pa.types.is_large_string(each.type)
            or pa.types.is_binary(each.type)
            or pa.types.is_large_binary(each.type)
        ]
        if file.metadata.num_rows > MOST_ROWS:
            raise TooLarge(f"A file may have at most {MOST_ROWS:,} rows.")
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=repeated)
        batches = list(_within(file.iter_batches(batch_size=1 << 16)))
        table = pa.Table.from_batches(batches) if batches else file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Invalid(f"This Parquet file cannot be read: {str(error)[:200]}") from None
    return table, schema.metadata or {}


def _within(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    size = 0
    for batch in batches:
        size += batch.nbytes
        if size > MOST_BYTES:
            raise TooLarge(f"A file may hold at most {MOST_BYTES:,} bytes, unpacked.")
        yield batch


def _geometry_column(
    table: pa.Table, metadata: Mapping[bytes, bytes], notices: list[Notice]
) -> tuple[str, str | None]:
    """Return the name of the column of geometries, and of that with their boxes."""
    said = _object(metadata.get(b"geo", b"{}"))
    name = said.get("primary_column")
    if name not in table.column_names:
        name = next((each for each in _GEOMETRY_NAMES if each in table.column_names), None)
    if name is None:
        raise Invalid("This Parquet file has no column of geometries.")
    all_columns = said.get("columns")
    about = all_columns.get(name, {}) if isinstance(all_columns, dict) else {}
    about = about if isinstance(about, dict) else {}
    encoding = about.get("encoding", "WKB")
    if not isinstance(encoding, str) or encoding.upper() != "WKB":
        raise Invalid("The geometries of this file are not well-known binaries (WKB).")
    if about.get("crs") is not None:
        what = "Its coordinate reference system is not used: numbers are level-0 pixels."
        notices.append(Notice("Document", what))
    others = all_columns.keys() - {name} if isinstance(all_columns, dict) else ()
    notices.extend(
        Notice("Document", f"{quoted(other)}, a second column of geometries, is a property now.")
        for other in sorted(others)
        if other in table.column_names
    )
    try:
        covering = about["covering"]["bbox"]["xmin"][0]
    except (KeyError, TypeError, IndexError):
        covering = None
    return name, covering if isinstance(covering, str) else None


def _shapes(column: pa.ChunkedArray, notices: list[Notice]) -> ShapeColumns:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    parts = []
    for chunk in column.chunks:
        dense = _dense(chunk)
        if not (pa.types.is_binary(dense.type) or pa.types.is_large_binary(dense.type)):
            raise Invalid("The geometries of this file are not well-known binaries (WKB).")
        dense = dense.cast(pa.large_binary()).fill_null(b"")
        offsets = np.frombuffer(dense.buffers()[1], np.int64)[dense.offset :][: len(dense) + 1]
        data = np.frombuffer(dense.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
        try:
            parts.append(ShapeColumns.from_wkb(data, offsets - offsets[0]))
        except Invalid:
            parts.append(_slowly(dense.to_pylist(), notices))
    return ShapeColumns.concatenated(parts) if parts else ShapeColumns.empty()


def _slowly(texts: list[bytes], notices: list[Notice]) -> ShapeColumns:
    """Return geometries of which some are damaged, or collections."""
    found = shapely.from_wkb([text or None for text in texts], on_invalid="ignore")
    broken = sum(bool(text) and each is None for text, each in zip(texts, found, strict=True))
    if broken:
        notices.append(Notice(f"{broken:,} rows", "The geometry is damaged; it is left out."))
    collections = np.count_nonzero(shapely.get_type_id(found) == 7)
    if collections:
        what = "The geometry is a collection; of it are kept the areas, or else the lines."
        notices.append(Notice(f"{collections:,} rows", what))
    return ShapeColumns.from_geometries(found)


def _dense(array: Any) -> Any:
    """Return an array without a dictionary, unless it would be far larger so."""
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    array = getattr(array, "storage", array)
    if not pa.types.is_dictionary(array.type):
        return array
    lengths = pc.binary_length(array.dictionary)
    size = pc.sum(lengths.take(array.indices)).as_py() or 0
    if size > MOST_BYTES:
        raise TooLarge(f"A column may hold at most {MOST_BYTES:,} bytes, unpacked.")
    return array.dictionary_decode()


def _values(column: pa.ChunkedArray, *, is_json: bool) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    kind = column.type
    if pa.types.is_dictionary(kind) and not pa.types.is_nested(kind.value_type):
        found: list[Any] = []
        for chunk in column.chunks:
            # Each text once, however often it is said.
            words = [_plain(each) for each in chunk.dictionary.to_pylist()]
            if is_json:
                words = [None if word is None else _said(word) for word in words]
            found.extend(
                None if place is None else words[place] for place in chunk.indices.to_pylist()
            )
        return found
    return [_plain(each) for each in column.to_pylist()]


def _said(text: Any) -> Any:
    try:
        return _any.decode(text)
    except (msgspec.MsgspecError, TypeError):
        return text


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; moments and bytes as text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _is_kind(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in AREAS)


def _are_names(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    )


def _label(value: Any) -> str | None:
    if value is None or value != value or value == "":  # noqa: PLR0124 - what NaN is known by
        return None
    if isinstance(value, dict):
        return _label(value.get("name"))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _with_labels(
    columns: ShapeColumns,
    labels: list[str | None] | None,
    properties: dict[str, NDArray[np.generic]],
) -> ShapeColumns:
    if labels is None:
        return replace(columns, properties=properties)
    numbers, names = numbered(labels)
    return replace(columns, labels=numbers, label_names=names, properties=properties)


def _with_kinds(columns: ShapeColumns, values: list[Any]) -> ShapeColumns:
    kinds = columns.kinds.copy()
    for place, value in enumerate(values):
        if value is not None and KINDS[kinds[place]] in AREAS:
            kinds[place] = KINDS.index(ShapeKind(value))
    return replace(columns, kinds=kinds)


def _own(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    return _object(metadata.get(OWN_KEY, b"{}"))


def _colours(own: Mapping[str, Any]) -> dict[str, str]:
    said = own.get("colours")
    if not isinstance(said, dict):
        return {}
    return {str(name): each for name, each in said.items() if isinstance(each, str)}


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = read_json(text, most_bytes=_LONGEST_METADATA)
    except Invalid:
        return {}
    return found if isinstance(found, dict) else {}
