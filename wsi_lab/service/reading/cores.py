"""The cores of an item that is a tissue microarray."""

from __future__ import annotations

from wsi_lab.model.answer import Core
from wsi_lab.model.reading import Item
from wsi_lab.service.reading.order import Reading
from wsi_lab.service.reading.pages import CorePlace, ReadCore
from wsi_lab.service.scoring.tma_boxes import boxes
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import slides as slide_rows
from wsi_lab.store import tma_maps as map_rows


def cores_of(transaction: Transaction, reading: Reading, item: Item) -> tuple[ReadCore, ...]:
    """Return the cores of an item, row by row, and where they lie; none where it has no map."""
    map_id = reading.map_of(item)
    tma_map = None if map_id is None else map_rows.map_by_id(transaction.connection, map_id)
    slide = slide_rows.slide(transaction.connection, item.slide_ids[0])
    if tma_map is None or slide is None:
        return ()
    places = boxes(transaction, slide)
    shows_samples = reading.settings.shows_samples
    return tuple(
        ReadCore(
            each.row,
            each.column,
            each.sample if shows_samples else "",
            each.is_control,
            places[each.row, each.column],
        )
        for each in map_rows.cores(transaction.connection, tma_map.id)
    )


def core_at(
    transaction: Transaction, reading: Reading, item: Item, place: CorePlace
) -> Core | None:
    """Return the core of an item at a row and column, if it has one there."""
    map_id = reading.map_of(item)
    if map_id is None:
        return None
    for each in map_rows.cores(transaction.connection, map_id):
        if (each.row, each.column) == place:
            return Core(each.row, each.column, each.sample)
    return None


def has_cores(transaction: Transaction, reading: Reading, item: Item) -> bool:
    """Return whether questions in words are about each core of an item."""
    map_id = reading.map_of(item)
    return map_id is not None and bool(map_rows.cores(transaction.connection, map_id))
