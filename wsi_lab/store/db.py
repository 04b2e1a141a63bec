"""The database of a lab: one that writes, some that read, and a number that tells of changes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from wsi_lab.errors import HomeUnusable, WsiLabError
from wsi_lab.store.backup import copy_database, make_private
from wsi_lab.store.connection import (
    BUSY_SECONDS,
    Connection,
    SqliteError,
    check_sqlite_version,
    in_words,
    open_reader,
    open_writer,
)
from wsi_lab.store.home import refuse_network_file_system
from wsi_lab.store.migrations import migrate, refuse_foreign
from wsi_lab.store.writing import Writer

T = TypeVar("T")

KEPT_READERS = 8
FOREIGN_COMMIT_SECONDS = 0.001
"""How long a commit of another process may go unnoticed. Tiles come by the thousand a second."""


class Database:
    """An open database file. Every method may be called from any thread.

    Parameters
    ----------
    path
        The file; made, for its owner only, when it is missing.
    network_home
        Accept a network file system.
    busy_seconds
        How long to wait while another process writes.

    Raises
    ------
    HomeUnusable
        The file is damaged, not ours, from a newer version, or in a place where it could be
        damaged; or the installed SQLite is too old. The file is left as it was.
    """

    def __init__(
        self, path: Path, *, network_home: bool = False, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        check_sqlite_version()
        refuse_network_file_system(path, accepted=network_home)
        self.path = path
        self._busy_seconds = busy_seconds
        self._readers: deque[Connection] = deque()
        self._closed = False
        try:
            self._make_or_check()
            connection = open_writer(path, busy_seconds=busy_seconds)
            try:
                migrate(connection)
                self._watcher = open_reader(path, busy_seconds=busy_seconds)
            except BaseException:
                connection.close()
                raise
        except (SqliteError, OSError) as error:
            raise _unusable(error) from error
        self._writer = Writer(connection)
        self._watcher.row_factory = None
        self._watch = self._watcher.cursor().execute
        self._watcher_lock = threading.Lock()
        self._generation = 0, -1, 0.0

    def submit(self, change: Callable[[Connection], T]) -> Future[T]:
        """Queue a change; the future holds what it returned once that is on disk.

        Parameters
        ----------
        change
            Gets the connection inside a transaction that is not its own to end. When it raises,
            nothing of it is stored and the future holds the error.
        """
        return self._writer.submit(change)

    def write(self, change: Callable[[Connection], T]) -> T:
        """Run a change and return what it returned, once that is on disk.

        Raises
        ------
        StorageFull
            The disk is full; nothing of the change is stored.
        Busy
            Another process has been writing for too long.
        """
        return self._writer.run(change)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on one snapshot of the database and return what it returned."""
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._open_reader()
        try:
            connection.execute("BEGIN")
            try:
                return query(connection)
            finally:
                connection.execute("ROLLBACK")
        except SqliteError as error:
            meaning = in_words(error)
            if meaning is None:
                raise
            raise meaning from error
        finally:
            if connection.in_transaction or self._closed or len(self._readers) >= KEPT_READERS:
                connection.close()
            else:
                self._readers.append(connection)

    def generation(self) -> int:
        """Return a number that differs from any earlier one when something was committed since.

        Commits of this process count at once, those of other processes within
        `FOREIGN_COMMIT_SECONDS`. Costs 0.3 µs, and now and then 3 µs.
        """
        commits = self._writer.commits
        number, seen_commits, good_until = self._generation
        if seen_commits == commits and time.monotonic() < good_until:
            return number
        with self._watcher_lock:
            # The watcher never writes, so that our own commits are another connection's to it.
            (number,) = self._watch("PRAGMA data_version").fetchone()
            self._generation = (number, commits, time.monotonic() + FOREIGN_COMMIT_SECONDS)
        return int(number)

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file, or `None`; reads all of it."""
        (verdict,) = self.read(lambda c: c.execute("PRAGMA integrity_check(1)").fetchone())
        return None if verdict == "ok" else str(verdict)

    def backup(self, to: Path) -> None:
        """Write a copy of the database; see `wsi_lab.store.backup.copy_database`."""
        copy_database(self.path, to)

    def close(self) -> None:
        """Finish what is queued, then close everything. Closing twice is closing once."""
        self._closed = True
        while self._readers:
            self._readers.pop().close()
        with self._watcher_lock:
            self._watcher.close()
        # Last: only a connection that may write can tidy the log away.
        self._writer.close()

    def _make_or_check(self) -> None:
        if not self.path.exists():
            make_private(self.path)
        elif self.path.stat().st_size:
            connection = open_reader(self.path, busy_seconds=self._busy_seconds)
            try:
                refuse_foreign(connection)
            finally:
                connection.close()

    def _open_reader(self) -> Connection:
        if self._closed:
            raise RuntimeError("the database is closed")
        return open_reader(self.path, busy_seconds=self._busy_seconds)


def _unusable(error: SqliteError | OSError) -> WsiLabError:
    why = error.strerror if isinstance(error, OSError) else error
    return in_words(error) or HomeUnusable(f"The lab's database cannot be opened ({why}).")
