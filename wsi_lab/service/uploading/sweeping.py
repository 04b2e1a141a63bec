"""Uploads that nobody goes on with, and what crashes leave of others."""

from __future__ import annotations

from datetime import datetime

from wsi_lab.errors import Invalid
from wsi_lab.model.upload import Purpose, Upload
from wsi_lab.service.uploading.announcing import LIFETIME
from wsi_lab.service.uploading.files import Files, incoming
from wsi_lab.service.uploading.sending import MARK
from wsi_lab.store import uploads as rows
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database
from wsi_lab.store.home import Home
from wsi_lab.store.partial import partial_names, remove_partial


def sweep(database: Database, files: Files, home: Home, now: datetime) -> None:
    """Remove uploads whose time is over, and files in the home that no row knows."""
    # Files are listed before rows are read: a row is there before its file is.
    names = partial_names(home.uploads)
    attachment_names = partial_names(home.attachments)
    announced_before = now - LIFETIME
    expired, late = database.read(
        lambda connection: (
            rows.expired_uploads(connection, now),
            rows.late_attachments(connection, announced_before),
        )
    )
    gone = [upload.id for upload in expired if _remove_files(upload, files, home)]

    def forget(connection: Connection) -> None:
        for upload_id in gone:
            rows.remove_upload(connection, upload_id)
        rows.remove_late_attachments(connection, announced_before)
        rows.revoke_expired_tokens(connection, now, first_folder=MARK)

    if gone or late:
        database.write(forget)
    unfinished, known = database.read(
        lambda connection: (
            rows.unfinished_uploads(connection),
            rows.attachment_names(connection),
        )
    )
    for name in names - unfinished:
        remove_partial(home.uploads / name)
    under_way = {f".{upload_id}.incoming" for upload_id in unfinished}
    for name in attachment_names - known - under_way:
        (home.attachments / name).unlink(missing_ok=True)


def _remove_files(upload: Upload, files: Files, home: Home) -> bool:
    path = home.uploads / upload.id
    if not remove_partial(path):
        return False
    if upload.purpose is Purpose.FILE:
        try:
            target = files.path(upload.folder, upload.file_name)
        except Invalid:
            # Somebody has put a link there meanwhile.
            return True
        incoming(path, target).unlink(missing_ok=True)
    return True
