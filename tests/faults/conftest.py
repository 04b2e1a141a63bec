"""Programs that are killed, and what must be true afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.store.connection import open_plain


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start one of the programs beside this file; its output can be read as text."""

    def run(program: str, *words: object) -> subprocess.Popen[str]:
        path = Path(__file__).with_name(program)
        return subprocess.Popen(
            [sys.executable, str(path), *map(str, words)], stdout=subprocess.PIPE, text=True
        )

    return run


@pytest.fixture(scope="session")
def integrity() -> Callable[[Path], str]:
    """Return what SQLite says of a whole database file."""

    def check(path: Path) -> str:
        connection = open_plain(path, busy_seconds=5)
        try:
            return connection.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            connection.close()

    return check
