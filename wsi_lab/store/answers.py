"""Answers: rows <-> model.

Triggers of the database write down what an answer was before it is changed or removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from wsi_lab.model.answer import Answer, Core, Place, ResultRow
from wsi_lab.store.answer_selection import (
    SHAPES_NOW,
    SHAPES_THEN,
    Selection,
    value_of_shapes,
)
from wsi_lab.store.columns import time_of, time_text
from wsi_lab.store.connection import Connection, Row
from wsi_lab.store.questions import DRAWN_KINDS

FEW = 500
"""Up to so many answers are looked up one by one, and beyond all of a study at once."""

# Of an answer that is drawn the shapes are the value.
_VALUE, _VALUE_THEN = (
    f"CASE WHEN a.value = '' AND q.kind IN ({DRAWN_KINDS}) THEN {value_of_shapes(shapes)} "
    "ELSE a.value END"
    for shapes in (SHAPES_NOW, SHAPES_THEN)
)


class AnswerKey(NamedTuple):
    """What there is one answer to at a time.

    Attributes
    ----------
    place
        The id of the slide, or less than 0: of the case.
    row, column
        Of the core; -1 without one.
    author
        As `folded`.
    """

    question_id: int
    place: int
    row: int
    column: int
    author: str


class StoredAnswer(NamedTuple):
    """What of a stored answer another one is compared with."""

    id: int
    value: str
    case_id: int | None
    core_sample: str | None
    file_uuid: str | None
    revision: int


class AnswerRow(NamedTuple):
    """A whole row; `answered_on` as `time_text`."""

    id: int
    study_id: int
    question_id: int
    slide_id: int | None
    case_id: int | None
    core_row: int | None
    core_column: int | None
    core_sample: str | None
    author: str
    value: str
    file_uuid: str | None
    answered_on: str
    answered_by: int
    door: str
    revision: int


@lru_cache(maxsize=4096)
def folded(author: str) -> str:
    """Return an author as the database compares them: without regard to the case of A to Z.

    Examples
    --------
    >>> folded("Reader-Ä@Lab")
    'reader-Ä@lab'
    """
    return author.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


def key_of(question_id: int, place: Place, author: str) -> AnswerKey:
    """Return the key of an answer."""
    core = place.core
    return AnswerKey(
        question_id,
        -(place.case_id or 0) if place.slide_id is None else place.slide_id,
        -1 if core is None else core.row,
        -1 if core is None else core.column,
        folded(author),
    )


def current(
    connection: Connection, study_id: int, keys: Collection[AnswerKey]
) -> dict[AnswerKey, StoredAnswer]:
    """Return what is stored under these keys, if anything."""
    query = """SELECT question_id, coalesce(slide_id, -case_id), coalesce(core_row, -1),
        coalesce(core_column, -1), author, id, value, case_id, core_sample, file_uuid, revision
        FROM answers """
    if len(keys) > FEW:
        found = connection.execute(query + "WHERE study_id = ?", (study_id,))
        return {
            AnswerKey(question, place, row, column, folded(author)): StoredAnswer(*rest)
            for question, place, row, column, author, *rest in found
        }
    one = (
        "WHERE question_id = ? AND coalesce(slide_id, -case_id) = ? "
        "AND coalesce(core_row, -1) = ? AND coalesce(core_column, -1) = ? AND author = ?"
    )
    rows = ((key, connection.execute(query + one, key).fetchone()) for key in keys)
    return {key: StoredAnswer(*row[5:]) for key, row in rows if row is not None}


def next_id(connection: Connection) -> int:
    """Return the id that the next new answer may have. None is ever used twice."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'answers'").fetchone()
    return 1 if row is None else int(row[0]) + 1


def add_answers(connection: Connection, rows: Iterable[AnswerRow]) -> None:
    """Store new answers."""
    connection.executemany(
        f"INSERT INTO answers ({', '.join(AnswerRow._fields)}) "  # noqa: S608 (constants)
        f"VALUES ({', '.join('?' * len(AnswerRow._fields))})",
        rows,
    )


def update_answers(connection: Connection, rows: Iterable[AnswerRow]) -> None:
    """Store answers in place of earlier ones of the same id."""
    # One statement for all: SQLite keeps a journal of each that fires a trigger, and the time
    # that takes grows with what the transaction has done before.
    names = AnswerRow._fields
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS coming_answers "
        f"(id INTEGER PRIMARY KEY, {', '.join(names[1:])})"
    )
    connection.executemany(
        f"INSERT INTO coming_answers VALUES ({', '.join('?' * len(names))})",  # noqa: S608 (constants)
        rows,
    )
    connection.execute(
        f"UPDATE answers SET {', '.join(f'{name} = c.{name}' for name in names[1:])} "  # noqa: S608 (constants)
        # Without being told, SQLite looks through all answers there are for these.
        "FROM coming_answers c WHERE answers.id = c.id "
        "AND answers.id IN (SELECT id FROM coming_answers)"
    )
    connection.execute("DELETE FROM coming_answers")


def answer_row(connection: Connection, answer_id: int) -> AnswerRow:
    """Return the row of an answer that is there."""
    row = connection.execute(
        f"SELECT {', '.join(AnswerRow._fields)} FROM answers WHERE id = ?",  # noqa: S608 (constants)
        (answer_id,),
    ).fetchone()
    return AnswerRow(*row)


def answers_of_study(connection: Connection, study_id: int) -> list[AnswerRow]:
    """Return the answers of a study in the order of their ids, shapes left out."""
    found = connection.execute(
        f"SELECT {', '.join(f'a.{name}' for name in AnswerRow._fields)} FROM answers a "  # noqa: S608 (constants)
        "JOIN questions q ON q.id = a.question_id "
        "WHERE a.study_id = ? AND q.removed_on IS NULL ORDER BY a.id",
        (study_id,),
    )
    return [AnswerRow(*row) for row in found]


def revision_of_file(connection: Connection, answer_id: int, file_uuid: str) -> int | None:
    """Return the revision in which an answer named a file; the last one if there are several."""
    (revision,) = connection.execute(
        "SELECT max(revision) FROM (SELECT revision FROM answers WHERE id = :answer "
        "AND file_uuid = :uuid UNION ALL SELECT revision FROM answer_history "
        "WHERE answer_id = :answer AND file_uuid = :uuid)",
        {"answer": answer_id, "uuid": file_uuid},
    ).fetchone()
    return None if revision is None else int(revision)


def answer(connection: Connection, answer_id: int) -> Answer | None:
    """Return an answer by id, unless its question was removed."""
    row = connection.execute(
        f"SELECT a.*, {_VALUE} AS whole FROM answers a "  # noqa: S608 (constants)
        "JOIN questions q ON q.id = a.question_id WHERE a.id = ? AND q.removed_on IS NULL",
        (answer_id,),
    ).fetchone()
    return None if row is None else _answer(row)


def history(connection: Connection, answer_id: int) -> list[Answer]:
    """Return everything an answer has been, the oldest first and the current one last."""
    found = connection.execute(
        f"SELECT a.*, a.answer_id AS id, {_VALUE_THEN.replace('a.id', 'a.answer_id')} AS whole "  # noqa: S608 (constants)
        "FROM answer_history a JOIN questions q ON q.id = a.question_id "
        "WHERE a.answer_id = ? ORDER BY a.revision",
        (answer_id,),
    )
    earlier = [_answer(row) for row in found]
    now = answer(connection, answer_id)
    return earlier if now is None else [*earlier, now]


def result_rows(
    connection: Connection,
    selection: Selection,
    case_names: Mapping[int, str],
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[ResultRow]:
    """Return answers of a study in words, in the order of their ids.

    Those to questions that were removed are not there.

    Parameters
    ----------
    case_names
        What cases are to be called, by id.
    after, limit
        Only answers with greater ids, and at most so many.
    """
    source, condition, parameters = selection.clauses()
    value = _VALUE if selection.as_of is None else _VALUE_THEN
    found = connection.execute(
        f"""SELECT a.slide_id, a.author, q.name, {value}, coalesce(s.name, ''),
        coalesce(a.case_id, s.case_id), a.core_row, a.core_column, a.core_sample, a.answered_on,
        a.id, a.revision FROM {source} JOIN questions q ON q.id = a.question_id
        LEFT JOIN slides s ON s.id = a.slide_id
        WHERE {condition} AND q.removed_on IS NULL ORDER BY a.id LIMIT :limit""",  # noqa: S608 (constants)
        {**parameters, "after": after, "limit": -1 if limit is None else limit},
    )
    return [
        ResultRow(
            slide,
            by,
            name,
            value,
            slide_name,
            None if case is None else case_names.get(case),
            None if row is None else _core(row, column, sample or ""),
            time_of(answered_on),
            answer_id,
            0,
            revision,
        )
        for (
            *(slide, by, name, value, slide_name, case, row, column, sample, answered_on),
            answer_id,
            revision,
        ) in found
    ]


def note_answered(connection: Connection, study_id: int, when: datetime) -> None:
    """Store when a study got its last answer."""
    connection.execute(
        "UPDATE studies SET answered_on = ? WHERE id = ?", (time_text(when), study_id)
    )


# A study has few cores, and each of them in many answers.
_core = lru_cache(maxsize=4096)(Core)


def place_of(row: Row) -> Place:
    """Return the place that a row's columns tell."""
    has_core = row["core_row"] is not None
    return Place(
        row["slide_id"],
        row["case_id"],
        Core(row["core_row"], row["core_column"], row["core_sample"] or "") if has_core else None,
    )


def _answer(row: Row) -> Answer:
    return Answer(
        id=row["id"],
        study_id=row["study_id"],
        question_id=row["question_id"],
        place=place_of(row),
        author=row["author"],
        value=row["whole"],
        answered_on=time_of(row["answered_on"]),
        answered_by=row["answered_by"],
        door=row["door"],
        revision=row["revision"],
        file_uuid=row["file_uuid"],
    )
