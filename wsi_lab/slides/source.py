"""Where the bytes of a slide come from: an open local file that nobody can swap underneath."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import ClassVar, Protocol, Self

from wsi_lab.errors import CutShort, SlideMissing, SourceUnavailable, UnsupportedSlide

Identity = tuple[int, int, int]
"""``(size, mtime_ns, inode)``: differs as soon as the file is written to or replaced."""

_REPLACED = " (deleted)"
_AT_ONCE = getattr(os, "RWF_NOWAIT", 0)
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
# Opening a pipe waits for a writer; with this flag it does not, and the file type is checked.
_OPEN_FLAGS |= getattr(os, "O_NONBLOCK", 0)


class ByteSource(Protocol):
    """Bytes that can be read by range: a local file, or an object in a store far away."""

    @property
    def name(self) -> str:
        """What the source is opened by. Never shown to anybody."""

    @property
    def is_remote(self) -> bool:
        """Whether every read waits for a network, so that few large reads are much better."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    @property
    def version(self) -> str:
        """Changes whenever the bytes may have changed."""

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset` on.

        Raises
        ------
        CutShort
            The source ends before that.
        SlideChanged
            It is of another version by now.
        SourceUnavailable
            The disk or the store does not answer, or answers with an error.
        """

    def read_several(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return what ``read(offset, size)`` gives for each, in as few trips as make sense."""

    def read_soon(self, offset: int, size: int) -> Future[bytes] | None:
        """Return the same bytes later, fetched together with what is asked for just now.

        `None` where that is not worth it, because reading waits for nobody.
        """

    def read_at_once(self, offset: int, size: int) -> bytearray | None:
        """Return the same bytes if that needs no waiting, else `None`."""

    def unchanged(self, *, wait: bool = True) -> bool:
        """Return whether `version` still tells the truth.

        Parameters
        ----------
        wait
            Whether the answer is worth a trip to a store; without, it is `False` where only a
            trip could tell.
        """

    def close(self) -> None:
        """Give the source back."""


class SlideFile:
    r"""A regular local file, open for reading.

    `real_path` is where the file that was opened really lies, whatever its name led through.
    Safe to use from several threads. A read that is under way while another thread calls
    `close` ends well: the descriptor lives until its last user is done.

    Raises
    ------
    SlideMissing
        There is no such file, or this process may not open it.
    UnsupportedSlide
        It is a folder, a pipe or a device.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"II*\0")
    ...     file.flush()
    ...     source = SlideFile(file.name)
    >>> source.read(0, 2), source.size
    (b'II', 4)
    >>> source.close()
    """

    __slots__ = (
        *("_descriptor", "_may_not_wait", "identity", "name", "real_path", "size", "version"),
    )

    is_remote: ClassVar[bool] = False

    def __init__(self, path: str) -> None:
        found = _stat(path)
        _require_regular(found)
        try:
            descriptor = _Descriptor(os.open(path, _OPEN_FLAGS))
        except (OSError, ValueError) as error:
            raise _missing(error) from None
        opened = os.fstat(descriptor.number)
        _require_regular(opened)
        self.name = path
        self.real_path = real_path_of(descriptor.number, path)
        self.identity = _identity(opened)
        self.size = opened.st_size
        self.version = _version(self.identity)
        self._descriptor: _Descriptor | None = descriptor
        self._may_not_wait = bool(_AT_ONCE)

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset` on.

        Raises
        ------
        CutShort
            The file ends before that.
        SourceUnavailable
            The disk or the network behind it fails.
        """
        descriptor = self._open_descriptor()
        if offset < 0 or size < 0 or offset + size > self.size:
            raise _cut_short()
        try:
            data = os.pread(descriptor.number, size, offset)
            while len(data) < size:
                more = os.pread(descriptor.number, size - len(data), offset + len(data))
                if not more:
                    raise _cut_short()
                data += more
        except OSError as error:
            raise _unreadable(error) from None
        return data

    def read_several(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return what `read` gives for each ``(offset, size)``."""
        return [self.read(offset, size) for offset, size in ranges]

    def read_soon(self, offset: int, size: int) -> None:
        """Return `None`: the disk is near."""

    def read_at_once(self, offset: int, size: int) -> bytearray | None:
        """Return the same bytes if all of them are in the page cache, else `None`.

        File systems that cannot tell (tmpfs, some network file systems) always give `None`.
        """
        if not self._may_not_wait or offset < 0 or offset + size > self.size:
            return None
        descriptor = self._open_descriptor()
        # Handed on as it is: whoever makes a file of it copies it anyway.
        data = bytearray(size)
        try:
            got = os.preadv(descriptor.number, [data], offset, _AT_ONCE)
        except OSError as error:
            if error.errno in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
                self._may_not_wait = False
            return None
        return data if got == size else None

    def unchanged(self, *, wait: bool = True) -> bool:  # noqa: ARG002 (it never waits)
        """Return whether nobody has written to the open file since it was opened."""
        return _identity(os.fstat(self._open_descriptor().number)) == self.identity

    def close(self) -> None:
        """Give back the file as soon as reads that are under way have ended."""
        self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open_descriptor(self) -> _Descriptor:
        # The local reference that the caller holds keeps the number from being closed, and so
        # from being given to another file, while it is in use.
        descriptor = self._descriptor
        if descriptor is None:
            raise ValueError("this slide file is closed")
        return descriptor


class _Descriptor:
    """A file descriptor that is closed when its last user lets go of it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # `close` is bound here because the interpreter may have emptied `os` when it ends.
        close(self.number)


def current_identity(path: str) -> Identity:
    """Return who the file at `path` is now, by one look at its directory entry.

    Raises
    ------
    SlideMissing
        There is no such file any more, or this process may not look at it.
    """
    return _identity(_stat(path))


def real_path_of(descriptor: int, path: str) -> str:
    """Return where what is open really lies, without links in it, as far as can be told.

    Parameters
    ----------
    path
        What it was opened by.
    """
    try:
        # Of what is open, and not of what has the name by now.
        found = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 (text in, text out)
    except OSError:
        return os.path.realpath(path)
    # So the system writes where a file lay that was replaced since; files may be called so, too.
    if found.endswith(_REPLACED) and not os.path.lexists(found):
        return found.removesuffix(_REPLACED)
    return found


def _identity(found: os.stat_result) -> Identity:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _version(identity: Identity) -> str:
    return hashlib.blake2b(repr(identity).encode(), digest_size=9).hexdigest()


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116  Path.stat costs the hot path twice as much
    except (OSError, ValueError) as error:
        raise _missing(error) from None


def _require_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise UnsupportedSlide("This is a folder; name the slide file inside it.")
    if not stat.S_ISREG(found.st_mode):
        raise UnsupportedSlide("This is a pipe or a device, not a slide file.")


def _missing(error: OSError | ValueError) -> SlideMissing:
    if isinstance(error, PermissionError):
        return SlideMissing("The slide's file may not be opened; its access rights forbid it.")
    return SlideMissing("The slide's file is not where it was; it was moved or removed.")


def _cut_short() -> CutShort:
    return CutShort("The slide's file ends too early; it was probably not copied completely.")


def _unreadable(error: OSError) -> SlideMissing | SourceUnavailable:
    if error.errno == errno.ESTALE:
        return SlideMissing("The slide's file was replaced on its server; open it again.")
    return SourceUnavailable("The disk that holds the slide does not answer properly.")
