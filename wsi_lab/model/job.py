"""Jobs: work that takes so long that nobody waits for it in one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from wsi_lab.errors import WsiLabError


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self in {JobState.DONE, JobState.FAILED, JobState.STOPPED}


@dataclass(frozen=True, slots=True)
class Job:
    """A job, as it was when it was asked for.

    Attributes
    ----------
    id
        Nobody can guess it.
    title
        What is being done, for example ``Import nuclei.geojson``.
    user_id, token_id
        Who started it, and by which token, if by one.
    progress
        From 0 to 1.
    words
        What it is busy with, for people; may be empty.
    result
        What came of it, when it is done.
    error
        Why it failed.
    ended_on
        `None` as long as it is not over.
    """

    id: str
    title: str
    user_id: int
    token_id: int | None
    state: JobState
    progress: float
    words: str
    result: Any
    error: WsiLabError | None
    started_on: datetime
    ended_on: datetime | None
