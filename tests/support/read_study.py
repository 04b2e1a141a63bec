"""A study that is read, and one of its readers over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from wsi_lab.model.question import Question
from wsi_lab.model.study import Slide, Study

BLIND = {"hideslidenames": "true", "shufflecases": "true", "shuffleseed": "4", "timecases": "true"}
SECRET = "Jane-Doe-secret"
"""In all names that a blind reader may not be told."""


@dataclass
class Read:
    """A study that is read.

    Attributes
    ----------
    anna
        A client of one of its readers.
    slide_ids
        By their numbers in her order.
    """

    study: Study
    slides: list[Slide]
    questions: dict[str, Question]
    anna: httpx.Client
    slide_ids: dict[int, int]

    @property
    def url(self) -> str:
        """Where she reads."""
        return f"/v1/studies/{self.study.id}/reading"


def good(answer: httpx.Response, status: int = 200) -> Any:
    """Return what a good answer says."""
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None
