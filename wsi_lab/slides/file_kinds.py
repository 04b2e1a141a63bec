"""Telling by the first bytes what kind of file it is, before any library may open it."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides.source import ByteSource


class FileKind(StrEnum):
    """Kinds of file that somebody here can open."""

    TIFF = "tiff"
    """Classic or BigTIFF: SVS, NDPI, SCN, BIF, OME-TIFF and plain ones."""
    DICOM = "dicom"
    MRXS = "mrxs"
    VMS = "vms"
    CZI = "czi"
    SAKURA = "sakura"
    PNG = "png"
    JPEG = "jpeg"
    JPEG2000 = "jpeg2000"
    GIF = "gif"
    BMP = "bmp"
    WEBP = "webp"


HEAD_BYTES = 1024

_BY_MAGIC: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"II*\0", FileKind.TIFF),
    (0, b"MM\0*", FileKind.TIFF),
    (0, b"II+\0", FileKind.TIFF),
    (0, b"MM\0+", FileKind.TIFF),
    (128, b"DICM", FileKind.DICOM),
    (0, b"ZISRAWFILE", FileKind.CZI),
    (0, b"\x89PNG\r\n\x1a\n", FileKind.PNG),
    (0, b"\xff\xd8\xff", FileKind.JPEG),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", FileKind.JPEG2000),
    (0, b"\xff\x4f\xff\x51", FileKind.JPEG2000),
    (0, b"GIF87a", FileKind.GIF),
    (0, b"GIF89a", FileKind.GIF),
    (8, b"WEBP", FileKind.WEBP),
    (0, b"BM", FileKind.BMP),
)

_KNOWN_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "This is a ZIP archive; unpack it and add the slide file inside."),
    (b"\x1f\x8b", "This is a gzip archive; unpack it and add the slide file inside."),
    (b"7z\xbc\xaf", "This is a 7z archive; unpack it and add the slide file inside."),
    (b"%PDF", "This is a PDF document, not a slide."),
    (b"\x89HDF", "This is an HDF5 file; export the image as a pyramidal TIFF."),
)

_VMS_HEADINGS = ("[virtual microscope specimen]", "[uncompressed virtual microscope specimen]")
_COMPANION = re.compile(
    rb"^\s*(?:FILE_\d+|INDEXFILE|(?:Image|Map|Optimisation|Macro)[\w(),]*)\s*=(.*)$",
    re.MULTILINE | re.IGNORECASE,
)
_LARGEST_INI = 8 * 1024 * 1024


def file_kind(source: ByteSource) -> FileKind:
    """Return what kind of file it is.

    Raises
    ------
    UnsupportedSlide
        Nobody here can open such a file; the message says what it looks like.
    DamagedSlide
        The file is empty, or names files outside its own folder.
    """
    if source.size == 0:
        raise DamagedSlide("The file is empty.")
    head = source.read(0, min(HEAD_BYTES, source.size))
    path = Path(source.name)
    # A MIRAX slide is told by its folder; the file itself only holds a preview.
    if path.suffix.lower() == ".mrxs":
        _require_near(source)
        return _mirax(path)
    for offset, magic, kind in _BY_MAGIC:
        if head.startswith(magic, offset) and (kind is not FileKind.WEBP or head[:4] == b"RIFF"):
            return kind
    if head.startswith(b"SQLite format 3\0") and path.suffix.lower() == ".svslide":
        return FileKind.SAKURA
    for magic, explanation in _KNOWN_STRANGERS:
        if head.startswith(magic):
            raise UnsupportedSlide(explanation)
    text = _as_text(head)
    if text is None:
        raise UnsupportedSlide("This is not a kind of slide or image file known here.")
    if text.lstrip().lower().startswith(_VMS_HEADINGS):
        _require_near(source)
        _require_companions_inside(
            Path(os.path.realpath(path.parent)), source.read(0, min(source.size, _LARGEST_INI))
        )
        return FileKind.VMS
    if "<DataObject" in text and "DPUfsImport" in text:
        raise UnsupportedSlide(
            "This is a Philips iSyntax file; export it from the vendor's software as TIFF."
        )
    raise UnsupportedSlide("This is a text file, not a slide or an image.")


def _require_near(source: ByteSource) -> None:
    if source.is_remote:
        raise UnsupportedSlide(
            "Slides made of several files can only be read from a local disk; copy this one there."
        )


def _mirax(path: Path) -> FileKind:
    description = path.with_suffix("") / "Slidedat.ini"
    try:
        with description.open("rb") as file:
            content = file.read(_LARGEST_INI)
    except OSError:
        raise UnsupportedSlide(
            "A MIRAX slide needs the folder of the same name beside its .mrxs file; "
            "copy that folder too."
        ) from None
    # By the real name of its parent: a folder that is itself a link leads elsewhere.
    _require_companions_inside(Path(os.path.realpath(path.parent)) / path.stem, content)
    return FileKind.MRXS


def _require_companions_inside(folder: Path, description: bytes) -> None:
    for found in _COMPANION.findall(description):
        name = found.strip()
        if b"/" in name or b"\\" in name or name == b".." or _leads_elsewhere(folder, name):
            raise DamagedSlide("The slide names files outside its own folder.")


def _leads_elsewhere(folder: Path, name: bytes) -> bool:
    if b"\0" in name:
        return True
    inside = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 (names are bytes here)
    return os.path.islink(inside) or os.path.realpath(folder) != str(folder)  # noqa: PTH114 (same)


def _as_text(head: bytes) -> str | None:
    """Return the beginning of a file as text if it is text, else `None`."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        # The head may end within a character of several bytes.
        if len(head) < HEAD_BYTES or error.start < HEAD_BYTES - 3:
            return None
        text = head[: error.start].decode()
    return text if all(c.isprintable() or c.isspace() for c in text) else None
