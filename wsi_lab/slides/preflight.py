"""The first look at a file, before any library may open it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from wsi_lab.errors import DamagedSlide
from wsi_lab.slides.file_kinds import FileKind, file_kind
from wsi_lab.slides.read_ahead import ReadAhead
from wsi_lab.slides.source import ByteSource
from wsi_lab.slides.tiff_directories import LARGEST_PIECE_BYTES, TiffStructure, tiff_structure

_MOST_JPEG_SEGMENTS = 1024


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the first look found.

    Attributes
    ----------
    kind
        What kind of file it is.
    structure
        Where the directories are, when it is a TIFF file.
    """

    kind: FileKind
    structure: TiffStructure | None = None


def preflight(source: ByteSource) -> Preflight:
    """Return what kind of file it is, having checked that opening it can do no harm.

    It takes less than 100 ms and a few MiB however hostile the file is.

    Raises
    ------
    UnsupportedSlide
        Nobody here can open such a file.
    DamagedSlide
        The file contradicts itself, runs in circles, or would fill the memory.

    Examples
    --------
    >>> import tempfile
    >>> from wsi_lab.slides.source import SlideFile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes(128) + b"DICM")
    ...     file.flush()
    ...     preflight(SlideFile(file.name)).kind
    <FileKind.DICOM: 'dicom'>
    """
    kind = file_kind(source)
    if kind is FileKind.TIFF:
        return Preflight(kind, tiff_structure(ReadAhead(source)))
    if kind is FileKind.PNG:
        _check_picture(_png_size(source))
    elif kind is FileKind.JPEG:
        _check_picture(_jpeg_size(source))
    return Preflight(kind)


def _check_picture(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DamagedSlide("This picture has no size.")
    if width * height * 3 > LARGEST_PIECE_BYTES:
        raise DamagedSlide(
            f"This picture of {width} x {height} pixels would need more memory than is safe. "
            "If it is real, convert it to a tiled pyramid."
        )


def _png_size(source: ByteSource) -> tuple[int, int]:
    width, height = struct.unpack(">II", source.read(16, 8))
    return width, height


def _jpeg_size(source: ByteSource) -> tuple[int, int]:
    """Return the size that the header of a JPEG file states."""
    offset = 2
    for _ in range(_MOST_JPEG_SEGMENTS):
        marker = source.read(offset, 4)
        (length,) = struct.unpack(">H", marker[2:])
        if marker[0] != 0xFF or length < 2:
            break
        # SOF0-SOF15, without the markers for tables and arithmetic coding among them.
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", source.read(offset + 5, 4))
            return width, height
        offset += 2 + length
    raise DamagedSlide("The header of this JPEG file makes no sense.")
