"""Slides in a local folder by their keys: paths below it, as a bucket would have them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from wsi_lab.errors import SourceUnavailable

_DRIVE = re.compile(r"[A-Za-z]:")
_DEEPEST = 64
"""Folders in folders: deeper ones are the work of a program that went astray."""

Inode = tuple[int, int]


def keys(root: str, *, prefix: str = "", after: str = "") -> Iterator[str]:
    """Yield the keys of all files that `resolve` finds, in the order of their UTF-8 bytes.

    Folders are looked into as late as that order allows, so that a first page is quick.

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
        found = os.stat(real)  # noqa: PTH116 (text in, text out)
        os.scandir(real).close()
    except (OSError, ValueError):
        raise SourceUnavailable("The folder with the slides is not there now.") from None
    yield from _Walk(real, prefix, after).below("", ((found.st_dev, found.st_ino),))


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

    def below(self, folder: str, above: tuple[Inode, ...]) -> Iterator[str]:
        """Yield the keys below a folder, ``""`` or with a slash at its end.

        Parameters
        ----------
        above
            The folder and those it lies in: a link to one of them would never end.
        """
        for key in self._entries(folder):
            if not key.endswith("/"):
                yield key
                continue
            try:
                found = os.stat(self._inside + key)  # noqa: PTH116 (text in, text out)
            except OSError:
                continue
            inode = (found.st_dev, found.st_ino)
            if inode not in above and len(above) < _DEEPEST:
                yield from self.below(key, (*above, inode))

    def _entries(self, folder: str) -> list[str]:
        """Return the keys of wanted files, and of folders that may hold some, in order."""
        found: list[str] = []
        try:
            with os.scandir(self._inside + folder) as entries:
                for entry in entries:
                    key = self._wanted_key(folder, entry)
                    if key is not None:
                        found.append(key)
        except OSError:
            # It was removed meanwhile, or is not for this process; what is elsewhere still is.
            return []
        # With its slash a folder stands where the keys below it stand: "a.svs", "a/b.svs", "ab".
        return sorted(found, key=str.encode)

    def _wanted_key(self, folder: str, entry: os.DirEntry[str]) -> str | None:
        name = entry.name
        if not _is_unicode(name) or not _may_be_part(name):
            return None
        try:
            if entry.is_symlink() and not os.path.realpath(entry.path).startswith(self._inside):
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
