"""Shapes that come as an Arrow IPC stream: a column of WKB beside columns of what is said of them.

The schema's metadata may say under ``wsi-lab`` which column is which, as JSON: ``geometry``,
``label`` and ``kind`` name columns, ``colours`` has ``#rrggbb`` of labels by name. Without it the
columns ``geometry`` and ``label`` are taken; every other one is a property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY = b"wsi-lab"
LARGEST = 8 << 30
"""Bytes in memory."""


class _Said(msgspec.Struct):
    """Which column is which."""

    geometry: str = "geometry"
    label: str | None = "label"
    kind: str | None = None
    colours: dict[str, str] = {}


def read_arrow(
    file: BinaryIO, size: int, at: Callable[[float], None] = lambda _: None
) -> BulkDocument:
    """Return the shapes of a stream.

    Parameters
    ----------
    size
        Bytes of the file.
    at
        Is told how much has been read, from 0 to 1.

    Raises
    ------
    Invalid
        It is no such stream, or has columns that cannot be stored.
    TooLarge
        It needs too much memory.
    """
    parts, used = [], 0
    try:
        with pa.ipc.open_stream(file) as reader:
            said = _said(reader.schema)
            for batch in reader:
                batch.validate(full=True)
                used += batch.nbytes
                if used > LARGEST:
                    raise TooLarge(f"These shapes need more than {LARGEST >> 30} GiB of memory.")
                parts.append(_columns(batch, said))
                at(min(1.0, file.tell() / max(size, 1)))
    except pa.ArrowInvalid as error:
        raise Invalid(f"This is no Arrow IPC stream of shapes: {str(error)[:200]}") from None
    except (OSError, pa.ArrowException) as error:
        raise Invalid(f"This Arrow IPC stream is cut or damaged: {str(error)[:200]}") from None
    columns = ShapeColumns.concatenated(parts) if parts else ShapeColumns.empty()
    return BulkDocument(columns, said.colours)


def _said(schema: pa.Schema) -> _Said:
    text = (schema.metadata or {}).get(KEY, b"{}")
    try:
        said = msgspec.json.decode(text, type=_Said)
    except msgspec.DecodeError as error:
        raise Invalid(f"What the stream says of its columns cannot be read: {error}") from None
    names = set(schema.names)
    if len(names) < len(schema.names):
        raise Invalid("Two columns of the stream have the same name.")
    if said.geometry not in names:
        raise Invalid(f"The stream has no column '{said.geometry}' of geometries.")
    if said.label == "label" and "label" not in names:
        said.label = None
    for name in (said.label, said.kind):
        if name is not None and name not in names:
            raise Invalid(f"The stream has no column '{name}'.")
    return said


def _columns(batch: pa.RecordBatch, said: _Said) -> ShapeColumns:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    data, offsets = _wkb(columns.pop(said.geometry))
    labels: NDArray[np.int32] | None = None
    names: tuple[str, ...] = ()
    if said.label is not None:
        labels, names = _named(columns.pop(said.label), said.label)
    kinds = None
    if said.kind is not None:
        kinds = _kinds(columns.pop(said.kind), said.kind)
    properties = {name: _property(column, name) for name, column in columns.items()}
    return ShapeColumns.from_wkb(
        data, offsets, kinds=kinds, labels=labels, label_names=names, properties=properties
    )


def _wkb(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_binary(column.type):
        kind: type[np.integer] = np.int32
    elif pa.types.is_large_binary(column.type):
        kind = np.int64
    else:
        raise Invalid("Geometries must be well-known binaries (WKB), in a column of binaries.")
    if column.null_count:
        column = column.fill_null(b"")
    _, starts, octets = column.buffers()
    count, first = len(column), column.offset
    if not count:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(starts, kind, count + 1, first * np.dtype(kind).itemsize)
    whole = np.zeros(0, np.uint8) if octets is None else np.frombuffer(octets, np.uint8)
    return whole[offsets[0] : offsets[-1]], (offsets - offsets[0]).astype(np.int64)


def _named(column: pa.Array, name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if not _is_text(column.type.value_type):
        if column.null_count == len(column):
            return np.full(len(column), -1, np.int32), ()
        raise Invalid(f"The column '{name}' must hold text.")
    names = column.dictionary.to_pylist()
    places = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    # What is no name, or an empty one, is no label.
    known = list(dict.fromkeys(each for each in names if each))
    place_of = {each: place for place, each in enumerate(known)}
    mapped = np.array([*(place_of.get(each, -1) for each in names), -1], np.int32)
    return mapped[places], tuple(known)


def _kinds(column: pa.Array, name: str) -> NDArray[np.uint8]:
    places, names = _named(column, name)
    known = {kind.value: number for number, kind in enumerate(KINDS)}
    unknown = [each for each in names if each not in known]
    if unknown:
        raise Invalid(f"There is no kind of shape '{unknown[0]}'; there are: {', '.join(known)}.")
    numbers = [*(known[each] for each in names), known[ShapeKind.OTHER.value]]
    return np.array(numbers, np.uint8)[places]


def _property(column: pa.Array, name: str) -> NDArray[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_null(kind):
        return _objects([None] * len(column))
    if pa.types.is_boolean(kind):
        if column.null_count:
            return _objects(column.to_pylist())
        return np.asarray(column.to_numpy(zero_copy_only=False), np.bool_)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(column)
    if _is_text(kind):
        return _objects(column.to_pylist())
    if pa.types.is_temporal(kind):
        return _objects([None if each is None else str(each) for each in column.to_pylist()])
    raise Invalid(
        f"The column '{name}' holds {kind}; properties are numbers, true or false, or text."
    )


def _numbers(column: pa.Array) -> NDArray[Any]:
    is_whole = pa.types.is_integer(column.type) and not column.null_count
    if is_whole and column.type != pa.uint64():
        return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _objects(values: Iterable[Any]) -> NDArray[np.object_]:
    listed = list(values)
    column = np.empty(len(listed), object)
    column[:] = listed
    return column


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
