"""What somebody gets to see of a thing, after it is clear that they may know of it."""

from __future__ import annotations

import dataclasses

from wsi_lab.model.people import Action
from wsi_lab.model.study import Case, Slide, Study
from wsi_lab.service.transaction import Transaction


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
