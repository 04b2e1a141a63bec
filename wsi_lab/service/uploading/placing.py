"""What becomes of uploads that are complete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wsi_lab.errors import NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.upload import Purpose, Upload
from wsi_lab.service.annotating.annotations import Annotations
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.files import Files, put
from wsi_lab.service.uploading.sending import thing_of
from wsi_lab.store import people
from wsi_lab.store import uploads as rows
from wsi_lab.store.db import Database
from wsi_lab.store.home import Home


class Placing:
    """Makes complete uploads what they are for: a file, an annotation, an attachment.

    All of it can be done again by whoever was killed in the middle.
    """

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        files: Files,
        annotations: Annotations,
        home: Home,
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._files = files
        self._annotations = annotations
        self._home = home

    def place(self, actor: Actor, upload: Upload, path: Path) -> Upload:
        """Put the bytes at `path` in their place and return the upload, which is finished now."""
        if upload.purpose is Purpose.ANNOTATION and upload.annotation_uuid is not None:
            return self._annotation(actor, upload, upload.annotation_uuid, path)
        if upload.purpose is Purpose.ATTACHMENT:
            return self._attachment(actor, upload, path)
        return self._file(actor, upload, path)

    def _file(self, actor: Actor, upload: Upload, path: Path) -> Upload:
        def finish(transaction: Transaction) -> Upload:
            what = {"folder": upload.folder, "name": upload.file_name, "size": upload.length}
            transaction.record("create", "file", 0, study_id=upload.study_id, after=what)
            return _finished(transaction, upload)

        self._files.place(path, upload.folder, upload.file_name)
        return self._transactions.write(actor, finish)

    def _annotation(self, actor: Actor, upload: Upload, uuid: str, path: Path) -> Upload:
        # A token for one file may nothing else; what its owner may was asked when it was made.
        who = actor if thing_of(actor.token) is None else replace(actor, token=None)
        self._annotations.finish_file(who, uuid, path)
        return self._transactions.write(actor, lambda each: _finished(each, upload))

    def _attachment(self, actor: Actor, upload: Upload, path: Path) -> Upload:
        known = self._database.read(
            lambda connection: rows.attachment(connection, upload.attachment_id or 0)
        )
        if known is None:
            raise NotFound("The study of this attachment is gone.")
        put(path, self._home.attachments / known.short_id)

        def finish(transaction: Transaction) -> Upload:
            rows.finish_attachment(
                transaction.connection, known.id, upload.length or 0, transaction.now
            )
            transaction.record("create", "attachment", known.id, study_id=known.study_id)
            finished = _finished(transaction, upload)
            if upload.token_id is not None:
                people.revoke_token(transaction.connection, upload.token_id, transaction.now)
            return finished

        return self._transactions.write(actor, finish)


def _finished(transaction: Transaction, upload: Upload) -> Upload:
    finished = replace(upload, finished_on=transaction.now)
    rows.update_upload(transaction.connection, finished)
    return finished
