"""Taking shapes out of columns, and putting columns together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wsi_lab.geometry.columns import ShapeColumns


def taken(columns: ShapeColumns, which: NDArray[np.bool_] | NDArray[np.integer]) -> ShapeColumns:
    """Return the shapes of a mask, or those at places, in that order."""
    places = np.asarray(which)
    places = np.flatnonzero(places) if places.dtype == bool else places.astype(np.int64)
    rings, shape_offsets = spans(columns.shape_offsets, places)
    vertices, ring_offsets = spans(columns.ring_offsets, rings)
    return type(columns)(
        columns.kinds[places],
        columns.coordinates[vertices],
        ring_offsets,
        columns.ring_roles[rings],
        shape_offsets,
        columns.labels[places],
        columns.label_names,
        {name: values[places] for name, values in columns.properties.items()},
    )


def concatenated(parts: Sequence[ShapeColumns]) -> ShapeColumns:
    """Return shapes one after the other; labels of the same name become one."""
    from wsi_lab.geometry.columns import ShapeColumns  # noqa: PLC0415 (it is made of this)

    if not parts:
        return ShapeColumns.empty()
    if len(parts) == 1:
        return parts[0]
    names = tuple(dict.fromkeys(name for part in parts for name in part.label_names))
    places = {name: place for place, name in enumerate(names)}
    labels = []
    for part in parts:
        # The last element is what -1, no label, picks.
        known = np.array([*(places[name] for name in part.label_names), -1], np.int32)
        labels.append(known[part.labels])
    return ShapeColumns(
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.coordinates for part in parts]),
        _offsets([np.diff(part.ring_offsets) for part in parts]),
        np.concatenate([part.ring_roles for part in parts]),
        _offsets([np.diff(part.shape_offsets) for part in parts]),
        np.concatenate(labels),
        names,
        _properties(parts),
    )


def spans(
    offsets: NDArray[np.int64], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what lies between the offsets of places, and the offsets of that."""
    starts = offsets[places]
    lengths = offsets[places + 1] - starts
    ends = np.zeros(len(places) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    return np.repeat(starts - ends[:-1], lengths) + np.arange(ends[-1]), ends


def _offsets(lengths: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths))])


def _properties(parts: Sequence[ShapeColumns]) -> dict[str, NDArray[np.generic]]:
    names = dict.fromkeys(name for part in parts for name in part.properties)
    return {
        name: _property(
            [part.properties.get(name) for part in parts], [len(part) for part in parts]
        )
        for name in names
    }


def _property(
    columns: Sequence[NDArray[np.generic] | None], lengths: Sequence[int]
) -> NDArray[np.generic]:
    """Return one property of all parts: numbers as long as they are numbers everywhere."""
    is_number = all(values is None or values.dtype.kind in "fiub" for values in columns)
    missing: Any = np.nan if is_number else None
    kind = np.float64 if is_number else object
    return np.concatenate(
        [
            np.full(length, missing, kind) if values is None else values
            for values, length in zip(columns, lengths, strict=True)
        ]
    )
