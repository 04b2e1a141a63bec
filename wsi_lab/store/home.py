"""The lab's own folder, and whether a database can live there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from wsi_lab.errors import HomeUnusable

NETWORK_FILE_SYSTEMS = frozenset(
    {
        *("9p", "acfs", "afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "cvmfs", "davfs"),
        *("fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs"),
        *("fuse.mount-s3", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse"),
        *("glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs"),
        *("prl_fs", "smb", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs"),
    }
)
"""Where several machines, or a machine and its guest, see one file without sharing memory."""

OVERRIDE_VARIABLE = "WSI_LAB_NETWORK_HOME"
MOUNTS = Path("/proc/self/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Home:
    """Where things lie in a lab's folder."""

    folder: Path

    @property
    def database(self) -> Path:
        """Everything the lab remembers."""
        return self.folder / "lab.sqlite3"

    @property
    def slides(self) -> Path:
        """Slides and configuration files that were uploaded."""
        return self.folder / "slides"

    @property
    def uploads(self) -> Path:
        """Uploads that are not complete yet."""
        return self.folder / "uploads"

    @property
    def annotations(self) -> Path:
        """Annotations that came as files."""
        return self.folder / "annotations"

    @property
    def attachments(self) -> Path:
        """Files that descriptions of slides link to."""
        return self.folder / "attachments"

    @property
    def attached(self) -> Path:
        """Files that are attached to studies, slides, images and shapes."""
        return self.folder / "attached"

    @property
    def cache(self) -> Path:
        """What can be made again; never part of a backup."""
        return self.folder / "cache"


def prepare_home(folder: Path) -> Home:
    """Return the lab's folder, made with access for its owner only where it is missing.

    Raises
    ------
    HomeUnusable
        It cannot be made, is not a folder, or cannot be written.
    """
    home = Home(Path(os.path.abspath(folder)))  # noqa: PTH100 (resolve() would follow links)
    try:
        # The parents of the home are not ours: they get the usual access.
        home.folder.parent.mkdir(parents=True, exist_ok=True)
        for path in (
            *(home.folder, home.slides, home.uploads),
            *(home.annotations, home.attachments, home.attached, home.cache),
        ):
            path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(
            f"The lab's folder cannot be made ({error.strerror}); name another one with --home "
            "or WSI_LAB_HOME."
        ) from error
    if not os.access(home.folder, os.W_OK | os.X_OK):
        raise HomeUnusable(
            "The lab's folder cannot be written; change its permissions, or name another one "
            "with --home or WSI_LAB_HOME."
        )
    return home


def file_system_type(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the kind of file system a path is on, or `None` where the system does not say.

    Parameters
    ----------
    mounts
        The table of mounts, in the form of ``/proc/self/mounts``.
    """
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    real = os.path.realpath(path)
    found, depth = None, -1
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = _OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[1])
        inside = place in {"/", real} or real.startswith(place + "/")
        # Later lines hide earlier ones of the same place.
        if inside and len(place) >= depth:
            found, depth = fields[2], len(place)
    return found


def refuse_network_file_system(
    path: Path, *, accepted: bool = False, mounts: Path = MOUNTS
) -> None:
    """Raise `HomeUnusable` when a database at `path` could be damaged by its file system.

    SQLite's write-ahead log needs memory that all its users share, so all of them must be on
    one machine (https://sqlite.org/wal.html).
    """
    if accepted or os.environ.get(OVERRIDE_VARIABLE, "") not in {"", "0"}:
        return
    kind = file_system_type(path, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise HomeUnusable(
            f"The lab's folder lies on a network file system ({kind}), where its database can be "
            "damaged. Put the home on a local disk (--home or WSI_LAB_HOME); slides may stay "
            f"where they are. If only this one machine ever opens it, set {OVERRIDE_VARIABLE}=1."
        )
