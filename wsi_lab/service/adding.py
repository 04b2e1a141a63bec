"""Adding slides: files are opened first, then all rows are stored in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wsi_lab.errors import Conflict, Invalid, NotAllowed, TooLarge, WsiLabError
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.slide import SlideProperties, checked_mpp
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Case, Slide, Study, checked_name, checked_tags, checked_text
from wsi_lab.service.cases import add_case
from wsi_lab.service.places import Places
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import slides as rows
from wsi_lab.store import studies as study_rows

MOST_AT_ONCE = 10_000
FILES_OPENED_AT_ONCE = 4


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
class _Examined:
    """A new slide whose texts are in order and whose file can be shown."""

    new: NewSlide
    file: SlideOnDisk


class SlideAdder:
    """Adds slides to studies.

    Parameters
    ----------
    describe
        Opens a file by its real path and says what it is; raises when it cannot be shown.
    """

    def __init__(
        self,
        transactions: Transactions,
        places: Places,
        describe: Callable[[str], SlideProperties],
    ) -> None:
        self._transactions = transactions
        self._places = places
        self._describe = describe

    def add(self, actor: Actor, study_id: int, new: NewSlide) -> Slide:
        """Add one slide; see `wsi_lab.service.slides.Slides.add`."""
        examined = self._examine(new, is_admin=self._check_right(actor, study_id))

        def store(transaction: Transaction) -> Slide:
            study = transaction.study(study_id, Action.SLIDE_ADD)
            return _Storing(transaction, study).store(examined)

        return self._transactions.write(actor, store)

    def add_many(
        self,
        actor: Actor,
        study_id: int,
        slides: Sequence[NewSlide],
        progress: Callable[[int], None] | None = None,
    ) -> list[Slide]:
        """Add all of them or none; see `wsi_lab.service.slides.Slides.add_many`."""
        if len(slides) > MOST_AT_ONCE:
            raise TooLarge(f"At most {MOST_AT_ONCE:,} slides can be added at once.")
        is_admin = self._check_right(actor, study_id)
        lock = threading.Lock()
        opened = 0

        def examine(new: NewSlide) -> _Examined | WsiLabError:
            nonlocal opened
            try:
                return self._examine(new, is_admin=is_admin)
            except WsiLabError as error:
                return error
            finally:
                with lock:
                    opened += 1
                    if progress is not None:
                        progress(opened)

        with ThreadPoolExecutor(FILES_OPENED_AT_ONCE, "wsi-lab-adding") as pool:
            examined = list(pool.map(examine, slides))

        def store(transaction: Transaction) -> list[Slide]:
            study = transaction.study(study_id, Action.SLIDE_ADD)
            return _store_all(_Storing(transaction, study), slides, examined)

        return self._transactions.write(actor, store)

    def resolve(self, path: str | Path, *, is_admin: bool) -> str:
        """Return the real path or address of a slide; see `Places.resolve`."""
        return self._places.resolve(path, is_admin=is_admin)

    def look_at(self, source: str) -> SlideOnDisk:
        """Open what lies at a real path or address and say what it is.

        Raises
        ------
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy, SourceUnavailable
            It cannot be shown.
        """
        return SlideOnDisk(source, self._describe(source), size_of(source))

    def look_at_many(self, sources: Sequence[str]) -> list[SlideOnDisk | WsiLabError]:
        """Open many, some at once, and return for each what it is, or why it cannot be shown."""

        def look(source: str) -> SlideOnDisk | WsiLabError:
            try:
                return self.look_at(source)
            except WsiLabError as error:
                return error

        with ThreadPoolExecutor(FILES_OPENED_AT_ONCE, "wsi-lab-adding") as pool:
            return list(pool.map(look, sources))

    def _check_right(self, actor: Actor, study_id: int) -> bool:
        """Raise unless the actor may add slides; return whether they are an administrator."""

        def check(transaction: Transaction) -> bool:
            transaction.study(study_id, Action.SLIDE_ADD)
            return transaction.actor.user.is_admin

        return self._transactions.read(actor, check)

    def _examine(self, new: NewSlide, *, is_admin: bool) -> _Examined:
        source = self._places.resolve(new.path, is_admin=is_admin)
        new = _checked(new)
        return _Examined(new, self.look_at(source))


def size_of(source: str) -> int | None:
    """Return how many bytes a slide's file has; `None` for one that lies in a store."""
    if is_address(source):
        return None
    try:
        return Path(source).stat().st_size
    except OSError:
        return None


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


class _Storing:
    """Stores examined slides in one transaction."""

    def __init__(self, transaction: Transaction, study: Study) -> None:
        self._transaction = transaction
        self._study = study
        self._cases: dict[str, Case] = {}

    def store(self, examined: _Examined) -> Slide:
        """Store one slide and its case, and write both down in the audit."""
        transaction, new = self._transaction, examined.new
        case = self._case(new)
        slide = store_new(
            transaction,
            self._study,
            examined.file,
            case_id=case.id if case else None,
            name=new.name or default_name(examined.file.source),
            block=new.block,
            section=new.section,
            number=new.number,
            stain=new.stain,
            tags=new.tags,
            stated_mpp_x=new.mpp_x,
            stated_mpp_y=new.mpp_y,
        )
        return slide_as_seen(transaction, self._study, slide)

    def _case(self, new: NewSlide) -> Case | None:
        if new.case is None:
            return None
        case = self._cases.get(new.case) or self._known_case(new.case)
        if case is None:
            case = add_case(self._transaction, self._study, new.case, new.case_public or "")
        elif new.case_public and new.case_public != case.public_name:
            raise Conflict(
                f"The case of this slide is called '{case.public_name}' in public, "
                f"not '{new.case_public}'."
            )
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


def _store_all(
    storing: _Storing, slides: Sequence[NewSlide], examined: Sequence[_Examined | WsiLabError]
) -> list[Slide]:
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


def _checked(new: NewSlide) -> NewSlide:
    case = checked_text(new.case or "", "case") or None
    case_public = checked_text(new.case_public or "", "case") or None
    if case_public and not case:
        raise Invalid("A public name of a case needs its private name beside it.")
    return replace(
        new,
        name=checked_text(new.name or "", "slide") or None,
        case=case,
        case_public=case_public,
        block=checked_text(new.block, "block"),
        section=checked_text(new.section, "section"),
        number=checked_text(new.number, "number"),
        stain=checked_text(new.stain, "stain"),
        tags=checked_tags(new.tags),
        mpp_x=checked_mpp(new.mpp_x),
        mpp_y=checked_mpp(new.mpp_y),
    )
