"""A file that grows piece by piece, by one writer at a time, in whatever process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from wsi_lab.errors import Conflict, NotFound, StorageFull

_UNSURE = ".unsure"
_IN_USE = "Somebody is sending this file already."
_WRITTEN_AT_ONCE = 512
"""Buffers in one call; the system takes 1,024."""


def partial_size(path: Path) -> int:
    """Return how many bytes of a growing file are there for good.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    size = path.stat().st_size
    sure = _sure_size(path)
    return size if sure is None else min(size, sure)


def make_partial(path: Path) -> None:
    """Make a growing file, still empty, in the place of one that is there already.

    That one is not emptied: it may have become a file of the lab under another name, too.

    Raises
    ------
    Conflict
        Somebody writes to it.
    """
    if not remove_partial(path):
        raise Conflict(_IN_USE)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise Conflict(_IN_USE) from error
    except OSError as error:
        raise _meant(error) from error
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_folder(path.parent)


def remove_partial(path: Path) -> bool:
    """Remove a growing file unless somebody writes to it, and return whether it is gone."""
    try:
        with Partial(path):
            path.unlink(missing_ok=True)
            _marker(path).unlink(missing_ok=True)
    except Conflict:
        return False
    except NotFound:
        _marker(path).unlink(missing_ok=True)
    return True


def partial_names(folder: Path) -> set[str]:
    """Return the names of all growing files in a folder."""
    return {name.removesuffix(_UNSURE) for name in os.listdir(folder)}  # noqa: PTH208 (names, not paths)


class Partial:
    """The one writer of a growing file. Not for several threads at a time.

    The system takes the lock back when the process ends, however it ends.

    Raises
    ------
    Conflict
        There is another writer.
    NotFound
        There is no such file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "growing"
    >>> make_partial(path)
    >>> with Partial(path) as growing:
    ...     growing.append([b"all", b"of it"])
    ...     growing.sync()
    ...     growing.size
    8
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound("There is no such upload, or not any more.") from error
        try:
            _lock(self._descriptor)
            self._refuse_removed()
            sure = _sure_size(path)
            if sure is not None:
                # Whoever wrote was killed before it knew whether the bytes were the right ones.
                self._cut_to(sure)
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._descriptor).st_size

    def doubt(self) -> None:
        """Take what follows for good only when `sync` was called, and not if there is a crash."""
        _write_marker(_marker(self._path), self.size)

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write at the end.

        Raises
        ------
        StorageFull
            The disk is full; what was written before that stays.
        """
        left = [memoryview(piece) for piece in pieces]
        while left:
            try:
                count = os.writev(self._descriptor, left[:_WRITTEN_AT_ONCE])
            except OSError as error:
                raise _meant(error) from error
            while left and count >= len(left[0]):
                count -= len(left.pop(0))
            if count:
                left[0] = left[0][count:]

    def sync(self) -> None:
        """Have everything written to disk."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise _meant(error) from error
        self._believe()

    def cut_to(self, size: int) -> None:
        """Forget what was written after the first `size` bytes."""
        self._cut_to(size)

    def close(self) -> None:
        """Let another one write."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _refuse_removed(self) -> None:
        # It may have been, between our opening and our locking it; and by another name it may
        # live on as a file of the lab.
        try:
            is_here = os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            is_here = False
        if not is_here:
            raise NotFound("There is no such upload, or not any more.")

    def _cut_to(self, size: int) -> None:
        if size < self.size:
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)
        self._believe()

    def _believe(self) -> None:
        _marker(self._path).unlink(missing_ok=True)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(_IN_USE) from error


def _marker(path: Path) -> Path:
    return path.with_name(path.name + _UNSURE)


def _sure_size(path: Path) -> int | None:
    try:
        return int(_marker(path).read_bytes() or b"0")
    except (FileNotFoundError, ValueError):
        return None


def _write_marker(marker: Path, size: int) -> None:
    try:
        with marker.open("wb") as file:
            file.write(b"%d" % size)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            marker.unlink()
        raise _meant(error) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _meant(error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StorageFull(
            "The lab's disk is full; what came so far is kept, and the upload can go on when "
            "there is room."
        )
    return error
