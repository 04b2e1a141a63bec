"""What readings ask of the store: slides in their order, what is answered, how long it took."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from wsi_lab.model.reading import ReadingTime, SlideOfCase
from wsi_lab.store.answer_selection import ANSWERS_THEN, parameters_then
from wsi_lab.store.columns import json_text, maybe_time_of, time_of, time_text
from wsi_lab.store.connection import Connection, Row

Stamp = tuple[object, ...]


class SlideRow(NamedTuple):
    """What of a slide its place among the items hangs on."""

    slide_id: int
    case_id: int | None
    map_id: int | None

    @property
    def placed(self) -> SlideOfCase:
        """The slide and its case."""
        return SlideOfCase(self.slide_id, self.case_id)


class Wanted(NamedTuple):
    """What is to be answered about an item.

    Attributes
    ----------
    place
        The id of the slide, or less than 0: of the case.
    has_cores
        Whether questions are about each of its cores.
    needed
        How many answers it needs.
    """

    place: int
    has_cores: bool
    needed: int


class Asked(NamedTuple):
    """Ids of the questions whose answers count: those in words, and those that are drawn."""

    in_words: tuple[int, ...]
    drawn: tuple[int, ...]


class Tally(NamedTuple):
    """How far an author is."""

    author: str
    answered: int
    items_done: int
    answered_on: datetime | None


class AnswerOfItem(NamedTuple):
    """An answer about a slide, a core of it or a case, shapes left out.

    Attributes
    ----------
    core
        Its row and column.
    shape_count
        Of the shapes drawn by hand.
    """

    id: int
    question_id: int
    slide_id: int | None
    case_id: int | None
    core: tuple[int, int] | None
    author: str
    value: str
    answered_on: datetime
    revision: int
    shape_count: int


def slides_text(connection: Connection, study_id: int) -> str:
    """Return the slides of a study in its order, for `slides_of_text`.

    A text is got and compared sooner than a row for each.
    """
    (text,) = connection.execute(
        """SELECT json_group_array(json_array(id, case_id, tma_map_id)) FROM (
            SELECT id, case_id, tma_map_id FROM slides WHERE study_id = ? ORDER BY id
        )""",
        (study_id,),
    ).fetchone()
    return str(text)


def slides_of_text(text: str) -> list[SlideRow]:
    """Return the slides that a text of `slides_text` tells of.

    Examples
    --------
    >>> slides_of_text("[[1,7,null]]")
    [SlideRow(slide_id=1, case_id=7, map_id=None)]
    """
    return msgspec.json.decode(text, type=list[SlideRow])


def public_names(connection: Connection, study_id: int) -> dict[int, str]:
    """Return the public names that somebody gave to cases of a study, by their ids."""
    found = connection.execute(
        "SELECT id, public_name FROM cases WHERE study_id = ? AND public_name <> ''", (study_id,)
    )
    return dict(map(tuple, found))


def core_counts(connection: Connection, study_id: int) -> dict[int, tuple[int, int]]:
    """Return how many cores maps of a study have, and how many of these are no controls."""
    found = connection.execute(
        "SELECT m.id, count(*), sum(NOT k.is_control) FROM tma_maps m "
        "JOIN tma_cores k ON k.map_id = m.id WHERE m.study_id = ? GROUP BY m.id",
        (study_id,),
    )
    return {map_id: (count, others) for map_id, count, others in found}


def reader_stamp(
    connection: Connection, user_id: int, token_id: int | None, study_id: int
) -> Stamp | None:
    """Return a value that differs as soon as a reader's items may differ, or what they may.

    `None` when there is no such study or user.
    """
    row = connection.execute(
        """SELECT users.email, users.is_admin, tokens.id, tokens.revoked_on, studies.name,
        studies.revision, (
            SELECT group_concat(right) FROM members
            WHERE user_id = users.id AND study_id = studies.id
        ), (
            SELECT group_concat(id || '/' || coalesce(case_id, ''))
            FROM (SELECT id, case_id FROM slides WHERE study_id = studies.id ORDER BY id)
        )
        FROM studies JOIN users ON users.id = :user LEFT JOIN tokens ON tokens.id = :token
        WHERE studies.id = :study""",
        {"user": user_id, "token": token_id, "study": study_id},
    ).fetchone()
    return None if row is None else tuple(row)


def answered(
    connection: Connection, study_id: int, wanted: Sequence[Wanted], asked: Asked, author: str
) -> dict[int, int]:
    """Return how many of the answers that items need an author has given, by place."""
    found = connection.execute(
        f"{_counted(wanted, asked, 'AND a.author = :author')} SELECT place, given FROM per_item",  # noqa: S608 (constants)
        {**_words(study_id, wanted, asked), "author": author},
    )
    return dict(map(tuple, found))


def tallies(
    connection: Connection,
    study_id: int,
    wanted: Sequence[Wanted],
    asked: Asked,
    *,
    as_of: datetime | None = None,
) -> list[Tally]:
    """Return how far all authors are who have answered anything about items; or were, then."""
    then = "" if as_of is None else f"answers AS {ANSWERS_THEN},"
    words = _words(study_id, wanted, asked)
    if as_of is not None:
        words |= parameters_then(study_id, as_of)
    found = connection.execute(
        f"""{_counted(wanted, asked, then=then)}
        SELECT min(author), sum(given), sum(needed > 0 AND given >= needed), max(answered_on)
        FROM per_item GROUP BY author COLLATE NOCASE""",  # noqa: S608 (constants)
        words,
    )
    return [
        Tally(author, count, done, maybe_time_of(answered_on))
        for author, count, done, answered_on in found
    ]


# All of it from an index, in its order. Case and slide are told apart by the sign.
_ABOUT_WHOLE = """SELECT a.author, coalesce(a.slide_id, -a.case_id),
    sum(NOT (a.value = '') AND a.question_id IN (SELECT value FROM json_each(:in_words))), 0,
    sum(NOT :by_case AND a.question_id IN (SELECT value FROM json_each(:drawn))),
    max(a.answered_on)
    FROM answers a WHERE a.study_id = :study {by} AND a.core_row IS NULL
    GROUP BY a.author, a.slide_id, a.case_id"""
_ABOUT_CORES = """SELECT a.author, a.slide_id, 0, count(*), 0, max(a.answered_on)
    FROM answers a JOIN slides s ON s.id = a.slide_id JOIN tma_cores k
    ON k.map_id = s.tma_map_id AND k.core_row = a.core_row AND k.core_column = a.core_column
    WHERE a.study_id = :study {by} AND a.core_row IS NOT NULL AND NOT (a.value = '')
    AND NOT k.is_control AND a.question_id IN (SELECT value FROM json_each(:in_words))
    GROUP BY a.author, a.slide_id, a.case_id"""
# A case is answered for by what is drawn on any of its slides.
_DRAWN_BY_CASE = """SELECT author, place, 0, 0, count(DISTINCT question_id), max(answered_on) FROM (
        SELECT a.author, a.question_id, a.answered_on,
        CASE WHEN a.slide_id IS NULL THEN -a.case_id ELSE coalesce(-s.case_id, s.id) END AS place
        FROM answers a LEFT JOIN slides s ON s.id = a.slide_id
        WHERE a.study_id = :study {by} AND a.core_row IS NULL
        AND a.question_id IN (SELECT value FROM json_each(:drawn))
    ) GROUP BY author, place"""


def _counted(wanted: Sequence[Wanted], asked: Asked, by: str = "", *, then: str = "") -> str:
    parts = [_ABOUT_WHOLE]
    if any(each.has_cores for each in wanted):
        parts.append(_ABOUT_CORES)
    if asked.drawn and _has_cases(wanted):
        parts.append(_DRAWN_BY_CASE)
    counted = " UNION ALL ".join(each.format(by=by) for each in parts)
    return f"""WITH {then} wanted (place, has_cores, needed) AS MATERIALIZED (
        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:wanted)
    ), counted (author, place, whole, cores, drawn, answered_on) AS ({counted}),
    per_item (author, place, given, needed, answered_on) AS (
        SELECT min(c.author), c.place,
        sum(c.drawn + CASE WHEN w.has_cores THEN c.cores ELSE c.whole END), w.needed,
        max(c.answered_on) FROM counted c JOIN wanted w ON w.place = c.place
        GROUP BY c.author COLLATE NOCASE, c.place
    )"""  # noqa: S608 (constants)


def _has_cases(wanted: Iterable[Wanted]) -> bool:
    return any(each.place < 0 for each in wanted)


def _words(study_id: int, wanted: Sequence[Wanted], asked: Asked) -> dict[str, object]:
    return {
        "study": study_id,
        "wanted": json_text([tuple(each) for each in wanted]),
        "in_words": json_text(asked.in_words),
        "drawn": json_text(asked.drawn),
        "by_case": _has_cases(wanted),
    }


def answers_about(
    connection: Connection,
    slide_ids: Collection[int],
    case_id: int | None,
    *,
    author: str | None = None,
    question_id: int | None = None,
) -> list[AnswerOfItem]:
    """Return answers about slides and a case, in the order of their ids.

    Parameters
    ----------
    author, question_id
        Only by this author; only to this question.
    """
    found = connection.execute(
        """SELECT a.*, (SELECT count(*) FROM annotations WHERE answer_id = a.id) AS shape_count
        FROM answers a WHERE a.id IN (
            SELECT id FROM answers WHERE slide_id IN (SELECT value FROM json_each(:slides))
            AND (:author IS NULL OR author = :author)
            AND (:question IS NULL OR question_id = :question)
            UNION SELECT id FROM answers WHERE case_id = :case AND slide_id IS NULL
            AND (:author IS NULL OR author = :author)
            AND (:question IS NULL OR question_id = :question)
        ) ORDER BY a.id""",
        {
            "slides": json_text(list(slide_ids)),
            "case": case_id,
            "author": author,
            "question": question_id,
        },
    )
    return [_answer(row) for row in found]


def note_time(connection: Connection, study_id: int, key: str, time: ReadingTime) -> None:
    """Store a visit, or that one of that key took longer than was known."""
    connection.execute(
        """INSERT INTO reading_times (study_id, reader, key, slide_id, case_id, opened_on, seconds)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (study_id, reader, key) DO UPDATE
        SET seconds = max(seconds, excluded.seconds)
        WHERE slide_id IS excluded.slide_id AND case_id IS excluded.case_id""",
        (
            study_id,
            time.reader,
            key,
            time.slide_id,
            time.case_id,
            time_text(time.opened_on),
            time.seconds,
        ),
    )


def times(connection: Connection, study_id: int) -> list[ReadingTime]:
    """Return the visits of all readers, each reader's in the order in which they began."""
    found = connection.execute(
        "SELECT reader, slide_id, case_id, opened_on, seconds FROM reading_times "
        "WHERE study_id = ? ORDER BY reader, opened_on, key",
        (study_id,),
    )
    return [
        ReadingTime(reader, slide_id, case_id, time_of(opened_on), seconds)
        for reader, slide_id, case_id, opened_on, seconds in found
    ]


def seconds_of_readers(connection: Connection, study_id: int) -> dict[str, float]:
    """Return for how long readers have looked at items, all visits together."""
    found = connection.execute(
        "SELECT min(reader), sum(seconds) FROM reading_times WHERE study_id = ? GROUP BY reader",
        (study_id,),
    )
    return dict(map(tuple, found))


def _answer(row: Row) -> AnswerOfItem:
    has_core = row["core_row"] is not None
    return AnswerOfItem(
        row["id"],
        row["question_id"],
        row["slide_id"],
        row["case_id"],
        (row["core_row"], row["core_column"]) if has_core else None,
        row["author"],
        row["value"],
        time_of(row["answered_on"]),
        row["revision"],
        row["shape_count"],
    )
