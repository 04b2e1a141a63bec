"""Storing what the configuration files of a study say, in one transaction."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import PurePosixPath
from typing import Any

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.people import Action, Right, User
from wsi_lab.model.study import Member, Slide, Study, checked_name
from wsi_lab.model.study_settings import seeded
from wsi_lab.service.configuring.question_import import import_questions
from wsi_lab.service.configuring.study_files import NamedImage, StudyFiles
from wsi_lab.service.new_slides import SlideOnDisk, default_name, store_changes, store_new
from wsi_lab.service.scoring.tma_maps import map_name_of, store_map
from wsi_lab.service.studies import new_seed, new_study
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import people, slides, studies, tma_maps


@dataclasses.dataclass(frozen=True, slots=True)
class FoundImage:
    """A slide that the files name, and the file that it is made of."""

    named: NamedImage
    file: SlideOnDisk


class Reimport:
    """Brings a study to what its files say: adds and changes, and removes nothing.

    Parameters
    ----------
    images
        Those that can be shown.
    """

    def __init__(
        self, transaction: Transaction, read: StudyFiles, images: list[FoundImage]
    ) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._read = read
        self._images = images
        self._log: list[str] = []
        self._problems: list[str] = []

    def run(self) -> tuple[Study, list[str]]:
        """Store everything, and return the study and a line for each kind of thing.

        Raises
        ------
        Invalid
            Something cannot be stored; ``problems`` names each. The transaction must end.
        """
        study = self._study()
        study = self._store_properties(study)
        self._store_members(study)
        self._store_questions(study)
        self._store_maps(study)
        stored = self._store_slides(study)
        self._assign_maps(study, stored)
        if self._problems:
            raise Invalid("Nothing was imported.", problems=self._problems)
        return study, self._log

    def _study(self) -> Study:
        transaction, name = self._transaction, self._read.study
        if studies.study_by_name(self._connection, name) is not None:
            return transaction.study_by_name(name, Action.STUDY_IMPORT)
        transaction.require_for_new(Action.STUDY_CREATE_BY_IMPORT, name)
        study = new_study(transaction, name)
        self._log.append(f"Made the study '{name}'.")
        return study

    def _store_properties(self, before: Study) -> Study:
        said = self._read.properties
        after = dataclasses.replace(
            before,
            friendly_name=before.friendly_name
            if said.friendly_name is None
            else said.friendly_name,
            folder=before.folder if said.folder is None else said.folder,
            settings=seeded(dict(before.settings) | dict(said.settings), before.settings, new_seed),
        )
        if after == before:
            return before
        after = dataclasses.replace(after, revision=before.revision + 1)
        studies.update_study(self._connection, after)
        self._transaction.record(
            "change", "study", after.id, study_id=after.id, before=before, after=after
        )
        self._log.append("Settings: changed.")
        return after

    def _store_members(self, study: Study) -> None:
        held = {each.user_id: each.rights for each in people.members(self._connection, study.id)}
        for email, rights in self._read.members:
            user = people.user_by_email(self._connection, email) or self._new_user(email)
            if user is None:
                continue
            before = held.get(user.id, frozenset())
            after = before | rights | {Right.VIEW}
            if after == before:
                continue
            people.set_rights(self._connection, study.id, user.id, after)
            self._transaction.record(
                "change" if before else "create",
                "member",
                user.id,
                study_id=study.id,
                before=Member(study.id, user.id, user.email, before) if before else None,
                after=Member(study.id, user.id, user.email, after),
            )
            added = ", ".join(sorted(after - before))
            self._log.append(f"Member {user.email}: may now {added}.")

    def _new_user(self, email: str) -> User | None:
        transaction = self._transaction
        if not transaction.actor.user.is_admin:
            self._problems.append(
                f"study.{self._read.study}.emails: There is no user {email}; "
                "a site administrator can add them first."
            )
            return None
        user = people.add_user(
            self._connection,
            email,
            email.partition("@")[0],
            is_admin=False,
            created_on=transaction.now,
        )
        transaction.record("create", "user", user.id, after=user)
        self._log.append(f"Made the user {email}.")
        return user

    def _store_questions(self, study: Study) -> None:
        if not self._read.questions:
            return
        try:
            added, changed = import_questions(self._transaction, study, self._read.questions)
        except Invalid as error:
            file = f"study.{study.name}.scores"
            self._problems += [f"{file}: {each}" for each in error.problems or (error.message,)]
        else:
            self._count("Questions", added, changed)

    def _store_maps(self, study: Study) -> None:
        for read in self._read.maps.values():
            known = tma_maps.map_by_name(self._connection, study.id, read.name)
            stored = store_map(self._transaction, study, read.name, read.text, read.layout)
            if known is None or known.revision != stored.revision:
                word = "made" if known is None else "changed"
                self._log.append(f"TMA map {read.name}: {word}.")

    def _store_slides(self, study: Study) -> list[tuple[FoundImage, Slide]]:
        matched = _matched(self._images, slides.all_slides(self._connection, study.id))
        self._free_names(matched)
        added = changed = 0
        stored: dict[int, Slide] = {}
        # Who is named takes the name before those whose files happen to be called so.
        order = sorted(range(len(matched)), key=lambda at: (not matched[at][0].named.name, at))
        for position in order:
            image, slide = matched[position]
            try:
                after = self._store_slide(study, image, slide)
            except WsiLabError as error:
                self._problems.append(f"{image.named.where}: {error.message}")
                continue
            added += slide is None
            changed += slide is not None and slide.revision != after.revision
            stored[position] = after
        self._count("Slides", added, changed)
        self._tell_of_strangers(study, [image.named for image, slide in matched if slide is None])
        return [(matched[position][0], stored[position]) for position in sorted(stored)]

    def _tell_of_strangers(self, study: Study, added: list[NamedImage]) -> None:
        """Name what came from elsewhere: who imports may not be who wrote the files."""
        paths = [each.path for each in added if (each.folder or "").partition("/")[0] != study.name]
        if paths:
            more = f" and {len(paths) - 20} more" if len(paths) > 20 else ""
            self._log.append(f"New from outside the study's folder: {', '.join(paths[:20])}{more}.")

    def _free_names(self, matched: list[tuple[FoundImage, Slide | None]]) -> None:
        """Take their names from slides that get another, which may be what others get."""
        held = {
            slide.id: slide
            for image, slide in matched
            if slide is not None and image.named.name not in {"", slide.name}
        }
        for slide in held.values():
            slides.update_slide(
                self._connection, dataclasses.replace(slide, name=f"({secrets.token_hex(16)})")
            )

    def _store_slide(self, study: Study, image: FoundImage, slide: Slide | None) -> Slide:
        named = image.named
        fields: dict[str, Any] = {}
        if named.rotation is not None:
            fields["rotation"] = named.rotation
        if named.tma_map:
            fields["tma_map_id"] = self._map_id(study, named.tma_map)
        if named.name:
            fields["name"] = checked_name(named.name, "slide")
        if slide is not None:
            return store_changes(self._transaction, study, slide, image.file.facts() | fields)
        name = fields.pop("name", None) or self._default_name(study, image.file)
        return store_new(self._transaction, study, image.file, name=name, **fields)

    def _default_name(self, study: Study, file: SlideOnDisk) -> str:
        stem = default_name(file.source)
        if slides.slides(self._connection, study.id, after=0, limit=1, name=stem):
            return checked_name(PurePosixPath(file.source).name, "slide")
        return stem

    def _map_id(self, study: Study, text: str) -> int:
        found = tma_maps.map_by_name(self._connection, study.id, map_name_of(text, study.name))
        if found is None:
            raise Invalid(f"There is no TMA map '{text}'.")
        return found.id

    def _assign_maps(self, study: Study, stored: list[tuple[FoundImage, Slide]]) -> None:
        """Give maps to the slides that they name, unless the slides have named theirs."""
        chosen = {slide.id for image, slide in stored if image.named.tma_map}
        everything = slides.all_slides(self._connection, study.id)
        for read in self._read.maps.values():
            if not read.layout.slides:
                continue
            found = tma_maps.map_by_name(self._connection, study.id, read.name)
            if found is None:
                continue
            wanted = {name.casefold() for name in read.layout.slides}
            for position, slide in enumerate(everything):
                if slide.id in chosen or not wanted & names_of(slide):
                    continue
                if slide.tma_map_id is None or read.layout.force:
                    everything[position] = store_changes(
                        self._transaction, study, slide, {"tma_map_id": found.id}
                    )

    def _count(self, what: str, added: int, changed: int) -> None:
        if added or changed:
            self._log.append(f"{what}: {added} new, {changed} changed.")


def names_of(slide: Slide) -> set[str]:
    """Return what a map may call a slide, in small letters."""
    path = PurePosixPath(slide.source)
    return {each.casefold() for each in (path.name, path.stem, slide.name)}


def _matched(
    images: list[FoundImage], stored: list[Slide]
) -> list[tuple[FoundImage, Slide | None]]:
    """Return for each image the slide that it is already: by its path, then by its name."""
    by_source: dict[str, list[Slide]] = {}
    for slide in stored:
        by_source.setdefault(slide.source, []).append(slide)
    found: dict[int, Slide] = {}
    for is_same_name in (True, False):
        for position, image in enumerate(images):
            candidates = by_source.get(image.file.source, [])
            fitting = [s for s in candidates if not is_same_name or s.name == image.named.name]
            if position not in found and fitting:
                found[position] = fitting[0]
                candidates.remove(fitting[0])
    return [(image, found.get(position)) for position, image in enumerate(images)]
