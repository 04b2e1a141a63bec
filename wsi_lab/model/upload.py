"""Files that are sent to the lab: where they may go, and how far they have come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wsi_lab.errors import Invalid

LONGEST_FILE_NAME_BYTES = 200
DEEPEST_FOLDER = 2
LARGEST_UPLOAD = 1 << 40
"""Bytes. The disk is what limits it."""

_UNWANTED = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028-\u202e\u2066-\u2069\ud800-\udfff]')


class Purpose(StrEnum):
    """What becomes of an upload when it is complete."""

    FILE = "file"
    """A slide or a configuration file, in one of the lab's folders."""
    ANNOTATION = "annotation"
    ATTACHMENT = "attachment"


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload, announced, under way or finished.

    Attributes
    ----------
    id
        32 hexadecimal digits.
    folder, file_name
        Where it goes in the lab's folder of slides; the folder is empty for the root.
    length
        Bytes; `None` before the transfer begins.
    """

    id: str
    user_id: int
    token_id: int | None
    purpose: Purpose
    folder: str
    file_name: str
    study_id: int | None
    annotation_uuid: str | None
    attachment_id: int | None
    length: int | None
    created_on: datetime
    expires_on: datetime
    finished_on: datetime | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that the description of a slide links to.

    Attributes
    ----------
    short_id
        32 hexadecimal digits that nobody can guess: whoever has the link may read the file.
    name
        What it was called where it came from.
    """

    id: int
    study_id: int
    short_id: str
    name: str
    size: int
    created_on: datetime
    created_by: int
    finished_on: datetime | None


def checked_file_name(name: str) -> str:
    """Return the name of a file, without any folder.

    Raises
    ------
    Invalid
        It is empty, hidden, too long, or holds separators or characters no file should have.

    Examples
    --------
    >>> checked_file_name("CMU-1.svs")
    'CMU-1.svs'
    """
    if not name:
        raise Invalid("A file needs a name.")
    if _UNWANTED.search(name) or name.startswith(".") or name != name.strip(" ."):
        raise Invalid(
            'A file name has no separators, no characters such as : * ? " < > |, and does not '
            "begin or end with a dot or a blank."
        )
    if len(name.encode()) > LONGEST_FILE_NAME_BYTES:
        raise Invalid(f"A file name may have at most {LONGEST_FILE_NAME_BYTES} bytes.")
    return name


def checked_folder(folder: str) -> str:
    """Return a folder below the lab's folder of slides, without ``./`` and slashes around it.

    Either slash will do. Empty is the root.

    Raises
    ------
    Invalid
        It leads outside, or is deeper than `DEEPEST_FOLDER`.

    Examples
    --------
    >>> checked_folder("./test/")
    'test'
    """
    folder = folder.strip().replace("\\", "/")
    if folder.startswith("/"):
        raise Invalid(
            "A folder is named from the lab's folder of slides on, without a slash before it."
        )
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise Invalid("A folder may not lead outside with '..'.")
    if len(parts) > DEEPEST_FOLDER:
        raise Invalid(f"Folders may be at most {DEEPEST_FOLDER} deep.")
    return "/".join(checked_file_name(part) for part in parts)
