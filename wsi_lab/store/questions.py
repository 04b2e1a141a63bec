"""Questions: rows <-> model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from wsi_lab.errors import Conflict
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.store.columns import time_text
from wsi_lab.store.connection import Connection, IntegrityError, Row

DRAWN_KINDS = ", ".join(f"'{kind.value}'" for kind in QuestionKind if kind.is_drawn)
"""Of questions whose answers are drawn, as a list in SQL."""


def questions(connection: Connection, study_id: int) -> list[Question]:
    """Return a study's questions in their order, without those that were removed."""
    return [
        _question(row)
        for row in connection.execute(
            "SELECT * FROM questions WHERE study_id = ? AND removed_on IS NULL "
            "ORDER BY position, id",
            (study_id,),
        )
    ]


def question_by_name(connection: Connection, study_id: int, name: str) -> Question | None:
    """Return a study's question of exactly that name, unless it was removed."""
    row = connection.execute(
        "SELECT * FROM questions WHERE study_id = ? AND name = ? AND removed_on IS NULL",
        (study_id, name),
    ).fetchone()
    return None if row is None else _question(row)


def question_count(connection: Connection, study_id: int) -> int:
    """Return how many questions a study has ever had, those that were removed among them."""
    row = connection.execute("SELECT count(*) FROM questions WHERE study_id = ?", (study_id,))
    return int(row.fetchone()[0])


def question(connection: Connection, question_id: int) -> Question | None:
    """Return a question by id, unless it was removed."""
    row = connection.execute(
        "SELECT * FROM questions WHERE id = ? AND removed_on IS NULL", (question_id,)
    ).fetchone()
    return None if row is None else _question(row)


def add_question(
    connection: Connection, study_id: int, spec: QuestionSpec, *, created_on: datetime
) -> Question:
    """Store a question behind all others, and return it.

    Raises
    ------
    Conflict
        The study has a question of that name.
    """
    try:
        row = connection.execute(
            "INSERT INTO questions (study_id, position, name, kind, configuration, created_on, "
            "revision) VALUES (:study, (SELECT coalesce(max(position) + 1, 0) FROM questions "
            "WHERE study_id = :study AND removed_on IS NULL), :name, :kind, :configuration, "
            ":created_on, 1) RETURNING *",
            {
                "study": study_id,
                "name": spec.name,
                "kind": spec.kind.value,
                "configuration": spec.configuration,
                "created_on": time_text(created_on),
            },
        ).fetchone()
    except IntegrityError as error:
        raise _name_taken(spec.name) from error
    return _question(row)


def update_question(connection: Connection, question: Question) -> None:
    """Store a question as given.

    Raises
    ------
    Conflict
        The study has another question of that name.
    """
    try:
        connection.execute(
            "UPDATE questions SET position = ?, name = ?, kind = ?, configuration = ?, "
            "revision = ? WHERE id = ?",
            (
                question.position,
                question.name,
                question.kind.value,
                question.configuration,
                question.revision,
                question.id,
            ),
        )
    except IntegrityError as error:
        raise _name_taken(question.name) from error


def place_questions(connection: Connection, positions: Mapping[int, int]) -> None:
    """Store positions by question id."""
    connection.executemany(
        "UPDATE questions SET position = ? WHERE id = ?",
        [(position, question_id) for question_id, position in positions.items()],
    )


def remove_question(connection: Connection, question_id: int, removed_on: datetime) -> None:
    """Mark a question as removed; its answers stay, and its name is free."""
    connection.execute(
        "UPDATE questions SET removed_on = ? WHERE id = ?", (time_text(removed_on), question_id)
    )


def has_answers(connection: Connection, question_id: int) -> bool:
    """Return whether somebody has answered a question."""
    found = connection.execute(
        "SELECT 1 FROM answers WHERE question_id = ? LIMIT 1", (question_id,)
    )
    return found.fetchone() is not None


def _name_taken(name: str) -> Conflict:
    return Conflict(f"The study already has a question named '{name}'.")


def _question(row: Row) -> Question:
    return Question(
        id=row["id"],
        study_id=row["study_id"],
        position=row["position"],
        name=row["name"],
        kind=QuestionKind(row["kind"]),
        configuration=row["configuration"],
        revision=row["revision"],
    )
