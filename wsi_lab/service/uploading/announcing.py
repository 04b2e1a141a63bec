"""What happens when somebody says that they will send a file."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from wsi_lab.errors import NotAllowed
from wsi_lab.model.people import Action
from wsi_lab.model.upload import Attachment, Purpose, Upload, checked_file_name
from wsi_lab.service.transaction import Transaction
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.sending import (
    folder_of,
    hash_of,
    new_secret,
    require_upload,
    thing_of,
    token_for,
)
from wsi_lab.store import uploads as rows

LIFETIME = timedelta(hours=24)
"""How long an upload that nobody goes on with is kept."""
ATTACHMENTS_FOLDER = "attachments"
"""Where attachments are said to go. They lie beside the slides and not among them."""


class AttachmentRequest(NamedTuple):
    """Leave to send one attachment.

    Attributes
    ----------
    api_token
        A bearer token that is good for this file only.
    folder, file_name
        What to ask an upload for, with that token.
    """

    api_token: str
    folder: str
    file_name: str
    attachment: Attachment


class AnnotationRequest(NamedTuple):
    """Leave to send one annotation file.

    Attributes
    ----------
    api_token
        A bearer token that is good for this file only, for programs that have none of their own.
    """

    upload_token: str
    api_token: str
    uuid: str


def announce_file(
    transaction: Transaction, files: Files, folder: str, file_name: str, study_id: int | None
) -> str:
    """Announce a file, and return the token to send it with."""
    file_name = checked_file_name(file_name)
    thing = thing_of(transaction.actor.token)
    if thing is not None:
        attachment = _announced_attachment(transaction, thing, folder, file_name)
        upload = _new(
            transaction,
            Purpose.ATTACHMENT,
            file_name=file_name,
            study_id=attachment.study_id,
            attachment_id=attachment.id,
        )
        return _added(transaction, upload)
    place = folder_of(transaction, folder, study_id)
    study = require_upload(transaction, files, place, file_name)
    upload = _new(
        transaction,
        Purpose.FILE,
        folder=place,
        file_name=file_name,
        study_id=study.id if study else None,
    )
    return _added(transaction, upload)


def announce_attachment(
    transaction: Transaction, study_id: int, file_name: str
) -> AttachmentRequest:
    """Announce an attachment, and return what is needed to send it."""
    short_id = secrets.token_hex(16)
    sent_as = checked_file_name(f"{short_id}-{checked_file_name(file_name)}")
    study = transaction.study(study_id, Action.STUDY_EDIT)
    attachment = rows.add_attachment(
        transaction.connection,
        study.id,
        short_id,
        file_name,
        created_on=transaction.now,
        created_by=transaction.actor.user.id,
    )
    _, api_token = token_for(transaction, f"attachment {attachment.id}", lifetime=LIFETIME)
    return AttachmentRequest(api_token, ATTACHMENTS_FOLDER, sent_as, attachment)


def announce_annotation(
    transaction: Transaction, uuid: str, study_id: int | None
) -> AnnotationRequest:
    """Announce the file of an annotation, and return what is needed to send it."""
    transaction.require(Action.LAB_VIEW)
    upload = _new(
        transaction, Purpose.ANNOTATION, file_name=uuid, study_id=study_id, annotation_uuid=uuid
    )
    upload_token = _added(transaction, upload)
    _, api_token = token_for(transaction, f"upload {upload.id}", lifetime=LIFETIME)
    return AnnotationRequest(upload_token, api_token, uuid)


def _new(
    transaction: Transaction,
    purpose: Purpose,
    *,
    folder: str = "",
    file_name: str,
    study_id: int | None,
    annotation_uuid: str | None = None,
    attachment_id: int | None = None,
) -> Upload:
    token = transaction.actor.token
    return Upload(
        id=secrets.token_hex(16),
        user_id=transaction.actor.user.id,
        token_id=token.id if token else None,
        purpose=purpose,
        folder=folder,
        file_name=file_name,
        study_id=study_id,
        annotation_uuid=annotation_uuid,
        attachment_id=attachment_id,
        length=None,
        created_on=transaction.now,
        expires_on=transaction.now + LIFETIME,
        finished_on=None,
    )


def _added(transaction: Transaction, upload: Upload) -> str:
    upload_token = new_secret()
    rows.add_upload(transaction.connection, upload, hash_of(upload_token))
    return upload_token


def _announced_attachment(
    transaction: Transaction, thing: str, folder: str, file_name: str
) -> Attachment:
    kind, _, number = thing.partition(" ")
    found = None
    if kind == "attachment" and folder.strip("./") == ATTACHMENTS_FOLDER:
        found = rows.attachment(transaction.connection, int(number))
    if (
        found is None
        or found.finished_on is not None
        or file_name != f"{found.short_id}-{found.name}"
    ):
        raise NotAllowed("This token may send the one file that it was made for, and nothing else.")
    return found
