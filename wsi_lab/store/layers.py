"""Layers, label sets and labels: rows <-> model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from wsi_lab.errors import Conflict
from wsi_lab.model.layer import Label, LabelSet, Layer, NewLabel
from wsi_lab.model.question import Question
from wsi_lab.store.columns import json_text, time_text
from wsi_lab.store.connection import Connection, IntegrityError, Row


def layers(connection: Connection, questions: Iterable[Question]) -> list[Layer]:
    """Return the layers that questions are, in their order."""
    asked = list(questions)
    wanted = json_text([each.id for each in asked])
    rows = {
        row["question_id"]: row
        for row in connection.execute(
            "SELECT l.*, coalesce(s.revision, 0) AS set_revision FROM layers l "
            "LEFT JOIN label_sets s ON s.id = l.label_set_id "
            "WHERE l.question_id IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
    }
    labels = _labels(connection, {row["label_set_id"] for row in rows.values()} - {None})
    found = []
    for question in asked:
        row = rows.get(question.id)
        set_id = None if row is None else row["label_set_id"]
        found.append(
            Layer(
                id=question.id,
                study_id=question.study_id,
                name=question.name,
                colour=question.colour,
                label_set_id=set_id,
                labels=() if set_id is None else tuple(labels[set_id]),
                is_shared=row is not None and bool(row["is_shared"]),
                revision=question.revision
                + (0 if row is None else row["revision"] + row["set_revision"]),
            )
        )
    return found


def layer(connection: Connection, question: Question) -> Layer:
    """Return the layer that a question is."""
    return layers(connection, [question])[0]


def set_shared(connection: Connection, layer_id: int, *, is_shared: bool) -> None:
    """Say whether everybody who may view the study sees all shapes of a layer."""
    _make(connection, layer_id)
    connection.execute(
        "UPDATE layers SET is_shared = ?, revision = revision + 1 WHERE question_id = ?",
        (is_shared, layer_id),
    )


def label_set(connection: Connection, layer: Layer) -> LabelSet:
    """Return the label set of a layer, made if it has none."""
    set_id = layer.label_set_id
    if set_id is None:
        row = connection.execute(
            "SELECT label_set_id FROM layers WHERE question_id = ?", (layer.id,)
        ).fetchone()
        set_id = None if row is None else row["label_set_id"]
    if set_id is None:
        set_id = new_label_set(connection, layer.study_id, layer.name)
        use_label_set(connection, layer.id, set_id)
    found = label_set_by_id(connection, set_id)
    assert found is not None  # noqa: S101 (the layer refers to it)
    return found


def label_set_by_id(connection: Connection, set_id: int) -> LabelSet | None:
    """Return a label set, with those of its labels that were not removed."""
    row = connection.execute("SELECT * FROM label_sets WHERE id = ?", (set_id,)).fetchone()
    return None if row is None else _sets(connection, [row])[0]


def label_sets(connection: Connection, study_id: int) -> list[LabelSet]:
    """Return the label sets of a study in the order of their ids."""
    found = connection.execute(
        "SELECT * FROM label_sets WHERE study_id = ? ORDER BY id", (study_id,)
    ).fetchall()
    return _sets(connection, found)


def add_label_set(connection: Connection, study_id: int, name: str, description: str) -> LabelSet:
    """Store a label set without labels, and return it.

    Raises
    ------
    Conflict
        The study has a label set of that name.
    """
    try:
        cursor = connection.execute(
            "INSERT INTO label_sets (study_id, name, description, revision) VALUES (?, ?, ?, 1)",
            (study_id, name, description),
        )
    except IntegrityError as error:
        raise Conflict(f"The study already has a label set named '{name}'.") from error
    return LabelSet(int(cursor.lastrowid or 0), study_id, name, (), 1, description)


def new_label_set(connection: Connection, study_id: int | None, name: str) -> int:
    """Store a label set without labels under that name or one like it, and return its id.

    Parameters
    ----------
    study_id
        `None` for a set that is of no study yet.
    """
    cursor = connection.execute(
        "INSERT INTO label_sets (study_id, name, revision) VALUES (?, ?, 1)",
        (study_id, name if study_id is None else free_set_name(connection, study_id, name)),
    )
    return int(cursor.lastrowid or 0)


def free_set_name(connection: Connection, study_id: int, name: str) -> str:
    """Return a name, with a number behind it where a label set of the study has it."""
    taken = {
        each
        for (each,) in connection.execute(
            "SELECT name FROM label_sets WHERE study_id = ?", (study_id,)
        )
    }
    return free_name(name, taken)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number behind it where it is taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free


def use_label_set(connection: Connection, layer_id: int, set_id: int) -> None:
    """Give a layer the labels of a set, which it may share with others."""
    _make(connection, layer_id)
    connection.execute(
        "UPDATE layers SET label_set_id = ?, revision = revision + 1 WHERE question_id = ?",
        (set_id, layer_id),
    )


def set_of_label(connection: Connection, label_id: int) -> int | None:
    """Return the id of the set that a label is part of; `None` for one that was removed."""
    row = connection.execute(
        "SELECT label_set_id FROM labels WHERE id = ? AND removed_on IS NULL", (label_id,)
    ).fetchone()
    return None if row is None else int(row["label_set_id"])


def add_labels(
    connection: Connection, label_set: LabelSet, labels: Sequence[NewLabel]
) -> list[Label]:
    """Add labels behind those that there are, and return them."""
    from wsi_lab.geometry.colour_maps import PALETTE, next_colour  # noqa: PLC0415 (it needs numpy)

    used = [each.colour for each in label_set.labels]
    (position,) = connection.execute(
        "SELECT coalesce(max(position), -1) + 1 FROM labels WHERE label_set_id = ?", (label_set.id,)
    ).fetchone()
    added = []
    for number, each in enumerate(labels):
        free = (one for one in PALETTE if one not in used)
        colour = each.colour or next(free, next_colour(position + number))
        used.append(colour)
        cursor = connection.execute(
            "INSERT INTO labels (label_set_id, position, name, colour, description) "
            "VALUES (?, ?, ?, ?, ?)",
            (label_set.id, position + number, each.name, colour, each.description),
        )
        added.append(Label(int(cursor.lastrowid or 0), each.name, colour, each.description))
    if added:
        _grow(connection, label_set.id)
    return added


def put_labels(
    connection: Connection,
    label_set: LabelSet,
    labels: Sequence[Label],
    removed: Iterable[int],
    now: datetime,
) -> None:
    """Give the labels of a set their names, colours, descriptions and order; some are removed."""
    connection.executemany(
        "UPDATE labels SET removed_on = ? WHERE id = ?",
        [(time_text(now), label_id) for label_id in removed],
    )
    # Names are unique at every moment, and two labels may swap theirs.
    connection.executemany(
        "UPDATE labels SET name = ? WHERE id = ?", [(f"\x00{each.id}", each.id) for each in labels]
    )
    connection.executemany(
        "UPDATE labels SET name = ?, colour = ?, description = ?, position = ? WHERE id = ?",
        [
            (each.name, each.colour, each.description, place, each.id)
            for place, each in enumerate(labels)
        ],
    )
    _grow(connection, label_set.id)


def label_ids(
    connection: Connection,
    layer_id: int,
    names: Iterable[str],
    colours: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Return the ids of labels of a layer by their names; those it does not have are added.

    Parameters
    ----------
    colours
        ``#rrggbb`` of new ones, by name; others get the next of the palette.
    """
    from wsi_lab.store.questions import question  # noqa: PLC0415 (a module that knows of layers)

    asked = question(connection, layer_id)
    if asked is None:
        raise LookupError(f"there is no layer {layer_id}")
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    known_set = label_set(connection, layer(connection, asked))
    known = {each.name: each.id for each in known_set.labels}
    unknown = [NewLabel(name, (colours or {}).get(name)) for name in wanted if name not in known]
    known |= {each.name: each.id for each in add_labels(connection, known_set, unknown)}
    return {name: known[name] for name in wanted}


def labels_by_id(connection: Connection, label_ids: Iterable[int | None]) -> dict[int, Label]:
    """Return labels by their ids, those that were removed included, in the order of palettes."""
    wanted = {each for each in label_ids if each is not None}
    found = connection.execute(
        "SELECT id, name, colour, description FROM labels "
        "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY label_set_id, position, id",
        (json_text(sorted(wanted)),),
    )
    return {row["id"]: _label(row) for row in found}


def _sets(connection: Connection, rows: Sequence[Row]) -> list[LabelSet]:
    labels = _labels(connection, [row["id"] for row in rows])
    return [
        LabelSet(
            row["id"],
            row["study_id"],
            row["name"],
            tuple(labels[row["id"]]),
            row["revision"],
            row["description"],
        )
        for row in rows
    ]


def _label(row: Row) -> Label:
    return Label(row["id"], row["name"], row["colour"], row["description"])


def _labels(connection: Connection, set_ids: Iterable[int]) -> dict[int, list[Label]]:
    found: dict[int, list[Label]] = defaultdict(list)
    for row in connection.execute(
        "SELECT * FROM labels WHERE removed_on IS NULL "
        "AND label_set_id IN (SELECT value FROM json_each(?)) ORDER BY position, id",
        (json_text(list(set_ids)),),
    ):
        found[row["label_set_id"]].append(_label(row))
    return found


def _make(connection: Connection, layer_id: int) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO layers (question_id, revision) VALUES (?, 0)", (layer_id,)
    )


def _grow(connection: Connection, set_id: int) -> None:
    connection.execute("UPDATE label_sets SET revision = revision + 1 WHERE id = ?", (set_id,))
