"""New slides: what is said of them, and how they become rows, with their cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wsi_lab.errors import Conflict, Invalid, NotAllowed, WsiLabError
from wsi_lab.model.people import Action
from wsi_lab.model.slide import SlideProperties
from wsi_lab.model.study import Case, Slide, Study, checked_name
from wsi_lab.service.cases import add_case, store_case
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import slides as rows
from wsi_lab.store import studies as study_rows


@dataclass(frozen=True, slots=True)
class NewSlide:
    """A slide that is to be added.

    Attributes
    ----------
    path
        The file, absolute or relative to one of the folders slides may come from, or its
        address in a store.
    name
        Unique in the study; the default is the file's name without its ending.
    case, case_public
        Private and public name of the case, which is made when the study has none of that
        private name. Adding to a case that is there already needs the right 'private'.
    block, section, number, stain
        Where in the specimen the slide comes from and how it was stained, free text.
    mpp_x, mpp_y
        Micrometres per level-0 pixel, when the file does not say or says wrongly.
    """

    path: str | Path
    name: str | None = None
    case: str | None = None
    case_public: str | None = None
    block: str = ""
    section: str = ""
    number: str = ""
    stain: str = ""
    tags: tuple[str, ...] = ()
    mpp_x: float | None = None
    mpp_y: float | None = None


@dataclass(frozen=True, slots=True)
class SlideOnDisk:
    """A file that can be shown, or an object in a store.

    Attributes
    ----------
    source
        Its real path or its address.
    file_size
        Bytes; `None` where nobody knows.
    """

    source: str
    properties: SlideProperties
    file_size: int | None

    def facts(self) -> dict[str, object]:
        """Return what a row remembers of the file, by the names of its fields."""
        file = self.properties
        return {
            "source": self.source,
            "format": file.format,
            "width": file.width,
            "height": file.height,
            "objective_power": file.objective_power,
            "file_mpp_x": file.mpp_x,
            "file_mpp_y": file.mpp_y,
            "file_size": self.file_size,
        }


@dataclass(frozen=True, slots=True)
class ExaminedSlide:
    """A new slide whose texts are in order and whose file can be shown."""

    new: NewSlide
    file: SlideOnDisk


def default_name(source: str) -> str:
    """Return what a slide is called when nobody says: its file's name without the ending."""
    return checked_name(Path(source).stem, "slide")


def store_new(
    transaction: Transaction, study: Study, file: SlideOnDisk, *, name: str, **fields: Any
) -> Slide:
    """Store a slide and write it down in the audit; for verbs that have checked the right.

    Parameters
    ----------
    fields
        Further fields of `Slide`, checked.

    Raises
    ------
    Conflict
        The study has a slide of that name.
    """
    plain: dict[str, Any] = {
        "case_id": None,
        "block": "",
        "section": "",
        "stain": "",
        "tags": (),
        "stated_mpp_x": None,
        "stated_mpp_y": None,
    }
    slide = rows.add_slide(
        transaction.connection,
        Slide(
            id=0,
            study_id=study.id,
            name=name,
            added_on=transaction.now,
            revision=1,
            **(plain | file.facts() | fields),
        ),
    )
    transaction.record("create", "slide", slide.id, study_id=study.id, after=slide)
    return slide


def store_changes(
    transaction: Transaction, study: Study, before: Slide, changes: Mapping[str, Any]
) -> Slide:
    """Store a slide with other values in some fields; for verbs that have checked the right."""
    after = replace(before, **changes)
    if after != before:
        after = replace(after, revision=before.revision + 1)
        rows.update_slide(transaction.connection, after)
        transaction.record(
            "change", "slide", after.id, study_id=study.id, before=before, after=after
        )
    return after


class SlideStorer:
    """Stores examined slides in one transaction.

    Parameters
    ----------
    update
        Bring slides up to date that the study has already, by their names.
    """

    def __init__(self, transaction: Transaction, study: Study, *, update: bool = False) -> None:
        self._transaction = transaction
        self._study = study
        self._update = update
        self._cases: dict[str, Case] = {}
        self._stored: set[int] = set()

    def store(self, examined: ExaminedSlide) -> Slide:
        """Store one slide and its case, and write both down in the audit."""
        transaction, new = self._transaction, examined.new
        name = new.name or default_name(examined.file.source)
        known = self._known_slide(name)
        case = self._case(new)
        if known is not None:
            slide = self._brought_up_to_date(known, examined, case)
        else:
            slide = store_new(
                transaction,
                self._study,
                examined.file,
                case_id=case.id if case else None,
                name=name,
                block=new.block,
                section=new.section,
                number=new.number,
                stain=new.stain,
                tags=new.tags,
                stated_mpp_x=new.mpp_x,
                stated_mpp_y=new.mpp_y,
            )
        self._stored.add(slide.id)
        return slide_as_seen(transaction, self._study, slide)

    def _known_slide(self, name: str) -> Slide | None:
        if not self._update:
            return None
        found = rows.slides(
            self._transaction.connection, self._study.id, after=0, limit=1, name=name
        )
        if found and found[0].id in self._stored:
            raise Conflict(f"The slide '{name}' is named twice.")
        return found[0] if found else None

    def _brought_up_to_date(
        self, slide: Slide, examined: ExaminedSlide, case: Case | None
    ) -> Slide:
        new, file = examined.new, examined.file
        self._transaction.study(self._study.id, Action.STUDY_EDIT)
        if file.source != slide.source:
            self._transaction.slide(slide.id, Action.SLIDE_PATH)
        said = {
            "case_id": case.id if case else None,
            "block": new.block,
            "section": new.section,
            "number": new.number,
            "stain": new.stain,
            "tags": new.tags,
            "stated_mpp_x": new.mpp_x,
            "stated_mpp_y": new.mpp_y,
        }
        changes = {field: value for field, value in said.items() if value not in {None, "", ()}}
        return store_changes(self._transaction, self._study, slide, file.facts() | changes)

    def _case(self, new: NewSlide) -> Case | None:
        if new.case is None:
            return None
        case = self._cases.get(new.case) or self._known_case(new.case)
        if case is None:
            case = add_case(self._transaction, self._study, new.case, new.case_public or "")
        elif new.case_public and new.case_public != case.public_name:
            if not self._update or new.case in self._cases:
                raise Conflict(
                    f"The case of this slide is called '{case.public_name}' in public, "
                    f"not '{new.case_public}'."
                )
            self._transaction.study(self._study.id, Action.STUDY_EDIT)
            renamed = replace(case, public_name=new.case_public)
            case = store_case(self._transaction, self._study, case, renamed)
        self._cases[new.case] = case
        return case

    def _known_case(self, name: str) -> Case | None:
        case = study_rows.case_by_name(self._transaction.connection, self._study.id, name)
        if case is not None and not self._transaction.may(Action.CASE_PRIVATE, self._study):
            # Otherwise an editor could learn whose case a public name stands for.
            raise NotAllowed(
                "The study has a case of that private name; adding to it needs the right 'private'."
            )
        return case


def store_all(
    storing: SlideStorer,
    slides: Sequence[NewSlide],
    examined: Sequence[ExaminedSlide | WsiLabError],
) -> list[Slide]:
    """Store all of them or none; see `wsi_lab.service.slides.Slides.add_many`."""
    stored: list[Slide] = []
    problems: list[str] = []
    bad: list[int] = []
    for position, (new, found) in enumerate(zip(slides, examined, strict=True)):
        try:
            if isinstance(found, WsiLabError):
                raise found
            stored.append(storing.store(found))
        except WsiLabError as error:
            problems.append(f"{Path(new.path).name}: {error.message}")
            bad.append(position)
    if problems:
        count = f"{len(problems)} of {len(slides)} slides"
        raise Invalid(
            f"{count} cannot be added, so none was: {problems[0]}", problems=problems, rows=bad
        )
    return stored
