"""The lab's own folder of slides and configuration files."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

from wsi_lab.errors import Conflict, Invalid, SlideMissing, StorageFull, TooLarge
from wsi_lab.model.upload import checked_file_name, checked_folder

LARGEST_TEXT = 64 << 20
"""Bytes of a configuration file."""
LEFT_FOR_THE_LAB = 16 << 20
"""Bytes of the disk that no upload may take: the lab must be able to write down what it does."""

_COPIED_AT_ONCE = 8 << 20
# Where links to files do not exist, or not between these two places.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Files:
    """The lab's own folder of slides and configuration files.

    Configuration files lie in it directly, slides in folders below. Nothing here asks for
    rights: whoever calls has asked. Links that lead out of the folder are as good as not there,
    and so are hidden files.

    Parameters
    ----------
    folder
        Its root.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "study.HTT.scores").write_text("Grade;Integer")
    >>> files = Files(root)
    >>> files.listing(), files.text("study.HTT.scores")
    (['study.HTT.scores'], 'Grade;Integer')
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def root(self) -> Path:
        """The folder itself, without links in its path."""
        return Path(os.path.realpath(self._folder))

    def path(self, folder: str, name: str) -> Path:
        """Return where a file lies or would lie.

        Raises
        ------
        Invalid
            The folder or the name is not one, or leads outside.
        """
        root, folder = self.root, checked_folder(folder)
        other = twin((folder or name).partition("/")[0], self.names())
        if other is not None:
            raise Invalid(
                f"There is '{other}' already, and on some disks names that differ in capital "
                "letters only are the same; use that name, or one that differs more."
            )
        place = Path(os.path.realpath(root / folder))
        found = Path(os.path.realpath(place / checked_file_name(name)))
        if not found.is_relative_to(root) or not place.is_relative_to(root):
            raise Invalid("This leads outside the lab's folder of slides.")
        return found

    def resolve(self, folder: str, name: str) -> Path:
        """Return the real path of a file.

        Raises
        ------
        Invalid
            It is no such path.
        SlideMissing
            There is no such file.
        """
        found = self.path(folder, name)
        if not found.is_file():
            raise SlideMissing(f"There is no file '{name}' in that folder of the lab.")
        return found

    def inside(self, path: str | Path) -> str | None:
        """Return the path of a file below the root, with slashes; `None` for one elsewhere."""
        root = self.root
        found = Path(path)
        return found.relative_to(root).as_posix() if found.is_relative_to(root) else None

    def has_folder(self, folder: str) -> bool:
        """Return whether there is such a folder."""
        folder = checked_folder(folder)
        return not self._is_of_another(folder) and (self.root / folder).is_dir()

    def names(self) -> list[str]:
        """Return the names of all files and folders directly in the root, as the disk has them."""
        try:
            return os.listdir(self._folder)  # noqa: PTH208 (names, not paths)
        except FileNotFoundError:
            return []

    def listing(self, folder: str = "") -> list[str]:
        """Return the names of the files in a folder, sorted; none where there is no folder."""
        root, folder = self.root, checked_folder(folder)
        place = Path(os.path.realpath(root / folder))
        if not place.is_relative_to(root) or self._is_of_another(folder):
            return []
        try:
            with os.scandir(place) as entries:
                return sorted(entry.name for entry in entries if _is_listed(entry, root))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def text(self, name: str, folder: str = "") -> str | None:
        """Return the text of a configuration file; `None` where there is none.

        A byte order mark stays: whoever reads a format drops it.

        Raises
        ------
        TooLarge
            It has more than `LARGEST_TEXT` bytes.
        Invalid
            It is no UTF-8.
        """
        try:
            with self.path(folder, name).open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                data = file.read(LARGEST_TEXT + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        if len(data) > LARGEST_TEXT:
            raise TooLarge(
                f"The file '{name}' has more than {LARGEST_TEXT:,} bytes.", limit=LARGEST_TEXT
            )
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Invalid(f"The file '{name}' is no text in UTF-8.") from error

    def require_space(self, length: int) -> None:
        """Raise `StorageFull` when there is no room for so many bytes more."""
        free = shutil.disk_usage(self._folder).free
        if length > free - LEFT_FOR_THE_LAB:
            raise StorageFull(
                f"The lab's disk has no room for {length:,} bytes. Ask whoever runs the lab to "
                "make some."
            )

    def place(self, temporary: Path, folder: str, name: str) -> Path:
        """Put a complete file in its place and return where that is; see `put`.

        The folder is made where it is missing.

        Raises
        ------
        Conflict
            A folder is in the way of the file, or a file in the way of the folder.
        """
        with disk_in_words():
            target = self.path(folder, name)
            if target.is_dir():
                raise Conflict(f"There is a folder named '{name}'.")
            _make_folders(target.parent, self.root)
            put(temporary, target)
        return target

    def _is_of_another(self, folder: str) -> bool:
        return bool(folder) and twin(folder.partition("/")[0], self.names()) is not None


def twin(name: str, names: Collection[str]) -> str | None:
    """Return which of the names differs in capital letters only, if none is the name itself.

    On some disks the two are one, and what belongs to one study would belong to another.

    Examples
    --------
    >>> twin("htt", ["HTT", "other"]), twin("htt", ["HTT", "htt"])
    ('HTT', None)
    """
    if name in names:
        return None
    wanted = folded(name)
    return next((each for each in names if folded(each) == wanted), None)


def folded(name: str) -> str:
    """Return what is equal for names that some disks take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def put(temporary: Path, target: Path) -> None:
    """Put a complete file in its place, in one step; what was there before is replaced.

    Whoever reads the old one reads on in the old one. The file stays where it was, too, so that
    whoever is killed now can do all of this again: remove it when it is known to be placed. Both
    the file and its new name are on disk when this returns.

    Raises
    ------
    StorageFull
        There is no room.
    """
    between = incoming(temporary, target)
    with disk_in_words():
        try:
            between.unlink(missing_ok=True)
            _link_or_copy(temporary, between)
            # Two names of one file: to rename one to the other does nothing at all.
            if not (target.exists() and target.samefile(between)):
                between.replace(target)
        finally:
            between.unlink(missing_ok=True)
        sync_folder(target.parent)


def incoming(temporary: Path, target: Path) -> Path:
    """Return the hidden name that `put` uses on the way; it may be left when it is killed."""
    return target.with_name(f".{temporary.name}.incoming")


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with source.open("rb") as reading, target.open("xb") as writing:
            shutil.copyfileobj(reading, writing, _COPIED_AT_ONCE)
            writing.flush()
            os.fsync(writing.fileno())


def _make_folders(folder: Path, root: Path) -> None:
    if folder == root or folder.is_dir():
        return
    _make_folders(folder.parent, root)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise Conflict(f"There is a file named '{folder.name}'.") from error
    sync_folder(folder.parent)


def _is_listed(entry: os.DirEntry[str], root: Path) -> bool:
    if entry.name.startswith(".") or not entry.is_file():
        return False
    return not entry.is_symlink() or Path(os.path.realpath(entry.path)).is_relative_to(root)


@contextlib.contextmanager
def disk_in_words() -> Iterator[None]:
    """Say in words what the disk refuses: `StorageFull`, or `Invalid` for a name too long."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("The lab's disk is full.") from error
        if error.errno == errno.ENAMETOOLONG:
            raise Invalid("This name is too long for the lab's disk.") from error
        raise
