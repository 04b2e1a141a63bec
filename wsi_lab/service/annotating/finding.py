"""Shapes by where they lie and what is said of them, drawn by hand or loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.errors import Invalid
from wsi_lab.model.layer import Box, Label, LabelCount, ShapeQuery
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.study import Study
from wsi_lab.service.annotating.chunk_shelf import ChunkShelf
from wsi_lab.service.annotating.found import Found, PackedPart
from wsi_lab.service.annotating.hand_made import hand_made
from wsi_lab.service.annotating.loaded import LoadedShapes, Planned, part_of_load, planned
from wsi_lab.service.annotating.matching import check_query
from wsi_lab.service.annotating.seeing import Seen, seen_layer, seen_layers
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.connection import Connection
from wsi_lab.store.drawn_shapes import drawn_counts
from wsi_lab.store.layers import labels_by_id
from wsi_lab.store.slides import slide_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Finder", "Found", "PackedPart"]


class Looked(NamedTuple):
    """What was found at once, and where the rest is."""

    by_hand: list[Found]
    plans: list[Planned]


class Finder:
    """Finds shapes, drawn by hand or loaded.

    One's own need no right but to view the study, those of others the right `results`, unless
    the layer is shared.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._shelf = ChunkShelf()
        self._loaded = LoadedShapes(transactions, self._shelf)

    def find(self, actor: Actor, query: ShapeQuery) -> Iterator[Found]:
        """Return the shapes that are looked for, batch by batch; those drawn by hand first.

        Raises
        ------
        Invalid
            The query names neither study nor slide, or a comparison that there is not.
        NotFound
            There is no such study, slide or layer.
        """
        looked = self.look(actor, query)
        return self.batches(actor, query, looked)

    def arrow(self, actor: Actor, query: ShapeQuery) -> Iterator[bytes]:
        """Return the shapes that are looked for as pieces of one Arrow IPC stream.

        Columns: ``id, slide_id, slide, layer, label, labels, reader, tier, shape, revision,
        changed_on, geometry`` (WKB, tagged ``geoarrow.wkb``), and one for each property; a
        property that is called like one of them has `` (property)`` behind its name. Raises
        what `find` raises.
        """
        from wsi_lab.service.annotating.arrow_stream import arrow_stream  # noqa: PLC0415 (pyarrow)

        looked = self.look(actor, query)
        return arrow_stream(looked.by_hand, looked.plans, self.batches(actor, query, looked), query)

    def counts(
        self, actor: Actor, layer_id: int, *, slide_id: int | None = None, author: str | None = None
    ) -> list[LabelCount]:
        """Return how many shapes there are by label, and their areas, without reading any.

        A shape with several labels counts for each of them.
        """

        def read(transaction: Transaction) -> list[LabelCount]:
            seen = seen_layer(transaction, layer_id)
            only = seen.only if author is None else author
            if not seen.shows(only or "") and seen.only is not None:
                return []
            if slide_id is not None and not is_id(slide_id):
                return []
            return _counts(transaction, seen, slide_id, only)

        return self._transactions.read(actor, read)

    def packed(
        self,
        transaction: Transaction,
        slide_id: int,
        layer_id: int,
        box: Box | None = None,
        *,
        authors: tuple[str, ...] | None = None,
    ) -> Iterator[PackedPart]:
        """Yield the chunks of loads that touch a box and that the asker may see."""
        query = ShapeQuery(slide_id=slide_id, layer_ids=(layer_id,), authors=authors, box=box)
        seen = seen_layer(transaction, layer_id)
        plans = planned(transaction, query, {layer_id: seen}, {slide_id: ""}, self._shelf)
        for plan in plans:
            load = plan.stored.load
            some = self._shelf.chunks(transaction.connection, load.id, plan.chunk_ids)
            for chunk_id, packed in zip(plan.chunk_ids, some, strict=True):
                if packed is not None:
                    mask = part_of_load(packed, plan.taken_out)
                    labels = plan.stored.labels
                    yield PackedPart(load, (load.id, chunk_id), packed, mask, labels)

    def parts(
        self,
        connection: Connection,
        stored: StoredLoad,
        box: Box | None = None,
        *,
        wider_than: float = 0.0,
    ) -> Iterator[PackedPart]:
        """Yield the chunks of one load that touch a box, those of the largest shapes first.

        Whether the asker may see the load, the caller has asked.

        Parameters
        ----------
        wider_than
            Only chunks that are wider or higher than so many level-0 pixels.
        """
        directory = self._shelf.directory(connection, stored.load.id)
        places = directory.touching(box)
        if wider_than > 0:
            sides = directory.boxes[places, 2:] - directory.boxes[places, :2]
            places = places[(sides > wider_than).any(axis=1)]
        if not len(places):
            return
        # Chunks are stored by the size of what is in them; see `wsi_lab.geometry.grouping`.
        yield from self.chunks(connection, stored, directory.ids[places][::-1].tolist())

    def chunks(
        self,
        connection: Connection,
        stored: StoredLoad,
        chunk_ids: Sequence[int],
        *,
        keep: bool = True,
    ) -> Iterator[PackedPart]:
        """Yield chunks of one load by their ids, in their order; those that are gone, not.

        Whether the asker may see the load, the caller has asked.

        Parameters
        ----------
        keep
            Not for whoever reads all of a load, which would push out what others look at.
        """
        from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

        load = stored.load
        # Each shape that is taken out gives its load another revision.
        edits = chunks.taken_out(connection, [load.id]) if load.revision > 1 else {}
        some = self._shelf.chunks(connection, load.id, chunk_ids, keep=keep)
        for chunk_id, packed in zip(chunk_ids, some, strict=True):
            if packed is not None:
                mask = part_of_load(packed, edits.get(load.id))
                yield PackedPart(load, (load.id, chunk_id), packed, mask, stored.labels)

    def properties(
        self, transaction: Transaction, part: PackedPart, names: tuple[str, ...]
    ) -> dict[str, NDArray[np.generic]]:
        """Return properties of all shapes of a chunk; those that the load does not have, not."""
        from wsi_lab.store.bulk import chunks, properties  # noqa: PLC0415 (only where needed)

        stored = loads.load(transaction.connection, part.load.id)
        kinds = [] if stored is None else [each for each in stored.kinds if each.name in names]
        if not kinds:
            return {}
        said = chunks.properties(transaction.connection, part.key[1])
        return properties.unpacked(said, len(part.shapes), kinds)

    def grid(self, transaction: Transaction, load_id: int) -> NDArray[np.float32] | None:
        """Return the values of a load that is a grid, ``(rows, columns)``; the caller asks who may.

        `None` for a load of shapes.
        """
        from wsi_lab.store.bulk import grids  # noqa: PLC0415 (as above)

        return grids.grid(transaction.connection, load_id)

    def count_tile(
        self, transaction: Transaction, load_id: int, level: int, column: int, row: int
    ) -> bytes | None:
        """Return a tile of a load's count pyramid (`wsi_lab.geometry.counts`).

        Its labels are those of `label_ids`; shapes that were taken out since are still counted.
        """
        from wsi_lab.store.bulk import counts  # noqa: PLC0415 (as above)

        return counts.count_tile(transaction.connection, load_id, level, column, row)

    def labels_of_load(self, transaction: Transaction, load_id: int) -> tuple[Label, ...]:
        """Return what the labels in chunks and count tiles of a load mean, by their places."""
        stored = loads.load(transaction.connection, load_id)
        return () if stored is None else stored.labels

    def look(self, actor: Actor, query: ShapeQuery) -> Looked:
        """Return all that is known without reading loads."""
        check_query(query)
        return self._transactions.read(actor, lambda t: self._look(t, query))

    def batches(self, actor: Actor, query: ShapeQuery, looked: Looked) -> Iterator[Found]:
        """Yield what was looked for, up to the limit."""
        left = query.limit
        for found in self._all(actor, query, looked):
            if left is None:
                yield found
                continue
            if left > 0:
                yield _first(found, left)
            left -= len(found)
            if left <= 0:
                return

    def _all(self, actor: Actor, query: ShapeQuery, looked: Looked) -> Iterator[Found]:
        yield from looked.by_hand
        yield from self._loaded.find(actor, query, looked.plans)

    def _look(self, transaction: Transaction, query: ShapeQuery) -> Looked:
        study, slides = _slides(transaction, query)
        layers = {
            each.question.id: each for each in seen_layers(transaction, study, query.layer_ids)
        }
        by_hand: list[Found] = []
        plans: list[Planned] = []
        if query.tier != "bulk":
            by_hand = list(hand_made(transaction, query, layers, slides))
        if query.tier != "hand":
            plans = planned(transaction, query, layers, slides, self._shelf)
        return Looked(by_hand, plans)


def _slides(transaction: Transaction, query: ShapeQuery) -> tuple[Study, dict[int, str]]:
    """Return the study, and the names of its slides that are asked about."""
    if query.slide_id is not None:
        study, slide = transaction.slide(query.slide_id, Action.STUDY_VIEW)
        if query.study_id not in {None, study.id}:
            raise Invalid("The slide is not one of this study.")
        return study, {slide.id: slide.name}
    study = transaction.study(query.study_id or 0, Action.STUDY_VIEW)
    return study, slide_names(transaction.connection, study.id)


def _counts(
    transaction: Transaction, seen: Seen, slide_id: int | None, author: str | None
) -> list[LabelCount]:
    connection = transaction.connection
    layer_id = seen.question.id
    totals: dict[int | None, tuple[int, float]] = {}

    def add(label_id: int | None, count: int, area: float) -> None:
        before = totals.get(label_id, (0, 0.0))
        totals[label_id] = before[0] + count, before[1] + area

    for drawn in drawn_counts(connection, layer_id, slide_id=slide_id, author=author):
        for label_id in drawn.label_ids or (None,):
            add(label_id, drawn.count, drawn.area)
    for stored in loads.loads(
        connection, question_ids=[layer_id], slide_id=slide_id, author=author
    ):
        for counted in stored.counts:
            if counted.shape_count:
                add(*counted)
    labels = labels_by_id(connection, totals)
    found = [LabelCount(label, *totals[label.id]) for label in labels.values()]
    return [*found, LabelCount(None, *totals[None])] if None in totals else found


def _first(found: Found, count: int) -> Found:
    if len(found) <= count:
        return found
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)

    return dataclasses.replace(
        found,
        ids=found.ids[:count],
        shapes=found.shapes.take(np.arange(count)),
        labels=None if found.labels is None else found.labels[:count],
        revisions=found.revisions[:count],
        changed_on=found.changed_on[:count],
    )
