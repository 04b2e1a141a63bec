"""Who may see which slide, remembered as long as nothing changes, and the slide itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wsi_lab.errors import SlideMissing
from wsi_lab.model.people import READING_DOOR, Action, Actor
from wsi_lab.model.study import Slide
from wsi_lab.service.answers import Shown, etag_stems, shown
from wsi_lab.service.clock import Clock
from wsi_lab.service.places import unmoved
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.transaction import Transaction, Transactions, has_expired
from wsi_lab.store.access import Stamp, slide_stamp
from wsi_lab.store.db import Database

if TYPE_CHECKING:
    from wsi_lab.slides.engine import OpenSlide, SlideEngine

MOST_REMEMBERED = 4096


class Remembered:
    """That somebody may see a slide, and how it is shown, as of a generation of the database."""

    __slots__ = ("etag_stems", "generation", "grids", "shown", "source", "stamp", "version")

    def __init__(self, generation: int, stamp: Stamp | None, source: str, shown: Shown) -> None:
        self.generation = generation
        self.stamp = stamp
        self.source = source
        self.shown = shown
        self.grids = shown.grids
        self.version = shown.version
        self.etag_stems = etag_stems(shown)


_Key = tuple[int, int | None, int, bool]


class Sight:
    """Opens slides for those who may see them."""

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        clock: Clock,
        engine: Callable[[], SlideEngine],
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._clock = clock
        self._engine = engine
        self._remembered: dict[_Key, Remembered] = {}

    def at_once(self, actor: Actor, slide_id: int) -> Remembered | None:
        """Return what is known of a slide, if it still holds."""
        token = actor.token
        key = _key(actor, slide_id)
        known = self._remembered.get(key)
        if known is None or (
            # The clock is asked only where it matters; to ask it takes a lock.
            token is not None
            and token.expires_on is not None
            and has_expired(token, self._clock.now())
        ):
            return None
        generation = self._database.generation()
        if known.generation != generation:
            # Somebody committed something. Most often that touched nobody's rights, and one
            # short look is cheaper than asking everything again.
            stamp = self._database.read(lambda connection: slide_stamp(connection, *key[:3]))
            if stamp is None or stamp != known.stamp:
                return None
            known.generation = generation
        return known

    def open(self, actor: Actor, slide_id: int) -> tuple[Remembered, OpenSlide]:
        """Return what is known of a slide, and the slide; may block.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it.
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy, SourceUnavailable
            It cannot be opened.
        """
        known = self.at_once(actor, slide_id)
        if known is not None:
            slide = self._engine().open(known.source)
            if slide.version == known.version:
                return known, slide
        return self._look_up(actor, slide_id)

    def _look_up(self, actor: Actor, slide_id: int) -> tuple[Remembered, OpenSlide]:
        # Before reading: what is committed meanwhile must make this entry old.
        generation = self._database.generation()
        key = _key(actor, slide_id)

        def read(transaction: Transaction) -> tuple[Slide, Slide, bool, Stamp | None]:
            study, slide = transaction.slide(slide_id, Action.SLIDE_VIEW)
            return (
                slide,
                slide_as_seen(transaction, study, slide),
                transaction.may(Action.SLIDE_PRIVATE, study),
                slide_stamp(transaction.connection, *key[:3]),
            )

        row, seen, private, stamp = self._transactions.read(actor, read)
        slide = self._engine().open(row.source) if unmoved(row.source) else None
        # Looked at before, so that nothing elsewhere is opened, and after, because between the
        # two a link may have taken the file's place.
        if slide is None or slide.real_path != row.source:
            raise SlideMissing("The file of this slide was moved; add it again from its new place.")
        known = Remembered(generation, stamp, row.source, shown(slide, seen, private=private))
        self._remember(key, known)
        return known, slide

    def _remember(self, key: _Key, known: Remembered) -> None:
        while len(self._remembered) >= MOST_REMEMBERED:
            oldest = next(iter(self._remembered), None)
            if oldest is not None:
                self._remembered.pop(oldest, None)
        self._remembered[key] = known


def _key(actor: Actor, slide_id: int) -> _Key:
    # A reader may see on the reading page what is closed to them everywhere else.
    token_id = None if actor.token is None else actor.token.id
    return actor.user.id, token_id, slide_id, actor.door == READING_DOOR
