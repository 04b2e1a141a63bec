"""What is said of the shapes of a chunk besides, packed column by column."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.store.bulk.loads import PropertyKind

_INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32)
_LEVEL = 1
"""Of compression: values that a model measured hardly become smaller, however hard one tries."""
_SAMPLE = 512
_PLAIN = b"\0"
"""What zlib writes never begins so."""
_LARGEST_EXACT = 1 << 53


def kind_of(name: str, column: NDArray[Any]) -> tuple[PropertyKind, NDArray[Any]]:
    """Return what a property is, and its values as they are kept.

    Numbers stay numbers, whole ones whole; of what else there is, texts stay texts, and the
    rest becomes what JSON can say.

    Examples
    --------
    >>> kind, values = kind_of("score", np.array([0.5, np.nan, 2.0], np.float32))
    >>> kind
    PropertyKind(name='score', kind='number', least=0.5, most=2.0)
    """
    if column.dtype.kind == "b":
        return PropertyKind(name, "boolean"), column
    if column.dtype.kind in "iu":
        whole = column.astype(np.int64)
        if not len(whole) or (whole >= 0).all() == (column >= 0).all():
            return PropertyKind(name, "integer", *_range(whole)), whole
        column = column.astype(np.float64)
    if column.dtype.kind == "f":
        numbers = column.astype(np.float64)
        return PropertyKind(name, "number", *_range(numbers)), numbers
    if column.dtype.kind in "mM":
        said = [
            None if gap else text
            for gap, text in zip(np.isnat(column), column.astype(str).tolist(), strict=True)
        ]
    else:
        said = column.tolist()
    values = np.empty(len(column), object)
    values[:] = [_plain(value) for value in said]
    kinds = {type(value) for value in values.tolist()} - {type(None)}
    return _kind_of_objects(name, values, kinds)


def packed(columns: Mapping[str, NDArray[Any]]) -> bytes | None:
    """Return columns as bytes; `None` when there are none."""
    if not columns:
        return None
    return msgspec.msgpack.encode({name: _packed(values) for name, values in columns.items()})


def unpacked(
    data: bytes | None, count: int, kinds: Collection[PropertyKind]
) -> dict[str, NDArray[Any]]:
    """Return some of the columns that `packed` made bytes of, as `kind_of` had them."""
    stored = {} if data is None else msgspec.msgpack.decode(data, type=dict[str, tuple[str, bytes]])
    return {each.name: _unpacked(stored.get(each.name), count, each.kind) for each in kinds}


_KINDS: dict[str, type[np.generic]] = {
    "number": np.float64,
    "integer": np.int64,
    "boolean": np.bool_,
}


def _kind_of_objects(
    name: str, values: NDArray[Any], kinds: set[type]
) -> tuple[PropertyKind, NDArray[Any]]:
    if kinds <= {str}:
        return PropertyKind(name, "text"), values
    has_gaps = any(value is None for value in values)
    if kinds == {bool} and not has_gaps:
        return PropertyKind(name, "boolean"), values.astype(bool)
    if kinds <= {int, float} and all(
        value is None or abs(value) <= _LARGEST_EXACT for value in values
    ):
        if kinds == {int} and not has_gaps:
            whole = values.astype(np.int64)
            return PropertyKind(name, "integer", *_range(whole)), whole
        numbers = np.array([np.nan if value is None else value for value in values], np.float64)
        return PropertyKind(name, "number", *_range(numbers)), numbers
    return PropertyKind(name, "json"), values


def _range(values: NDArray[Any]) -> tuple[float | None, float | None]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (None, None)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has no word for as text, no number as `None`."""
    if value is None or value != value:  # noqa: PLR0124 (what NaN is known by)
        return None
    if isinstance(value, str | bool | int | float):
        return value
    plain = msgspec.to_builtins(value, enc_hook=_of_other)
    return msgspec.json.decode(msgspec.json.encode(plain))


def _of_other(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _packed(values: NDArray[Any]) -> tuple[str, bytes]:
    if values.dtype.kind == "O":
        return "json", _squeezed(msgspec.json.encode(values.tolist()))
    small = _smallest(values)
    return small.dtype.str, _squeezed(small.tobytes())


def _squeezed(data: bytes) -> bytes:
    """Return bytes packed, or as they are behind a mark where a sample becomes hardly smaller."""
    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE and len(zlib.compress(sample, _LEVEL)) > 0.9 * len(sample):
        return _PLAIN + data
    return zlib.compress(data, _LEVEL)


def _stretched(data: bytes) -> bytes:
    return data[1:] if data.startswith(_PLAIN) else zlib.decompress(data)


def _smallest(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in as few bytes as hold them exactly."""
    if values.dtype.kind == "i" and len(values):
        least, most = values.min(), values.max()
        for each in _INTEGERS:
            if np.iinfo(each).min <= least and most <= np.iinfo(each).max:
                return values.astype(each)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            short = values.astype(np.float32)
        if np.array_equal(short.astype(np.float64), values, equal_nan=True):
            return short
    return values


def _unpacked(stored: tuple[str, bytes] | None, count: int, kind: str) -> NDArray[Any]:
    if stored is None:
        return np.full(count, None, object)
    name, data = stored[0], _stretched(stored[1])
    if name == "json":
        values = np.empty(count, object)
        values[:] = msgspec.json.decode(data)
        return values
    numbers: NDArray[Any] = np.frombuffer(data, np.dtype(name)).astype(_KINDS[kind])
    return numbers
