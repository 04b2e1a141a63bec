"""Very many shapes of one file: side by side as columns instead of one object each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.feature import Document, Feature, Grid, Notice


@dataclass(frozen=True, slots=True)
class BulkDocument:
    """What a file of annotations says, its shapes as columns.

    Attributes
    ----------
    colours, grids, notices
        As those of `wsi_lab.model.feature.Document`.
    """

    columns: ShapeColumns
    colours: Mapping[str, str] = field(default_factory=dict)
    notices: Sequence[Notice] = ()
    grids: Sequence[Grid] = ()


def bulk_of(document: Document) -> BulkDocument:
    """Return a document with its shapes as columns, each with the first of its labels."""
    features = document.features
    labels, names = numbered([each.labels[0] if each.labels else None for each in features])
    columns = ShapeColumns.from_geometries(
        np.array([each.geometry for each in features], dtype=object),
        kinds=np.array([KINDS.index(each.kind) for each in features], np.uint8),
        labels=labels,
        label_names=names,
        properties=_columns_of([each.properties for each in features]),
    )
    notices = list(document.notices)
    several = sum(len(each.labels) > 1 for each in features)
    if several:
        what = f"{several:,} shapes have several labels; in bulk each keeps its first."
        notices.append(Notice("Labels", what))
    return BulkDocument(columns, document.colours, notices, document.grids)


def features_of(columns: ShapeColumns) -> Iterator[Feature]:
    """Yield the shapes of columns one by one; a property that is missing is left out."""
    properties = {name: values.tolist() for name, values in columns.properties.items()}
    labels = columns.labels.tolist()
    for place, geometry in enumerate(columns.to_geometries()):
        label = labels[place]
        yield Feature(
            KINDS[columns.kinds[place]],
            None if geometry is None or geometry.is_empty else geometry,
            (columns.label_names[label],) if label >= 0 else (),
            {
                name: values[place]
                for name, values in properties.items()
                if not is_missing(values[place])
            },
        )


def document_of(
    parts: Iterable[ShapeColumns], colours: Mapping[str, str] | None = None
) -> Document:
    """Return shapes that are columns as a document."""
    features = [feature for columns in parts for feature in features_of(columns)]
    return Document(features, colours=dict(colours or {}))


def is_missing(value: object) -> bool:
    """Return whether a value of a column says nothing: `None`, or no number."""
    return value is None or value != value  # noqa: PLR0124 - what NaN is known by


def _columns_of(rows: Sequence[Mapping[str, object]]) -> dict[str, np.ndarray]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: column_of([row.get(name) for row in rows]) for name in names}


def numbered(labels: Sequence[str | None]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return labels as places among their names, -1 where there is none, and these names.

    Examples
    --------
    >>> numbered(["b", None, "a", "b"])
    (array([ 0, -1,  1,  0], dtype=int32), ('b', 'a'))
    """
    names = tuple(dict.fromkeys(label for label in labels if label is not None))
    places: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    return np.array([places.get(label, -1) for label in labels], np.int32), names


def column_of(values: Sequence[object]) -> np.ndarray:
    """Return values as a column: of numbers when they are (NaN where missing), else as they are.

    Examples
    --------
    >>> column_of([1, None, 2.5]).tolist(), column_of(["a", 1]).tolist()
    ([1.0, nan, 2.5], ['a', 1])
    """
    if all(type(value) is int and abs(value) < 1 << 53 for value in values):
        return np.array(values, np.int64)
    if all(value is None or type(value) in {int, float} for value in values):
        try:
            return np.array([np.nan if value is None else value for value in values], np.float64)
        except OverflowError:
            pass
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
