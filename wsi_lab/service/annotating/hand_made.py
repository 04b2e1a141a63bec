"""Shapes drawn by hand that are looked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.layer import Label, ShapeQuery
from wsi_lab.service.annotating.found import Found
from wsi_lab.service.annotating.matching import box_of, fulfilling, lying_there
from wsi_lab.service.annotating.seeing import Seen
from wsi_lab.service.transaction import Transaction
from wsi_lab.store.answers import folded
from wsi_lab.store.drawn_shapes import DrawnShape, drawn_shapes
from wsi_lab.store.layers import labels_by_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LabelIds = tuple[int, ...]


def hand_made(
    transaction: Transaction,
    query: ShapeQuery,
    layers: Mapping[int, Seen],
    slides: Mapping[int, str],
) -> Iterator[Found]:
    """Yield the shapes drawn by hand that are looked for, by slide, layer and author."""
    rows = drawn_shapes(transaction.connection, layers, slide_id=query.slide_id, box=box_of(query))
    authors = None if query.authors is None else {folded(each) for each in query.authors}
    ids_of = {
        text: msgspec.json.decode(text, type=_LabelIds) for text in {r.label_ids for r in rows}
    }
    labels = labels_by_id(transaction.connection, {each for ids in ids_of.values() for each in ids})
    names = {text: _names(ids, labels) for text, ids in ids_of.items()}
    for (slide_id, layer_id, author), group in groupby(
        rows, key=lambda row: (row.slide_id, row.question_id, row.author)
    ):
        seen = layers[layer_id]
        if not seen.shows(author) or (authors is not None and folded(author) not in authors):
            continue
        wanted = [
            row
            for row in group
            if query.labels is None
            or not set(names[row.label_ids] or ("",)).isdisjoint(query.labels)
        ]
        if wanted and slide_id in slides:
            found = _found(wanted, seen, slides[slide_id], names, query)
            if len(found):
                yield found


def _found(
    rows: Sequence[DrawnShape],
    seen: Seen,
    slide: str,
    names: Mapping[str, tuple[str, ...]],
    query: ShapeQuery,
) -> Found:
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.formats.bulk import column_of  # noqa: PLC0415 (as above)
    from wsi_lab.geometry.columns import KINDS, ShapeColumns  # noqa: PLC0415 (as above)

    said = [msgspec.json.decode(row.properties, type=dict[str, Any]) for row in rows]
    known = dict.fromkeys(name for each in said for name in each)
    properties = {name: column_of([each.get(name) for each in said]) for name in known}
    first = [names[row.label_ids][0] if names[row.label_ids] else None for row in rows]
    label_names = list(dict.fromkeys(name for name in first if name is not None))
    place_of = {name: place for place, name in enumerate(label_names)}
    kinds = {kind.value: number for number, kind in enumerate(KINDS)}
    other = kinds[ShapeKind.OTHER.value]
    columns = ShapeColumns.from_geometries(
        shapely.from_wkb([row.geometry for row in rows]),
        kinds=np.array([kinds.get(row.kind, other) for row in rows], np.uint8),
        labels=np.array([-1 if name is None else place_of[name] for name in first], np.int32),
        label_names=label_names,
        properties=properties,
    )
    mask = fulfilling(query.where, properties, len(rows))
    lying = lying_there(query, columns)
    if lying is not None:
        mask &= lying
    if not mask.all():
        columns = columns.take(mask)
        rows = [row for row, is_meant in zip(rows, mask.tolist(), strict=True) if is_meant]
    if query.properties is not None:
        for name in columns.properties.keys() - set(query.properties):
            del columns.properties[name]
    has_several = any(len(names[row.label_ids]) > 1 for row in rows)
    return Found(
        slide_id=rows[0].slide_id if rows else 0,
        slide=slide,
        layer_id=seen.question.id,
        layer=seen.question.name,
        author=rows[0].author if rows else "",
        tier="hand",
        load=None,
        ids=np.array([row.id for row in rows], np.int64),
        shapes=columns,
        labels=[names[row.label_ids] for row in rows] if has_several else None,
        revisions=np.array([row.revision for row in rows], np.int64),
        changed_on=moments([row.changed_on for row in rows]),
    )


def moments(texts: Sequence[str]) -> NDArray[np.datetime64]:
    """Return moments that `wsi_lab.store.columns.time_text` wrote, in UTC."""
    import numpy as np  # noqa: PLC0415 (as above)

    return np.array([text.removesuffix("Z") for text in texts], "datetime64[us]")


def _names(ids: _LabelIds, labels: Mapping[int, Label]) -> tuple[str, ...]:
    return tuple(labels[each].name for each in ids if each in labels)
