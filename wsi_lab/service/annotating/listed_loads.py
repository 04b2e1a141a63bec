"""Shapes of loads that are listed: their ids, and single ones of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.model.annotation import Annotation, Shape
from wsi_lab.service.annotating.answer_content import annotations_of_columns
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.found import PackedPart
from wsi_lab.service.annotating.list_scope import LabelCheck, Owners, Place, Scope
from wsi_lab.service.transaction import Transaction
from wsi_lab.slides.kept import Kept
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsi_lab.geometry.columns import ShapeColumns

LARGEST_INDEXES = 128 << 20
"""Bytes of all that are kept."""


class LoadIndex(NamedTuple):
    """What there is to know of the shapes of a load without reading them, by their numbers.

    Attributes
    ----------
    chunk_ids
        ``(shapes,) int64``: where each lies; 0 for those without a place.
    labels
        ``(shapes,) int32``: places in the labels of the load, -1 for none.
    """

    chunk_ids: NDArray[np.int64]
    labels: NDArray[np.int32]


class ListedLoads:
    """Lists shapes of loads. Ids of loads are never given twice, and their shapes stay."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._indexes: Kept[LoadIndex] = Kept(
            LARGEST_INDEXES, lambda each: 12 * len(each.labels) + 1000, keep_last=True
        )

    def ids(
        self,
        transaction: Transaction,
        scope: Scope,
        *,
        owners: Owners,
        labels: LabelCheck,
        place: Place,
    ) -> NDArray[np.int64]:
        """Return the ids of those that are listed."""
        import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none of it)

        found = [np.zeros(0, np.int64)]
        for stored in loads_in(transaction, scope):
            own = owners.own(stored.load.author)
            if own is False or (own is None and stored.load.loaded_by not in owners.user_ids):
                continue
            ids_of = [each.id for each in stored.labels]
            # The label of those that have none, -1, is the last.
            flags = np.array([*(labels.holds([each]) for each in ids_of), labels.holds([])])
            if flags.any():
                looked = self._lying if place.boxes else self._labelled
                found.append(stored.load.first_id + looked(transaction, stored, flags, place))
        return np.concatenate(found)

    def annotations(
        self, transaction: Transaction, stored: StoredLoad, ids: NDArray[np.int64]
    ) -> Iterator[Annotation]:
        """Yield shapes of a load that are still part of it, in no order."""
        import numpy as np  # noqa: PLC0415 (as above)

        connection = transaction.connection
        numbers = ids - stored.load.first_id
        chunk_ids = self._index(connection, stored).chunk_ids[numbers]
        wanted = sorted(set(chunk_ids.tolist()) - {0})
        for part in self._finder.chunks(connection, stored, wanted):
            mask = np.isin(part.shapes.numbers, numbers)
            if part.mask is not None:
                mask &= part.mask
            yield from annotations_of_part(connection, stored, part, mask)

    def _labelled(
        self, transaction: Transaction, stored: StoredLoad, flags: NDArray[np.bool_], _: Place
    ) -> NDArray[np.int64]:
        """Return the numbers of shapes with labels."""
        import numpy as np  # noqa: PLC0415 (as above)

        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

        connection, load = transaction.connection, stored.load
        index = self._index(connection, stored)
        is_there = (index.chunk_ids > 0) & flags[index.labels]
        edits = chunks.taken_out(connection, [load.id]) if load.revision > 1 else {}
        if load.id in edits:
            is_there[edits[load.id]] = False
        return np.flatnonzero(is_there)

    def _lying(
        self, transaction: Transaction, stored: StoredLoad, flags: NDArray[np.bool_], place: Place
    ) -> NDArray[np.int64]:
        """Return the numbers of shapes with labels that lie somewhere."""
        import numpy as np  # noqa: PLC0415 (as above)

        found = [np.zeros(0, np.int64)]
        for part in self._finder.parts(transaction.connection, stored, place.boxes[0]):
            packed = part.shapes
            mask = flags[packed.labels]
            if part.mask is not None:
                mask &= part.mask
            for box in place.boxes:
                mask &= packed.touching(box)
            is_sure = np.zeros(len(packed), np.bool_)
            if place.is_box:
                left, top, right, bottom = place.boxes[0]
                sides = packed.boxes.T
                is_sure = (sides[0] >= left) & (sides[1] >= top)
                is_sure &= (sides[2] <= right) & (sides[3] <= bottom)
            unclear = mask & ~is_sure
            if unclear.any():
                mask[unclear] = place.holds(packed.columns(unclear).to_geometries())
            found.append(packed.numbers[mask])
        return np.concatenate(found)

    def _index(self, connection: Connection, stored: StoredLoad) -> LoadIndex:
        return self._indexes.make(stored.load.id, lambda: self._indexed(connection, stored))

    def _indexed(self, connection: Connection, stored: StoredLoad) -> LoadIndex:
        import numpy as np  # noqa: PLC0415 (as above)

        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

        index = LoadIndex(
            np.zeros(stored.id_count, np.int64), np.full(stored.id_count, -1, np.int32)
        )
        chunk_ids = chunks.directory(connection, stored.load.id).ids.tolist()
        for part in self._finder.chunks(connection, stored, chunk_ids, keep=False):
            packed = part.shapes
            is_placed = ~np.isnan(packed.boxes[:, 0])
            index.chunk_ids[packed.numbers[is_placed]] = part.key[1]
            index.labels[packed.numbers] = packed.labels
        return index


def loads_in(transaction: Transaction, scope: Scope) -> list[StoredLoad]:
    """Return the loads of shapes that the asker may see, in the order of their ids."""
    return [
        stored
        for stored in loads.loads(
            transaction.connection, question_ids=scope.layers, slide_id=scope.slide_id
        )
        if stored.load.kind == "shapes"
        and scope.shows(stored.load.layer_id, stored.load.slide_id, stored.load.author)
    ]


def annotations_of_part(
    connection: Connection, stored: StoredLoad, part: PackedPart, mask: NDArray[np.bool_]
) -> Iterator[Annotation]:
    """Yield those shapes of a chunk that have a place; they came in no words of Slide Score."""
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.columns import KINDS  # noqa: PLC0415 (as above)

    mask &= ~np.isnan(part.shapes.boxes[:, 0])
    if not mask.any():
        return
    columns = _with_properties(connection, stored, part, mask)
    # To find words for each would take five times as long as all else.
    shapes = (
        Shape(KINDS[kind], geometry, "")
        for kind, geometry in zip(columns.kinds.tolist(), columns.to_geometries(), strict=True)
    )
    yield from annotations_of_columns(stored, part.ids[mask], columns, shapes)


def _with_properties(
    connection: Connection, stored: StoredLoad, part: PackedPart, mask: NDArray[np.bool_]
) -> ShapeColumns:
    from wsi_lab.store.bulk import chunks, properties  # noqa: PLC0415 (as above)

    columns = part.shapes.columns(mask)
    if not stored.kinds:
        return columns
    said = chunks.properties(connection, part.key[1])
    values = properties.unpacked(said, len(part.shapes), stored.kinds)
    return dataclasses.replace(
        columns, properties={name: each[mask] for name, each in values.items()}
    )


def of_loads(stored: Sequence[StoredLoad], ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return which of the ids are those of each load."""
    return [
        ids[(ids >= each.load.first_id) & (ids < each.load.first_id + each.id_count)]
        for each in stored
    ]
