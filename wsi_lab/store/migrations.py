"""How the database came to its present shape: named steps, each of them all or nothing.

sqlite-utils runs and records them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from wsi_lab.errors import HomeUnusable
from wsi_lab.store.connection import APPLICATION_ID, Connection
from wsi_lab.store.steps import STEPS, Step

if TYPE_CHECKING:
    import sqlite_utils


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
        if step.then is not None:
            step.then(database.conn)

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
