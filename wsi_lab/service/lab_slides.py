"""Slides made of the lab's own files, which were uploaded."""

from __future__ import annotations

from pathlib import PurePosixPath

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Slide, Study, checked_name
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.new_slides import SlideOnDisk, default_name, store_changes, store_new
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.folders import place_of, require_folder, split
from wsi_lab.store import slides as rows
from wsi_lab.store import studies as study_rows


class LabSlides:
    """Makes slides of the lab's own files."""

    def __init__(self, transactions: Transactions, files: Files, adder: SlideAdder) -> None:
        self._transactions = transactions
        self._files = files
        self._adder = adder

    def add(self, actor: Actor, study_id: int, path: str) -> Slide:
        """Make a slide of a file and return it; of a file that is one already, that one.

        Parameters
        ----------
        path
            From the lab's folder of slides on, with ``images/`` before it or without.

        Raises
        ------
        Invalid
            It is no path of a file.
        NotAllowed
            The file lies in a folder that is not this study's.
        SlideMissing, UnsupportedSlide, DamagedSlide
            The file cannot be shown.
        Conflict
            The study has other slides of the names that it could have.
        """
        folder, name = place_of(path)

        def check(transaction: Transaction) -> Study:
            study = transaction.study(study_id, Action.SLIDE_ADD_UPLOADED)
            require_folder(transaction, study, folder)
            return study

        self._transactions.read(actor, check)
        file = self._adder.look_at(str(self._files.resolve(folder, name)))

        def store(transaction: Transaction) -> Slide:
            study = check(transaction)
            connection = transaction.connection
            known = rows.slide_by_source(connection, study.id, file.source)
            if known is not None:
                slide = store_changes(transaction, study, known, file.facts())
            else:
                slide = store_new(
                    transaction, study, file, name=free_name(transaction, study, file)
                )
            return slide_as_seen(transaction, study, slide)

        return self._transactions.write(actor, store)

    def move(self, actor: Actor, slide_id: int, path: str) -> Slide:
        """Say that a slide's file is another one, and return the slide.

        Parameters
        ----------
        path
            As in `add`; or a full path or an address, from where slides may be added.

        Raises
        ------
        Invalid, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide
            It is no path, or the file there cannot be used or shown.
        """

        def check(transaction: Transaction) -> bool:
            # Whoever may know paths may not yet change a study that their token keeps them from.
            transaction.slide(slide_id, Action.STUDY_EDIT)
            transaction.slide(slide_id, Action.SLIDE_PATH)
            return transaction.actor.user.is_admin

        is_admin = self._transactions.read(actor, check)
        file = self._adder.look_at(self._resolve(path, is_admin=is_admin))

        def store(transaction: Transaction) -> Slide:
            transaction.slide(slide_id, Action.STUDY_EDIT)
            study, slide = transaction.slide(slide_id, Action.SLIDE_PATH)
            return store_changes(transaction, study, slide, file.facts())

        return self._transactions.write(actor, store)

    def of_file(self, actor: Actor, path: str) -> Slide:
        """Return the first slide that was made of one of the lab's files.

        Parameters
        ----------
        path
            As in `add`, or in full.

        Raises
        ------
        NotFound
            No slide was made of it that the asker may know the path of; or it is none of the
            lab's files, whether there is such a file or not.
        """
        missing = NotFound("No slide was made of this file; add it to a study first.")

        def find(transaction: Transaction) -> Slide:
            inside = self._files.inside(path) if path.startswith("/") else None
            if path.startswith("/") and inside is None:
                raise missing
            folder, name = place_of(path) if inside is None else split(inside)
            source = str(self._files.resolve(folder, name))
            for slide in rows.slides_by_source(transaction.connection, source):
                study = study_rows.study(transaction.connection, slide.study_id)
                if study is not None and transaction.may(Action.SLIDE_PATH, study):
                    return slide_as_seen(transaction, study, slide)
            raise missing

        return self._transactions.read(actor, find)

    def _resolve(self, path: str, *, is_admin: bool) -> str:
        path = path.strip()
        if not is_address(path) and not path.startswith("/"):
            return str(self._files.resolve(*place_of(path)))
        own = self._files.inside(path)
        if own is not None:
            return str(self._files.resolve(*split(own)))
        return self._adder.resolve(path, is_admin=is_admin)


def free_name(transaction: Transaction, study: Study, file: SlideOnDisk) -> str:
    """Return the name of a file without its ending, or with it where another slide has that.

    Raises
    ------
    Conflict
        Other slides have both.
    """
    names = default_name(file.source), checked_name(PurePosixPath(file.source).name, "slide")
    for name in names:
        if not rows.slides(transaction.connection, study.id, after=0, limit=1, name=name):
            return name
    raise Conflict(f"The study already has slides named '{names[0]}' and '{names[1]}'.")
