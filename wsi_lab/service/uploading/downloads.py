"""The files of slides, as they are."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from wsi_lab.errors import Invalid, NotFound, SlideMissing
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Slide
from wsi_lab.service.places import unmoved
from wsi_lab.service.transaction import Transaction, Transactions

PIECE_BYTES = 1 << 20
_WITH_A_FOLDER = frozenset({".mrxs"})
"""Slides that are one file and a folder of the same name beside it."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is ready to be read; to be closed.

    Attributes
    ----------
    name
        What it is called.
    size
        Bytes; `None` where that is known only at the end.
    pieces
        Its bytes. To be asked for in a thread.
    """

    name: str
    size: int | None
    pieces: Iterator[bytes]
    opened: BinaryIO | None = None

    def close(self) -> None:
        """Give the file back."""
        if self.opened is not None:
            self.opened.close()


class Downloads:
    """The files of slides, as they are: labels and all."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def slide(self, actor: Actor, slide_id: int, *, study_id: int | None = None) -> Download:
        """Return the file of a slide; one that consists of several files comes as a zip.

        Parameters
        ----------
        study_id
            Where the slide must be, if given.

        Raises
        ------
        NotFound
            There is no such slide, or it is in another study.
        SlideMissing
            Its file is gone.
        Invalid
            It lies in a store elsewhere.
        """

        def read(transaction: Transaction) -> Slide:
            study, slide = transaction.slide(slide_id, Action.SLIDE_DOWNLOAD)
            if study_id is not None and study.id != study_id:
                raise NotFound(f"There is no slide {slide_id} in that study.")
            return slide

        source = self._transactions.read(actor, read).source
        if is_address(source):
            raise Invalid("This slide lies in a store elsewhere; download it from there.")
        path = Path(source)
        if path.suffix.lower() in _WITH_A_FOLDER:
            return Download(f"{path.stem}.zip", None, _zipped(_parts(path)))
        return file_download(path, path.name)


def file_download(path: Path, name: str) -> Download:
    """Return a file that is ready to be read.

    Raises
    ------
    SlideMissing
        It is gone, or somebody has put a link in its place.
    """
    if not unmoved(str(path)):
        raise SlideMissing("The file of this slide is gone.")
    try:
        opened = path.open("rb")
    except OSError as error:
        raise SlideMissing("The file of this slide is gone.") from error
    return Download(name, os.fstat(opened.fileno()).st_size, _read(opened), opened)


def _read(opened: BinaryIO) -> Iterator[bytes]:
    # What is added to the file meanwhile is not part of it.
    left = os.fstat(opened.fileno()).st_size
    while left:
        piece = opened.read(min(PIECE_BYTES, left))
        if not piece:
            return
        left -= len(piece)
        yield piece


def _parts(path: Path) -> list[Path]:
    if not unmoved(str(path)) or not path.is_file():
        raise SlideMissing("The file of this slide is gone.")
    folder = path.with_suffix("")
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path, *(each for each in inside if each.is_file() and not each.is_symlink())]


class _Passing(io.RawIOBase):
    """Takes what a zip file writes until somebody takes it on."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # all that zipfile hands over
        self.held += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self.held)
        self.held.clear()
        return taken


def _zipped(paths: Sequence[Path]) -> Iterator[bytes]:
    root = paths[0].parent
    passing = _Passing()
    with zipfile.ZipFile(passing, "w") as archive:
        for path in paths:
            entry = zipfile.ZipInfo.from_file(path, path.relative_to(root))
            with path.open("rb") as reading, archive.open(entry, "w", force_zip64=True) as writing:
                while piece := reading.read(PIECE_BYTES):
                    writing.write(piece)
                    yield passing.take()
    yield passing.take()
