"""Readings: opened, and shown item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import blake2b

from wsi_lab.model.people import Actor
from wsi_lab.model.reading import Item
from wsi_lab.service.reading.cores import cores_of
from wsi_lab.service.reading.given import answers_of
from wsi_lab.service.reading.needs import needs_of
from wsi_lab.service.reading.numbers import Numbers
from wsi_lab.service.reading.order import ItemNames, as_reader, names_of, reading_of, sets_up
from wsi_lab.service.reading.pages import (
    AskedQuestion,
    ItemOfList,
    ItemPage,
    NumberedSlide,
    OpenReading,
)
from wsi_lab.service.reading.taking import Taking
from wsi_lab.service.scoring.answering import is_by
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import readings as rows
from wsi_lab.store.db import Database

VEIL_BYTES = 8


class Readings(Taking):
    """What readers go through: items and slides by their numbers in a reader's own order.

    Whoever asks comes as a reader, and is told neither ids of slides and cases nor names that are
    hidden, however much they may elsewhere.
    """

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        tiles: Tiles,
        key: Callable[[], bytes],
    ) -> None:
        super().__init__(transactions)
        self._tiles = tiles
        self._key = key
        self._numbers = Numbers(database, transactions)

    def open(self, actor: Actor, study_id: int) -> OpenReading:
        """Return what a reader begins with: the questions, and all items in their order.

        Raises
        ------
        NotFound, NotAllowed
            They are no reader of the study, or it is not open to them yet.
        """

        def read(transaction: Transaction) -> OpenReading:
            reading = reading_of(transaction, study_id)
            needs, names = needs_of(transaction, reading), names_of(transaction, reading)
            reader = transaction.actor.user.email
            given = rows.answered(
                transaction.connection, study_id, needs.wanted, needs.asked, reader
            )
            return OpenReading(
                reading.study,
                reader,
                reading.settings,
                reading.settings.may_change or sets_up(transaction, reading.study),
                tuple(
                    AskedQuestion(each, needs.asks(each))
                    for each in transaction.questions(reading.study)
                ),
                tuple(
                    ItemOfList(
                        item.number,
                        names.of_item(item),
                        tuple(_numbered(item, names)),
                        core_count,
                        wanted.needed,
                        given.get(wanted.place, 0),
                    )
                    for item, wanted, core_count in zip(
                        reading.items, needs.wanted, needs.core_counts, strict=True
                    )
                ),
            )

        return self._transactions.read(as_reader(actor), read)

    def item(self, actor: Actor, study_id: int, number: int) -> ItemPage:
        """Return one item: its slides, its cores, and what was answered about it.

        Raises
        ------
        NotFound, NotAllowed
            As for `open`, or there is no such item.
        SlideMissing, UnsupportedSlide, DamagedSlide, Busy, SourceUnavailable
            One of its slides cannot be shown.
        """
        reader = as_reader(actor)

        def read(transaction: Transaction) -> tuple[Item, ItemPage, list[NumberedSlide]]:
            reading = reading_of(transaction, study_id)
            item, names = reading.item(number), names_of(transaction, reading)
            cores = cores_of(transaction, reading, item)
            asked = transaction.questions(reading.study)
            own, others = answers_of(transaction, reading, item, asked, by_core=bool(cores))
            page = ItemPage(number, names.of_item(item), (), cores, own, others)
            return item, page, _numbered(item, names)

        item, page, numbered = self._transactions.read(reader, read)
        shown = [self._tiles.shown(reader, each) for each in item.slide_ids]
        return page.with_slides(zip(numbered, shown, strict=True))

    def slide_id_at_once(self, actor: Actor, study_id: int, number: int) -> int | None:
        """Return the slide of a number if that needs no waiting, else `None`.

        Raises
        ------
        NotFound
            There is none of that number.
        """
        known = self._numbers.at_once(actor, study_id)
        return None if known is None else known.slide_id(number)

    def slide_id(self, actor: Actor, study_id: int, number: int) -> int:
        """Return the slide of a number.

        Raises
        ------
        NotFound, NotAllowed
            As for `open`, or there is none of that number.
        """
        return self._numbers.of(actor, study_id).slide_id(number)

    def numbers(self, actor: Actor, study_id: int) -> Mapping[int, int]:
        """Return the numbers of a study's slides, by their ids.

        Raises
        ------
        NotFound, NotAllowed
            As for `open`.
        """
        return self._numbers.of(actor, study_id).numbers

    @staticmethod
    def is_by(actor: Actor, author: str) -> bool:
        """Return whether an author is whoever asks."""
        return is_by(actor, author)

    def veiled(self, words: str) -> str:
        """Return words that differ when those given do, and from which these cannot be guessed."""
        return blake2b(words.encode(), digest_size=VEIL_BYTES, key=self._veil).hexdigest()

    @cached_property
    def _veil(self) -> bytes:
        return blake2b(self._key(), digest_size=32, person=b"wsi-lab reading").digest()


def _numbered(item: Item, names: ItemNames) -> list[NumberedSlide]:
    return [
        NumberedSlide(number, names.of_slide(slide_id, number))
        for number, slide_id in enumerate(item.slide_ids, start=item.first_slide)
    ]
