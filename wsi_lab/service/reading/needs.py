"""Which answers items need."""

from __future__ import annotations

from typing import NamedTuple

from wsi_lab.model.question import Question
from wsi_lab.model.reading import is_needed
from wsi_lab.model.study import Study
from wsi_lab.service.reading.order import Reading, reading_for
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import questions as question_rows
from wsi_lab.store import readings as rows
from wsi_lab.store import studies as study_rows
from wsi_lab.store import tasks as task_rows
from wsi_lab.store.readings import Asked, Wanted


class Needs(NamedTuple):
    """Which answers items need.

    Attributes
    ----------
    asked
        The questions whose answers are needed.
    wanted
        How many answers each item needs, in the order of the items.
    core_counts
        How many cores each item has, in the order of the items.
    """

    asked: Asked
    wanted: list[Wanted]
    core_counts: list[int]

    def asks(self, question: Question) -> bool:
        """Return whether answers to a question are needed."""
        return question.id in self.asked.in_words or question.id in self.asked.drawn


def needs_of(transaction: Transaction, reading: Reading) -> Needs:
    """Return which answers the items of a reading need.

    Each question in words needs one for each item, or for each of its cores that is no control;
    each question that is drawn needs one for each item.
    """
    asked = asked_of(transaction, reading)
    counts = rows.core_counts(transaction.connection, reading.study.id)
    wanted, core_counts = [], []
    for item in reading.items:
        count, no_controls = counts.get(reading.map_of(item) or 0, (0, 0))
        places = no_controls if count else 1
        place = item.slide_ids[0] if item.case_id is None else -item.case_id
        needed = len(asked.in_words) * places + len(asked.drawn)
        wanted.append(Wanted(place, count > 0, needed))
        core_counts.append(count)
    return Needs(asked, wanted, core_counts)


def needs_of_study(transaction: Transaction, study: Study) -> Needs:
    """Return which answers a study needs of each of its readers, in no reader's order."""
    needs = needs_of(transaction, reading_for(transaction, study, ""))
    if needs.wanted:
        return needs
    # A study without slides is one of cases, whose slides are read elsewhere.
    needed = len(needs.asked.in_words) + len(needs.asked.drawn)
    cases = study_rows.case_ids(transaction.connection, study.id)
    wanted = [Wanted(-case_id, has_cores=False, needed=needed) for case_id in cases]
    return Needs(needs.asked, wanted, [0] * len(wanted))


def asked_of(transaction: Transaction, reading: Reading) -> Asked:
    """Return the questions of a reading whose answers are needed.

    A restricted task is for its own members, and no reader waits for them.
    """
    found = question_rows.questions(transaction.connection, reading.study.id)
    restricted = set(task_rows.restricted(transaction.connection, reading.study.id))
    needed = [each for each in found if is_needed(each) and each.id not in restricted]
    return Asked(_ids(needed, is_drawn=False), _ids(needed, is_drawn=True))


def _ids(found: list[Question], *, is_drawn: bool) -> tuple[int, ...]:
    return tuple(each.id for each in found if each.kind.is_drawn == is_drawn)
