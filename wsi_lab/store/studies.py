"""Studies and cases: rows <-> model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wsi_lab.errors import Conflict
from wsi_lab.model.people import Right
from wsi_lab.model.study import Case, Study
from wsi_lab.store.columns import (
    json_text,
    maybe_time_of,
    maybe_time_text,
    texts_of,
    time_of,
    time_text,
    words_text,
)
from wsi_lab.store.connection import Connection, IntegrityError, Row


def add_study(
    connection: Connection,
    name: str,
    description: str,
    *,
    created_on: datetime,
    created_by: int,
    created_with: int | None,
) -> Study:
    """Store a study and return it.

    Parameters
    ----------
    created_by, created_with
        Ids of the user and of the token they used; some tokens may see only what was made
        with them.

    Raises
    ------
    Conflict
        There is a study of that name.
    """
    try:
        row = connection.execute(
            "INSERT INTO studies (name, description, created_on, created_by, created_with, "
            "revision) VALUES (?, ?, ?, ?, ?, 1) RETURNING *",
            (name, description, time_text(created_on), created_by, created_with),
        ).fetchone()
    except IntegrityError as error:
        raise _study_name_taken(name) from error
    return _study(row)


def study(connection: Connection, study_id: int) -> Study | None:
    """Return a study by id."""
    row = connection.execute("SELECT * FROM studies WHERE id = ?", (study_id,)).fetchone()
    return None if row is None else _study(row)


def studies(connection: Connection, study_ids: Iterable[int]) -> list[Study]:
    """Return studies by their ids; those that are not there are left out."""
    return [
        _study(row)
        for row in connection.execute(
            "SELECT * FROM studies WHERE id IN "
            "(SELECT CAST(value AS INTEGER) FROM json_each(?)) ORDER BY id",
            (words_text(str(study_id) for study_id in study_ids),),
        )
    ]


def study_by_name(connection: Connection, name: str) -> Study | None:
    """Return the study of exactly that name."""
    row = connection.execute("SELECT * FROM studies WHERE name = ?", (name,)).fetchone()
    return None if row is None else _study(row)


def visible_studies(
    connection: Connection,
    *,
    member: int | None,
    limited_to: Iterable[str],
    after: int,
    limit: int,
) -> list[Study]:
    """Return studies in the order of their ids.

    Parameters
    ----------
    member
        Only studies this user holds the right 'view' in; `None`: all.
    limited_to
        Only studies of these names or ids; empty: all.
    after, limit
        Ids greater than `after`, at most `limit` of them.
    """
    return [
        _study(row)
        for row in connection.execute(
            """SELECT * FROM studies WHERE id > :after
            AND (:member IS NULL OR EXISTS (
                SELECT 1 FROM members
                WHERE user_id = :member AND study_id = studies.id AND right = :view))
            AND (:limited_to = '[]' OR EXISTS (
                SELECT 1 FROM json_each(:limited_to)
                WHERE value = studies.name OR value = CAST(studies.id AS TEXT)))
            ORDER BY id LIMIT :limit""",
            {
                "after": after,
                "member": member,
                "view": Right.VIEW.value,
                "limited_to": words_text(limited_to),
                "limit": limit,
            },
        )
    ]


def studies_answered_since(connection: Connection, since: datetime) -> list[Study]:
    """Return the studies that got answers after a moment, in the order of their ids."""
    found = connection.execute(
        "SELECT * FROM studies WHERE answered_on > ? ORDER BY id", (time_text(since),)
    )
    return [_study(row) for row in found]


def update_study(connection: Connection, study: Study) -> None:
    """Store a study as given.

    Raises
    ------
    Conflict
        There is another study of that name.
    """
    try:
        connection.execute(
            "UPDATE studies SET name = ?, description = ?, published_on = ?, friendly_name = ?, "
            "folder = ?, settings = ?, revision = ? WHERE id = ?",
            (
                study.name,
                study.description,
                maybe_time_text(study.published_on),
                study.friendly_name,
                study.folder,
                json_text(study.settings),
                study.revision,
                study.id,
            ),
        )
    except IntegrityError as error:
        raise _study_name_taken(study.name) from error


def remove_study(connection: Connection, study_id: int) -> None:
    """Remove a study, and with it its slides, cases and memberships."""
    # Slides before cases: a slide holds on to its case.
    connection.execute("DELETE FROM slides WHERE study_id = ?", (study_id,))
    connection.execute("DELETE FROM studies WHERE id = ?", (study_id,))


def add_case(connection: Connection, study_id: int, name: str, public_name: str) -> Case:
    """Store a case and return it.

    Raises
    ------
    Conflict
        The study has a case of that name.
    """
    try:
        row = connection.execute(
            "INSERT INTO cases (study_id, name, public_name, revision) "
            "VALUES (?, ?, ?, 1) RETURNING *",
            (study_id, name, public_name),
        ).fetchone()
    except IntegrityError as error:
        raise _case_name_taken() from error
    return _case(row)


def case(connection: Connection, case_id: int) -> Case | None:
    """Return a case by id, with its private name."""
    row = connection.execute("SELECT * FROM cases WHERE id = ?", (case_id,)).fetchone()
    return None if row is None else _case(row)


def case_ids(connection: Connection, study_id: int) -> list[int]:
    """Return the ids of a study's cases, in their order."""
    found = connection.execute("SELECT id FROM cases WHERE study_id = ? ORDER BY id", (study_id,))
    return [case_id for (case_id,) in found]


def has_case(connection: Connection, study_id: int, case_id: int) -> bool:
    """Return whether there is such a case in a study."""
    found = connection.execute(
        "SELECT 1 FROM cases WHERE id = ? AND study_id = ?", (case_id, study_id)
    )
    return found.fetchone() is not None


def case_by_name(connection: Connection, study_id: int, name: str) -> Case | None:
    """Return a study's case by its private name."""
    row = connection.execute(
        "SELECT * FROM cases WHERE study_id = ? AND name = ?", (study_id, name)
    ).fetchone()
    return None if row is None else _case(row)


def cases(connection: Connection, study_id: int, *, after: int, limit: int) -> list[Case]:
    """Return a study's cases, with their private names, in the order of their ids."""
    return [
        _case(row)
        for row in connection.execute(
            "SELECT * FROM cases WHERE study_id = ? AND id > ? ORDER BY id LIMIT ?",
            (study_id, after, limit),
        )
    ]


def cases_by_id(connection: Connection, case_ids: Iterable[int]) -> list[Case]:
    """Return cases by their ids, with their private names; missing ones are left out."""
    return [
        _case(row)
        for row in connection.execute(
            "SELECT * FROM cases WHERE id IN "
            "(SELECT CAST(value AS INTEGER) FROM json_each(?)) ORDER BY id",
            (words_text(str(case_id) for case_id in case_ids),),
        )
    ]


def update_case(connection: Connection, case: Case) -> Case:
    """Store a case as given, private name included, and return it as it is now.

    Raises
    ------
    Conflict
        The study has another case of that name.
    """
    stored = "" if case.public_name == default_public_name(case.id) else case.public_name
    try:
        row = connection.execute(
            "UPDATE cases SET name = ?, public_name = ?, description = ?, revision = ? "
            "WHERE id = ? RETURNING *",
            (case.name, stored, case.description, case.revision, case.id),
        ).fetchone()
    except IntegrityError as error:
        raise _case_name_taken() from error
    return _case(row)


def remove_case(connection: Connection, case_id: int) -> None:
    """Remove a case that has no slides."""
    connection.execute("DELETE FROM cases WHERE id = ?", (case_id,))


def _study_name_taken(name: str) -> Conflict:
    return Conflict(f"There is already a study named '{name}'.")


def _case_name_taken() -> Conflict:
    return Conflict("The study already has a case of that name.")


def _study(row: Row) -> Study:
    return Study(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        created_on=time_of(row["created_on"]),
        published_on=maybe_time_of(row["published_on"]),
        revision=row["revision"],
        friendly_name=row["friendly_name"],
        folder=row["folder"],
        settings=texts_of(row["settings"]),
        answered_on=maybe_time_of(row["answered_on"]),
        created_with=row["created_with"],
    )


def _case(row: Row) -> Case:
    return Case(
        id=row["id"],
        study_id=row["study_id"],
        name=row["name"],
        public_name=row["public_name"] or default_public_name(row["id"]),
        revision=row["revision"],
        description=row["description"],
    )


def default_public_name(case_id: int) -> str:
    """Return the public name of a case that nobody gave one."""
    # PHAS's rule for a specimen, so that all doors say the same.
    return f"Anon {case_id:04d}"


PUBLIC_NAME = "iif(c.public_name = '', printf('Anon %04d', c.id), c.public_name)"
"""The same as SQL: the public name of a case `c`; NULL where there is none."""
