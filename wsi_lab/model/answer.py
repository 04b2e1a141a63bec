"""Answers: who said what about which slide, core or case, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from wsi_lab.errors import Invalid

LONGEST_AUTHOR = 254
LONGEST_VALUE = 64 << 20
"""Bytes of one answer; a model's annotation of a whole slide is a long one."""


@dataclass(frozen=True, slots=True)
class Core:
    """One core of a tissue microarray.

    Attributes
    ----------
    row, column
        Counted from 0.
    sample
        What the map calls it; may be empty.
    """

    row: int
    column: int
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What an answer is about: a slide, a core on it, or a whole case.

    Attributes
    ----------
    slide_id
        `None` for an answer about a case.
    case_id
        The case; together with a slide only where whoever answered said so.
    """

    slide_id: int | None = None
    case_id: int | None = None
    core: Core | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is now.

    Attributes
    ----------
    author
        Whose opinion it is: an e-mail, or the name of a program. Need not be a user of the lab.
    value
        As it was given. Of an answer that is drawn: its shapes as one JSON array.
    file_uuid
        The annotation file (see `wsi_lab.model.annotation.AnnotationFile`) it was read from.
    answered_by
        Id of the user who brought it in.
    """

    id: int
    study_id: int
    question_id: int
    place: Place
    author: str
    value: str
    answered_on: datetime
    answered_by: int
    door: str
    revision: int
    file_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An answer that is to be given. It takes the place of the author's earlier one."""

    question: str
    place: Place
    author: str
    value: str


class ResultRow(NamedTuple):
    """An answer in words, as tables of results have it: names instead of the lab's own ids.

    Attributes
    ----------
    slide_id
        `None` for an answer about a case.
    slide_name
        Informative only; the id decides.
    case_name
        The case it is about, or that its slide belongs to, where whoever wrote it said so.
    answered_on
        In UTC; `None` where nobody said when.
    answer_id
        0 for a row that comes in.
    line
        Of the table it came in, from 1; 0 for a row that goes out.
    revision
        Of the answer; 0 for a row that comes in.
    """

    slide_id: int | None
    author: str
    question: str
    value: str
    slide_name: str = ""
    case_name: str | None = None
    core: Core | None = None
    answered_on: datetime | None = None
    answer_id: int = 0
    line: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAnswers:
    """Which answers of a study somebody asks for; by default all.

    Attributes
    ----------
    question, author
        Only answers to the question of that name, or by that author.
    slide_id, case_id
        Only answers about the slide, or about the case and its slides.
    as_of
        Answers as they were at that moment; without a time zone it is in UTC. What was taken back
        by then (an empty answer) or not given yet is not there.
    complete
        Only answers of readers who have given all that are needed.
    """

    question: str | None = None
    author: str | None = None
    slide_id: int | None = None
    case_id: int | None = None
    as_of: datetime | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of answers that were brought in.

    Attributes
    ----------
    stored, unchanged
        How many are new or other than before, and how many were there already.
    log
        What whoever brought them in should know, a sentence each.
    """

    stored: int
    unchanged: int
    log: tuple[str, ...] = ()


def checked_author(author: str) -> str:
    """Return an author without blanks around it.

    Raises
    ------
    Invalid
        It is empty, too long, or holds line breaks or tabs.

    Examples
    --------
    >>> checked_author(" model-7@lab ")
    'model-7@lab'
    """
    author = author.strip()
    if not author or len(author) > LONGEST_AUTHOR or not author.isprintable():
        raise Invalid(
            "An author is an e-mail address or another short name, without line breaks and tabs."
        )
    return author
