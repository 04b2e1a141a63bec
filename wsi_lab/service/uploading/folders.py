"""Which of the lab's own files a study may be made of, and how they are named outside."""

from __future__ import annotations

from pathlib import PurePosixPath

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.people import Action, Resource, may
from wsi_lab.model.study import Study
from wsi_lab.model.upload import checked_file_name, checked_folder
from wsi_lab.service.transaction import Transaction
from wsi_lab.service.uploading.files import Files, folded
from wsi_lab.store import studies as study_rows

ROOT_WORD = "images"
"""What the lab's folder of slides is called outside."""


def place_of(path: str, *, start: str = "") -> tuple[str, str]:
    r"""Return folder and name of one of the lab's files.

    Parameters
    ----------
    path
        From the lab's folder of slides on, with ``images/`` before it or without, and with
        either slash.
    start
        A folder that the path leads on from instead; ``..`` may then lead to one beside it.

    Raises
    ------
    Invalid
        It leads outside, or is no path of a file.

    Examples
    --------
    >>> place_of("images\\HTT\\1.svs"), place_of("../old/1.svs", start="HTT")
    (('HTT', '1.svs'), ('old', '1.svs'))
    """
    path = path.strip().replace("\\", "/")
    if path.startswith("/"):
        raise Invalid("A file is named from the lab's folder of slides on, without a slash first.")
    parts: list[str] = [start] if start else []
    for part in PurePosixPath(path).parts:
        if part != "..":
            parts.append(part)
        elif parts and start:
            parts.pop()
        else:
            raise Invalid("A file's path may not lead outside with '..'.")
    if not start and len(parts) > 1 and parts[0].lower() == ROOT_WORD:
        del parts[0]
    if not parts:
        raise Invalid("Name a file.")
    return checked_folder("/".join(parts[:-1])), checked_file_name(parts[-1])


def split(inside: str) -> tuple[str, str]:
    """Return folder and name of a path below the lab's folder of slides.

    Examples
    --------
    >>> split("HTT/1.svs"), split("1.svs")
    (('HTT', '1.svs'), ('', '1.svs'))
    """
    folder, _, name = inside.rpartition("/")
    return folder, name


def outside_name(files: Files, source: str) -> str:
    """Return how a slide's file is named outside: ``images/…``, or in full if it is not ours.

    Examples
    --------
    >>> from pathlib import Path
    >>> outside_name(Files(Path("/lab/slides")), "/archive/1.svs")
    '/archive/1.svs'
    """
    inside = files.inside(source)
    return source if inside is None else f"{ROOT_WORD}/{inside}"


def require_free_name(transaction: Transaction, files: Files, name: str) -> None:
    """Raise `NotAllowed` unless the asker may give that name to a study.

    With the name goes what lies in the lab's folder under it: files of a study that was
    removed or renamed, or that somebody has put there. Those are for site administrators.
    """
    if transaction.actor.user.is_admin:
        return
    wanted = folded(name)
    for each in files.names():
        found = folded(each)
        if found == wanted or found.startswith(f"study.{wanted}."):
            raise NotAllowed(
                f"The lab has files that belong to a study named '{name}'; only a site "
                "administrator may give a study this name."
            )


def require_folder(transaction: Transaction, study: Study | str, folder: str) -> None:
    """Raise `NotAllowed` unless slides of a study may be made of the files in a folder.

    What lies in another study's folder is for those who may see everything there: whoever
    makes a slide of a file sees all of it. What lies nowhere is for site administrators.

    Parameters
    ----------
    study
        The study, or the name of one that is to be made.
    """
    owner_name = folder.partition("/")[0]
    if owner_name and owner_name == (study if isinstance(study, str) else study.name):
        return
    owner = study_rows.study_by_name(transaction.connection, owner_name)
    if owner is None:
        resource = Resource(study_name=owner_name)
        allowed = may(transaction.actor, Action.CASE_PRIVATE, resource).allowed
    else:
        allowed = all(
            transaction.may(action, owner) for action in (Action.STUDY_VIEW, Action.CASE_PRIVATE)
        )
    if not allowed:
        raise NotAllowed(
            f"'{owner_name or 'images'}' is not the folder of this study; using its files needs "
            "the right 'private' in the study of that name, or a site administrator."
        )
