"""Images that are sent to the lab in one piece, and become slides if that is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from wsi_lab.errors import Conflict, Invalid, NotAllowed, SlideError
from wsi_lab.model.image import AbstractImage, Instance
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.remark import ThingKind
from wsi_lab.model.study import Study, checked_name
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.new_slides import SlideOnDisk, store_new
from wsi_lab.service.remarks import add_remarks, checked_pairs
from wsi_lab.service.seen_images import as_seen, instances_of, seen_image
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.image_files import Arriving, ImageFiles, require_sending
from wsi_lab.store import images as rows
from wsi_lab.store import slides as slide_rows

MOST_OF_ONE_NAME = 10_000


class UploadedImage(NamedTuple):
    """An image that was sent, and the slides that were made of it.

    Attributes
    ----------
    size
        Bytes.
    """

    image: AbstractImage
    instances: tuple[Instance, ...]
    size: int


class ImageUploads:
    """Images that are sent in one piece: received, then made images of, or refused and gone."""

    def __init__(self, transactions: Transactions, adder: SlideAdder, files: ImageFiles) -> None:
        self._transactions = transactions
        self._adder = adder
        self._files = files
        self._swept: set[int] = set()

    def receive(
        self,
        actor: Actor,
        file_name: str,
        *,
        study_ids: Collection[int] = (),
        length: int | None = None,
    ) -> Arriving:
        """Return a file to write to, for an image that is about to be sent; to be closed.

        What was written is an image only after `register_upload`.

        Parameters
        ----------
        study_ids
            The studies that it is for.
        length
            Bytes that will come, as far as that is known.

        Raises
        ------
        Invalid
            The name is not one.
        NotFound, NotAllowed
            The asker may not send images there.
        TooLarge, StorageFull
            There is no room for it.
        """

        def check(transaction: Transaction) -> list[AbstractImage]:
            require_sending(transaction, study_ids)
            is_swept = actor.user.id in self._swept
            return [] if is_swept else rows.images_of_user(transaction.connection, None)

        known = self._transactions.read(actor, check)
        if actor.user.id not in self._swept:
            self._swept.add(actor.user.id)
            self._files.sweep(actor.user.id, [each.source for each in known])
        return self._files.begin(file_name, length)

    def register_upload(
        self,
        actor: Actor,
        arriving: Arriving,
        *,
        study_ids: Collection[int] = (),
        properties: Sequence[tuple[str, Any]] = (),
    ) -> UploadedImage:
        """Make an image of what was sent, and slides of it, and return them; closes the file.

        All is done, or nothing, and then nothing of the file is left.

        Parameters
        ----------
        study_ids
            The studies that get a slide of it.
        properties
            Keys and values that are said of the image.

        Raises
        ------
        Invalid
            It is no image that can be read, or a property is not one.
        NotFound, NotAllowed
            The asker may not send images there, or not any more.
        StorageFull, Busy
            There is no room, or too much is going on.
        """
        wanted = list(dict.fromkeys(study_ids))
        with arriving:
            pairs = checked_pairs(properties)
            self._transactions.read(actor, lambda t: require_sending(t, wanted))
            if not arriving.size:
                raise Invalid("The file is empty.")
            path = self._files.place(arriving, actor.user.id)
        try:
            file = self._read(path)
            return self._transactions.write(
                actor, lambda t: _registered(t, file, arriving.file_name, wanted, pairs)
            )
        except BaseException:
            self._files.remove(path)
            raise

    def remove(self, actor: Actor, image_id: int) -> None:
        """Remove an image that one has uploaded, and its file.

        Raises
        ------
        Invalid
            Slides are made of it.
        NotAllowed
            It is somebody else's.
        """

        def remove(transaction: Transaction) -> AbstractImage:
            seen = seen_image(transaction, image_id)
            if not seen.is_theirs:
                raise NotAllowed("Only whoever uploaded an image may remove it.")
            if slide_rows.slides_by_source(transaction.connection, seen.image.source):
                raise Invalid("Studies have slides of this image, so it cannot be removed.")
            rows.remove_image(transaction.connection, image_id)
            transaction.record("remove", "image", image_id, before=seen.image)
            return seen.image

        removed = self._transactions.write(actor, remove)
        if removed.added_by is not None:
            self._files.remove(Path(removed.source))

    def _read(self, path: Path) -> SlideOnDisk:
        try:
            return self._adder.look_at(str(path))
        except SlideError as error:
            raise Invalid(f"This file cannot be used as an image. {error.message}") from error


def made_slide(
    transaction: Transaction, study: Study, file: SlideOnDisk, file_name: str
) -> Instance:
    """Make a slide of an image, under a name that is free; for verbs that have asked for rights."""
    name = _free_name(transaction, study, file_name)
    slide = store_new(transaction, study, file, name=name)
    return instances_of(transaction, study, [slide])[0]


def _registered(
    transaction: Transaction,
    file: SlideOnDisk,
    file_name: str,
    study_ids: Sequence[int],
    pairs: Sequence[tuple[str, str]],
) -> UploadedImage:
    require_sending(transaction, study_ids)
    connection = transaction.connection
    image = rows.add_image(
        connection,
        file.facts(),
        name=file_name,
        added_by=transaction.actor.user.id,
        added_on=transaction.now,
    )
    transaction.record("create", "image", image.id, after=image)
    add_remarks(transaction, ThingKind.IMAGE, image.id, None, pairs)
    studies = [transaction.study(each, Action.SLIDE_ADD_UPLOADED) for each in study_ids]
    instances = tuple(made_slide(transaction, each, file, file_name) for each in studies)
    seen = as_seen(transaction, seen_image(transaction, image.id))
    return UploadedImage(seen, instances, file.file_size or 0)


def _free_name(transaction: Transaction, study: Study, file_name: str) -> str:
    """Return the name of a file without its ending, with a number where other slides have it."""
    wanted = checked_name(PurePosixPath(file_name).stem, "slide")
    taken = set(slide_rows.slide_names(transaction.connection, study.id).values())
    names = (
        wanted if not number else f"{wanted} ({number + 1})" for number in range(MOST_OF_ONE_NAME)
    )
    free = next((each for each in names if each not in taken), None)
    if free is None:
        raise Conflict(f"The study has too many slides named '{wanted}' already.")
    return free
