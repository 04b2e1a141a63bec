"""The files of a folder on this machine that can be taken over into the lab's own."""

from __future__ import annotations

import os
from pathlib import Path

from wsi_lab.errors import Invalid
from wsi_lab.model.upload import DEEPEST_FOLDER, checked_file_name, checked_folder


def files_below(folder: Path) -> list[tuple[Path, str]]:
    """Return the files of a folder, and the folder below it that each lies in.

    Hidden files and folders are left out.

    Raises
    ------
    Invalid
        Some have names or lie in folders that the lab's could not have; ``problems`` names
        each.
    OSError
        The folder cannot be read.
    """
    found: list[tuple[Path, str]] = []
    problems: list[str] = []

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        below = Path(place).relative_to(folder)
        for name in sorted(names):
            if name.startswith("."):
                continue
            try:
                found.append((_checked_file(place, name), _checked(below)))
            except Invalid as error:
                problems.append(f"{below / name}: {error.message}")
    if problems:
        raise Invalid(f"Nothing was imported: {problems[0]}", problems=problems)
    return found


def _checked_file(place: str, name: str) -> Path:
    path = Path(place, checked_file_name(name))
    if not path.is_file():
        # To copy a pipe is to wait for ever, and a link may lead nowhere.
        raise Invalid("This is no file that can be copied.")
    return path


def _checked(below: Path) -> str:
    if len(below.parts) > DEEPEST_FOLDER:
        raise Invalid(f"Folders may be at most {DEEPEST_FOLDER} deep.")
    return checked_folder(below.as_posix())
