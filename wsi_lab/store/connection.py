"""Opening the database file: the version gate, the pragmas, and errors in the lab's words."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from pysqlite3 import dbapi2 as sqlite

from wsi_lab.errors import Busy, HomeUnusable, StorageFull, WsiLabError

if TYPE_CHECKING:
    import sqlite3

    Connection: TypeAlias = sqlite3.Connection
    Row: TypeAlias = sqlite3.Row
else:
    Connection = sqlite.Connection
    Row = sqlite.Row

OLDEST_SQLITE = (3, 51, 3)
"""Below it, two connections that write or checkpoint at once can damage a write-ahead log."""

APPLICATION_ID = 0x5753494C  # "WSIL"
BUSY_SECONDS = 30.0
LONGEST_LOG_BYTES = 64 << 20

SQLITE_VERSION: tuple[int, ...] = sqlite.sqlite_version_info
IntegrityError = sqlite.IntegrityError
SqliteError = sqlite.Error

_SENTENCES: dict[str, tuple[type[WsiLabError], str]] = {
    "SQLITE_FULL": (
        StorageFull,
        "The disk that holds the lab is full, so nothing was stored; free space and try again.",
    ),
    "SQLITE_BUSY": (Busy, "Another program is writing to the lab; try again in a moment."),
    "SQLITE_LOCKED": (Busy, "Another program is writing to the lab; try again in a moment."),
    "SQLITE_CORRUPT": (
        HomeUnusable,
        "The lab's database is damaged; put back a backup, and keep the damaged file for rescue.",
    ),
    "SQLITE_NOTADB": (
        HomeUnusable,
        "The lab's database is not a database; put back a backup, or name another home.",
    ),
    "SQLITE_READONLY": (HomeUnusable, "The lab's database may not be written by this user."),
    "SQLITE_PERM": (HomeUnusable, "The lab's database may not be opened by this user."),
    "SQLITE_CANTOPEN": (HomeUnusable, "The lab's database cannot be opened by this user."),
    "SQLITE_IOERR": (
        HomeUnusable,
        "The disk that holds the lab reports errors, so nothing was stored; check the disk.",
    ),
}


def in_words(error: BaseException) -> WsiLabError | None:
    """Return what an error of SQLite means for a lab, or `None` when it is a mistake of ours.

    A full disk is told by the system, too.
    """
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        name = "SQLITE_FULL"
    elif isinstance(error, SqliteError):
        # A backup that fails gives its error no name.
        is_full = str(error) == "database or disk is full"
        name = "SQLITE_FULL" if is_full else getattr(error, "sqlite_errorname", "")
    else:
        return None
    meaning = _SENTENCES.get(name)
    return meaning[0](meaning[1]) if meaning else None


def check_sqlite_version(version: tuple[int, ...] = SQLITE_VERSION) -> None:
    """Raise `HomeUnusable` when the SQLite that is in use could lose data."""
    if version < OLDEST_SQLITE:
        raise HomeUnusable(
            f"SQLite {'.'.join(map(str, version))} can damage a database that several programs "
            f"use; at least {'.'.join(map(str, OLDEST_SQLITE))} is needed. "
            "Run: python -m pip install --upgrade pysqlite3"
        )


def open_plain(path: Path, *, busy_seconds: float) -> Connection:
    """Return a connection to a database that is not the lab's own, made when it is missing."""
    connection: Connection = sqlite.connect(
        str(path), isolation_level=None, check_same_thread=False, timeout=busy_seconds
    )
    return connection


def open_writer(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> Connection:
    """Return a connection that may write, in write-ahead mode, durable at every commit."""
    connection = _connect(path, "rw", busy_seconds)
    try:
        _enter_wal(connection, busy_seconds)
        _set(connection, "synchronous", "FULL", 2)
        _set(connection, "foreign_keys", "ON", 1)
        # Otherwise REPLACE would take rows away past the triggers that guard the audit.
        _set(connection, "recursive_triggers", "ON", 1)
        _set(connection, "journal_size_limit", str(LONGEST_LOG_BYTES), LONGEST_LOG_BYTES)
        _set(connection, "trusted_schema", "OFF", 0)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> Connection:
    """Return a connection that can only read."""
    connection = _connect(path, "ro", busy_seconds)
    try:
        _set(connection, "query_only", "ON", 1)
        _set(connection, "trusted_schema", "OFF", 0)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str, busy_seconds: float) -> Connection:
    connection: Connection = sqlite.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        # Transactions are ours; threads take turns on a connection.
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = Row
    _wait_politely(connection, busy_seconds)
    return connection


def _wait_politely(connection: Connection, busy_seconds: float) -> None:
    """Ask again every millisecond while another process writes.

    SQLite's own waiting sleeps up to 100 ms at a time: beside a process that writes without a
    pause it can go hungry for as long as that process likes.
    """
    deadline = 0.0

    def wait(attempt: int) -> bool:
        nonlocal deadline
        if attempt == 0:
            deadline = time.monotonic() + busy_seconds
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
        return True

    connection.set_busy_handler(wait)  # type: ignore[attr-defined]  # pysqlite3 has it, sqlite3 not


def _enter_wal(connection: Connection, busy_seconds: float) -> None:
    # The change of mode does not call the busy handler.
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            _set(connection, "journal_mode", "WAL", "wal")
        except SqliteError as error:
            if not isinstance(in_words(error), Busy) or time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            return


def _set(connection: Connection, pragma: str, value: str, expected: object) -> None:
    connection.execute(f"PRAGMA {pragma}={value}").fetchall()
    (actual,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    if actual != expected:
        raise HomeUnusable(
            f"The database refuses the setting {pragma}={value} (it stays at {actual}), without "
            "which data could be lost; put the home on a local disk."
        )
