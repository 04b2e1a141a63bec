"""How the database came to its present shape: named steps, each of them all or nothing.

sqlite-utils runs and records them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_lab.errors import HomeUnusable
from wsi_lab.store.connection import APPLICATION_ID, Connection

if TYPE_CHECKING:
    import sqlite_utils


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the database's shape. Once released, a step is never changed."""

    name: str
    statements: tuple[str, ...]


STEPS: tuple[Step, ...] = (
    Step(
        "people",
        (
            """CREATE TABLE users (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                email TEXT NOT NULL,
                email_folded TEXT NOT NULL UNIQUE,
                name TEXT NOT NULL,
                is_admin INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
                created_on TEXT NOT NULL
            ) STRICT""",
            """CREATE TABLE tokens (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                user_id INTEGER NOT NULL REFERENCES users (id),
                name TEXT NOT NULL,
                sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
                capabilities TEXT NOT NULL,
                read_studies TEXT NOT NULL,
                modify_studies TEXT NOT NULL,
                folders TEXT NOT NULL,
                created_on TEXT NOT NULL,
                expires_on TEXT,
                revoked_on TEXT
            ) STRICT""",
            "CREATE INDEX tokens_of_user ON tokens (user_id)",
            """CREATE TABLE secrets (
                name TEXT PRIMARY KEY,
                value BLOB NOT NULL
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
    Step(
        "studies",
        (
            """CREATE TABLE studies (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                name TEXT NOT NULL UNIQUE,
                description TEXT NOT NULL,
                created_on TEXT NOT NULL,
                created_by INTEGER NOT NULL REFERENCES users (id),
                created_with INTEGER REFERENCES tokens (id),
                published_on TEXT,
                revision INTEGER NOT NULL
            ) STRICT""",
            # One row a right: lists are filtered by it.
            """CREATE TABLE members (
                user_id INTEGER NOT NULL REFERENCES users (id),
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                right TEXT NOT NULL,
                PRIMARY KEY (user_id, study_id, right)
            ) STRICT, WITHOUT ROWID""",
            "CREATE INDEX members_of_study ON members (study_id)",
            """CREATE TABLE cases (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                name TEXT NOT NULL,
                public_name TEXT NOT NULL,
                revision INTEGER NOT NULL,
                UNIQUE (study_id, name)
            ) STRICT""",
            """CREATE TABLE slides (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                case_id INTEGER REFERENCES cases (id),
                name TEXT NOT NULL,
                source TEXT NOT NULL,
                block TEXT NOT NULL,
                section TEXT NOT NULL,
                number TEXT NOT NULL,
                stain TEXT NOT NULL,
                tags TEXT NOT NULL,
                format TEXT NOT NULL,
                width INTEGER NOT NULL,
                height INTEGER NOT NULL,
                objective_power REAL,
                file_mpp_x REAL,
                file_mpp_y REAL,
                stated_mpp_x REAL,
                stated_mpp_y REAL,
                added_on TEXT NOT NULL,
                revision INTEGER NOT NULL,
                UNIQUE (study_id, name)
            ) STRICT""",
            "CREATE INDEX slides_of_case ON slides (case_id)",
        ),
    ),
    Step(
        "audit",
        (
            # No references: an entry outlives whatever it speaks of.
            """CREATE TABLE audit (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                happened_on TEXT NOT NULL,
                user_id INTEGER NOT NULL,
                email TEXT NOT NULL,
                token_id INTEGER,
                door TEXT NOT NULL,
                verb TEXT NOT NULL,
                kind TEXT NOT NULL,
                thing_id INTEGER NOT NULL,
                study_id INTEGER,
                before TEXT,
                after TEXT
            ) STRICT""",
            "CREATE INDEX audit_of_thing ON audit (kind, thing_id)",
            "CREATE INDEX audit_of_study ON audit (study_id)",
            """CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END""",
            """CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END""",
            """CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
            WHEN NEW.id IN (SELECT id FROM audit)
            BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END""",
        ),
    ),
)

_SET = "wsi-lab"
_RECORDS = "_sqlite_migrations"
"""Where sqlite-utils keeps the record."""


def applied(connection: Connection) -> frozenset[str]:
    """Return the names of the steps a database has been through. Writes nothing."""
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (_RECORDS,)).fetchone()
    if known is None:
        return frozenset()
    query = f"SELECT name FROM {_RECORDS} WHERE migration_set = ?"  # noqa: S608 (a constant)
    return frozenset(name for (name,) in connection.execute(query, (_SET,)))


def refuse_foreign(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Raise `HomeUnusable` when the file is not ours, or from a newer version. Writes nothing."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise HomeUnusable(
            "The database in the lab's folder was not made by wsi-lab; name another home with "
            "--home or WSI_LAB_HOME."
        )
    newer = applied(connection) - {step.name for step in steps}
    if newer:
        raise HomeUnusable(
            "The lab's database was made by a newer wsi-lab "
            f"(it knows {', '.join(sorted(newer))}); update this installation: "
            "python -m pip install --upgrade wsi-lab"
        )


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Bring a database to the present shape.

    Each step commits together with the record that it ran: whatever kills the process leaves
    either both or neither.
    """
    if {step.name for step in steps} <= applied(connection):
        return
    # Imported only when there is something to do: it brings pandas along, most of a second.
    import sqlite_utils  # noqa: PLC0415 (as said)

    migrations = sqlite_utils.Migrations(_SET)
    for step in steps:
        migrations(name=step.name)(_runner(step))
    # Plug-ins are other people's code, and nobody asked for them here.
    database = sqlite_utils.Database(connection, recursive_triggers=False, execute_plugins=False)
    following = [*(step.name for step in steps[1:]), None]
    for step, next_name in zip(steps, following, strict=True):
        with _transaction(connection):
            # Another process may have been faster.
            refuse_foreign(connection, steps)
            if step.name not in applied(connection):
                connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                migrations.apply(database, stop_before=next_name)


def _runner(step: Step) -> Callable[[sqlite_utils.Database], None]:
    def run(database: sqlite_utils.Database) -> None:
        for statement in step.statements:
            database.execute(statement)

    run.__name__ = step.name
    return run


@contextlib.contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
