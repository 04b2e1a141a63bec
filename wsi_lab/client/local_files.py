"""Files of the machine that the client runs on."""

from __future__ import annotations

from pathlib import Path

from wsi_lab.errors import Invalid


def content_of(path: Path, most: int) -> bytes:
    """Return the bytes of a file, of which there may be so many at most.

    Raises
    ------
    Invalid
        There is none that can be read, or it is larger.
    """
    try:
        if path.stat().st_size > most:
            raise Invalid(f"'{path.name}' is larger than {most >> 20} MiB.")
        return path.read_bytes()
    except OSError as error:
        raise Invalid(
            f"There is no file '{path.name}' on this machine that can be read."
        ) from error
