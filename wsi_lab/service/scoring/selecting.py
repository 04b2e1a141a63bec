"""From the answers somebody asks for to those of them that they may see."""

from __future__ import annotations

from datetime import UTC, datetime

from wsi_lab.errors import Invalid
from wsi_lab.model.answer import WantedAnswers
from wsi_lab.model.people import Action
from wsi_lab.model.study import Study
from wsi_lab.service.reading.needs import needs_of_study
from wsi_lab.service.transaction import Transaction, is_id
from wsi_lab.store import questions, readings
from wsi_lab.store.answer_selection import Selection


def study_of_wanted(transaction: Transaction, study_id: int, *, mine: bool) -> Study:
    """Return a study whose answers the asker may see, or their own in it."""
    return transaction.study(study_id, Action.STUDY_VIEW if mine else Action.RESULTS_VIEW)


def selection_of(
    transaction: Transaction, study: Study, wanted: WantedAnswers, *, mine: bool = False
) -> Selection | None:
    """Return which answers are wanted and may be seen; `None` where there can be none.

    Parameters
    ----------
    mine
        Only the asker's own, whoever else is named.

    Raises
    ------
    Invalid
        `as_of` is no moment that there can be.
    """
    ids = (wanted.slide_id, wanted.case_id)
    if not all(is_id(each) for each in ids if each is not None):
        return None
    as_of = None if wanted.as_of is None else _in_utc(wanted.as_of)
    asked = transaction.questions(study)
    seen = [each.id for each in asked if wanted.question in {None, each.name}]
    if not seen:
        return None
    is_every = len(seen) == questions.question_count(transaction.connection, study.id)
    return Selection(
        study_id=study.id,
        questions=None if is_every else tuple(seen),
        author=transaction.actor.user.email if mine else wanted.author,
        authors=complete_readers(transaction, study, as_of) if wanted.complete else None,
        slide_id=wanted.slide_id,
        case_id=wanted.case_id,
        as_of=as_of,
    )


def complete_readers(
    transaction: Transaction, study: Study, as_of: datetime | None = None
) -> tuple[str, ...]:
    """Return who has, or had then, given every answer that the study needs of a reader."""
    connection = transaction.connection
    needs = needs_of_study(transaction, study)
    items = sum(each.needed > 0 for each in needs.wanted)
    tallies = readings.tallies(connection, study.id, needs.wanted, needs.asked, as_of=as_of)
    return tuple(each.author for each in tallies if each.items_done == items)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("as_of: is no moment between the years 1 and 9999, in UTC.") from None
