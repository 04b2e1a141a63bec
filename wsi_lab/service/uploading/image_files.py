"""Files that are sent to the lab in one piece: where they lie before and after they are whole."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from wsi_lab.errors import Busy, NotAllowed, NotFound, TooLarge
from wsi_lab.model.people import Action
from wsi_lab.model.upload import LARGEST_UPLOAD, checked_file_name
from wsi_lab.service.seen import seen_studies
from wsi_lab.service.transaction import Transaction
from wsi_lab.service.uploading.announcing import LIFETIME
from wsi_lab.service.uploading.files import Files
from wsi_lab.store.home import Home
from wsi_lab.store.partial import Partial, make_partial, remove_partial

_ATTEMPTS = 5


class Arriving:
    """A file that is being sent, to become an image or be attached; to be closed, and gone then.

    Attributes
    ----------
    file_name
        What it is called where it comes from.
    """

    def __init__(self, path: Path, file_name: str) -> None:
        self.file_name = file_name
        self.path = path
        self._partial = _begun(path)

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self._partial.size

    def write(self, pieces: Sequence[bytes]) -> None:
        """Keep what has come.

        Raises
        ------
        TooLarge, StorageFull
            There is no room for it.
        """
        if self.size + sum(map(len, pieces)) > LARGEST_UPLOAD:
            raise _too_large()
        self._partial.append(pieces)

    def sync(self) -> None:
        """Have everything written to disk."""
        self._partial.sync()

    def close(self) -> None:
        """Forget what was sent; what became of it stays. Twice is once."""
        self._partial.close()
        remove_partial(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ImageFiles:
    """Where images lie that were sent in one piece.

    Each has a folder of its own among the lab's slides, below one of its sender's, which is named
    by their number: no study can be called so.
    """

    def __init__(self, files: Files, home: Home) -> None:
        self._files = files
        self._home = home

    def begin(self, file_name: str, length: int | None) -> Arriving:
        """Return a file to write to.

        Parameters
        ----------
        length
            Bytes that will come, as far as that is known.

        Raises
        ------
        Invalid
            The name is not one.
        TooLarge, StorageFull
            There is no room for it.
        """
        file_name = checked_file_name(file_name)
        if (length or 0) > LARGEST_UPLOAD:
            raise _too_large()
        self._files.require_space(length or 0)
        return Arriving(self._home.uploads / secrets.token_hex(16), file_name)

    def place(self, arriving: Arriving, user_id: int) -> Path:
        """Put a file that has come in its place, and return where that is."""
        arriving.sync()
        folder = f"{user_id}/{secrets.token_hex(8)}"
        return self._files.place(arriving.path, folder, arriving.file_name)

    def remove(self, path: Path) -> None:
        """Remove an image that was placed, with its folder; nothing of files that lie elsewhere."""
        inside = self._files.inside(path)
        if inside is not None and _is_place(inside):
            shutil.rmtree(path.parent, ignore_errors=True)

    def sweep(self, user_id: int, known: Collection[str]) -> None:
        """Remove what crashes left of images of somebody's.

        Parameters
        ----------
        known
            The paths of those that there are.
        """
        own = self._files.root / str(user_id)
        if not own.is_dir():
            return
        folders = {Path(each).parent for each in known}
        for folder in own.iterdir():
            left = folder not in folders and not folder.is_symlink()
            if left and _is_place(f"{user_id}/{folder.name}/x") and is_old(folder):
                shutil.rmtree(folder, ignore_errors=True)


def require_sending(transaction: Transaction, study_ids: Collection[int]) -> None:
    """Raise unless the asker may send images, for these studies or for none.

    Raises
    ------
    NotFound
        There is no such study, or they may not know that there is.
    NotAllowed
        They may not.
    """
    token = transaction.actor.token
    if token is not None and token.folders:
        raise NotAllowed("This token may upload into certain folders only, and not into this one.")
    for each in study_ids:
        for action in (Action.FILE_UPLOAD, Action.SLIDE_ADD_UPLOADED):
            transaction.study(each, action)
    if study_ids or transaction.may(Action.FILE_UPLOAD):
        return
    if token is not None and (token.read_studies or token.modify_studies):
        raise NotAllowed("A token limited to certain studies may send images for these only.")
    if not any(transaction.may(Action.FILE_UPLOAD, each) for each in seen_studies(transaction)):
        raise NotAllowed("To send images you need the right 'edit' in some study.")


def is_old(path: Path) -> bool:
    """Return whether a file or folder lies unchanged for longer than an upload may take."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime < time.time() - LIFETIME.total_seconds()
    return False


def _begun(path: Path) -> Partial:
    for _ in range(_ATTEMPTS):
        make_partial(path)
        try:
            return Partial(path)
        except NotFound:
            # Between the two it looked like one that a crash had left, and was swept away.
            continue
    raise Busy("The lab is tidying up its uploads; send the file again.")


def _is_place(inside: str) -> bool:
    parts = inside.split("/")
    is_own = len(parts) == 3 and parts[0].isdecimal() and len(parts[1]) == 16
    return is_own and set(parts[1]) <= set("0123456789abcdef")


def _too_large() -> TooLarge:
    return TooLarge(f"A file may have at most {LARGEST_UPLOAD:,} bytes.", limit=LARGEST_UPLOAD)
