"""Files of the machine that the client runs on."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

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


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written, all of it or none: what was there stays until the end.

    Raises
    ------
    Invalid
        It cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise Invalid(f"The file {path.name!r} cannot be written here.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
