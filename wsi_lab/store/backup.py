"""Copying a whole database: to a backup, and back."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from wsi_lab.errors import Conflict, HomeUnusable
from wsi_lab.store.connection import SqliteError, in_words, open_plain, open_reader
from wsi_lab.store.migrations import applied, refuse_foreign

_BUSY_SECONDS = 30.0


def copy_database(source: Path, to: Path) -> None:
    """Write a copy of a database of ours as it is at one moment; others may go on writing.

    The copy appears under its name only when it is complete, checked and on disk.

    Raises
    ------
    Conflict
        There is a file of that name.
    HomeUnusable
        `source` is damaged, not ours or from a newer version; or the copy cannot be written.
    StorageFull
        There is no space for the copy.
    """
    if to.exists():
        raise _taken()
    unfinished = to.with_name(f".{to.name}.{secrets.token_hex(4)}.unfinished")
    try:
        make_private(unfinished)
        _copy(source, unfinished)
        _flush(unfinished)
        _name(unfinished, to)
        _flush(to.parent)
    except FileExistsError as error:
        raise _taken() from error
    except (SqliteError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise in_words(error) or HomeUnusable(f"The copy cannot be written ({why}).") from error
    finally:
        unfinished.unlink(missing_ok=True)


def make_private(path: Path) -> None:
    """Make an empty file that only its owner may read.

    SQLite gives the log and the shared memory beside a database the database's own mode.
    """
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _copy(source: Path, to: Path) -> None:
    original = open_reader(source, busy_seconds=_BUSY_SECONDS)
    copy = open_plain(to, busy_seconds=_BUSY_SECONDS)
    try:
        refuse_foreign(original)
        if not applied(original):
            raise HomeUnusable("There is no lab in this file; it is empty.")
        # In one step: a copy in several starts again whenever somebody commits.
        original.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()
        (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise HomeUnusable("The copy is damaged, and so is what it was made from.")
    finally:
        copy.close()
        original.close()


def _name(unfinished: Path, to: Path) -> None:
    try:
        os.link(unfinished, to)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links; there, somebody who is fast enough is overwritten.
        unfinished.replace(to)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken() -> Conflict:
    return Conflict("There is a file of that name; a copy never replaces one.")
