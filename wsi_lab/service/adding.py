"""Adding slides: files are opened first, then all rows are stored in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from wsi_lab.errors import Invalid, TooLarge, WsiLabError
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.slide import SlideProperties, checked_mpp
from wsi_lab.model.source import is_address
from wsi_lab.model.study import Slide, checked_tags, checked_text
from wsi_lab.service.new_slides import (
    ExaminedSlide,
    NewSlide,
    SlideOnDisk,
    SlideStorer,
    store_all,
)
from wsi_lab.service.places import Places
from wsi_lab.service.transaction import Transaction, Transactions

MOST_AT_ONCE = 10_000
FILES_OPENED_AT_ONCE = 4


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
            return SlideStorer(transaction, study).store(examined)

        return self._transactions.write(actor, store)

    def add_many(
        self,
        actor: Actor,
        study_id: int,
        slides: Sequence[NewSlide],
        progress: Callable[[int], None] | None = None,
        *,
        update: bool = False,
    ) -> list[Slide]:
        """Add all of them or none; see `wsi_lab.service.slides.Slides.add_many`."""
        if len(slides) > MOST_AT_ONCE:
            raise TooLarge(f"At most {MOST_AT_ONCE:,} slides can be added at once.")
        is_admin = self._check_right(actor, study_id)
        examined = self.examine_many(slides, is_admin=is_admin, progress=progress)

        def store(transaction: Transaction) -> list[Slide]:
            study = transaction.study(study_id, Action.SLIDE_ADD)
            return store_all(SlideStorer(transaction, study, update=update), slides, examined)

        return self._transactions.write(actor, store)

    def examine_many(
        self,
        slides: Sequence[NewSlide],
        *,
        is_admin: bool,
        progress: Callable[[int], None] | None = None,
    ) -> list[ExaminedSlide | WsiLabError]:
        """Open files, some at once, and return for each what is to be stored, or why not.

        Whoever calls it has checked that the asker may add slides, and checks it again before
        any is stored.
        """
        lock = threading.Lock()
        opened = 0

        def examine(new: NewSlide) -> ExaminedSlide | WsiLabError:
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
            return list(pool.map(examine, slides))

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

    def _examine(self, new: NewSlide, *, is_admin: bool) -> ExaminedSlide:
        source = self._places.resolve(new.path, is_admin=is_admin)
        new = _checked(new)
        return ExaminedSlide(new, self.look_at(source))


def size_of(source: str) -> int | None:
    """Return how many bytes a slide's file has; `None` for one that lies in a store."""
    if is_address(source):
        return None
    try:
        return Path(source).stat().st_size
    except OSError:
        return None


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
