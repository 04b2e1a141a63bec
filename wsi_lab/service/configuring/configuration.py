"""Studies from configuration files, and back into them."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from wsi_lab.errors import Invalid, NotFound, TooLarge, WsiLabError
from wsi_lab.formats.slidescore_config import (
    checked_study_name,
    file_kind,
    parse_question,
    words_of_rights,
)
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Member, Slide, Study
from wsi_lab.model.tma import TmaMap
from wsi_lab.service.adding import MOST_AT_ONCE, SlideAdder
from wsi_lab.service.configuring.incoming import files_below
from wsi_lab.service.configuring.reimport import FoundImage, Reimport
from wsi_lab.service.configuring.study_files import NamedImage, StudyFiles, read_study_files
from wsi_lab.service.configuring.study_texts import study_texts
from wsi_lab.service.new_slides import SlideOnDisk
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.folders import outside_name, require_folder, split
from wsi_lab.store import people, slides, tma_maps
from wsi_lab.store import questions as question_rows

__all__ = ["Configuration", "Reimported", "StudyConfig", "question_of_line"]

question_of_line = parse_question


@dataclass(frozen=True, slots=True)
class Reimported:
    """What has become of a study.

    Attributes
    ----------
    log
        What was done, and what was left out, a sentence each.
    """

    study_id: int
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """How a study is set up.

    Attributes
    ----------
    paths
        Of its slides, by their ids: ``images/…``, or in full for those that lie elsewhere, where
        the asker may know that.
    right_words
        What the members may in the words of the configuration files, by their user ids.
    """

    study: Study
    questions: tuple[Question, ...]
    members: tuple[Member, ...]
    slides: tuple[Slide, ...]
    paths: dict[int, str]
    maps: tuple[TmaMap, ...]
    right_words: dict[int, list[str]]


class Configuration:
    """Studies from configuration files, and back into them."""

    def __init__(self, transactions: Transactions, files: Files, adder: SlideAdder) -> None:
        self._transactions = transactions
        self._files = files
        self._adder = adder

    def reimport(self, actor: Actor, name: str, *, ignore_image_errors: bool = False) -> Reimported:
        """Bring a study to what its files in the lab's folder say, or make it of them.

        Nothing is removed. What was there already keeps its id: slides are known by their
        files, questions and maps by their names, members by their e-mails. All is done, or
        nothing.

        Parameters
        ----------
        ignore_image_errors
            Leave slides out that cannot be shown, and say so in the log.

        Raises
        ------
        Invalid
            Something is wrong with the files, or cannot be done; ``problems`` names every line.
        NotFound
            There is neither such a study nor any file of it.
        """
        name = checked_study_name(name)
        exists, is_admin = self._transactions.read(
            actor, lambda transaction: _check_right(transaction, name)
        )
        read = read_study_files(self._files, name)
        if not exists and not read.found and not read.problems:
            raise NotFound(f"There is no study '{name}', and there are no files to make it of.")
        if len(read.images) > MOST_AT_ONCE:
            raise TooLarge(f"A study may name at most {MOST_AT_ONCE:,} slides in its files.")
        allowed = self._transactions.read(actor, lambda transaction: _allowed(transaction, read))
        images, left_out = self._look_at(
            allowed, read.problems, is_admin=is_admin, ignore=ignore_image_errors
        )
        _refuse(read.problems)

        def store(transaction: Transaction) -> Reimported:
            _allowed(transaction, read)
            _refuse(read.problems)
            try:
                study, log = Reimport(transaction, read, images).run()
            except Invalid as error:
                _refuse(list(error.problems))
                raise
            return Reimported(study.id, (*log, *left_out) or ("Nothing had changed.",))

        return self._transactions.write(actor, store)

    def import_folder(
        self,
        actor: Actor,
        folder: Path,
        *,
        name: str | None = None,
        ignore_image_errors: bool = False,
    ) -> Reimported:
        """Copy a folder's files to the lab's own folder, and make a study of them.

        Site administrators only: nobody is asked whose the files are that this replaces.

        Parameters
        ----------
        folder
            Holds ``study.<name>.…`` files, and slides and ``*.images`` files beside them or in
            a folder named like the study.
        name
            Of the study; the default is what the files say, else the folder's own.

        Raises
        ------
        Invalid
            The files are of several studies, or see `reimport`. They have been copied then.
        StorageFull
            There is no room for them.
        """
        self._transactions.read(actor, lambda transaction: transaction.require(Action.LAB_ADMIN))
        try:
            found = files_below(folder)
        except OSError as error:
            raise NotFound("There is no such folder, or it cannot be read.") from error
        name = checked_study_name(name or _only_study(found, folder))
        self._files.require_space(sum(path.stat().st_size for path, _ in found))
        for path, place in found:
            target = place
            if not place and file_kind(path.name) is None:
                target = name
            self._copy(path, target)
        return self.reimport(actor, name, ignore_image_errors=ignore_image_errors)

    def config(self, actor: Actor, study_id: int) -> StudyConfig:
        """Return how a study is set up. Needs the right 'edit'."""
        return self._transactions.read(
            actor, lambda transaction: self._config(transaction, study_id)
        )

    def files(self, actor: Actor, study_id: int) -> dict[str, str]:
        """Return the files that make an equal study, by their names. Needs the right 'edit'.

        To make it under another name, give that to the files. They say nothing of answers,
        cases and descriptions. Slides that lie outside the lab's folder are named only to those
        who may know where.
        """
        return study_texts(self.config(actor, study_id))

    def _config(self, transaction: Transaction, study_id: int) -> StudyConfig:
        connection = transaction.connection
        study = transaction.study(study_id, Action.STUDY_CONFIG)
        sees_all = transaction.may(Action.SLIDE_PATH, study)
        found = slides.all_slides(connection, study.id)
        paths = {
            slide.id: path
            for slide in found
            if (path := outside_name(self._files, slide.source)) != slide.source or sees_all
        }
        members = tuple(people.members(connection, study.id))
        return StudyConfig(
            study,
            tuple(question_rows.questions(connection, study.id)),
            members,
            tuple(found),
            paths,
            tuple(tma_maps.maps(connection, study.id)),
            {each.user_id: words_of_rights(each.rights) for each in members},
        )

    def _look_at(
        self, named: list[NamedImage], problems: list[str], *, is_admin: bool, ignore: bool
    ) -> tuple[list[FoundImage], list[str]]:
        """Open slides, and return those that can be shown and why others are left out."""
        failed: dict[str, WsiLabError] = {}
        sources: dict[str, str] = {}
        for image in named:
            try:
                sources[image.path] = self._source(image, is_admin=is_admin)
            except WsiLabError as error:
                failed[image.path] = error
        wanted = list(dict.fromkeys(sources.values()))
        looked = dict(zip(wanted, self._adder.look_at_many(wanted), strict=True))
        images: list[FoundImage] = []
        left_out: list[str] = []
        for image in named:
            result = failed.get(image.path) or looked[sources[image.path]]
            if isinstance(result, SlideOnDisk):
                images.append(FoundImage(image, result))
            elif ignore:
                left_out.append(f"{image.where}: left out. {result.message}")
            else:
                problems.append(f"{image.where}: {result.message}")
        return images, left_out

    def _source(self, image: NamedImage, *, is_admin: bool) -> str:
        if image.folder is not None:
            return str(self._files.resolve(*split(image.path)))
        own = None if is_address(image.path) else self._files.inside(image.path)
        if own is not None:
            return str(self._files.resolve(*split(own)))
        return self._adder.resolve(image.path, is_admin=is_admin)

    def _copy(self, path: Path, folder: str) -> None:
        # A copy and no link, so that who changes theirs later does not change the lab's.
        between = self._files.root / f".{secrets.token_hex(8)}.incoming"
        try:
            shutil.copyfile(path, between)
            self._files.place(between, folder, path.name)
        finally:
            between.unlink(missing_ok=True)


def _check_right(transaction: Transaction, name: str) -> tuple[bool, bool]:
    """Return whether there is such a study, and whether a site administrator asks."""
    try:
        transaction.study_by_name(name, Action.STUDY_IMPORT)
        exists = True
    except NotFound:
        # Who may not know of it hears the same as of one that there is not.
        transaction.require_for_new(Action.STUDY_CREATE_BY_IMPORT, name)
        exists = False
    return exists, transaction.actor.user.is_admin


def _allowed(transaction: Transaction, read: StudyFiles) -> list[NamedImage]:
    """Return the slides whose files are for this study, and note the others as problems."""
    refused: dict[str | None, str] = {}
    for folder in {image.folder for image in read.images}:
        if folder is None:
            if not transaction.actor.user.is_admin:
                refused[None] = (
                    "Files outside the lab's folder can be named by site administrators only."
                )
            continue
        try:
            require_folder(transaction, read.study, folder)
        except WsiLabError as error:
            refused[folder] = error.message
    read.problems += [
        f"{image.where}: {refused[image.folder]}"
        for image in read.images
        if image.folder in refused
    ]
    return [image for image in read.images if image.folder not in refused]


def _refuse(problems: list[str]) -> None:
    if problems:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Invalid(f"Nothing was imported, because of {count}: {problems[0]}", problems=problems)


def _only_study(found: list[tuple[Path, str]], folder: Path) -> str:
    named = {
        kind.study
        for path, place in found
        if not place and (kind := file_kind(path.name)) is not None
    }
    if len(named) > 1:
        raise Invalid(
            f"The folder has files of several studies; name one of: {', '.join(sorted(named))}."
        )
    return named.pop() if named else folder.resolve().name
