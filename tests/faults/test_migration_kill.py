"""A process that dies inside a migration leaves each step whole, or not begun."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wsi_lab.store.connection import Connection, open_reader
from wsi_lab.store.db import Database
from wsi_lab.store.migrations import applied
from wsi_lab.store.steps import STEPS

MORE_THAN_THERE_ARE = 600
MADE = re.compile(r"CREATE (?:UNIQUE |VIRTUAL )?(?:TABLE|INDEX|TRIGGER) (\w+)")
PART_OF_A_TREE = re.compile("_(node|parent|rowid)$")
A_FEW = 12
"""Statements to die at in every run of the tests; `make soak` dies at each of them."""


def objects(connection: Connection) -> set[str]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
    return {name for (name,) in found}


def made_by(step_names: frozenset[str], names: set[str]) -> set[str]:
    statements = [
        statement for step in STEPS if step.name in step_names for statement in step.statements
    ]
    made = set(MADE.findall("\n".join(statements)))
    return {name for name in names if name in made or PART_OF_A_TREE.sub("", name) in made}


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(
            range(0, MORE_THAN_THERE_ARE, MORE_THAN_THERE_ARE // A_FEW),
            id="some",
            marks=pytest.mark.timeout(600),
        ),
        pytest.param(range(MORE_THAN_THERE_ARE), id="every", marks=pytest.mark.soak),
    ],
)
def test_kill_inside_a_migration_restarts_clean(
    tmp_path: Path, start: Callable, integrity: Callable, statements: range
) -> None:
    def die(statement: int) -> bool:
        """Return whether there was such a statement to die at."""
        path = tmp_path / f"{statement}.sqlite3"
        with start("migrate_until_killed.py", path, statement) as program:
            done = program.stdout.read() == "done\n"
        assert done or program.returncode == -signal.SIGKILL
        return not done

    reference = Database(tmp_path / "reference.sqlite3")
    everything = reference.read(objects)
    reference.close()
    with ThreadPoolExecutor(2) as pool:
        died = list(pool.map(die, statements))
    assert statements[died.index(False)] > sum(len(step.statements) for step in STEPS)
    for statement, was_killed in zip(statements, died, strict=True):
        path = tmp_path / f"{statement}.sqlite3"
        if not was_killed:
            continue
        assert integrity(path) == "ok"
        steps, names = look(path)
        assert {name for name in names if "_sqlite_migrations" not in name} == made_by(
            steps, everything
        )
        again = Database(path)
        assert again.read(objects) == everything
        assert again.read(applied) == {step.name for step in STEPS}
        again.close()


def look(path: Path) -> tuple[frozenset[str], set[str]]:
    """Return which steps a database has been through, and what is in it."""
    connection = open_reader(path)
    try:
        return applied(connection), objects(connection)
    finally:
        connection.close()
