"""Uploads and attachments: rows <-> model."""

from __future__ import annotations

from datetime import datetime

from wsi_lab.model.upload import Attachment, Purpose, Upload
from wsi_lab.store.columns import maybe_time_of, maybe_time_text, time_of, time_text, words_text
from wsi_lab.store.connection import Connection, Row


def add_upload(connection: Connection, upload: Upload, sha256: bytes) -> None:
    """Store an upload by the hash of its token's text."""
    connection.execute(
        "INSERT INTO uploads (id, sha256, user_id, token_id, purpose, folder, file_name, study_id, "
        "annotation_uuid, attachment_id, length, created_on, expires_on, finished_on) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            upload.id,
            sha256,
            upload.user_id,
            upload.token_id,
            upload.purpose.value,
            upload.folder,
            upload.file_name,
            upload.study_id,
            upload.annotation_uuid,
            upload.attachment_id,
            upload.length,
            time_text(upload.created_on),
            time_text(upload.expires_on),
            maybe_time_text(upload.finished_on),
        ),
    )


def upload(connection: Connection, upload_id: str) -> Upload | None:
    """Return an upload by its id."""
    row = connection.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
    return None if row is None else _upload(row)


def upload_by_sha256(connection: Connection, sha256: bytes) -> Upload | None:
    """Return an upload by the hash of its token's text."""
    row = connection.execute("SELECT * FROM uploads WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else _upload(row)


def update_upload(connection: Connection, upload: Upload) -> None:
    """Store what may change of an upload: its length and its times."""
    connection.execute(
        "UPDATE uploads SET length = ?, expires_on = ?, finished_on = ? WHERE id = ?",
        (
            upload.length,
            time_text(upload.expires_on),
            maybe_time_text(upload.finished_on),
            upload.id,
        ),
    )


def remove_upload(connection: Connection, upload_id: str) -> None:
    """Forget an upload."""
    connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))


def expired_uploads(connection: Connection, now: datetime) -> list[Upload]:
    """Return the uploads whose time is over, finished or not."""
    query = "SELECT * FROM uploads WHERE expires_on <= ?"
    return [_upload(row) for row in connection.execute(query, (time_text(now),))]


def unfinished_uploads(connection: Connection) -> set[str]:
    """Return the ids of the uploads that are not finished."""
    query = "SELECT id FROM uploads WHERE finished_on IS NULL"
    return {upload_id for (upload_id,) in connection.execute(query)}


def add_attachment(
    connection: Connection,
    study_id: int,
    short_id: str,
    name: str,
    *,
    created_on: datetime,
    created_by: int,
) -> Attachment:
    """Store an attachment that is announced, and return it."""
    row = connection.execute(
        "INSERT INTO attachments (study_id, short_id, name, size, created_on, created_by) "
        "VALUES (?, ?, ?, 0, ?, ?) RETURNING *",
        (study_id, short_id, name, time_text(created_on), created_by),
    ).fetchone()
    return _attachment(row)


def attachment(connection: Connection, attachment_id: int) -> Attachment | None:
    """Return an attachment by its id."""
    row = connection.execute("SELECT * FROM attachments WHERE id = ?", (attachment_id,)).fetchone()
    return None if row is None else _attachment(row)


def finish_attachment(
    connection: Connection, attachment_id: int, size: int, finished_on: datetime
) -> None:
    """Store that an attachment has come."""
    connection.execute(
        "UPDATE attachments SET size = ?, finished_on = ? WHERE id = ?",
        (size, time_text(finished_on), attachment_id),
    )


def late_attachments(connection: Connection, announced_before: datetime) -> int:
    """Return how many attachments were announced before that and have not come."""
    (count,) = connection.execute(
        "SELECT count(*) FROM attachments WHERE finished_on IS NULL AND created_on <= ?",
        (time_text(announced_before),),
    ).fetchone()
    return int(count)


def remove_late_attachments(connection: Connection, announced_before: datetime) -> None:
    """Forget attachments that were announced before that and have not come."""
    connection.execute(
        "DELETE FROM attachments WHERE finished_on IS NULL AND created_on <= ?",
        (time_text(announced_before),),
    )


def revoke_expired_tokens(connection: Connection, now: datetime, *, first_folder: str) -> None:
    """End the tokens that have expired and whose first folder begins so."""
    start = words_text([first_folder]).removesuffix('"]')
    connection.execute(
        "UPDATE tokens SET revoked_on = :now WHERE revoked_on IS NULL AND expires_on <= :now "
        "AND substr(folders, 1, length(:start)) = :start",
        {"now": time_text(now), "start": start},
    )


def attachment_names(connection: Connection) -> set[str]:
    """Return the short ids of all attachments."""
    return {short_id for (short_id,) in connection.execute("SELECT short_id FROM attachments")}


def _upload(row: Row) -> Upload:
    return Upload(
        id=row["id"],
        user_id=row["user_id"],
        token_id=row["token_id"],
        purpose=Purpose(row["purpose"]),
        folder=row["folder"],
        file_name=row["file_name"],
        study_id=row["study_id"],
        annotation_uuid=row["annotation_uuid"],
        attachment_id=row["attachment_id"],
        length=row["length"],
        created_on=time_of(row["created_on"]),
        expires_on=time_of(row["expires_on"]),
        finished_on=maybe_time_of(row["finished_on"]),
    )


def _attachment(row: Row) -> Attachment:
    return Attachment(
        id=row["id"],
        study_id=row["study_id"],
        short_id=row["short_id"],
        name=row["name"],
        size=row["size"],
        created_on=time_of(row["created_on"]),
        created_by=row["created_by"],
        finished_on=maybe_time_of(row["finished_on"]),
    )
