"""Where tiles lie in slide files: looked up once, remembered in a file of its own.

Nothing here is worth keeping: it lies beside the lab's database and not in it, so that it
needs no flush to disk, makes no backup larger, and lets no number of slides that are opened
pass for changes of the lab.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from wsi_lab.errors import HomeUnusable
from wsi_lab.store.connection import Connection, SqliteError, in_words, open_plain

T = TypeVar("T")

LARGEST_TOTAL_BYTES = 256 << 20
_BUSY_SECONDS = 2.0


class SlideIndexes:
    """Remembers indexes by key; forgets the oldest when there are too many.

    It never fails: what cannot be remembered is simply not there next time.

    Parameters
    ----------
    path
        The file; made when it is missing, made anew when it is damaged.
    largest_total_bytes
        How much is kept.
    """

    def __init__(self, path: Path, *, largest_total_bytes: int = LARGEST_TOTAL_BYTES) -> None:
        self._path = path
        self._largest_total_bytes = largest_total_bytes
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def get(self, key: str) -> bytes | None:
        """Return what was put under that key, or `None`."""

        def look_up(connection: Connection) -> bytes | None:
            row = connection.execute(
                "SELECT data FROM slide_indexes WHERE key = ?", (key,)
            ).fetchone()
            return None if row is None else bytes(row[0])

        return self._tried(look_up)

    def put(self, key: str, data: bytes) -> None:
        """Remember `data`; what is larger than a quarter of all that may be kept is not."""
        if len(data) > self._largest_total_bytes // 4:
            return

        def remember(connection: Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("DELETE FROM slide_indexes WHERE key = ?", (key,))
                connection.execute(
                    "INSERT INTO slide_indexes (key, size, data) VALUES (?, ?, ?)",
                    (key, len(data), data),
                )
                connection.execute(_FORGET_OLDEST, (self._largest_total_bytes,))
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

        self._tried(remember)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed again."""
        with self._lock:
            self._close()

    def _tried(self, work: Callable[[Connection], T]) -> T | None:
        with self._lock, contextlib.suppress(SqliteError, OSError):
            try:
                return work(self._opened())
            except SqliteError as error:
                if isinstance(in_words(error), HomeUnusable):
                    self._close()
                    for ending in ("", "-wal", "-shm"):
                        Path(f"{self._path}{ending}").unlink(missing_ok=True)
                raise
        return None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = _open(self._path)
        return self._connection


_FORGET_OLDEST = """DELETE FROM slide_indexes WHERE number IN (
    SELECT number FROM (
        SELECT number, sum(size) OVER (ORDER BY number DESC) AS total FROM slide_indexes
    ) WHERE total > ?
)"""


def _open(path: Path) -> Connection:
    connection = open_plain(path, busy_seconds=_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            """CREATE TABLE IF NOT EXISTS slide_indexes (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                key TEXT NOT NULL UNIQUE,
                size INTEGER NOT NULL,
                data BLOB NOT NULL
            ) STRICT"""
        )
    except BaseException:
        connection.close()
        raise
    return connection
