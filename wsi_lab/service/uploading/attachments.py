"""Files that descriptions of slides link to."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import NamedTuple

from wsi_lab.errors import NotFound
from wsi_lab.model.upload import Attachment
from wsi_lab.service.transaction import is_id
from wsi_lab.store import uploads as rows
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database


class FoundAttachment(NamedTuple):
    """An attachment, and where its bytes lie."""

    attachment: Attachment
    path: Path


class Attachments:
    """Files that descriptions of slides link to; `uploads` is how they are sent.

    Whoever has the link may read the file: it holds 128 bits that nobody can guess, as the
    descriptions are shown to those who may see their slides.

    Parameters
    ----------
    folder
        Where the files lie, by their short ids.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def find(self, attachment_id: int, short_id: str) -> FoundAttachment:
        """Return an attachment that has come.

        Raises
        ------
        NotFound
            There is none, or the short id is not its own; the two look the same.
        """

        def read(connection: Connection) -> Attachment | None:
            return rows.attachment(connection, attachment_id) if is_id(attachment_id) else None

        found = self._database.read(read)
        known = found is not None and secrets.compare_digest(
            found.short_id.encode(), short_id.encode("utf-8", "surrogatepass")
        )
        if found is None or not known or found.finished_on is None:
            raise NotFound("There is no such attachment.")
        return FoundAttachment(found, self._folder / found.short_id)
