"""Files that are sent to the lab, piece by piece."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from wsi_lab.errors import Conflict, NotAllowed, NotFound, TooLarge
from wsi_lab.model.people import Actor
from wsi_lab.model.upload import LARGEST_UPLOAD, Upload
from wsi_lab.service.annotating.annotations import Annotations
from wsi_lab.service.clock import Clock
from wsi_lab.service.transaction import Transaction, Transactions, current_actor
from wsi_lab.service.uploading.announcing import (
    LIFETIME,
    AnnotationRequest,
    AttachmentRequest,
    announce_annotation,
    announce_attachment,
    announce_file,
)
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.placing import Placing
from wsi_lab.service.uploading.sending import hash_of, require_again, thing_of
from wsi_lab.service.uploading.sweeping import sweep
from wsi_lab.store import uploads as rows
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database
from wsi_lab.store.home import Home
from wsi_lab.store.partial import Partial, make_partial, partial_size, remove_partial

__all__ = ["AnnotationRequest", "AttachmentRequest", "Partial", "Progress", "Uploads", "Writing"]

LOG = logging.getLogger("wsi_lab.uploads")

SWEPT_EVERY = timedelta(hours=1)

_GONE = "There is no such upload, or not any more."


class Progress(NamedTuple):
    """How far an upload has come.

    Attributes
    ----------
    offset
        Bytes that are there for good.
    is_being_sent
        Whether somebody sends more of it just now.
    """

    upload: Upload
    offset: int
    is_being_sent: bool


class Writing(NamedTuple):
    """An upload, and the means to go on with it."""

    upload: Upload
    partial: Partial


class Uploads:
    """Files that are sent to the lab, piece by piece.

    How far an upload has come is the size of its file in the lab's home, and nothing else. It
    is announced (`request`), begun, written to by one writer at a time in whatever process, and
    finished, which puts the file in its place.
    """

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        clock: Clock,
        files: Files,
        annotations: Annotations,
        *,
        home: Home,
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._clock = clock
        self._files = files
        self._placing = Placing(database, transactions, files, annotations, home)
        self._home = home
        self._swept_on: datetime | None = None

    def request(
        self, actor: Actor, file_name: str, folder: str = "", study_id: int | None = None
    ) -> str:
        """Announce an upload and return the token that it can be begun with.

        Parameters
        ----------
        folder
            Below the lab's folder of slides, at most two deep; empty is the root.
        study_id
            With an empty folder: into the folder named like this study.

        Raises
        ------
        Invalid
            The name or the folder is not one.
        NotAllowed
            The asker may not send this file there.
        """
        self._sweep_if_due()
        return self._transactions.write(
            actor, lambda each: announce_file(each, self._files, folder, file_name, study_id)
        )

    def request_attachment(self, actor: Actor, study_id: int, file_name: str) -> AttachmentRequest:
        """Announce a file that descriptions of a study's slides may link to.

        Raises
        ------
        Invalid
            The name is not one.
        """
        self._sweep_if_due()
        return self._transactions.write(
            actor, lambda each: announce_attachment(each, study_id, file_name)
        )

    def request_annotation(
        self, actor: Actor, uuid: str, study_id: int | None = None
    ) -> AnnotationRequest:
        """Announce the file of an annotation that `Annotations.begin_file` has begun."""
        self._sweep_if_due()
        return self._transactions.write(
            actor, lambda each: announce_annotation(each, uuid, study_id)
        )

    def begin(self, actor: Actor, upload_token: str, length: int) -> Upload:
        """Begin an upload; what was sent of it before is forgotten.

        Parameters
        ----------
        length
            Bytes.

        Raises
        ------
        NotAllowed
            The token belongs to no upload of the asker's.
        Conflict
            It is finished already, or somebody is sending it.
        TooLarge, StorageFull
            There is no room for it.
        """
        self._sweep_if_due()
        if length > LARGEST_UPLOAD:
            raise TooLarge(
                f"A file may have at most {LARGEST_UPLOAD:,} bytes.", limit=LARGEST_UPLOAD
            )
        self._files.require_space(length)

        def find(transaction: Transaction) -> Upload:
            return self._held(transaction, upload_token)

        upload = self._transactions.read(actor, find)
        if upload.finished_on is not None:
            raise Conflict("This upload is finished already; ask for another one.")
        make_partial(self._path(upload))

        def begin(transaction: Transaction) -> Upload:
            begun = replace(
                self._held(transaction, upload_token),
                length=length,
                expires_on=transaction.now + LIFETIME,
            )
            rows.update_upload(transaction.connection, begun)
            return begun

        return self._transactions.write(actor, begin)

    def get(self, upload_id: str) -> Upload:
        """Return an upload that was begun. The id is the secret here.

        Raises
        ------
        NotFound
            There is none, or its time is over.
        NotIdentified
            Whoever began it is not known any more.
        """

        def read(connection: Connection) -> Upload:
            now = self._clock.now()
            upload = rows.upload(connection, upload_id)
            if upload is None or upload.length is None or now >= upload.expires_on:
                raise NotFound(_GONE)
            if upload.finished_on is None:
                current_actor(connection, upload.user_id, upload.token_id, "tus", now)
            return upload

        return self._database.read(read)

    def progress(self, upload_id: str) -> Progress:
        """Return how far an upload has come; see `get`."""
        upload = self.get(upload_id)
        if upload.finished_on is not None:
            return Progress(upload, upload.length or 0, is_being_sent=False)
        path = self._path(upload)
        try:
            with Partial(path) as partial:
                return Progress(upload, partial.size, is_being_sent=False)
        except Conflict:
            pass
        try:
            return Progress(upload, partial_size(path), is_being_sent=True)
        except FileNotFoundError as error:
            raise NotFound(_GONE) from error

    def writer(self, upload_id: str) -> Writing:
        """Return the means to go on with an upload; to be closed.

        Raises
        ------
        NotFound, NotIdentified
            See `get`.
        Conflict
            Somebody is sending it, in this process or another one.
        StorageFull
            There is no room any more for what is missing of it.
        """
        upload = self.get(upload_id)
        if upload.finished_on is not None:
            raise Conflict("This upload is finished already.")
        partial = Partial(self._path(upload))
        try:
            # Others have been sending since this one was begun.
            self._files.require_space((upload.length or 0) - partial.size)
            return Writing(self._kept_alive(upload), partial)
        except BaseException:
            partial.close()
            raise

    def finish(self, actor: Actor, upload_id: str, upload_token: str | None = None) -> Upload:
        """Put a complete upload in its place; finishing twice is finishing once.

        Parameters
        ----------
        upload_token
            What `request` returned; may be left out where the asker is known otherwise.

        Raises
        ------
        NotFound
            There is no such upload, or not of the asker's.
        Conflict
            It is not complete, or somebody is sending it.
        NotAllowed
            The asker may not send this file there any more.
        Invalid
            It is an annotation, and not one that can be read.
        """

        def find(transaction: Transaction) -> Upload:
            upload = self._own(transaction, upload_id, upload_token)
            if upload.finished_on is None:
                require_again(transaction, self._files, upload)
            return upload

        upload = self._transactions.read(actor, find)
        if upload.finished_on is not None:
            return upload
        path = self._path(upload)
        try:
            partial = Partial(path)
        except NotFound:
            # Somebody else may have finished it since we looked.
            upload = self._transactions.read(actor, find)
            if upload.finished_on is None:
                raise
            return upload
        with partial:
            if partial.size != upload.length:
                raise Conflict(
                    "This upload is not complete yet.", offset=partial.size, length=upload.length
                )
            partial.sync()
            finished = self._placing.place(actor, upload, path)
            # By that name; by the other one the bytes are in their place.
            path.unlink(missing_ok=True)
        return finished

    def remove(self, upload_id: str) -> None:
        """End an upload and forget what was sent.

        Raises
        ------
        NotFound
            There is none, or it is finished.
        Conflict
            Somebody is sending it.
        """
        upload = self.get(upload_id)
        if upload.finished_on is not None:
            raise NotFound(_GONE)
        if not remove_partial(self._path(upload)):
            raise Conflict("Somebody is sending this file.")
        self._database.write(lambda connection: rows.remove_upload(connection, upload_id))

    def expire(self) -> None:
        """Forget uploads that nobody went on with, and what crashes left of others."""
        now = self._clock.now()
        self._swept_on = now
        sweep(self._database, self._files, self._home, now)

    def _held(self, transaction: Transaction, upload_token: str) -> Upload:
        upload = rows.upload_by_sha256(transaction.connection, hash_of(upload_token))
        if upload is None or transaction.now >= upload.expires_on:
            raise NotAllowed("This upload token is not valid, or not any more.")
        if not _is_of(upload, transaction.actor):
            raise NotAllowed("This upload was asked for by somebody else.")
        return upload

    def _own(self, transaction: Transaction, upload_id: str, upload_token: str | None) -> Upload:
        upload = rows.upload(transaction.connection, upload_id)
        if (
            upload is None
            or upload.length is None
            or not _is_of(upload, transaction.actor)
            or (transaction.now >= upload.expires_on and upload.finished_on is None)
        ):
            raise NotFound(_GONE)
        if upload_token is not None:
            by_token = rows.upload_by_sha256(transaction.connection, hash_of(upload_token))
            if by_token is None or by_token.id != upload.id:
                raise NotFound("The upload token is not the one of this upload.")
        return upload

    def _kept_alive(self, upload: Upload) -> Upload:
        now = self._clock.now()
        if upload.expires_on - now > LIFETIME / 2:
            return upload
        kept = replace(upload, expires_on=now + LIFETIME)
        self._database.write(lambda connection: rows.update_upload(connection, kept))
        return kept

    def _path(self, upload: Upload) -> Path:
        return self._home.uploads / upload.id

    def _sweep_if_due(self) -> None:
        now = self._clock.now()
        if self._swept_on is None or now - self._swept_on >= SWEPT_EVERY:
            try:
                self.expire()
            except OSError as error:
                LOG.warning("Old uploads could not be removed: %s", error.strerror)


def _is_of(upload: Upload, actor: Actor) -> bool:
    if upload.user_id != actor.user.id:
        return False
    if thing_of(actor.token) == f"upload {upload.id}":
        return True
    return upload.token_id == (actor.token.id if actor.token else None)
