"""Loads: rows <-> model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import msgspec

from wsi_lab.model.layer import Box, Label, LabelCount, Load
from wsi_lab.store.columns import json_text, time_of
from wsi_lab.store.connection import Connection, Row
from wsi_lab.store.layers import labels_by_id


class Counted(NamedTuple):
    """How many shapes of a load have a label; its place in a load's counts is its number there."""

    label_id: int | None
    shape_count: int
    area: float


class PropertyKind(NamedTuple):
    """What a property of the shapes of a load is.

    Attributes
    ----------
    kind
        ``number``, ``integer``, ``boolean``, ``text`` or ``json``.
    least, most
        Of numbers, unless all are missing.
    """

    name: str
    kind: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class LoadRow:
    """A load that is to be stored; `loaded_on` as `time_text`.

    Attributes
    ----------
    since_revision
        Of the answer that it is part of from then on.
    counts
        By the places that labels have in its chunks; shapes without a label come last.
    digest
        The same for the same shapes.
    """

    question_id: int
    slide_id: int
    answer_id: int
    since_revision: int
    author: str
    name: str
    kind: str
    first_id: int
    id_count: int
    count: int
    box: Box | None
    precision: float
    counts: Sequence[Counted]
    properties: Sequence[PropertyKind]
    digest: str
    loaded_on: str
    loaded_by: int
    door: str


class StoredLoad(NamedTuple):
    """A load, and what only the lab itself knows of it.

    Attributes
    ----------
    labels
        By the places that they have in its chunks.
    until_revision
        Of its answer, that it is not part of any more since then.
    """

    load: Load
    study_id: int
    answer_id: int
    since_revision: int
    until_revision: int | None
    id_count: int
    labels: tuple[Label, ...]
    counts: tuple[Counted, ...]
    kinds: tuple[PropertyKind, ...]
    digest: str


_FIND = """SELECT l.*, q.study_id FROM bulk_loads l JOIN questions q ON q.id = l.question_id
    WHERE q.removed_on IS NULL"""


def take_ids(connection: Connection, count: int) -> int:
    """Return the first of so many ids in a row that no shape has had before."""
    (after,) = connection.execute(
        "UPDATE bulk_ids SET next_id = next_id + ? RETURNING next_id", (count,)
    ).fetchone()
    return int(after) - count


def add_load(connection: Connection, row: LoadRow) -> int:
    """Store a load and return its id; what is in it comes after it."""
    box = row.box or (None, None, None, None)
    values = {each.name: getattr(row, each.name) for each in fields(row)} | {
        **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
        "counts": json_text(row.counts),
        "properties": json_text(row.properties),
        "revision": 1,
    }
    del values["box"]
    (load_id,) = connection.execute(
        f"INSERT INTO bulk_loads ({', '.join(values)}) VALUES "  # noqa: S608 (constants)
        f"({', '.join(f':{name}' for name in values)}) RETURNING id",
        values,
    ).fetchone()
    return int(load_id)


def load(connection: Connection, load_id: int) -> StoredLoad | None:
    """Return a load by id, unless it was replaced or its layer was removed."""
    row = connection.execute(
        f"{_FIND} AND l.id = ? AND l.until_revision IS NULL", (load_id,)
    ).fetchone()
    return None if row is None else _loads(connection, [row])[0]


def load_of_shape(connection: Connection, bulk_id: int) -> StoredLoad | None:
    """Return the load that a shape came with, by the shape's id."""
    row = connection.execute(
        f"{_FIND} AND l.until_revision IS NULL AND l.first_id = "  # noqa: S608 (a constant)
        "(SELECT max(first_id) FROM bulk_loads WHERE first_id <= ?) "
        "AND l.first_id + l.id_count > ? AND l.kind = 'shapes'",
        (bulk_id, bulk_id),
    ).fetchone()
    return None if row is None else _loads(connection, [row])[0]


def loads(
    connection: Connection,
    *,
    question_ids: Iterable[int],
    slide_id: int | None = None,
    author: str | None = None,
) -> list[StoredLoad]:
    """Return the loads of layers in the order in which they came, all or some."""
    rows = connection.execute(
        f"{_FIND} AND l.until_revision IS NULL "  # noqa: S608 (a constant)
        "AND l.question_id IN (SELECT value FROM json_each(:questions)) "
        "AND (:slide IS NULL OR l.slide_id = :slide) "
        "AND (:author IS NULL OR l.author = :author) ORDER BY l.id",
        {"questions": json_text(list(question_ids)), "slide": slide_id, "author": author},
    ).fetchall()
    return _loads(connection, rows)


def loads_of_answer(connection: Connection, answer_id: int, revision: int) -> list[StoredLoad]:
    """Return the loads that were part of an answer when it had that revision."""
    rows = connection.execute(
        f"{_FIND} AND l.answer_id = ? AND l.since_revision <= ? "
        "AND coalesce(l.until_revision > ?, 1) ORDER BY l.id",
        (answer_id, revision, revision),
    ).fetchall()
    return _loads(connection, rows)


def has_loads(connection: Connection, answer_id: int) -> bool:
    """Return whether some load is part of an answer."""
    return (
        connection.execute(
            "SELECT 1 FROM bulk_loads WHERE answer_id = ? AND until_revision IS NULL LIMIT 1",
            (answer_id,),
        ).fetchone()
        is not None
    )


def end_loads(connection: Connection, answer_id: int, revision: int) -> None:
    """Store that no load is part of an answer any more from a revision on."""
    connection.execute(
        "UPDATE bulk_loads SET until_revision = ? WHERE answer_id = ? AND until_revision IS NULL",
        (revision, answer_id),
    )


def remove_load(connection: Connection, load_id: int) -> None:
    """Remove a load and all that is in it, for good."""
    connection.execute("DELETE FROM bulk_loads WHERE id = ?", (load_id,))


def shape_left(connection: Connection, stored: StoredLoad, place: int, area: float) -> StoredLoad:
    """Store that a load has one shape less of a label, by its place, and return it as it is."""
    counts = list(stored.counts)
    before = counts[place]
    left = before.shape_count - 1
    counts[place] = Counted(before.label_id, left, max(0.0, before.area - area) if left else 0.0)
    connection.execute(
        "UPDATE bulk_loads SET counts = ?, count = count - 1, revision = revision + 1 WHERE id = ?",
        (json_text(counts), stored.load.id),
    )
    row = connection.execute(f"{_FIND} AND l.id = ?", (stored.load.id,)).fetchone()
    return _loads(connection, [row])[0]


_Counts = tuple[tuple[int | None, int, float], ...]
_Kinds = tuple[tuple[str, str, float | None, float | None], ...]


def _loads(connection: Connection, rows: Sequence[Row]) -> list[StoredLoad]:
    counts = [msgspec.json.decode(row["counts"], type=_Counts, strict=False) for row in rows]
    known = labels_by_id(connection, {each[0] for some in counts for each in some})
    return [_load(row, some, known) for row, some in zip(rows, counts, strict=True)]


def _load(row: Row, counts: _Counts, known: dict[int, Label]) -> StoredLoad:
    counted = tuple(Counted(*each) for each in counts)
    kinds = tuple(
        PropertyKind(*each) for each in msgspec.json.decode(row["properties"], type=_Kinds)
    )
    labels = tuple(known[each.label_id] for each in counted if each.label_id is not None)
    load = Load(
        id=row["id"],
        layer_id=row["question_id"],
        slide_id=row["slide_id"],
        author=row["author"],
        name=row["name"],
        kind=row["kind"],
        count=row["count"],
        first_id=row["first_id"],
        box=None if row["x0"] is None else (row["x0"], row["y0"], row["x1"], row["y1"]),
        precision=row["precision"],
        counts=tuple(
            LabelCount(None if each.label_id is None else known[each.label_id], *each[1:])
            for each in counted
            if each.shape_count
        ),
        properties=tuple(each.name for each in kinds) if row["kind"] == "shapes" else (),
        loaded_on=time_of(row["loaded_on"]),
        loaded_by=row["loaded_by"],
        ranges={
            each.name: (each.least, each.most)
            for each in kinds
            if each.least is not None and each.most is not None
        },
        revision=row["revision"],
    )
    return StoredLoad(
        load,
        row["study_id"],
        row["answer_id"],
        row["since_revision"],
        row["until_revision"],
        row["id_count"],
        labels,
        counted,
        kinds,
        row["digest"],
    )
