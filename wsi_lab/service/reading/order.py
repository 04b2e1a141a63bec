"""The items of a study in the order that whoever asks gets them, and what they are called."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.people import READING_DOOR, Action, Actor
from wsi_lab.model.reading import Item, ReadingSettings, items_of
from wsi_lab.model.study import Study
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import readings as rows
from wsi_lab.store import slides as slide_rows
from wsi_lab.store.readings import SlideRow
from wsi_lab.store.studies import default_public_name


@dataclass(frozen=True)
class Reading:
    """A study as one reader goes through it.

    Attributes
    ----------
    slides
        By their ids.
    made_of
        All that the items and slides follow from.
    """

    study: Study
    settings: ReadingSettings
    items: tuple[Item, ...]
    slides: dict[int, SlideRow]
    made_of: tuple[ReadingSettings, str, str]

    def item(self, number: int) -> Item:
        """Return an item by its number.

        Raises
        ------
        NotFound
            There is none of that number.
        """
        if not 0 < number <= len(self.items):
            raise NotFound(f"There is no item {number} in this reading.")
        return self.items[number - 1]

    @cached_property
    def slide_ids(self) -> tuple[int, ...]:
        """The ids of all slides in the reader's order."""
        return tuple(slide_id for item in self.items for slide_id in item.slide_ids)

    def map_of(self, item: Item) -> int | None:
        """Return the map whose cores are answered about one by one, if there is one.

        Where cases are answered about, their cores are not.
        """
        return None if item.case_id is not None else self.slides[item.slide_ids[0]].map_id


@dataclass(frozen=True)
class ItemNames:
    """What items and slides are called to a reader."""

    settings: ReadingSettings
    slide_names: dict[int, str]
    case_names: dict[int, str]

    def of_item(self, item: Item) -> str:
        """Return the name of an item."""
        if item.case_id is None:
            return self.of_slide(item.slide_ids[0], item.first_slide)
        plain = f"Case {item.number}"
        if self.settings.hides_names:
            return plain
        # The name that a case has without one tells its id.
        unnamed = plain if self.settings.is_blind else default_public_name(item.case_id)
        return self.case_names.get(item.case_id, unnamed)

    def of_slide(self, slide_id: int, number: int) -> str:
        """Return the name of a slide."""
        return f"Slide {number}" if self.settings.hides_names else self.slide_names[slide_id]


def as_reader(actor: Actor) -> Actor:
    """Return somebody as one who comes to read."""
    if actor.door == READING_DOOR:
        return actor
    return dataclasses.replace(actor, door=READING_DOOR)


def open_study(transaction: Transaction, study_id: int) -> Study:
    """Return a study that the asker is one of the readers of.

    Raises
    ------
    NotFound, NotAllowed
        They are none, or the study is not open to readers yet.
    """
    study = transaction.study(study_id, Action.READING)
    if study.published_on is None and not sets_up(transaction, study):
        raise NotAllowed("This study is not open to readers yet.")
    return study


def reading_of(transaction: Transaction, study_id: int, before: Reading | None = None) -> Reading:
    """Return a study as the asker, who is one of its readers, goes through it.

    Parameters
    ----------
    before
        What it was a moment ago: nothing is put in order again where all is as it was.

    Raises
    ------
    NotFound, NotAllowed
        As for `open_study`.
    """
    study = open_study(transaction, study_id)
    return reading_for(transaction, study, transaction.actor.user.email, before)


def reading_for(
    transaction: Transaction, study: Study, reader: str, before: Reading | None = None
) -> Reading:
    """Return a study as a reader goes through it; that the asker may know has been asked.

    See `reading_of`.
    """
    settings = ReadingSettings.of(study.settings)
    text = rows.slides_text(transaction.connection, study.id)
    made_of = (settings, reader, text)
    if before is not None and before.made_of == made_of:
        return dataclasses.replace(before, study=study)
    found = rows.slides_of_text(text)
    items = items_of(settings, reader, (each.placed for each in found))
    return Reading(study, settings, items, {each.slide_id: each for each in found}, made_of)


def sets_up(transaction: Transaction, study: Study) -> bool:
    """Return whether the asker is one of those who set a study up."""
    return transaction.may(Action.STUDY_EDIT, study) or transaction.may(Action.STUDY_ADMIN, study)


def names_of(transaction: Transaction, reading: Reading) -> ItemNames:
    """Return what items and slides are called."""
    connection, study_id = transaction.connection, reading.study.id
    return ItemNames(
        reading.settings,
        slide_rows.slide_names(connection, study_id),
        rows.public_names(connection, study_id),
    )
