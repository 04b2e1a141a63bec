"""Answers read many at a time: in order, all of them, and never too much of them at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.store import answer_packing, answers, questions, studies
from wsi_lab.store.answer_columns import NONE, answer_columns
from wsi_lab.store.answer_lines import answer_lines, has_cores_and_cases
from wsi_lab.store.answer_selection import Selection
from wsi_lab.store.answers import AnswerRow
from wsi_lab.store.columns import time_text
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database

LONG = 100_000


@pytest.fixture
def fill(database: Database, noon: datetime) -> Any:
    """Return a function that stores answers of two studies, one of each in turn."""

    def fill(values: list[str], **given: Any) -> Selection:
        def store(connection: Connection) -> int:
            connection.execute("INSERT INTO users VALUES (1, 'a@lab', 'a@lab', 'a', 1, 't')")
            rows: list[AnswerRow] = []
            made: list[int] = []
            for name in ("s", "other"):
                study = studies.add_study(
                    connection, name, "", created_on=noon, created_by=1, created_with=None
                )
                spec = QuestionSpec("q", QuestionKind.FREE_TEXT)
                question = questions.add_question(connection, study.id, spec, created_on=noon)
                case = studies.add_case(connection, study.id, "c", "")
                made.append(study.id)
                rows += [
                    AnswerRow(
                        **{
                            "id": 2 * n + study.id,
                            "study_id": study.id,
                            "question_id": question.id,
                            "slide_id": None,
                            "case_id": case.id,
                            "core_row": None,
                            "core_column": None,
                            "core_sample": None,
                            "author": f"reader-{n}",
                            "value": value,
                            "file_uuid": None,
                            "answered_on": time_text(noon),
                            "answered_by": 1,
                            "door": "tests",
                            "revision": 1,
                        }
                        | given
                    )
                    for n, value in enumerate(values)
                ]
            answers.add_answers(connection, rows)
            return made[0]

        return Selection(study_id=database.write(store))

    return fill


def columns(database: Database, selection: Selection) -> list[Any]:
    return database.read(lambda connection: list(answer_columns(connection, selection)))


def test_answers_come_in_order_and_each_once(
    database: Database, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_packing, "ROWS", 7)
    values = [f"{n}ü" for n in range(50)]
    parts = columns(database, fill(values))
    assert [len(each.ids) for each in parts] == [7] * 7 + [1]
    ids = [int(each) for part in parts for each in part.ids]
    assert ids == sorted(ids)
    assert b"".join(part.values.data for part in parts).decode() == "".join(values)
    assert {int(each) for part in parts for each in part.slide_ids} == {NONE}
    assert {int(each) for part in parts for each in part.case_ids} == {1}


@pytest.mark.parametrize("sign", ["x", "\x1e", "\t"])
def test_parts_of_long_answers_are_small(
    database: Database, fill: Any, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    monkeypatch.setattr(answer_packing, "LARGEST_BYTES", 3 * LONG)
    values = [sign * LONG, "short", sign * LONG, sign * 2 * LONG, sign * 5 * LONG, "", "end"]
    selection = fill(values)
    parts = columns(database, selection)
    sizes = [int(part.values.lengths.sum()) for part in parts]
    assert sum(sizes) == sum(map(len, values))
    assert [size for size in sizes if size > 3 * LONG] == [5 * LONG]
    assert [int(each) for part in parts for each in part.values.lengths] == [*map(len, values)]
    pieces = database.read(
        lambda c: list(
            answer_lines(c, selection, ["reader", "answer", "answered_on"], with_private_names=True)
        )
    )
    assert max(map(len, pieces)) < 5 * LONG + 100
    lines = b"".join(pieces).decode().split("\n")[:-1]
    shown = [value.replace("\t", " ") for value in values] if sign == "\t" else values
    assert [line.split("\t")[1] for line in lines] == shown


def test_study_without_answers_has_no_parts(database: Database, fill: Any) -> None:
    selection = fill([])
    assert columns(database, selection) == []
    assert database.read(lambda c: has_cores_and_cases(c, selection)) == (False, False)


def test_moment_is_asked_for_part_by_part(
    database: Database, fill: Any, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_packing, "ROWS", 7)
    selection = fill([str(n) for n in range(30)])
    later = datetime(2030, 1, 1, tzinfo=UTC)

    def change(connection: Connection) -> None:
        for answer_id in (1, 3, 21, 41):
            row = answers.answer_row(connection, answer_id)
            changed = row._replace(value="new", answered_on=time_text(later), revision=2)
            answers.update_answers(connection, [changed])

    def said(as_of: datetime) -> list[str]:
        found = columns(database, Selection(study_id=selection.study_id, as_of=as_of))
        ids = [int(each) for part in found for each in part.ids]
        assert ids == sorted(set(ids))
        return b" ".join(
            part.values.data[end - length : end]
            for part in found
            for end, length in zip(part.values.lengths.cumsum(), part.values.lengths, strict=True)
        ).decode().split()  # fmt: skip

    database.write(change)
    assert said(noon) == [str(n) for n in range(30)]
    assert said(later).count("new") == 4
    assert said(datetime(2000, 1, 1, tzinfo=UTC)) == []
