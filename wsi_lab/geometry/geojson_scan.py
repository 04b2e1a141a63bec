"""GeoJSON of very many shapes, read without making an object of each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.columns import ShapeColumns, kinds_of
from wsi_lab.geometry.geojson_walk import walk
from wsi_lab.geometry.json_words import TABLE, WORD_COUNT, WORDS

_SPACE = rb"[ \t\r\n]*"
_BLANK = b" \t\r\n"
_BEGINNING = re.compile(
    rb'_(?:\{_"type"_:_"FeatureCollection"_,_"features"_:_)?\['.replace(b"_", _SPACE)
)


class Scanned(NamedTuple):
    """What a document says.

    Attributes
    ----------
    columns
        Labels are the names of ``properties.classification``. Members of ``properties`` and of
        ``properties.measurements`` are properties of the same name, ``id`` of the feature is
        ``id``; numbers are float64 with NaN where missing, others objects with `None`.
    classifications
        ``properties.classification`` by its name, as the file has it first.
    """

    columns: ShapeColumns
    classifications: Mapping[str, Any]


def scan(data: bytes) -> Scanned | None:
    """Read a FeatureCollection or a list of Features; `None` when it is not plain enough.

    Plain are points, lines and polygons (also several in one) that are closed and finite, with
    or without a classification; the members of a feature are type, id, geometry, properties.
    Everything else needs a reader that explains what is wrong, or knows what it means.

    Examples
    --------
    >>> point = b'{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}'
    >>> scan(b"[" + point + b"]").columns.coordinates.tolist()
    [[1.0, 2.0]]
    >>> scan(b"not GeoJSON")
    """
    beginning = _BEGINNING.match(data)
    if beginning is None:
        return None
    walked = _Walk(data)
    end = walked.take(beginning.end())
    is_object = b"{" in beginning.group()
    if end < 0 or data[end:].strip(_BLANK) != (b"}" if is_object else b""):
        return None
    try:
        return _scanned(walked)
    except (ValueError, KeyError, RecursionError):
        return None


class _Walk:
    """What `walk` writes to: room for as much as there may be; what is not used costs nothing."""

    def __init__(self, data: bytes) -> None:
        self.data, self.words, size = data, b"".join(WORDS), len(data)
        # The shortest position, property and feature have so many characters.
        vertices, said, features = size // 5 + 2, size // 5 + 2, size // 16 + 2
        self.table = np.full(TABLE, -1, np.int32)
        self.texts = np.empty((TABLE // 2, 2), np.int64)
        self.coordinates = np.empty((vertices, 2))
        self.ring_offsets, self.ring_roles = (
            np.empty(vertices + 1, np.int64),
            np.empty(vertices, np.uint8),
        )
        self.shape_offsets, self.dimensions = (
            np.empty(features + 1, np.int64),
            np.empty(features, np.uint8),
        )
        self.ids, self.classes = np.empty((features, 2), np.int64), np.empty(features, np.int64)
        self.values, self.numbers = np.empty((said, 3), np.int64), np.empty(said)
        self.doubtful = np.empty((said, 3), np.int64)
        self.totals = np.zeros(6, np.int64)
        self.ring_offsets[0] = self.shape_offsets[0] = 0

    def take(self, at: int) -> int:
        """Walk through the text from after the bracket of its features."""
        ends = np.cumsum([0, *map(len, WORDS)])
        self.texts[:WORD_COUNT] = np.stack([ends[:-1], ends[1:]], axis=1)
        return int(
            walk(
                np.frombuffer(self.data, np.uint8),
                at,
                np.frombuffer(self.words, np.uint8),
                self.table,
                self.texts,
                self.coordinates,
                self.ring_offsets,
                self.ring_roles,
                self.shape_offsets,
                self.dimensions,
                self.ids,
                self.classes,
                self.values,
                self.numbers,
                self.doubtful,
                self.totals,
            )
        )


_NO_NUMBERS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def _scanned(walked: _Walk) -> Scanned:
    vertices, rings, features, _, said, doubtful = walked.totals.tolist()
    for row, start, end in walked.doubtful[:doubtful].tolist():
        walked.numbers[row] = float(walked.data[start:end])
    shape_offsets = walked.shape_offsets[: features + 1]
    labels, names, classifications = _labels(walked, features)
    properties = _properties(walked, features, said)
    starts, ends = walked.ids[:features].T.tolist()
    if any(ends):
        if "id" in properties:
            raise ValueError
        spans = zip(starts, ends, strict=True)
        properties["id"] = _objects([_id(walked.data[start:end]) for start, end in spans])
    columns = ShapeColumns(
        kinds_of(walked.dimensions[:features], shape_offsets),
        walked.coordinates[:vertices],
        walked.ring_offsets[: rings + 1],
        walked.ring_roles[:rings],
        shape_offsets,
        labels,
        names,
        properties,
    )
    return Scanned(columns, classifications)


def _labels(
    walked: _Walk, features: int
) -> tuple[NDArray[np.int32], tuple[str, ...], dict[str, Any]]:
    classes = walked.classes[:features]
    used, places = np.unique(classes, return_inverse=True)
    classifications: dict[str, Any] = {}
    names: dict[str, int] = {}
    label_of = np.empty(len(used), np.int32)
    for place, number in enumerate(used.tolist()):
        said = _text(walked, number) if number >= 0 else None
        name = said["name"] if isinstance(said, dict) else said
        if name is None:
            label_of[place] = -1
            continue
        if not isinstance(name, str):
            raise ValueError  # noqa: TRY004 (another reader knows what it means)
        label_of[place] = names.setdefault(name, len(names))
        classifications.setdefault(name, said)
    return label_of[places.reshape(-1)], tuple(names), classifications


def _properties(walked: _Walk, features: int, said: int) -> dict[str, NDArray[Any]]:
    if said == 0:
        return {}
    rows, keys, texts = walked.values[:said].T
    numbers = walked.numbers[:said]
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    properties: dict[str, NDArray[Any]] = {}
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), said], strict=True):
        span = order[start:end]
        name = _text(walked, int(keys[span[0]]))
        of_shapes = rows[span]
        # Twice the same, or a measurement that is called as a property is; rows ascend.
        if name in properties or (np.diff(of_shapes) == 0).any():
            raise ValueError
        if (texts[span] < 0).all():
            properties[name] = np.full(features, np.nan)
            properties[name][of_shapes] = numbers[span]
            continue
        met, places = np.unique(texts[span], return_inverse=True)
        known = [None if number < 0 else _text(walked, number) for number in met.tolist()]
        column = _numbers(known, places.reshape(-1)) if (met < 0).any() else None
        if column is None:
            column = _objects(known)[places.reshape(-1)]
        is_number = texts[span] < 0
        column[is_number] = numbers[span][is_number]
        missing = np.nan if column.dtype == np.float64 else None
        properties[name] = np.full(features, missing, column.dtype)
        properties[name][of_shapes] = column
    return properties


def _numbers(known: list[Any], places: NDArray[np.int64]) -> NDArray[Any] | None:
    """Return texts as floats, if all of them say that there is no number."""
    said = [_NO_NUMBERS.get(text, text) if isinstance(text, str) else text for text in known]
    if not all(number is None or isinstance(number, float) for number in said):
        return None
    return np.array(said, np.float64)[places]


def _objects(values: list[Any]) -> NDArray[np.object_]:
    objects = np.empty(len(values), object)
    objects[:] = values
    return objects


def _id(text: bytes) -> Any:
    if not text:
        return None
    plain = text[1:-1].decode()
    # What is printed as it is written needs no reader.
    is_plain = text.startswith(b'"') and plain.isprintable() and "\\" not in plain
    return plain if is_plain else json.loads(text)


def _text(walked: _Walk, number: int) -> Any:
    start, end = walked.texts[number].tolist()
    return json.loads((walked.words if number < WORD_COUNT else walked.data)[start:end])
