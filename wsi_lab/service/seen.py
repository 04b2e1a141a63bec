"""What somebody gets to see of a thing, after it is clear that they may know of it."""

from __future__ import annotations

import dataclasses

from wsi_lab.model.people import Action
from wsi_lab.model.study import Case, Slide, Study
from wsi_lab.model.study_settings import SEED
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import studies

ALL = -1
"""No limit, to the database."""


def seen_studies(transaction: Transaction) -> list[Study]:
    """Return all studies that the asker may view, in the order of their ids."""
    transaction.require(Action.LAB_VIEW)
    user = transaction.actor.user
    there = studies.visible_studies(
        transaction.connection,
        member=None if user.is_admin else user.id,
        limited_to=(),
        after=0,
        limit=ALL,
    )
    return [each for each in there if transaction.may(Action.STUDY_VIEW, each)]


def study_as_seen(transaction: Transaction, study: Study) -> Study:
    """Return the study, without the seed of its orders for those who may not set it up.

    Who has it can tell in which order others get their cases.
    """
    if SEED not in study.settings or transaction.may(Action.STUDY_EDIT, study):
        return study
    rest = {name: value for name, value in study.settings.items() if name != SEED}
    return dataclasses.replace(study, settings=rest)


def case_as_seen(transaction: Transaction, study: Study, case: Case) -> Case:
    """Return the case, without its private name for those who may not see it."""
    if transaction.may(Action.CASE_PRIVATE, study):
        return case
    return dataclasses.replace(case, name=None)


def slide_as_seen(transaction: Transaction, study: Study, slide: Slide) -> Slide:
    """Return the slide, without its path for those who may not see where files lie."""
    if transaction.may(Action.SLIDE_PATH, study):
        return slide
    return dataclasses.replace(slide, source="")
