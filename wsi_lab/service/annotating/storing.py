"""Loads into the store, within one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Conflict
from wsi_lab.model.layer import Load
from wsi_lab.model.question import Question
from wsi_lab.service.annotating.drawn_answers import DrawnOn
from wsi_lab.service.annotating.preparing import Prepared, Watch
from wsi_lab.service.transaction import Transaction
from wsi_lab.store.bulk import loads
from wsi_lab.store.bulk.loads import Counted, LoadRow, StoredLoad
from wsi_lab.store.columns import time_text
from wsi_lab.store.layers import label_ids

if TYPE_CHECKING:
    from wsi_lab.store.bulk.chunks import ChunkRow

ROWS_BETWEEN_LOOKS = 64


def store_load(
    transaction: Transaction,
    question: Question,
    slide_id: int,
    drawn: DrawnOn,
    prepared: Prepared,
    *,
    author: str,
    name: str,
    colours: Mapping[str, str],
    watch: Watch,
) -> Load:
    """Store a load as part of an answer, whose change the caller sees to, and return it."""
    connection = transaction.connection
    names = [each.name for each in prepared.uses if each.name is not None]
    ids = label_ids(connection, question.id, names, colours) if names else {}
    is_grid = prepared.grid is not None
    id_count = 1 if is_grid else prepared.count
    load_id = loads.add_load(
        connection,
        LoadRow(
            question_id=question.id,
            slide_id=slide_id,
            answer_id=drawn.id,
            since_revision=drawn.revision,
            author=author,
            name=name,
            kind="grid" if is_grid else "shapes",
            first_id=loads.take_ids(connection, id_count),
            id_count=id_count,
            count=prepared.count,
            box=prepared.box,
            precision=prepared.precision,
            counts=[
                Counted(None if each.name is None else ids[each.name], each.count, each.area)
                for each in prepared.uses
            ],
            properties=prepared.properties,
            digest=prepared.digest,
            loaded_on=time_text(transaction.now),
            loaded_by=transaction.actor.user.id,
            door=transaction.actor.door,
        ),
    )
    _store_content(transaction, load_id, prepared, watch)
    stored = loads.load(connection, load_id)
    if stored is None:
        raise RuntimeError("a load that was stored a moment ago is not there")
    transaction.record(
        "create", "load", load_id, study_id=question.study_id, after=said_of(stored.load)
    )
    return stored.load


def equal_load(
    transaction: Transaction,
    question: Question,
    slide_id: int,
    prepared: Prepared,
    *,
    author: str,
    name: str,
    replace: bool,
) -> StoredLoad | None:
    """Return the load that is the very same; what it takes the place of is removed.

    Raises
    ------
    Conflict
        Another one has the name.
    """
    connection = transaction.connection
    present = loads.loads(connection, question_ids=[question.id], slide_id=slide_id, author=author)
    for stored in present:
        if stored.load.name == name and stored.digest == prepared.digest:
            return stored
    taken = [stored for stored in present if name and stored.load.name == name]
    if taken and not replace:
        raise Conflict(
            f"{author} has loaded '{name}' on this layer and slide already, with other content; "
            "choose another name, or say that it is to be replaced.",
            current=taken[0].load.id,
        )
    for stored in taken:
        remove_load(transaction, question, stored)
    return None


def remove_load(transaction: Transaction, question: Question, stored: StoredLoad) -> None:
    """Remove a load for good; the change of its answer the caller sees to."""
    loads.remove_load(transaction.connection, stored.load.id)
    transaction.record(
        "remove", "load", stored.load.id, study_id=question.study_id, before=said_of(stored.load)
    )


def said_of(load: Load) -> dict[str, Any]:
    """Return what the audit says of a load."""
    return {
        "layer": load.layer_id,
        "slide": load.slide_id,
        "author": load.author,
        "name": load.name,
        "kind": load.kind,
        "count": load.count,
        "first_id": load.first_id,
        "counts": {
            "" if each.label is None else each.label.name: each.count for each in load.counts
        },
    }


def _store_content(
    transaction: Transaction, load_id: int, prepared: Prepared, watch: Watch
) -> None:
    from wsi_lab.store.bulk import chunks, counts, grids  # noqa: PLC0415 (only what is needed)

    connection = transaction.connection
    if prepared.grid is not None:
        grids.add_grid(connection, load_id, prepared.grid)
        return
    chunks.add_chunks(connection, load_id, _watched(prepared, watch))
    chunks.add_places(connection, load_id, prepared.places)
    counts.add_counts(connection, load_id, prepared.tiles)
    watch.at(0.98)


def _watched(prepared: Prepared, watch: Watch) -> Iterator[ChunkRow]:
    for number, chunk in enumerate(prepared.chunks):
        if number % ROWS_BETWEEN_LOOKS == 0:
            watch.at(0.8 + 0.18 * number / len(prepared.chunks))
        yield chunk
