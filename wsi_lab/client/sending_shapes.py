"""Shapes on their way to a lab: a GeoDataFrame or geometries as an Arrow stream."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wsi_lab.client.shape_tables import OWN_COLUMNS
from wsi_lab.errors import Invalid
from wsi_lab.geometry.pieces import Pieces

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROWS_AT_ONCE = 1 << 15
USUAL_LABELS = ("label", "class_name", "classification")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_COLLECTION = 7
_NEAR = {"localhost", "127.0.0.1", "::1"}
_KINDS = frozenset({"point", "polyline", "polygon", "rectangle", "ellipse", "brush"})


def shape_stream(
    shapes: Any,
    label: Any,
    colours: Mapping[str, str],
    *,
    url: str,
    at: Callable[[float], None],
) -> tuple[int, Iterator[bytes]]:
    """Return how many shapes there are, and the pieces of an Arrow stream of them.

    Parameters
    ----------
    shapes, label
        As for `wsi_lab.client.Layer.add`.
    url
        Of the lab: what goes over a network is compressed.
    at
        Is told how much has been sent, from 0 to 1.
    """
    import msgspec  # noqa: PLC0415 (only when something is sent)
    import pyarrow as pa  # noqa: PLC0415 (as above)

    _check_colours(colours.values())
    geometries, columns, said = _columns(shapes, label)
    arrays = {name: _array(name, column) for name, column in columns.items()}
    if said["label"] is not None:
        arrays[said["label"]] = _without_blanks(arrays[said["label"]])
    metadata = {b"wsi-lab": msgspec.json.encode({**said, "colours": dict(colours)})}
    fields = [pa.field("geometry", pa.binary())]
    fields += [pa.field(name, array.type) for name, array in arrays.items()]
    is_near = urlsplit(url).hostname in _NEAR
    options = pa.ipc.IpcWriteOptions(compression=None if is_near else "zstd")
    pieces = _pieces(geometries, arrays, pa.schema(fields, metadata), options, at)
    return len(geometries), pieces


def _pieces(
    geometries: Any,
    arrays: Mapping[str, pa.Array],
    schema: pa.Schema,
    options: pa.ipc.IpcWriteOptions,
    at: Callable[[float], None],
) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    sink = Pieces()
    count = len(geometries)
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema, options=options) as writer:
        for begin in range(0, count, ROWS_AT_ONCE):
            some = slice(begin, begin + ROWS_AT_ONCE)
            wkb = pa.array(shapely.to_wkb(geometries[some], output_dimension=2), pa.binary())
            columns = [wkb, *(each[some] for each in arrays.values())]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            yield from sink.taken()
            at(min(1.0, (begin + ROWS_AT_ONCE) / count))
    yield from sink.taken()


def _columns(shapes: Any, label: Any) -> tuple[Any, dict[str, Any], dict[str, str | None]]:
    """Return the geometries, the other columns, and which of these is the label and the kind."""
    if not hasattr(shapes, "geometry"):
        return _bare(shapes, label)
    geometries = _geometries(shapes.geometry)
    name_of_geometry = shapes.geometry.name
    if not hasattr(shapes, "columns"):
        return geometries, *_labelled(len(geometries), label)
    frame = shapes.drop(columns=[name_of_geometry])
    frame.columns = [str(each) for each in frame.columns]
    twice = [name for name, count in Counter(frame.columns).items() if count > 1]
    if twice:
        raise Invalid(f"Several columns are called {twice[0]!r}; give each a name of its own.")
    said: dict[str, str | None] = {"label": _label_column(frame, label)}
    if "shape" in frame.columns and set(frame["shape"].dropna()) <= _KINDS and len(frame):
        said["kind"] = "shape"
    kept = {
        name: frame[name]
        for name in frame.columns
        if name in said.values() or name not in OWN_COLUMNS
    }
    if "geometry" in kept:
        raise Invalid("A column that is not the geometry is called 'geometry'; give it a name.")
    return geometries, kept, said


def _bare(shapes: Any, label: Any) -> tuple[Any, dict[str, Any], dict[str, str | None]]:
    if shapes is None or isinstance(shapes, str | bytes | Mapping) or hasattr(shapes, "columns"):
        raise Invalid("Shapes are a GeoDataFrame, a GeoSeries, or geometries of shapely.")
    several = [shapes] if hasattr(shapes, "geom_type") else list(shapes)
    geometries = _geometries(several)
    return geometries, *_labelled(len(geometries), label)


def _labelled(count: int, label: Any) -> tuple[dict[str, Any], dict[str, str | None]]:
    if label is None:
        return {}, {"label": None}
    labels = [label] * count if isinstance(label, str) else list(label)
    if len(labels) != count:
        raise Invalid(f"There are {count:,} shapes and {len(labels):,} labels.")
    return {"label": labels}, {"label": "label"}


def _geometries(several: Any) -> Any:
    import numpy as np  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    found = np.empty(len(several), object)
    found[:] = several
    wrong = np.flatnonzero(~(shapely.is_geometry(found) | shapely.is_missing(found)))
    if len(wrong):
        raise Invalid(f"What is at position {int(wrong[0])} is no geometry of shapely.")
    mixed = np.flatnonzero(shapely.get_type_id(found) == _COLLECTION)
    if len(mixed):
        raise Invalid(
            f"The shape at position {int(mixed[0])} is a GeometryCollection, which is no one "
            "shape; take such apart, for example with explode()."
        )
    return found


def _label_column(frame: pd.DataFrame, label: Any) -> str | None:
    if label is None:
        return next((name for name in USUAL_LABELS if name in frame.columns), None)
    if label not in frame.columns:
        there = ", ".join(map(repr, frame.columns)) or "none"
        raise Invalid(f"There is no column {label!r} of labels; there are: {there}.")
    return str(label)


def _array(name: str, column: Any) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # Different things in one column.
        array = pa.array([_text(each) for each in column], pa.string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_nested(array.type):
        array = pa.array([_text(each) for each in column], pa.string())
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        raise Invalid(f"The column {name!r} holds bytes, which cannot be stored.")
    return array


def _without_blanks(labels: pa.Array) -> pa.Array:
    """Return labels with none where there is nothing but blanks, as tables in text have it."""
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    if pa.types.is_dictionary(labels.type):
        labels = labels.dictionary_decode()
    if pa.types.is_null(labels.type):
        return labels
    if not (pa.types.is_string(labels.type) or pa.types.is_large_string(labels.type)):
        raise Invalid(
            f"Labels are names, but these are {labels.type}; make them text, for example with "
            ".astype(str)."
        )
    is_blank = pc.equal(pc.utf8_trim_whitespace(labels), "")
    return pc.if_else(is_blank, pa.scalar(None, labels.type), labels)


def _check_colours(colours: Iterable[str]) -> None:
    for each in colours:
        if not isinstance(each, str) or not _COLOUR.fullmatch(each):
            raise Invalid(f"{each!r} is not a colour; one looks like #d55e00.")


def _text(value: Any) -> str | None:
    import msgspec  # noqa: PLC0415 (as above)

    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value != value:  # noqa: PLR0124 (what NaN is known by)
        return None
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    # Arrays and numbers of NumPy; anything else as it calls itself.
    return value.tolist() if hasattr(value, "tolist") else str(value)


def names_and_colours(labels: Mapping[str, str] | Sequence[str]) -> list[dict[str, str]]:
    """Return labels as the lab takes them: names with colours, or names alone.

    Examples
    --------
    >>> names_and_colours({"tumour": "#d55e00"}), names_and_colours(["a"])
    ([{'name': 'tumour', 'colour': '#d55e00'}], [{'name': 'a'}])
    """
    if isinstance(labels, Mapping):
        return [{"name": name, "colour": colour} for name, colour in labels.items()]
    if isinstance(labels, str):
        return [{"name": labels}]
    return [{"name": name} for name in labels]
