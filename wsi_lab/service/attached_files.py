"""Files that are attached to studies, slides, images and shapes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from wsi_lab.errors import Invalid, NotFound, SlideMissing, TooLarge
from wsi_lab.model.attached import LARGEST_ATTACHED, AttachedFile
from wsi_lab.model.people import Actor
from wsi_lab.model.remark import ThingKind
from wsi_lab.model.upload import checked_file_name
from wsi_lab.service.things import thing_to_change, thing_to_see
from wsi_lab.service.transaction import Transaction, Transactions, is_id
from wsi_lab.service.uploading.downloads import Download, file_download
from wsi_lab.service.uploading.files import put
from wsi_lab.service.uploading.image_files import Arriving, ImageFiles, is_old
from wsi_lab.store import attached_files as rows

MOST_ATTACHED = 1000
"""Files of one thing."""


class AttachedFiles:
    """Files that go with things: read by whoever may view these, written by who may change them.

    Parameters
    ----------
    files
        Where they are while they are being sent.
    folder
        Where they lie after that, each by a name that says nothing.
    """

    def __init__(self, transactions: Transactions, files: ImageFiles, folder: Path) -> None:
        self._transactions = transactions
        self._files = files
        self._folder = folder
        self._is_swept = False

    def list(self, actor: Actor, kind: ThingKind | str, thing_id: int) -> Sequence[AttachedFile]:
        """Return the files that are attached to a thing, in the order of their ids."""

        def read(transaction: Transaction) -> Sequence[AttachedFile]:
            thing = thing_to_see(transaction, kind, thing_id)
            return rows.attached_files(transaction.connection, thing.kind, thing.id)

        return self._transactions.read(actor, read)

    def get(self, actor: Actor, file_id: int) -> AttachedFile:
        """Return one file."""
        return self._transactions.read(actor, lambda t: _seen(t, file_id)[0])

    def open(self, actor: Actor, file_id: int) -> Download:
        """Return what is in a file; to be closed.

        Raises
        ------
        NotFound
            There is none; or somebody has removed it from the disk.
        """
        found, name = self._transactions.read(actor, lambda t: _seen(t, file_id))
        try:
            return file_download(self._folder / name, found.name)
        except SlideMissing as error:
            raise NotFound("This file is gone from the disk of the lab.") from error

    def receive(
        self,
        actor: Actor,
        kind: ThingKind | str,
        thing_id: int,
        file_name: str,
        *,
        length: int | None = None,
    ) -> Arriving:
        """Return a file to write to, for one that is about to be sent; to be closed.

        Parameters
        ----------
        length
            Bytes that will come at most, as far as that is known.

        Raises
        ------
        Invalid
            The name is not one.
        TooLarge, StorageFull
            There is no room for it.
        """
        name = checked_file_name(file_name)
        if (length or 0) > LARGEST_ATTACHED:
            raise _too_large()
        self._transactions.read(actor, lambda t: thing_to_change(t, kind, thing_id))
        self._sweep_once(actor)
        return self._files.begin(name, length)

    def attach(
        self, actor: Actor, arriving: Arriving, kind: ThingKind | str, thing_id: int
    ) -> AttachedFile:
        """Attach what was sent to a thing, and return it; closes the file.

        Raises
        ------
        Invalid
            The thing has too many.
        TooLarge
            It is larger than was announced.
        """
        file = secrets.token_hex(16)
        path = self._folder / file
        with arriving:
            if arriving.size > LARGEST_ATTACHED:
                raise _too_large()
            arriving.sync()
            size = arriving.size
            put(arriving.path, path)

        def attach(transaction: Transaction) -> AttachedFile:
            thing = thing_to_change(transaction, kind, thing_id)
            connection = transaction.connection
            if len(rows.attached_files(connection, thing.kind, thing.id)) >= MOST_ATTACHED:
                raise Invalid(f"A thing may have at most {MOST_ATTACHED:,} files.")
            made = rows.add_attached_file(
                connection,
                thing.kind,
                thing.id,
                name=arriving.file_name,
                size=size,
                file=file,
                created_on=transaction.now,
                created_by=transaction.actor.user.id,
            )
            transaction.record("create", "file", made.id, study_id=thing.study_id, after=made)
            return made

        try:
            return self._transactions.write(actor, attach)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def remove(self, actor: Actor, file_id: int) -> AttachedFile:
        """Remove a file, and return what it was."""

        def remove(transaction: Transaction) -> tuple[AttachedFile, str]:
            found, name = _seen(transaction, file_id)
            thing = thing_to_change(transaction, found.kind, found.thing_id)
            rows.remove_attached_file(transaction.connection, file_id)
            transaction.record("remove", "file", file_id, study_id=thing.study_id, before=found)
            return found, name

        found, name = self._transactions.write(actor, remove)
        (self._folder / name).unlink(missing_ok=True)
        return found

    def _sweep_once(self, actor: Actor) -> None:
        """Remove files whose things are gone, and what crashes left."""
        if self._is_swept:
            return
        self._is_swept = True
        # Files are listed before rows are read: a file is there before its row is.
        there = [each for each in self._folder.iterdir() if is_old(each)]
        known = self._transactions.read(actor, lambda t: rows.names_on_disk(t.connection))
        for each in there:
            if each.name not in known:
                each.unlink(missing_ok=True)


def _seen(transaction: Transaction, file_id: int) -> tuple[AttachedFile, str]:
    missing = NotFound(f"There is no attached file {file_id}.")
    found = rows.attached_file(transaction.connection, file_id) if is_id(file_id) else None
    if found is None:
        raise missing
    try:
        thing_to_see(transaction, found[0].kind, found[0].thing_id)
    except NotFound:
        raise missing from None
    return found


def _too_large() -> TooLarge:
    return TooLarge(
        f"An attached file may have at most {LARGEST_ATTACHED:,} bytes.", limit=LARGEST_ATTACHED
    )
