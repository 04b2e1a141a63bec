"""Slides in a local folder by their keys: paths below it, as a bucket would have them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from wsi_lab.errors import SourceUnavailable
from wsi_lab.slides.source import real_path_of

_DRIVE = re.compile(r"[A-Za-z]:")
_DEEPEST = 64
"""Folders in folders: deeper ones are the work of a program that went astray."""

_FOLDERS_WITHOUT_A_WORD = 64
_OPEN_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)

Inode = tuple[int, int]


def keys(root: str, *, prefix: str = "", after: str = "") -> Iterator[str | None]:
    """Yield the keys of all files that `resolve` finds, in the order of their UTF-8 bytes.

    Folders are looked into as late as that order allows, so that a first page is quick. `None`
    stands for many folders in a row without a key: a chance to look at the clock.

    Parameters
    ----------
    prefix
        What keys begin with, letter for letter.
    after
        The key before the first that is wanted.

    Raises
    ------
    SourceUnavailable
        The folder itself is not there, or may not be looked into.
    """
    real = os.path.realpath(root)
    try:
        os.scandir(real).close()
    except (OSError, ValueError):
        raise SourceUnavailable("The folder with the slides is not there now.") from None
    yield from _Walk(real, prefix, after).below("", ())


def resolve(root: str, key: str) -> str | None:
    """Return the real path of the file with a key, without links in it; `None` for anything else.

    That is every key that is not a plain relative path of visible names, and every file that
    does not really lie in the folder. Whoever opens the path compares what was opened with it:
    the file may be swapped in between.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.mkdtemp()
    >>> _ = pathlib.Path(folder, "a.svs").write_bytes(b"II")
    >>> resolve(folder, "a.svs") == os.path.realpath(f"{folder}/a.svs")
    True
    >>> resolve(folder, "b/../a.svs"), resolve(folder, "/etc/passwd"), resolve(folder, "b.svs")
    (None, None, None)
    """
    if not _is_unicode(key) or not all(_may_be_part(part) for part in key.split("/")):
        return None
    inside = _prefix_of(os.path.realpath(root))
    try:
        real = os.path.realpath(inside + key)
        is_file = stat.S_ISREG(os.stat(real).st_mode)  # noqa: PTH116 (text in, text out)
    except (OSError, ValueError):
        return None
    return real if is_file and real.startswith(inside) else None


class _Walk:
    """One walk through a folder."""

    def __init__(self, root: str, prefix: str, after: str) -> None:
        self._inside = _prefix_of(root)
        self._prefix = prefix
        self._after = after.encode("utf-8", "surrogatepass")
        self._folders_without_a_key = 0

    def below(self, folder: str, above: tuple[Inode, ...]) -> Iterator[str | None]:
        """Yield the keys below a folder, ``""`` or with a slash at its end.

        Parameters
        ----------
        above
            The folders it lies in: a link to one of them would never end.
        """
        self._folders_without_a_key += 1
        if self._folders_without_a_key >= _FOLDERS_WITHOUT_A_WORD:
            self._folders_without_a_key = 0
            yield None
        try:
            inode, entries = self._look_into(folder, above)
        except OSError:
            # It was removed meanwhile, or is not for this process; what is elsewhere still is.
            return
        for key in entries:
            if key.endswith("/"):
                yield from self.below(key, (*above, inode))
            else:
                self._folders_without_a_key = 0
                yield key

    def _look_into(self, folder: str, above: tuple[Inode, ...]) -> tuple[Inode, list[str]]:
        """Return who a folder is, and the keys of wanted files and folders in it, in order."""
        # What is open is judged and listed: the name may mean something else by now.
        descriptor = os.open(self._inside + folder, _OPEN_FOLDER)
        try:
            opened = os.fstat(descriptor)
            inode = (opened.st_dev, opened.st_ino)
            place = real_path_of(descriptor, self._inside + folder)
            is_inside = _prefix_of(place).startswith(self._inside)
            if not is_inside or inode in above or len(above) >= _DEEPEST:
                return inode, []
            with os.scandir(descriptor) as entries:
                found = [self._wanted_key(folder, place, entry) for entry in entries]
        finally:
            os.close(descriptor)
        # With its slash a folder stands where the keys below it stand: "a.svs", "a/b.svs", "ab".
        return inode, sorted((key for key in found if key is not None), key=str.encode)

    def _wanted_key(self, folder: str, place: str, entry: os.DirEntry[str]) -> str | None:
        name = entry.name
        if not _is_unicode(name) or not _may_be_part(name):
            return None
        try:
            if entry.is_symlink():
                target = os.path.realpath(_prefix_of(place) + name)
                if not target.startswith(self._inside):
                    return None
            if entry.is_dir():
                key = f"{folder}{name}/"
                return key if self._may_hold_some(key) else None
            key = folder + name
            is_wanted = key.startswith(self._prefix) and key.encode() > self._after
            return key if is_wanted and entry.is_file() else None
        except OSError:
            return None

    def _may_hold_some(self, folder: str) -> bool:
        start = folder.encode()
        return (folder.startswith(self._prefix) or self._prefix.startswith(folder)) and (
            start > self._after or self._after.startswith(start)
        )


def _prefix_of(root: str) -> str:
    return root.rstrip("/") + "/"


def _may_be_part(name: str) -> bool:
    """Return whether a part of a key names a visible file or folder and nothing else."""
    return (
        name != ""
        and not name.startswith(".")
        and "\\" not in name
        and "\0" not in name
        and _DRIVE.match(name) is None
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
