"""ZIP archives that strangers sent: few plain entries that unpack to what they say they are."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe.text import quoted

MOST_ENTRIES = 1000
LARGEST_ARCHIVE = 1 << 30
"""Bytes of all entries of a ZIP archive together, unpacked."""
HIGHEST_RATIO = 200
"""Of unpacked to packed bytes. Annotations in words reach 30, zeros 1,028."""
_SMALL = 1 << 20
_READ_AT_ONCE = 4 << 20
_BYTES_PER_ENTRY = 262
"""Of the directory, in the mean; a plain name has few."""
_END = struct.Struct("<4s4H2LH")


class SafeZip:
    """A ZIP archive from somewhere else, opened.

    Parameters
    ----------
    source
        Its path, its bytes, or the open file, which it closes.
    most_bytes
        Of all entries together, unpacked.
    most_entries
        How many it may have.
    highest_ratio
        Of unpacked to packed bytes of an entry.

    Raises
    ------
    Invalid
        It is no such archive or damaged, has entries that are encrypted, named twice or
        strangely, packed by unusual means or too well, or too many of them.

    Examples
    --------
    >>> from io import BytesIO
    >>> from zipfile import ZipFile
    >>> file = BytesIO()
    >>> with ZipFile(file, "w") as archive:
    ...     archive.writestr("labels.json", "[]")
    >>> with SafeZip(file.getvalue()) as archive:
    ...     archive.names, archive.read("labels.json", 10)
    (('labels.json',), b'[]')
    """

    def __init__(
        self,
        source: Path | bytes | BinaryIO,
        *,
        most_bytes: int = LARGEST_ARCHIVE,
        most_entries: int = MOST_ENTRIES,
        highest_ratio: int = HIGHEST_RATIO,
    ) -> None:
        self._file = _opened(source)
        try:
            _check_directory(self._file, most_entries)
            self._archive = zipfile.ZipFile(self._file)
            self._entries = _checked_entries(
                self._archive.infolist(), most_bytes, most_entries, highest_ratio
            )
        except BaseException as error:
            self._file.close()
            if isinstance(error, _ERRORS):
                raise Invalid("This ZIP archive is damaged.") from None
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its files, in their order, folders left out."""
        return tuple(self._entries)

    def size(self, name: str) -> int:
        """Return how many bytes a file of the archive says it has."""
        return self._entry(name).file_size

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return a file of the archive.

        Raises
        ------
        Invalid
            There is none of this name, it is larger than `most_bytes`, or damaged.
        """
        content = BytesIO()
        self.copy(name, content, most_bytes)
        return content.getvalue()

    def copy(self, name: str, target: IO[bytes], most_bytes: int) -> None:
        """Write a file of the archive into an open one, piece by piece.

        Raises
        ------
        Invalid
            There is none of this name, it is larger than `most_bytes`, or damaged.
        OSError
            The target cannot take it.
        """
        entry = self._entry(name)
        if entry.file_size > most_bytes:
            raise Invalid(f"{quoted(name)} in the ZIP archive has more than {most_bytes:,} bytes.")
        size = 0
        for piece in self._pieces(entry):
            size += len(piece)
            target.write(piece)
        if size != entry.file_size:
            raise Invalid(f"{quoted(name)} in the ZIP archive has not the size that it states.")

    def close(self) -> None:
        """Let the file go."""
        self._archive.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            raise Invalid(f"The ZIP archive has no {quoted(name)}.")
        return self._entries[name]

    def _pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        try:
            with self._archive.open(entry) as file:
                while piece := file.read(_READ_AT_ONCE):
                    yield piece
        except _ERRORS:
            raise Invalid(f"{quoted(entry.filename)} in the ZIP archive is damaged.") from None


_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)
"""What the library raises for archives that are damaged."""


def _opened(source: Path | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)
    return source.open("rb") if isinstance(source, Path) else source


def _check_directory(file: Any, most_entries: int) -> None:
    # The library reads the whole directory of the archive into memory, as large as the end of the
    # file says it is. Archives with a comment or of the 64-bit kind say so in several places, of
    # which one may lie; there is no need for them here.
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - 20))
    tail = file.read()
    file.seek(0)
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\x05\x06"):
        raise Invalid("This is no ZIP archive, or it is cut short or ends with a comment.")
    directory_size, _, comment_size = _END.unpack(tail[-_END.size :])[5:]
    if comment_size or (tail.startswith(b"PK\x06\x07") and len(tail) == _END.size + 20):
        raise Invalid("ZIP archives with a comment or of the 64-bit kind are not read.")
    if directory_size > _BYTES_PER_ENTRY * most_entries:
        raise Invalid(f"The ZIP archive has more than {most_entries:,} entries.")


def _checked_entries(
    entries: list[zipfile.ZipInfo], most_bytes: int, most_entries: int, highest_ratio: int
) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > most_entries:
        raise Invalid(f"The ZIP archive has more than {most_entries:,} entries.")
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename
        if name in found or name != entry.orig_filename or not _is_plain(name):
            raise Invalid(f"The ZIP archive has an entry named twice or oddly: {quoted(name)}.")
        if entry.flag_bits & 0x41:
            raise Invalid("The ZIP archive is encrypted.")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Invalid("The ZIP archive is packed in another way than 'stored' or 'deflate'.")
        if entry.file_size > max(_SMALL, highest_ratio * entry.compress_size):
            raise Invalid(f"{quoted(name)} in the ZIP archive unpacks to far more than it is.")
        found[name] = entry
    if sum(entry.file_size for entry in found.values()) > most_bytes:
        raise Invalid(f"The ZIP archive unpacks to more than {most_bytes:,} bytes.")
    return {name: entry for name, entry in found.items() if not entry.is_dir()}


def _is_plain(name: str) -> bool:
    parts = name.removesuffix("/").split("/")
    return (
        name.isprintable()
        and "\\" not in name
        and not any(each in {"", ".", ".."} for each in parts)
    )
