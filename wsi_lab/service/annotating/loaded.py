"""Shapes of loads that are looked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wsi_lab.errors import Conflict
from wsi_lab.model.layer import ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.service.annotating.chunk_shelf import ChunkShelf
from wsi_lab.service.annotating.found import Found
from wsi_lab.service.annotating.matching import box_of, fulfilling, label_flags, lying_there
from wsi_lab.service.annotating.seeing import Seen
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store.answers import folded
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import PropertyKind, StoredLoad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsi_lab.geometry.columns import ShapeColumns
    from wsi_lab.geometry.packing import PackedShapes

SHAPES_PER_BATCH = 1 << 16
CHUNKS_PER_READ = 256
"""Between them others may write, and the log of what they wrote can be tidied up."""


class Planned(NamedTuple):
    """A load that is to be looked through.

    Attributes
    ----------
    chunk_ids, counts
        Those chunks of it that touch where is looked, and how many shapes each has.
    taken_out
        The numbers of shapes that are no part of it any more, ascending.
    """

    stored: StoredLoad
    layer: str
    slide: str
    chunk_ids: Sequence[int]
    counts: Sequence[int]
    taken_out: NDArray[np.int64] | None


def planned(
    transaction: Transaction,
    query: ShapeQuery,
    layers: Mapping[int, Seen],
    slides: Mapping[int, str],
    shelf: ChunkShelf,
) -> list[Planned]:
    """Return the loads that may hold what is looked for."""
    from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (whoever opens a lab needs no geometry)

    authors = None if query.authors is None else {folded(each) for each in query.authors}
    names = {condition.name for condition in query.where}
    found = [
        stored
        for stored in loads.loads(
            transaction.connection, question_ids=layers, slide_id=query.slide_id
        )
        if stored.load.kind == "shapes"
        and layers[stored.load.layer_id].shows(stored.load.author)
        and (authors is None or folded(stored.load.author) in authors)
        and names <= {kind.name for kind in stored.kinds}
        and stored.load.slide_id in slides
        and _may_have_labels(query, stored)
    ]
    edits = chunks.taken_out(transaction.connection, [stored.load.id for stored in found])
    plans = []
    for stored in found:
        directory = shelf.directory(transaction.connection, stored.load.id)
        places = directory.touching(box_of(query))
        if len(places):
            load = stored.load
            plan = Planned(
                stored,
                layers[load.layer_id].question.name,
                slides[load.slide_id],
                directory.ids[places].tolist(),
                directory.counts[places].tolist(),
                edits.get(load.id),
            )
            plans.append(plan)
    return plans


class LoadedShapes:
    """Looks through loads, some chunks at a time."""

    def __init__(self, transactions: Transactions, shelf: ChunkShelf) -> None:
        self._transactions = transactions
        self._shelf = shelf

    def find(self, actor: Actor, query: ShapeQuery, plans: Sequence[Planned]) -> Iterator[Found]:
        """Yield the shapes that are looked for.

        Raises
        ------
        Conflict
            A load was removed meanwhile.
        """
        is_local = box_of(query) is not None
        for plan in plans:
            parts: list[tuple[NDArray[np.int64], ShapeColumns]] = []
            count = 0
            for start in range(0, len(plan.chunk_ids), CHUNKS_PER_READ):
                some = plan.chunk_ids[start : start + CHUNKS_PER_READ]
                for packed, said in self._read(actor, query, plan, some, keep=is_local):
                    part = _matching(query, plan, packed, said)
                    if part is None:
                        continue
                    parts.append(part)
                    count += len(part[0])
                    if count >= SHAPES_PER_BATCH:
                        yield _batch(plan, parts)
                        parts, count = [], 0
            if parts:
                yield _batch(plan, parts)

    def _read(
        self,
        actor: Actor,
        query: ShapeQuery,
        plan: Planned,
        chunk_ids: Sequence[int],
        *,
        keep: bool,
    ) -> list[tuple[PackedShapes, bytes | None]]:
        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

        needs_properties = bool(_wanted_kinds(query, plan))
        load_id = plan.stored.load.id

        def read(transaction: Transaction) -> list[tuple[PackedShapes, bytes | None]]:
            found = []
            connection = transaction.connection
            some = self._shelf.chunks(connection, load_id, chunk_ids, keep=keep)
            for chunk_id, packed in zip(chunk_ids, some, strict=True):
                if packed is None:
                    raise Conflict("Shapes were removed while they were read; read them again.")
                said = chunks.properties(connection, chunk_id) if needs_properties else None
                found.append((packed, said))
            return found

        return self._transactions.read(actor, read)


def part_of_load(
    packed: PackedShapes, taken_out: NDArray[np.int64] | None
) -> NDArray[np.bool_] | None:
    """Return which shapes of a chunk are still part of its load; `None` when all are."""
    import numpy as np  # noqa: PLC0415 (as above)

    if taken_out is None:
        return None
    mask = ~np.isin(packed.numbers, taken_out)
    return None if mask.all() else mask


def _may_have_labels(query: ShapeQuery, stored: StoredLoad) -> bool:
    return query.labels is None or any(
        ("" if each.label is None else each.label.name) in query.labels
        for each in stored.load.counts
    )


def _wanted_kinds(query: ShapeQuery, plan: Planned) -> list[PropertyKind]:
    asked = {condition.name for condition in query.where}
    return [
        kind
        for kind in plan.stored.kinds
        if query.properties is None or kind.name in query.properties or kind.name in asked
    ]


def _matching(
    query: ShapeQuery, plan: Planned, packed: PackedShapes, said: bytes | None
) -> tuple[NDArray[np.int64], ShapeColumns] | None:
    """Return the numbers of the shapes of a chunk that are looked for, and these."""
    from wsi_lab.store.bulk import properties  # noqa: PLC0415 (as above)

    names = tuple(label.name for label in plan.stored.labels)
    mask = part_of_load(packed, plan.taken_out)
    flags = label_flags(query, names)
    if flags is not None:
        mask = _both(mask, flags[packed.labels])
    box = box_of(query)
    if box is not None:
        mask = _both(mask, packed.touching(box))
    if mask is not None and not mask.any():
        return None
    kinds = _wanted_kinds(query, plan)
    values: dict[str, NDArray[Any]] = {}
    if kinds:
        values = properties.unpacked(said, len(packed), kinds)
        if query.where:
            mask = _both(mask, fulfilling(query.where, values, len(packed)))
    columns = packed.columns(mask)
    numbers = packed.numbers if mask is None else packed.numbers[mask]
    shown = {
        name: column if mask is None else column[mask]
        for name, column in values.items()
        if query.properties is None or name in query.properties
    }
    columns = dataclasses.replace(columns, label_names=names, properties=shown)
    needs_look = query.polygon is not None or (query.box is not None and query.centroid)
    lying = lying_there(query, columns) if needs_look else None
    if lying is not None and not lying.all():
        columns, numbers = columns.take(lying), numbers[lying]
    return (numbers, columns) if len(numbers) else None


def _both(mask: NDArray[np.bool_] | None, other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return other if mask is None else mask & other


def _batch(plan: Planned, parts: Sequence[tuple[NDArray[np.int64], ShapeColumns]]) -> Found:
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.columns import ShapeColumns  # noqa: PLC0415 (as above)

    load = plan.stored.load
    numbers = np.concatenate([numbers for numbers, _ in parts])
    loaded_on = np.datetime64(load.loaded_on.replace(tzinfo=None), "us")
    return Found(
        slide_id=load.slide_id,
        slide=plan.slide,
        layer_id=load.layer_id,
        layer=plan.layer,
        author=load.author,
        tier="bulk",
        load=load,
        ids=load.first_id + numbers,
        shapes=ShapeColumns.concatenated([columns for _, columns in parts]),
        labels=None,
        revisions=np.ones(len(numbers), np.int64),
        changed_on=np.full(len(numbers), loaded_on),
    )
