"""Single shapes of loads: read, and taken out when they become hand-made or are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID, Load
from wsi_lab.service.annotating.answer_content import properties_at
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store.answers import answer_row
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.columns import time_text

if TYPE_CHECKING:
    from wsi_lab.geometry.columns import ShapeColumns


class BulkShape(NamedTuple):
    """One shape of a load; it has the revision 1 for as long as it is part of that."""

    load: Load
    feature: Feature


class _Place(NamedTuple):
    stored: StoredLoad
    number: int
    columns: ShapeColumns


def shape(transaction: Transaction, bulk_id: int) -> tuple[BulkShape, _Place]:
    """Return a shape of a load by its id; see `wsi_lab.service.annotating.loading.Loads.shape`."""
    from wsi_lab.geometry.columns import KINDS  # noqa: PLC0415 (whoever opens a lab needs none)

    place = _place(transaction, bulk_id)
    columns = place.columns
    label = int(columns.labels[0])
    feature = Feature(
        KINDS[int(columns.kinds[0])],
        columns.to_geometries()[0],
        () if label < 0 else (place.stored.labels[label].name,),
        properties_at(columns, 0),
    )
    return BulkShape(place.stored.load, feature), place


def take_out(transaction: Transaction, bulk_id: int, annotation_id: int | None) -> BulkShape:
    """Take a shape out of its load; see `wsi_lab.service.annotating.loading.Loads.take_out`."""
    from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (as above)

    connection = transaction.connection
    found, place = shape(transaction, bulk_id)
    boxes, areas = place.columns.measures()
    x, y = ((boxes[0, :2] + boxes[0, 2:]) / 2).tolist()
    label = int(place.columns.labels[0])
    answer = answer_row(connection, place.stored.answer_id)
    is_placed = x == x  # noqa: PLR0124 (NaN is not itself)
    chunks.add_edit(
        connection,
        place.stored.load.id,
        chunks.Edit(
            place.number,
            annotation_id,
            answer.revision + 1,
            x if is_placed else 0.0,
            y if is_placed else 0.0,
            label,
        ),
        edited_on=time_text(transaction.now),
        edited_by=transaction.actor.user.id,
    )
    in_counts = len(place.stored.labels) if label < 0 else label
    left = loads.shape_left(connection, place.stored, in_counts, float(areas[0]))
    return found._replace(load=left.load)


def _place(transaction: Transaction, bulk_id: int) -> _Place:
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.packing import unpack  # noqa: PLC0415 (as above)
    from wsi_lab.store.bulk import chunks, properties  # noqa: PLC0415 (as above)

    missing = NotFound(f"There is no annotation {bulk_id}.")
    connection = transaction.connection
    if not is_id(bulk_id) or bulk_id < FIRST_BULK_ID:
        raise missing
    stored = loads.load_of_shape(connection, bulk_id)
    if stored is None:
        raise missing
    number = bulk_id - stored.load.first_id
    edit = chunks.edit_of(connection, stored.load.id, number)
    if edit is not None:
        raise Conflict(
            "This shape was changed or removed since you read it.", current=edit.annotation_id
        )
    chunk_id = chunks.chunk_of_shape(connection, stored.load.id, number)
    body = None if chunk_id is None else next(chunks.bodies(connection, [chunk_id]))
    if body is None or chunk_id is None:
        raise missing
    packed = unpack(body)
    at = int(np.searchsorted(packed.numbers, number))
    said = properties.unpacked(chunks.properties(connection, chunk_id), len(packed), stored.kinds)
    columns = packed.columns(packed.numbers == number)
    columns.properties.update({name: values[at : at + 1] for name, values in said.items()})
    return _Place(stored, number, columns)
