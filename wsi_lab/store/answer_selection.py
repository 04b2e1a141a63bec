"""Which answers of a study are meant, now or as they were at a moment: the middle of a query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from wsi_lab.store.columns import json_text, time_text
from wsi_lab.store.questions import DRAWN_KINDS

LAST_ID = (1 << 63) - 1

# Of what was said later than the moment, what had been said by then. The number of a revision
# counts, and not its time: an answer that was brought in may be of an earlier time than the one
# whose place it took. It may stand where `answers` stands, even under that name, and comes in the
# order of ids; without a limit SQLite would think that nobody asks for that.
ANSWERS_THEN = """(SELECT id, study_id, question_id, slide_id, case_id, core_row, core_column,
        core_sample, author, value, answered_on, revision
    FROM main.answers WHERE study_id = :study AND id > :after AND id <= :last
        AND answered_on <= :as_of
    UNION ALL SELECT h.answer_id, h.study_id, h.question_id, h.slide_id, h.case_id, h.core_row,
        h.core_column, h.core_sample, h.author, h.value, h.answered_on, h.revision
    FROM main.answers n JOIN answer_history h ON h.answer_id = n.id
    WHERE n.study_id = :study AND n.id > :after AND n.id <= :last AND n.answered_on > :as_of
    AND h.revision = (
        SELECT max(revision) FROM answer_history
        WHERE answer_id = n.id AND answered_on <= :as_of)
    ORDER BY id LIMIT -1)"""

# The shapes of a drawn answer `a`, now or as they were when it was at its revision.
SHAPES_NOW = "SELECT original, position FROM annotations WHERE answer_id = a.id"
SHAPES_THEN = """SELECT original, position FROM annotation_history WHERE answer_id = a.id
        AND since_revision <= a.revision AND until_revision > a.revision
    UNION ALL SELECT original, position FROM annotations WHERE answer_id = a.id
        AND since_revision <= a.revision"""


def value_of_shapes(shapes: str) -> str:
    """Return the answer that shapes are, as SQL; these are `SHAPES_NOW` or `SHAPES_THEN`."""
    listed = f"(SELECT group_concat(original, ',' ORDER BY position) FROM ({shapes}))"  # noqa: S608 (constants)
    return f"'[' || coalesce({listed}, '') || ']'"


def parameters_then(study_id: int, as_of: datetime) -> dict[str, Any]:
    """Return the parameters of `ANSWERS_THEN` for all answers of a study."""
    return {"study": study_id, "as_of": time_text(as_of), "after": 0, "last": LAST_ID}


class Clauses(NamedTuple):
    """What stands behind FROM (with answers called `a`) and behind WHERE, and its parameters.

    Among those are `after` and `last`: the answers have greater ids than the one, and none that
    is greater than the other.
    """

    source: str
    condition: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which answers of a study are meant.

    Attributes
    ----------
    questions
        Only answers to these, by id; `None` for all questions there ever were.
    author
        Only answers of this one, in any case.
    authors
        Only answers of one of these.
    slide_id, case_id
        Only answers about the slide, or about the case and slides of it.
    as_of
        Answers as they were then. Those that were taken back or not given yet are not there.
    """

    study_id: int
    questions: Collection[int] | None = None
    author: str | None = None
    authors: Collection[str] | None = None
    slide_id: int | None = None
    case_id: int | None = None
    as_of: datetime | None = None

    def clauses(self) -> Clauses:
        """Return it as parts of a query; conditions that leave nothing out are not there."""
        conditions = ["a.study_id = :study AND a.id > :after AND a.id <= :last"]
        parameters: dict[str, Any] = {"study": self.study_id, "after": 0, "last": LAST_ID}
        if self.questions is not None:
            conditions.append("a.question_id IN (SELECT value FROM json_each(:questions))")
            parameters["questions"] = json_text(sorted(self.questions))
        if self.author is not None:
            conditions.append("a.author = :author COLLATE NOCASE")
            parameters["author"] = self.author
        if self.authors is not None:
            conditions.append("a.author COLLATE NOCASE IN (SELECT value FROM json_each(:authors))")
            parameters["authors"] = json_text(sorted(self.authors))
        if self.slide_id is not None:
            conditions.append("a.slide_id = :slide")
            parameters["slide"] = self.slide_id
        if self.case_id is not None:
            conditions.append(
                "(a.case_id = :case OR a.slide_id IN (SELECT id FROM slides WHERE case_id = :case))"
            )
            parameters["case"] = self.case_id
        if self.as_of is None:
            return Clauses("answers a", " AND ".join(conditions), parameters)
        drawn = f"SELECT id FROM questions WHERE kind IN ({DRAWN_KINDS})"  # noqa: S608 (constants)
        conditions.append(f"(a.value != '' OR a.question_id IN ({drawn}))")
        parameters |= parameters_then(self.study_id, self.as_of)
        return Clauses(f"{ANSWERS_THEN} a", " AND ".join(conditions), parameters)
