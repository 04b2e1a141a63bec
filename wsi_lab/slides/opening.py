"""Which reader opens which file. Runs inside worker processes only."""

from __future__ import annotations

import os
import stat

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides.file_kinds import FileKind
from wsi_lab.slides.preflight import preflight
from wsi_lab.slides.readers.openslide import OpenSlideReader, vendor_of
from wsi_lab.slides.readers.picture import PILLOW_FORMATS, PictureReader
from wsi_lab.slides.sampling import LevelReader
from wsi_lab.slides.source import SlideFile


def open_slide(path: str) -> LevelReader:
    """Open a slide with the library that shows its kind rightly.

    OpenSlide comes first wherever a scanner's maker is recognised; TIFFs of no maker are read
    by their numbers, ordinary pictures by Pillow, and DICOM that OpenSlide does not understand
    by large-image.

    Raises
    ------
    UnsupportedSlide
        Not a kind of slide that can be read.
    DamagedSlide
        It is of a kind that can be read, and broken.
    SlideMissing
        There is no such file, or it may not be read.
    """
    with SlideFile(path) as file:
        kind = preflight(file).kind
    if kind in PILLOW_FORMATS:
        return PictureReader(path, kind)
    if kind is FileKind.TIFF and vendor_of(path) in {None, "generic-tiff"}:
        return _tiff(path)
    if kind is FileKind.DICOM:
        return _dicom(path)
    return OpenSlideReader(path)


def open_by_openslide(path: str) -> OpenSlideReader:
    """Open a slide with OpenSlide, whatever shows its kind best.

    Raises
    ------
    UnsupportedSlide
        OpenSlide does not know such files.
    DamagedSlide, SlideMissing
        As for `open_slide`.
    """
    with SlideFile(path) as file:
        kind = preflight(file).kind
    if kind is FileKind.DICOM:
        _require_files_beside(path)
    return OpenSlideReader(path)


def _tiff(path: str) -> LevelReader:
    # tifffile takes a fifth of a second to import, and slides of scanners do not need it.
    from wsi_lab.slides.readers.any_tiff import AnyTiffReader  # noqa: PLC0415 (see above)
    from wsi_lab.slides.readers.oriented import UPRIGHT, OrientedReader  # noqa: PLC0415 (too)

    reader = AnyTiffReader(path)
    if reader.orientation == UPRIGHT:
        return reader
    return OrientedReader(reader, reader.orientation)


def _dicom(path: str) -> LevelReader:
    _require_files_beside(path)
    try:
        return OpenSlideReader(path)
    except UnsupportedSlide as refusal:
        # Not when it is damaged: what lies behind large-image shows cut frames in grey.
        # Imported here because it takes a second.
        from wsi_lab.slides.readers.large_image import LargeImageReader  # noqa: PLC0415 (see above)

        try:
            return LargeImageReader(path, "dicom")
        except UnsupportedSlide:
            raise refusal from None


def _require_files_beside(path: str) -> None:
    # The libraries open whatever lies beside a DICOM file, and wait in a pipe for ever.
    folder = os.path.realpath(os.path.dirname(path))  # noqa: PTH120 (text in)
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_pipe_or_device(entry.path):
                raise DamagedSlide(
                    "Beside this DICOM file lies a pipe or a device; move the slide's files into "
                    "a folder of their own."
                )
            if entry.is_symlink() and _is_dicom_elsewhere(entry.path, folder):
                raise DamagedSlide(
                    "Beside this DICOM file lies a link to one in another folder, which could "
                    "become part of the slide; put the files themselves into one folder."
                )


def _is_pipe_or_device(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (text in)
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _is_dicom_elsewhere(link: str, folder: str) -> bool:
    target = os.path.realpath(link)
    if os.path.dirname(target) == folder or not os.path.isfile(target):  # noqa: PTH113, PTH120 (text in)
        return False
    try:
        with open(target, "rb") as file:  # noqa: PTH123 (text in)
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
