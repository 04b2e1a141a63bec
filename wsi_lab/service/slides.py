"""Slides of a study: adding files, describing them, taking them out again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Invalid, NotFound, SlideMissing
from wsi_lab.formats.markup import cleaned
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.slide import SMALLEST_PLAUSIBLE_MPP, SlideProperties, checked_mpp
from wsi_lab.model.study import (
    Page,
    Slide,
    checked_description,
    checked_name,
    checked_tags,
    checked_text,
)
from wsi_lab.service.adding import SlideAdder
from wsi_lab.service.changes import UNCHANGED, Unchanged
from wsi_lab.service.focus import is_out_of_focus
from wsi_lab.service.lab_slides import LabSlides
from wsi_lab.service.new_slides import NewSlide, store_changes
from wsi_lab.service.paging import page
from wsi_lab.service.places import unmoved
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions, check_revision, is_id
from wsi_lab.service.uploading.files import Files
from wsi_lab.service.uploading.folders import outside_name
from wsi_lab.store import slides as rows
from wsi_lab.store import studies as study_rows

if TYPE_CHECKING:
    from wsi_lab.slides.engine import SlideEngine

__all__ = ["NewSlide", "Slides"]

LARGEST_MPP = 1_000_000.0
"""Of what Slide Score's clients may state; exclusive."""
ROTATIONS = (0, 90, 180, 270)


class Slides:
    """Slides of studies. ``source`` is empty for those who may not see where files lie."""

    def __init__(
        self,
        transactions: Transactions,
        tiles: Tiles,
        adder: SlideAdder,
        files: Files,
        engine: Callable[[], SlideEngine],
    ) -> None:
        self._transactions = transactions
        self._tiles = tiles
        self._adder = adder
        self._files = files
        self._engine = engine
        self._lab_slides = LabSlides(transactions, files, adder)

    def add(
        self,
        actor: Actor,
        study_id: int,
        path: str | Path,
        *,
        name: str | None = None,
        case: str | None = None,
        case_public: str | None = None,
        block: str = "",
        section: str = "",
        number: str = "",
        stain: str = "",
        tags: Iterable[str] = (),
        mpp_x: float | None = None,
        mpp_y: float | None = None,
    ) -> Slide:
        """Open a file, add it to a study as a slide, and return the slide.

        The parameters are the attributes of `NewSlide`.

        Raises
        ------
        Invalid
            One of the texts or numbers is not one.
        NotAllowed
            The right is missing, or the file lies outside the folders slides may come from.
        SlideMissing, UnsupportedSlide, DamagedSlide
            The file cannot be shown.
        Conflict
            The study has a slide of that name.
        """
        new = NewSlide(
            path=path,
            name=name,
            case=case,
            case_public=case_public,
            block=block,
            section=section,
            number=number,
            stain=stain,
            tags=tuple(tags),
            mpp_x=mpp_x,
            mpp_y=mpp_y,
        )
        return self._adder.add(actor, study_id, new)

    def add_many(
        self,
        actor: Actor,
        study_id: int,
        slides: Sequence[NewSlide],
        *,
        progress: Callable[[int], None] | None = None,
        update: bool = False,
    ) -> list[Slide]:
        """Add all of them or none, and return them in the order given.

        Parameters
        ----------
        progress
            Called with the number of files opened so far, one call at a time.
        update
            Bring slides up to date that the study has already, by their names, and the public
            names of their cases, instead of refusing them. What is not said of them stays.

        Raises
        ------
        Invalid
            At least one cannot be added; ``problems`` holds a line for each,
            ``details["rows"]`` the positions in `slides`, counted from 0.
        """
        return self._adder.add_many(actor, study_id, slides, progress, update=update)

    def get(self, actor: Actor, slide_id: int) -> Slide:
        """Return one slide."""

        def read(transaction: Transaction) -> Slide:
            study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
            return slide_as_seen(transaction, study, slide)

        return self._transactions.read(actor, read)

    def change(
        self,
        actor: Actor,
        slide_id: int,
        *,
        revision: int,
        name: str | None = None,
        case_id: int | Unchanged | None = UNCHANGED,
        block: str | None = None,
        section: str | None = None,
        number: str | None = None,
        stain: str | None = None,
        tags: Iterable[str] | None = None,
        mpp_x: float | Unchanged | None = UNCHANGED,
        mpp_y: float | Unchanged | None = UNCHANGED,
        description: str | None = None,
        rotation: int | None = None,
    ) -> Slide:
        """Change what is given and return the slide as it is now.

        Parameters
        ----------
        case_id
            A case of the same study, or `None` to take the slide out of its case.
        mpp_x, mpp_y
            Micrometres per level-0 pixel, or `None` to leave it to the file.

        Raises
        ------
        Invalid
            One of the texts or numbers is not one.
        NotFound
            The study has no such case.
        Conflict
            `revision` is not the current one (``details["current"]``), or the name is taken.
        """
        texts = {"block": block, "section": section, "number": number, "stain": stain}
        changes: dict[str, object] = {
            field: checked_text(text, field) for field, text in texts.items() if text is not None
        }
        if name is not None:
            changes["name"] = checked_name(name, "slide")
        if tags is not None:
            changes["tags"] = checked_tags(tags)
        for field, mpp in (("stated_mpp_x", mpp_x), ("stated_mpp_y", mpp_y)):
            if not isinstance(mpp, Unchanged):
                changes[field] = checked_mpp(mpp)
        if not isinstance(case_id, Unchanged):
            changes["case_id"] = case_id
        if description is not None:
            changes["description"] = cleaned(checked_description(description, "slide"))
        if rotation is not None:
            changes["rotation"] = _checked_rotation(rotation)
        return self._transactions.write(
            actor, lambda transaction: _change(transaction, slide_id, revision, changes)
        )

    def add_uploaded(self, actor: Actor, study_id: int, path: str) -> Slide:
        """Make a slide of one of the lab's own files; see `LabSlides.add`."""
        return self._lab_slides.add(actor, study_id, path)

    def move(self, actor: Actor, slide_id: int, path: str) -> Slide:
        """Say that a slide's file is another one; see `LabSlides.move`."""
        return self._lab_slides.move(actor, slide_id, path)

    def of_file(self, actor: Actor, path: str) -> Slide:
        """Return the first slide that was made of a file; see `LabSlides.of_file`."""
        return self._lab_slides.of_file(actor, path)

    def path_of(self, actor: Actor, slide_id: int) -> str:
        """Return where a slide's file lies: ``images/…``, or its full path or address."""

        def read(transaction: Transaction) -> str:
            _, slide = transaction.slide(slide_id, Action.SLIDE_PATH)
            return outside_name(self._files, slide.source)

        return self._transactions.read(actor, read)

    def set_description(self, actor: Actor, slide_id: int, html: str) -> Slide:
        """Describe a slide in HTML, of which only what is harmless is kept.

        Raises
        ------
        Invalid
            It is too long, or holds control characters.
        """
        return self._set(actor, slide_id, description=cleaned(checked_description(html, "slide")))

    def set_resolution(self, actor: Actor, slide_id: int, mpp: float) -> Slide:
        """State how many micrometres a level-0 pixel has, in both directions.

        Raises
        ------
        Invalid
            It is not greater than 0 and less than a million, or so small that one cannot
            calculate with it.
        """
        if not math.isfinite(mpp) or not SMALLEST_PLAUSIBLE_MPP <= mpp < LARGEST_MPP:
            raise Invalid(
                "The resolution is micrometres per pixel, greater than 0 "
                f"(at least {SMALLEST_PLAUSIBLE_MPP:g}) and less than {LARGEST_MPP:,.0f}."
            )
        return self._set(actor, slide_id, stated_mpp_x=mpp, stated_mpp_y=mpp)

    def set_rotation(self, actor: Actor, slide_id: int, rotation: int) -> Slide:
        """State by how many degrees clockwise a slide is turned when it is shown.

        Raises
        ------
        Invalid
            It is not 0, 90, 180 or 270.
        """
        return self._set(actor, slide_id, rotation=_checked_rotation(rotation))

    def rename(self, actor: Actor, slide_id: int, name: str) -> Slide:
        """Give a slide another name.

        Raises
        ------
        Invalid
            The name is not one.
        Conflict
            The study has another slide of that name.
        """
        return self._set(actor, slide_id, name=checked_name(name, "slide"))

    def out_of_focus(self, actor: Actor, slide_id: int) -> bool:
        """Return whether a slide was scanned out of focus; see `is_out_of_focus`.

        Raises
        ------
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy, SourceUnavailable
            The file cannot be read.
        """
        _, slide = self._transactions.read(
            actor, lambda transaction: transaction.slide(slide_id, Action.STUDY_VIEW)
        )
        if not unmoved(slide.source):
            raise SlideMissing("The file of this slide was moved; add it again from its new place.")
        return is_out_of_focus(self._engine().open(slide.source))

    def _set(self, actor: Actor, slide_id: int, **fields: Any) -> Slide:
        """Change fields whatever the slide's revision is: the last one wins."""
        return self._transactions.write(
            actor, lambda transaction: _change(transaction, slide_id, None, fields)
        )

    def remove(self, actor: Actor, slide_id: int, *, revision: int) -> None:
        """Take a slide out of its study; its file stays where it is.

        Raises
        ------
        Conflict
            `revision` is not the current one (``details["current"]``).
        """

        def remove(transaction: Transaction) -> None:
            study, slide = transaction.slide(slide_id, Action.SLIDE_DELETE)
            check_revision(slide.revision, revision, "slide")
            rows.remove_slide(transaction.connection, slide_id)
            transaction.record("remove", "slide", slide_id, study_id=study.id, before=slide)

        self._transactions.write(actor, remove)

    def properties(self, actor: Actor, slide_id: int) -> SlideProperties:
        """Return what the file says about itself, with the mpp somebody stated.

        ``associated`` is empty without the right to see private images.
        """
        return self._tiles.shown(actor, slide_id).properties

    def case_names(self, actor: Actor, slides: Sequence[Slide]) -> dict[int, str]:
        """Return the public names of the cases of these slides, by case id."""
        wanted = {slide.case_id for slide in slides if slide.case_id is not None}

        def read(transaction: Transaction) -> dict[int, str]:
            cases = study_rows.cases_by_id(transaction.connection, wanted)
            studies = study_rows.studies(transaction.connection, {c.study_id for c in cases})
            visible = {s.id for s in studies if transaction.may(Action.STUDY_VIEW, s)}
            return {case.id: case.public_name for case in cases if case.study_id in visible}

        return self._transactions.read(actor, read) if wanted else {}

    def list(
        self,
        actor: Actor,
        study_id: int,
        *,
        limit: int = 100,
        cursor: str | None = None,
        case_id: int | None = None,
        name: str | None = None,
    ) -> Page[Slide]:
        """Return slides of a study in the order of their ids.

        Parameters
        ----------
        case_id, name
            Only the slides of that case, or of exactly that name.

        Raises
        ------
        Invalid
            `limit` or `cursor` is not one.
        """

        def read(transaction: Transaction) -> Page[Slide]:
            study = transaction.study(study_id, Action.STUDY_VIEW)
            if case_id is not None and not is_id(case_id):
                return Page((), None)
            found = page(
                limit,
                cursor,
                lambda after, most: rows.slides(
                    transaction.connection,
                    study_id,
                    after=after,
                    limit=most,
                    case_id=case_id,
                    name=name,
                ),
                lambda slide: slide.id,
            )
            seen = tuple(slide_as_seen(transaction, study, slide) for slide in found.items)
            return Page(seen, found.next_cursor)

        return self._transactions.read(actor, read)


def _change(
    transaction: Transaction, slide_id: int, revision: int | None, changes: Mapping[str, object]
) -> Slide:
    study, before = transaction.slide(slide_id, Action.STUDY_EDIT)
    if revision is not None:
        check_revision(before.revision, revision, "slide")
    case_id = changes.get("case_id")
    if isinstance(case_id, int):
        case = study_rows.case(transaction.connection, case_id) if is_id(case_id) else None
        if case is None or case.study_id != study.id:
            raise NotFound(f"The study has no case {case_id}.")
    after = store_changes(transaction, study, before, changes)
    return slide_as_seen(transaction, study, after)


def _checked_rotation(rotation: int) -> int:
    if rotation not in ROTATIONS:
        raise Invalid("A slide is turned by 0, 90, 180 or 270 degrees.")
    return rotation
