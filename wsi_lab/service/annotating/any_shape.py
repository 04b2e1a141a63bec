"""Single shapes, drawn by hand or of a load, as whoever asks sees them now."""

from __future__ import annotations

from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.listed_loads import annotations_of_part
from wsi_lab.service.annotating.single_shapes import missing, seen_load, seen_shape
from wsi_lab.service.transaction import Transaction


def any_shape(transaction: Transaction, finder: Finder, shape_id: int) -> Annotation:
    """Return a shape that has a place on a slide; one of a load that was changed as it is now.

    Raises
    ------
    NotFound
        There is none, or the asker may not see it.
    """
    if shape_id < FIRST_BULK_ID:
        found = seen_shape(transaction, shape_id)
    else:
        loaded = _loaded(transaction, finder, shape_id)
        found = seen_shape(transaction, loaded) if isinstance(loaded, int) else loaded
    geometry = found.shape.geometry
    is_placed = geometry is not None and not geometry.is_empty
    if not is_placed or found.place.slide_id is None or found.shape.kind is ShapeKind.HEATMAP:
        raise missing(shape_id)
    return found


def _loaded(transaction: Transaction, finder: Finder, bulk_id: int) -> Annotation | int:
    """Return a shape of a load, or the id of the one drawn by hand that it became."""
    from wsi_lab.store.bulk import chunks  # noqa: PLC0415 (whoever opens a lab needs none of it)

    connection = transaction.connection
    _, stored = seen_load(transaction, bulk_id)
    load = stored.load
    number = bulk_id - load.first_id
    edit = chunks.edit_of(connection, load.id, number)
    if edit is not None:
        if edit.annotation_id is None:
            raise missing(bulk_id)
        return edit.annotation_id
    chunk_id = chunks.chunk_of_shape(connection, load.id, number)
    for part in finder.chunks(connection, stored, [] if chunk_id is None else [chunk_id]):
        mask = part.shapes.numbers == number
        for found in annotations_of_part(connection, stored, part, mask):
            return found
    raise missing(bulk_id)
