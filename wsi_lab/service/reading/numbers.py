"""Which slide has which number for whom, remembered as long as nothing of it changes.

Tiles are asked for by numbers, hundreds of times a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from wsi_lab.errors import NotFound
from wsi_lab.model.people import Actor
from wsi_lab.service.reading.order import as_reader, reading_of
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store.db import Database
from wsi_lab.store.readings import Stamp, reader_stamp

MOST_REMEMBERED = 1024

_Key = tuple[int, int | None, int]


class Numbered:
    """The slides of a study in a reader's order, as of a generation of the database."""

    def __init__(self, generation: int, stamp: Stamp | None, slide_ids: tuple[int, ...]) -> None:
        self.generation = generation
        self.stamp = stamp
        self.slide_ids = slide_ids

    def slide_id(self, number: int) -> int:
        """Return the id of the slide of a number.

        Raises
        ------
        NotFound
            There is none.
        """
        if not 0 < number <= len(self.slide_ids):
            raise NotFound(f"There is no slide {number} in this reading.")
        return self.slide_ids[number - 1]

    @cached_property
    def numbers(self) -> Mapping[int, int]:
        """The numbers of the slides, by their ids."""
        return {slide_id: number for number, slide_id in enumerate(self.slide_ids, start=1)}


class Numbers:
    """Which slide has which number for whom."""

    def __init__(self, database: Database, transactions: Transactions) -> None:
        self._database = database
        self._transactions = transactions
        self._remembered: dict[_Key, Numbered] = {}

    def at_once(self, actor: Actor, study_id: int) -> Numbered | None:
        """Return what is known of a reader's slides, if it still holds, without waiting.

        Whether the asker's token has expired since, whoever asks for the slide itself is told.
        """
        key = _key(actor, study_id)
        known = self._remembered.get(key)
        if known is None:
            return None
        generation = self._database.generation()
        if known.generation != generation:
            # Most commits are answers. One short look is cheaper than to put all in order anew.
            stamp = self._database.read(lambda connection: reader_stamp(connection, *key))
            if stamp is None or stamp != known.stamp:
                return None
            known.generation = generation
        return known

    def of(self, actor: Actor, study_id: int) -> Numbered:
        """Return the slides of a study in the order of whoever asks.

        Raises
        ------
        NotFound, NotAllowed
            They are no reader of it, or it is not open to them yet.
        """
        known = self.at_once(actor, study_id)
        if known is not None:
            return known
        # Before reading: what is committed meanwhile must make this old.
        generation = self._database.generation()
        key = _key(actor, study_id)

        def read(transaction: Transaction) -> tuple[tuple[int, ...], Stamp | None]:
            slide_ids = reading_of(transaction, study_id).slide_ids
            return slide_ids, reader_stamp(transaction.connection, *key)

        slide_ids, stamp = self._transactions.read(as_reader(actor), read)
        known = Numbered(generation, stamp, slide_ids)
        while len(self._remembered) >= MOST_REMEMBERED:
            oldest = next(iter(self._remembered), None)
            if oldest is not None:
                self._remembered.pop(oldest, None)
        self._remembered[key] = known
        return known


def _key(actor: Actor, study_id: int) -> _Key:
    return actor.user.id, None if actor.token is None else actor.token.id, study_id
