"""What a server sends, handed over or written into a file."""

from __future__ import annotations

import os
from pathlib import Path

from wsi_lab.errors import Invalid


def handed_over(content: bytes, filename: str | os.PathLike[str] | None) -> bytes | None:
    """Return the content; or write it, where a file is named."""
    if not filename:
        return content
    write(content, filename)
    return None


def write(content: bytes, filename: str | os.PathLike[str]) -> None:
    """Write a file, replacing one that is there."""
    path = Path(filename).expanduser()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Invalid(f"{path.name!r} cannot be written there: {error.strerror}.") from error
