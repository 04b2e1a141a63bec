"""Shapes as an Arrow IPC stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from wsi_lab.geometry.columns import KINDS
from wsi_lab.geometry.pieces import Pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsi_lab.model.layer import ShapeQuery
    from wsi_lab.service.annotating.found import Found
    from wsi_lab.service.annotating.loaded import Planned

_NAME = pa.dictionary(pa.int32(), pa.string())
_OWN = (
    pa.field("id", pa.int64(), nullable=False),
    pa.field("slide_id", pa.int64(), nullable=False),
    pa.field("slide", _NAME),
    pa.field("layer", _NAME),
    pa.field("label", _NAME),
    pa.field("labels", pa.list_(pa.string())),
    pa.field("reader", _NAME),
    pa.field("tier", _NAME),
    pa.field("shape", _NAME),
    pa.field("revision", pa.int64(), nullable=False),
    pa.field("changed_on", pa.timestamp("us", "UTC")),
    pa.field("geometry", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"}),
)
_TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "json": pa.string(),
}
_TIERS = ("hand", "bulk")


def arrow_stream(
    by_hand: Sequence[Found], plans: Sequence[Planned], batches: Iterable[Found], query: ShapeQuery
) -> Iterator[bytes]:
    """Yield a stream of batches; what they will be like is told by the first two."""
    names = _Names(by_hand, plans)
    kinds = _property_kinds(by_hand, plans, query)
    own = {each.name for each in _OWN}
    fields = [
        pa.field(f"{name} (property)" if name in own else name, _TYPES[kind])
        for name, kind in kinds.items()
    ]
    schema = pa.schema([*_OWN, *fields])
    sink = Pieces()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
        yield from sink.taken()
        for found in batches:
            columns = [*_own_columns(found, names), *_property_columns(found, kinds)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            yield from sink.taken()
    yield from sink.taken()


class _Names:
    """The names of a whole stream: written once, and numbers after that."""

    def __init__(self, by_hand: Sequence[Found], plans: Sequence[Planned]) -> None:
        self.slides = _table([*(each.slide for each in by_hand), *(plan.slide for plan in plans)])
        self.layers = _table([*(each.layer for each in by_hand), *(plan.layer for plan in plans)])
        self.authors = _table(
            [*(each.author for each in by_hand), *(plan.stored.load.author for plan in plans)]
        )
        labels = [name for each in by_hand for name in each.shapes.label_names]
        labels += [label.name for plan in plans for label in plan.stored.labels]
        self.labels = _table(labels)


def _table(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _own_columns(found: Found, names: _Names) -> Iterator[pa.Array]:
    count, shapes = len(found), found.shapes
    yield pa.array(found.ids)
    yield pa.array(np.full(count, found.slide_id, np.int64))
    yield _same(found.slide, names.slides, count)
    yield _same(found.layer, names.layers, count)
    places = np.array([*(names.labels[name] for name in shapes.label_names), -1], np.int32)
    label = places[shapes.labels]
    yield _dictionary(label, names.labels)
    yield _labels(found)
    yield _same(found.author, names.authors, count)
    yield _same(found.tier, {name: place for place, name in enumerate(_TIERS)}, count)
    kinds = pa.array([kind.value for kind in KINDS])
    yield pa.DictionaryArray.from_arrays(pa.array(shapes.kinds.astype(np.int32)), kinds)
    yield pa.array(found.revisions)
    yield pa.array(found.changed_on).cast(pa.timestamp("us", "UTC"))
    yield _geometry(found)


def _same(name: str, table: Mapping[str, int], count: int) -> pa.Array:
    return _dictionary(np.full(count, table[name], np.int32), table)


def _dictionary(places: NDArray[np.int32], table: Mapping[str, int]) -> pa.Array:
    indices = pa.array(places, mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(table), pa.string()))


def _labels(found: Found) -> pa.Array:
    if found.labels is not None:
        return pa.array([list(each) for each in found.labels], pa.list_(pa.string()))
    labels = found.shapes.labels
    has = labels >= 0
    offsets = np.zeros(len(found) + 1, np.int32)
    np.cumsum(has, out=offsets[1:])
    names = pa.array(found.shapes.label_names, pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(labels[has])))


def _geometry(found: Found) -> pa.Array:
    offsets, written = found.shapes.to_wkb()
    has_rings = np.diff(found.shapes.shape_offsets) > 0
    validity = None
    if not has_rings.all():
        validity = pa.py_buffer(np.packbits(has_rings, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(written)]
    return pa.Array.from_buffers(pa.binary(), len(found), buffers)


def _property_kinds(
    by_hand: Sequence[Found], plans: Sequence[Planned], query: ShapeQuery
) -> dict[str, str]:
    """Return what each property is in the whole stream."""
    kinds: dict[str, set[str]] = {}
    for plan in plans:
        for each in plan.stored.kinds:
            if query.properties is None or each.name in query.properties:
                kinds.setdefault(each.name, set()).add(each.kind)
    for found in by_hand:
        for name, values in found.shapes.properties.items():
            kinds.setdefault(name, set()).add(_kind(values))
    return {name: _common(some) for name, some in kinds.items()}


def _kind(values: NDArray[Any]) -> str:
    of_numbers = {"f": "number", "i": "integer", "b": "boolean"}
    if values.dtype.kind in of_numbers:
        return of_numbers[values.dtype.kind]
    is_text = all(value is None or isinstance(value, str) for value in values.tolist())
    return "text" if is_text else "json"


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "number" if kinds <= {"number", "integer"} else "json"


def _property_columns(found: Found, kinds: Mapping[str, str]) -> Iterator[pa.Array]:
    for name, kind in kinds.items():
        values = found.shapes.properties.get(name)
        if values is None:
            yield pa.nulls(len(found), _TYPES[kind])
        elif kind in {"number", "integer", "boolean"} and values.dtype.kind != "O":
            yield pa.array(values, _TYPES[kind], from_pandas=True)
        elif kind == "json":
            texts = [None if value is None else _json_text(value) for value in values.tolist()]
            yield pa.array(texts, pa.string())
        else:
            yield pa.array(values.tolist(), _TYPES[kind], from_pandas=True)


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
