"""Who may send which file where, and tokens that are good for one file only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.formats.slidescore_config import file_kind
from wsi_lab.model.people import Action, Capability, Resource, Token, may
from wsi_lab.model.upload import Purpose, checked_file_name, checked_folder
from wsi_lab.service.people import TOKEN_PREFIX
from wsi_lab.store import people, studies

if TYPE_CHECKING:
    from wsi_lab.model.study import Study
    from wsi_lab.model.upload import Upload
    from wsi_lab.service.transaction import Transaction
    from wsi_lab.service.uploading.files import Files

# No study, folder or token of people's making can be called so: names hold no such character.
MARK = "\x1f"


def studies_of_file(folder: str, file_name: str) -> list[str]:
    """Return the names of the studies that a file of the lab may belong to, by where it lies.

    Names of studies may hold dots, so that a configuration file may be one of several studies';
    the first is the likely one.

    Examples
    --------
    >>> studies_of_file("HTT/mirax", "Data0001.dat"), studies_of_file("", "study.HTT.scores")
    (['HTT'], ['HTT'])
    >>> studies_of_file("", "study.a.map.b.scores"), studies_of_file("", "notes.txt")
    (['a.map.b', 'a'], [])
    """
    if folder:
        return [folder.partition("/")[0]]
    likely = file_kind(file_name)
    if likely is None:
        return []
    parts = file_name.split(".")[1:]
    others = [".".join(parts[:count]) for count in range(1, len(parts))]
    return [
        likely.study,
        *(
            each
            for each in others
            if each != likely.study and file_kind(file_name, study=each) is not None
        ),
    ]


def folder_of(transaction: Transaction, folder: str, study_id: int | None) -> str:
    """Return the folder somebody means; none and a study is the folder named like the study.

    Raises
    ------
    Invalid
        It is no folder, or the study's name cannot be one.
    NotFound
        There is no such study.
    """
    folder = checked_folder(folder)
    if study_id is None:
        return folder
    study = transaction.study(study_id, Action.FILE_UPLOAD)
    return folder or checked_file_name(study.name)


def require_upload(
    transaction: Transaction, files: Files, folder: str, file_name: str
) -> Study | None:
    """Return the study that a file belongs to, if there is one.

    Raises
    ------
    NotAllowed
        The asker may not send this file there.
    """
    names = studies_of_file(folder, file_name)
    found = [studies.study_by_name(transaction.connection, name) for name in names]
    study = found[0] if found else None
    if not names:
        allowed = transaction.may(Action.FILE_UPLOAD)
    else:
        allowed = study is not None or _may_for_new(transaction, names[0])
    needed = {Action.FILE_UPLOAD}
    if not folder and file_name.lower().endswith(".emails"):
        # It makes members, and whoever imports it need not have read it.
        needed.add(Action.STUDY_PUBLISH)
    allowed = allowed and all(
        transaction.may(need, each) for each in found if each for need in needed
    )
    if not allowed:
        # The same for a study that there is and for one that there is not.
        raise NotAllowed(
            "You may not send this file there: that needs the capability 'upload' of your token "
            "and the right 'edit' in the study that the folder or the file is named after, for a "
            "list of its members 'admin'. Where there is no such study, only site administrators "
            "may."
        )
    files.path(folder, file_name)
    token = transaction.actor.token
    if token is not None:
        _check_folders(token, files, folder)
    return study


def require_again(transaction: Transaction, files: Files, upload: Upload) -> None:
    """Raise `NotAllowed` when the right to send this was taken away since it was announced."""
    if upload.purpose is Purpose.FILE:
        require_upload(transaction, files, upload.folder, upload.file_name)
    elif upload.purpose is Purpose.ATTACHMENT:
        # The token is good for the file; whether its owner may edit the study, it cannot tell.
        owner = replace(transaction.actor, token=None)
        if not may(owner, Action.STUDY_EDIT, Resource(upload.study_id)).allowed:
            raise NotAllowed("You may not send files for descriptions to this study any more.")


def new_secret() -> str:
    """Return the text of a token of the lab."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """Return what is stored of a token's text."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def token_for(transaction: Transaction, thing: str, *, lifetime: timedelta) -> tuple[Token, str]:
    """Make a token of the asker that may send one thing and nothing else.

    Parameters
    ----------
    thing
        ``"attachment 7"`` or ``"upload 0123…"``.
    """
    text = new_secret()
    nowhere = frozenset({MARK})
    own = transaction.actor.token
    expires_on = transaction.now + lifetime
    if own is not None and own.expires_on is not None:
        expires_on = min(expires_on, own.expires_on)
    token = people.add_token(
        transaction.connection,
        transaction.actor.user.id,
        thing,
        hash_of(text),
        capabilities=frozenset({Capability.UPLOAD}),
        read_studies=nowhere,
        modify_studies=nowhere,
        folders=frozenset({MARK + thing}),
        created_on=transaction.now,
        expires_on=expires_on,
    )
    transaction.record("create", "token", token.id, after=token)
    return token, text


def thing_of(token: Token | None) -> str | None:
    """Return what a token of `token_for` may send; `None` for any other token."""
    marked = [word for word in token.folders if word.startswith(MARK)] if token else []
    return marked[0].removeprefix(MARK) if marked else None


def _may_for_new(transaction: Transaction, name: str) -> bool:
    try:
        transaction.require_for_new(Action.FILE_UPLOAD, name)
    except NotAllowed:
        return False
    return True


def _check_folders(token: Token, files: Files, folder: str) -> None:
    if token.folders and not any(_holds(limit, folder) for limit in token.folders):
        raise NotAllowed("This token may upload into certain folders only, and not into this one.")
    if folder and Capability.FOLDERS not in token.capabilities and not files.has_folder(folder):
        raise NotAllowed(
            "There is no such folder yet, and this token lacks the capability 'folders'."
        )


def _holds(limit: str, folder: str) -> bool:
    try:
        limit = checked_folder(limit)
    except Invalid:
        return False
    return bool(limit) and (folder == limit or folder.startswith(f"{limit}/"))
