from __future__ import annotations

from datetime import datetime

import pytest

from wsi_lab.errors import Conflict
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.store import questions, studies
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database


@pytest.fixture
def study_id(database: Database, noon: datetime) -> int:
    def fill(connection: Connection) -> int:
        connection.execute("INSERT INTO users VALUES (1, 'a@lab', 'a@lab', 'a', 1, 't')")
        study = studies.add_study(
            connection, "s", "", created_on=noon, created_by=1, created_with=None
        )
        return study.id

    return database.write(fill)


def spec(name: str) -> QuestionSpec:
    return QuestionSpec(name, QuestionKind.DROP_DOWN, "a;;b")


def test_question_is_kept_as_it_was_stated(
    database: Database, study_id: int, noon: datetime
) -> None:
    made = database.write(lambda c: questions.add_question(c, study_id, spec("q"), created_on=noon))
    assert (made.configuration, made.kind) == ("a;;b", QuestionKind.DROP_DOWN)
    assert database.read(lambda c: questions.question(c, made.id)) == made
    assert database.read(lambda c: questions.questions(c, study_id)) == [made]
    assert not database.read(lambda c: questions.has_answers(c, made.id))


def test_order_is_as_placed(database: Database, study_id: int, noon: datetime) -> None:
    def fill(connection: Connection) -> list[int]:
        return [
            questions.add_question(connection, study_id, spec(name), created_on=noon).id
            for name in "abc"
        ]

    first, second, third = database.write(fill)
    database.write(lambda c: questions.place_questions(c, {first: 2, second: 0, third: 1}))
    found = database.read(lambda c: questions.questions(c, study_id))
    assert [each.id for each in found] == [second, third, first]


def test_removed_question_frees_its_name_and_place(
    database: Database, study_id: int, noon: datetime
) -> None:
    def add(connection: Connection) -> int:
        return questions.add_question(connection, study_id, spec("q"), created_on=noon).id

    first = database.write(add)
    with pytest.raises(Conflict):
        database.write(add)
    database.write(lambda c: questions.remove_question(c, first, noon))
    assert database.read(lambda c: questions.question(c, first)) is None
    second = database.write(add)
    (found,) = database.read(lambda c: questions.questions(c, study_id))
    assert (found.id, found.position) == (second, 0)
