from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.model.answer import Core, Place
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.store import answers, questions, studies
from wsi_lab.store.answers import AnswerRow
from wsi_lab.store.connection import Connection, SqliteError
from wsi_lab.store.db import Database


@pytest.fixture
def ids(database: Database, noon: datetime) -> tuple[int, int, int]:
    """A study, a question in it, and a case."""

    def fill(connection: Connection) -> tuple[int, int, int]:
        connection.execute("INSERT INTO users VALUES (1, 'a@lab', 'a@lab', 'a', 1, 't')")
        study = studies.add_study(
            connection, "s", "", created_on=noon, created_by=1, created_with=None
        )
        spec = QuestionSpec("q", QuestionKind.FREE_TEXT)
        question = questions.add_question(connection, study.id, spec, created_on=noon)
        case = studies.add_case(connection, study.id, "c", "")
        return study.id, question.id, case.id

    return database.write(fill)


def row(ids: tuple[int, int, int], **given) -> AnswerRow:
    values = {
        "id": 1,
        "study_id": ids[0],
        "question_id": ids[1],
        "slide_id": None,
        "case_id": ids[2],
        "core_row": None,
        "core_column": None,
        "core_sample": None,
        "author": "a@lab",
        "value": "1",
        "file_uuid": None,
        "answered_on": "2026-07-01T12:00:00.000000Z",
        "answered_by": 1,
        "door": "tests",
        "revision": 1,
    }
    return AnswerRow(**(values | given))


def test_answer_is_kept_and_found_by_its_key(database: Database, ids, noon: datetime) -> None:
    database.write(lambda c: answers.add_answers(c, [row(ids, id=7)]))
    place = Place(case_id=ids[2])
    key = answers.key_of(ids[1], place, "A@LAB")
    other = answers.key_of(ids[1], place, "b@lab")
    found = database.read(lambda c: answers.current(c, ids[0], [key, other]))
    assert {each: (stored.id, stored.value) for each, stored in found.items()} == {key: (7, "1")}
    answer = database.read(lambda c: answers.answer(c, 7))
    assert answer is not None
    assert (answer.place, answer.answered_on) == (place, noon)
    assert database.read(answers.next_id) == 8


def test_many_are_looked_up_as_few_are(database: Database, ids, monkeypatch) -> None:
    rows = [row(ids, id=n, author=f"Reader-{n}", core_row=n, core_column=0) for n in range(1, 9)]
    database.write(lambda c: answers.add_answers(c, rows))
    keys = [
        answers.key_of(ids[1], Place(case_id=ids[2], core=Core(n, 0)), f"reader-{n}")
        for n in range(1, 9)
    ]
    few = database.read(lambda c: answers.current(c, ids[0], keys))
    monkeypatch.setattr(answers, "FEW", 2)
    assert database.read(lambda c: answers.current(c, ids[0], keys)) == few
    assert list(few) == keys


def test_id_is_never_used_twice(database: Database, ids) -> None:
    database.write(lambda c: answers.add_answers(c, [row(ids, id=5)]))
    database.write(lambda c: c.execute("DELETE FROM answers"))
    assert database.read(answers.next_id) == 6


def test_no_way_of_changing_an_answer_loses_one(database: Database, ids) -> None:
    database.write(lambda c: answers.add_answers(c, [row(ids)]))
    database.write(lambda c: answers.update_answers(c, [row(ids, value="2", revision=2)]))
    database.write(lambda c: c.execute("UPDATE answers SET value = '3', revision = 3"))
    database.write(lambda c: studies.remove_study(c, ids[0]))
    kept = database.read(
        lambda c: c.execute("SELECT revision, value FROM answer_history ORDER BY 1").fetchall()
    )
    assert [tuple(each) for each in kept] == [(1, "1"), (2, "2"), (3, "3")]


def test_place_has_one_answer_of_an_author(database: Database, ids) -> None:
    database.write(lambda c: answers.add_answers(c, [row(ids)]))
    with pytest.raises(SqliteError):
        database.write(lambda c: answers.add_answers(c, [row(ids, id=2, author="A@LAB")]))
    database.write(lambda c: answers.add_answers(c, [row(ids, id=3, author="b@lab")]))


def test_update_that_fails_can_be_followed_by_another(database: Database, ids) -> None:
    database.write(lambda c: answers.add_answers(c, [row(ids), row(ids, id=2, author="b@lab")]))
    with pytest.raises(SqliteError):
        database.write(lambda c: answers.update_answers(c, [row(ids, id=2)]))
    database.write(lambda c: answers.update_answers(c, [row(ids, value="9", revision=2)]))
    found = database.read(lambda c: c.execute("SELECT author, value FROM answers").fetchall())
    assert {tuple(each) for each in found} == {("a@lab", "9"), ("b@lab", "1")}


@pytest.mark.parametrize("year", [1, 999, 2026, 9999])
def test_study_remembers_when_it_was_answered(database: Database, ids, year: int) -> None:
    when = datetime(year, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    database.write(lambda c: answers.note_answered(c, ids[0], when))
    study = database.read(lambda c: studies.study(c, ids[0]))
    assert study is not None
    assert study.answered_on == when
    earlier, later = when.replace(microsecond=5), when
    assert database.read(lambda c: studies.studies_answered_since(c, earlier)) == [study]
    assert database.read(lambda c: studies.studies_answered_since(c, later)) == []


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_authors_are_folded_as_the_database_folds_them(author: str) -> None:
    assert answers.folded(author) == "".join(
        chr(ord(each) + 32) if "A" <= each <= "Z" else each for each in author
    )


def test_change_of_an_answer_does_not_look_through_all_others(database: Database, ids) -> None:
    rows = [row(ids, id=n, author=f"reader-{n}") for n in range(1, 20_001)]
    database.write(lambda c: answers.add_answers(c, rows))

    def change(connection: Connection) -> int:
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 100

        connection.set_progress_handler(step, 100)
        try:
            answers.update_answers(connection, [row(ids, id=7, author="reader-7", value="2")])
        finally:
            connection.set_progress_handler(None, 0)
        return steps

    assert database.write(change) < 5_000
    (value,) = database.read(
        lambda c: c.execute("SELECT value FROM answers WHERE id = 7")
    ).fetchone()
    assert value == "2"
