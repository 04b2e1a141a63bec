"""Ontologies and their terms: rows <-> model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime

from wsi_lab.model.ontology import Ontology, Term
from wsi_lab.store.columns import json_text, time_of, time_text
from wsi_lab.store.connection import Connection, Row
from wsi_lab.store.layers import free_set_name

_FIND = """SELECT o.id, coalesce(nullif(o.name, ''), s.name) AS name, o.study_id, o.label_set_id,
    o.layer_id, o.created_by, o.created_on
    FROM ontologies o LEFT JOIN studies s ON s.id = o.study_id"""
# The label sets of an ontology are those of its study, or its own before it has one.
_SETS = """SELECT o.id AS ontology_id, s.id AS set_id
    FROM ontologies o JOIN label_sets s ON s.study_id = o.study_id
    UNION SELECT id, label_set_id FROM ontologies WHERE label_set_id NOT NULL"""
_FIELDS = tuple(field.name for field in dataclasses.fields(Term))


def ontology(connection: Connection, ontology_id: int) -> Ontology | None:
    """Return an ontology by id."""
    return _one(connection, "o.id = ?", ontology_id)


def ontology_of_study(connection: Connection, study_id: int) -> Ontology:
    """Return the one ontology of a study that there is."""
    found = _one(connection, "o.study_id = ?", study_id)
    assert found is not None  # noqa: S101 (a trigger makes it with the study)
    return found


def ontology_of_set(connection: Connection, set_id: int) -> Ontology | None:
    """Return the ontology that a label set is the own one of."""
    return _one(connection, "o.label_set_id = ?", set_id)


def ontologies(
    connection: Connection, study_ids: Iterable[int], *, maker: int | None
) -> list[Ontology]:
    """Return ontologies in the order of their ids.

    Parameters
    ----------
    study_ids
        Those of these studies.
    maker
        Those besides that are of no study, and whose maker this is; `None`: whosever they are.
    """
    found = connection.execute(
        f"{_FIND} WHERE o.study_id IN (SELECT value FROM json_each(:studies)) "  # noqa: S608 (constants)
        "OR (o.study_id IS NULL AND (:maker IS NULL OR o.created_by = :maker)) ORDER BY o.id",
        {"studies": json_text(sorted(study_ids)), "maker": maker},
    )
    return [_ontology(row) for row in found]


def unbound_count(connection: Connection, maker: int) -> int:
    """Return how many ontologies somebody has that are of no study."""
    (count,) = connection.execute(
        "SELECT count(*) FROM ontologies WHERE study_id IS NULL AND created_by = ?", (maker,)
    ).fetchone()
    return int(count)


def add_ontology(
    connection: Connection, name: str, *, created_by: int, created_on: datetime
) -> Ontology:
    """Store an ontology that is of no study yet, and return it."""
    cursor = connection.execute(
        "INSERT INTO ontologies (name, created_by, created_on) VALUES (?, ?, ?)",
        (name, created_by, time_text(created_on)),
    )
    return Ontology(int(cursor.lastrowid or 0), name, None, None, None, created_by, created_on)


def rename_ontology(connection: Connection, ontology_id: int, name: str) -> None:
    """Give an ontology a name of its own."""
    connection.execute("UPDATE ontologies SET name = ? WHERE id = ?", (name, ontology_id))


def bind_ontology(connection: Connection, ontology: Ontology, own: Ontology) -> None:
    """Put an ontology that is of no study in the place of a study's own one, which goes."""
    assert own.study_id is not None  # noqa: S101 (it is a study's)
    connection.execute("DELETE FROM ontologies WHERE id = ?", (own.id,))
    if ontology.label_set_id is not None:
        _move_label_set(connection, ontology.label_set_id, own.study_id)
    connection.execute(
        "UPDATE ontologies SET study_id = ?, label_set_id = ?, layer_id = ? WHERE id = ?",
        (
            own.study_id,
            ontology.label_set_id or own.label_set_id,
            own.layer_id,
            ontology.id,
        ),
    )


def set_own_label_set(connection: Connection, ontology_id: int, set_id: int) -> None:
    """Say which label set new terms go into."""
    connection.execute("UPDATE ontologies SET label_set_id = ? WHERE id = ?", (set_id, ontology_id))


def set_own_layer(connection: Connection, ontology_id: int, layer_id: int | None) -> None:
    """Say which layer shapes are drawn on where none is named."""
    connection.execute("UPDATE ontologies SET layer_id = ? WHERE id = ?", (layer_id, ontology_id))


def remove_ontology(connection: Connection, ontology: Ontology) -> None:
    """Remove an ontology; with it goes a label set of its own that is of no study."""
    connection.execute("DELETE FROM ontologies WHERE id = ?", (ontology.id,))
    connection.execute(
        "DELETE FROM label_sets WHERE id = ? AND study_id IS NULL", (ontology.label_set_id,)
    )


def terms(connection: Connection, ontology_ids: Iterable[int]) -> list[Term]:
    """Return the terms of ontologies that were not removed, in the order of palettes."""
    return _terms(
        connection,
        "l.removed_on IS NULL AND o.ontology_id IN (SELECT value FROM json_each(?))",
        json_text(sorted(ontology_ids)),
    )


def term(connection: Connection, term_id: int) -> tuple[Term, bool] | None:
    """Return a term by id, and whether it was removed."""
    found = _terms(connection, "l.id = ?", term_id)
    if not found:
        return None
    (removed_on,) = connection.execute(
        "SELECT removed_on FROM labels WHERE id = ?", (term_id,)
    ).fetchone()
    return found[0], removed_on is not None


def ancestors(connection: Connection, term_id: int) -> set[int]:
    """Return the parent of a term, its parent, and so on; removed ones end the line."""
    found = connection.execute(
        """WITH RECURSIVE line (id) AS (
            SELECT parent_id FROM term_parents WHERE label_id = ?
            UNION SELECT p.parent_id FROM line JOIN term_parents p ON p.label_id = line.id
            JOIN labels l ON l.id = line.id AND l.removed_on IS NULL
        ) SELECT id FROM line""",
        (term_id,),
    )
    return {parent for (parent,) in found}


def set_parent(connection: Connection, term_id: int, parent_id: int | None) -> None:
    """Say what a term is a kind of; `None` for nothing."""
    connection.execute("DELETE FROM term_parents WHERE label_id = ?", (term_id,))
    if parent_id is not None:
        connection.execute(
            "INSERT INTO term_parents (label_id, parent_id) VALUES (?, ?)", (term_id, parent_id)
        )


def _move_label_set(connection: Connection, set_id: int, study_id: int) -> None:
    (name,) = connection.execute("SELECT name FROM label_sets WHERE id = ?", (set_id,)).fetchone()
    connection.execute(
        "UPDATE label_sets SET study_id = ?, name = ?, revision = revision + 1 WHERE id = ?",
        (study_id, free_set_name(connection, study_id, name), set_id),
    )


def _one(connection: Connection, where: str, value: int) -> Ontology | None:
    row = connection.execute(f"{_FIND} WHERE {where}", (value,)).fetchone()
    return None if row is None else _ontology(row)


def _ontology(row: Row) -> Ontology:
    return Ontology(
        id=row["id"],
        name=row["name"],
        study_id=row["study_id"],
        label_set_id=row["label_set_id"],
        layer_id=row["layer_id"],
        created_by=row["created_by"],
        created_on=time_of(row["created_on"]),
    )


def _terms(connection: Connection, where: str, value: object) -> list[Term]:
    found = connection.execute(
        f"""SELECT l.id, o.ontology_id, l.name, l.colour, l.description, p.id AS parent_id
        FROM ({_SETS}) o JOIN labels l ON l.label_set_id = o.set_id
        LEFT JOIN term_parents t ON t.label_id = l.id
        LEFT JOIN labels p ON p.id = t.parent_id AND p.removed_on IS NULL
        WHERE {where} ORDER BY o.ontology_id, l.label_set_id, l.position, l.id""",  # noqa: S608 (constants)
        (value,),
    )
    return [Term(**{name: row[name] for name in _FIELDS}) for row in found]
