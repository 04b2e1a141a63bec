"""Answers in large parts: SQLite itself puts the cells of many rows together.

A row of a result set costs an object for each of its cells, and to make those takes longer than
SQLite needs to find them. It is about as fast as Arrow's own driver for SQLite, which cannot be
used on a file that is open already: with it comes a second SQLite, and when one of two in a
process closes a file, the locks of the other are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from wsi_lab.store.answer_selection import (
    LAST_ID,
    SHAPES_NOW,
    SHAPES_THEN,
    Selection,
    value_of_shapes,
)
from wsi_lab.store.connection import Connection
from wsi_lab.store.questions import DRAWN_KINDS

T = TypeVar("T")

ROWS = 16384
SHORT = 1024
"""Bytes of an answer that many are put together of without asking how long they are."""
LARGEST_BYTES = 8 << 20
"""Of the answers in one part, unless a single one is longer."""


class Packing(NamedTuple):
    """What is asked of many answers at once.

    Attributes
    ----------
    together
        Aggregate functions, as SQL: answers are called `a`, and ``{value}`` stands for what one
        says.
    joins
        What else they need.
    """

    together: str
    joins: str = ""


class Part(NamedTuple):
    """Some answers, in the order of their ids.

    Attributes
    ----------
    last_id
        Of the last of them.
    packed
        What was asked of them.
    """

    last_id: int
    row_count: int
    packed: tuple[Any, ...]


class Packer:
    """Reads answers part by part, each as large as memory easily holds.

    Of an answer that is drawn the shapes are the value.
    """

    def __init__(self, connection: Connection, selection: Selection) -> None:
        self._connection = connection
        self._clauses = selection.clauses()
        key: tuple[str, int, str] = ("study_id", selection.study_id, "answers_of_study")
        if selection.slide_id is not None:
            key = ("slide_id", selection.slide_id, "answers_of_slide")
        self._column, self._value, index = key
        if selection.as_of is None:
            # Of these indexes they come in the order of their ids, whatever else is asked.
            self._clauses = self._clauses._replace(source=f"answers a INDEXED BY {index}")
        drawn = _drawn_questions(connection, selection.study_id)
        shapes = SHAPES_NOW if selection.as_of is None else SHAPES_THEN
        self._short = f"CASE WHEN octet_length(a.value) <= {SHORT} THEN a.value ELSE '' END"
        self._is_long = f"octet_length(a.value) > {SHORT}"
        self._whole, self._size = "a.value", "octet_length(a.value)"
        if drawn:
            is_drawn = f"a.value = '' AND a.question_id IN ({', '.join(map(str, drawn))})"
            self._is_long += f" OR ({is_drawn})"
            length = f"(SELECT coalesce(sum(octet_length(original) + 1), 0) FROM ({shapes}))"  # noqa: S608 (constants)
            listed = value_of_shapes(shapes)
            self._whole = f"CASE WHEN {is_drawn} THEN {listed} ELSE {self._whole} END"
            self._size = f"CASE WHEN {is_drawn} THEN {length} ELSE {self._size} END"

    def parts(
        self, quick: Packing, whole: Packing, understood: Callable[[Part], T | None]
    ) -> Iterator[T]:
        """Yield all answers, part by part.

        Parameters
        ----------
        quick, whole
            What is asked where all answers are short, and else.
        understood
            Called with each part; returns what is yielded. Of a quick part it may return `None`,
            which is then asked for as a whole one.
        """
        for after, last in self._stretches():
            part, long_count = self._read(quick, self._short, after, last)
            if not part.row_count:
                continue
            found = None if long_count else understood(part)
            if found is not None:
                yield found
                continue
            for first, final in self._ranges(after, last):
                found = understood(self._read(whole, self._whole, first - 1, final)[0])
                if found is None:
                    raise RuntimeError("answers were not understood as SQLite packed them")
                yield found

    def read(self, packing: Packing, after: int, last: int) -> tuple[Any, ...]:
        """Return what else is asked of answers with ids after one and up to another."""
        return self._read(packing, "a.value", after, last)[0].packed

    def _read(self, packing: Packing, value: str, after: int, last: int) -> tuple[Part, int]:
        source, condition, parameters = self._clauses
        last_id, count, long_count, *packed = self._connection.execute(
            f"""SELECT max(a.id), count(*), sum({self._is_long}),
            {packing.together.replace("{value}", value)}
            FROM {source} {packing.joins} WHERE {condition}""",  # noqa: S608 (constants)
            {**parameters, "after": after, "last": last},
        ).fetchone()
        return Part(last_id or 0, count, tuple(packed)), long_count or 0

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Yield ids that the answers lie between, so that few enough lie between each two.

        To count them in an index costs less than to count while reading.
        """
        after = 0
        while True:
            row = self._connection.execute(
                f"SELECT id FROM answers WHERE {self._column} = ? AND id > ? "  # noqa: S608 (constants)
                "ORDER BY id LIMIT 1 OFFSET ?",
                (self._value, after, ROWS - 1),
            ).fetchone()
            if row is None:
                yield after, LAST_ID
                return
            yield after, row[0]
            after = row[0]

    def _ranges(self, after: int, last_id: int) -> Iterator[tuple[int, int]]:
        """Yield the first and the last id of answers that are not too long together."""
        source, condition, parameters = self._clauses
        first, last, size = 0, 0, 0
        for answer_id, bytes_of_one in self._connection.execute(
            f"SELECT a.id, {self._size} FROM {source} WHERE {condition} ORDER BY a.id",  # noqa: S608 (constants)
            {**parameters, "after": after, "last": last_id},
        ).fetchall():
            if first and size + bytes_of_one > LARGEST_BYTES:
                yield first, last
                first, size = 0, 0
            first, last, size = first or answer_id, answer_id, size + bytes_of_one
        if first:
            yield first, last


def _drawn_questions(connection: Connection, study_id: int) -> list[int]:
    found = connection.execute(
        f"SELECT id FROM questions WHERE study_id = ? AND kind IN ({DRAWN_KINDS})",  # noqa: S608 (constants)
        (study_id,),
    )
    return [number for (number,) in found]
