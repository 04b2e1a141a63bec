"""Counting what readers have answered: from one index, in one statement, of many answers fast."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wsi_lab.store import readings
from wsi_lab.store.connection import Connection, IntegrityError, open_writer
from wsi_lab.store.db import Database
from wsi_lab.store.migrations import migrate
from wsi_lab.store.readings import Asked, Wanted
from wsi_lab.store.steps import STEPS

BEFORE = STEPS[: [step.name for step in STEPS].index("reading")]
WHEN = "2026-07-01T12:00:00.000000Z"
SLIDES, QUESTIONS, READERS = 500, 30, 20
WANTED = [Wanted(slide, False, QUESTIONS) for slide in range(1, SLIDES + 1)]
ASKED = Asked(tuple(range(1, QUESTIONS + 1)), ())


def fill(connection: Connection, *, slides: int, questions: int, readers: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO users VALUES (1, 'a', 'a', 'a', 1, ?)", (WHEN,))
    connection.execute(
        "INSERT INTO studies (id, name, description, created_on, created_by, revision) "
        "VALUES (1, 's', '', ?, 1, 1)",
        (WHEN,),
    )
    connection.executemany(
        "INSERT INTO questions VALUES (?, 1, ?, ?, 'Integer', '', ?, NULL, 1)",
        [(number, number, f"q{number}", WHEN) for number in range(1, questions + 1)],
    )
    connection.executemany(
        "INSERT INTO slides (id, study_id, name, source, block, section, number, stain, tags, "
        "format, width, height, objective_power, added_on, revision) VALUES "
        "(?, 1, ?, '/a.svs', '', '', '', '', '[]', 'SVS', 20, 30, 40, ?, 1)",
        [(number, f"s{number}", WHEN) for number in range(1, slides + 1)],
    )
    connection.executemany(
        "INSERT INTO answers (study_id, question_id, slide_id, author, value, answered_on, "
        "answered_by, door, revision) VALUES (1, ?, ?, ?, '3', ?, 1, 'reading', 1)",
        [
            (question, slide, f"reader{reader}@lab", WHEN)
            for slide in range(1, slides + 1)
            for reader in range(readers)
            for question in range(1, questions + 1)
        ],
    )
    connection.execute("COMMIT")


@pytest.fixture
def connection(tmp_path: Path):
    path = tmp_path / "lab.sqlite3"
    path.touch()
    connection = open_writer(path)
    migrate(connection)
    yield connection
    connection.close()


def test_three_hundred_thousand_answers_are_counted_in_a_moment(connection: Connection) -> None:
    fill(connection, slides=SLIDES, questions=QUESTIONS, readers=READERS)
    took = []
    for _ in range(3):
        # Of the processor: what else the machine does is not this query's doing.
        started = time.thread_time()
        found = readings.tallies(connection, 1, WANTED, ASKED)
        took.append(time.thread_time() - started)
    assert [(each.answered, each.items_done) for each in found] == [(15_000, 500)] * READERS
    # It takes 0.15 s; that it is the index which is read is told below.
    assert min(took) < 1.0


def test_counting_reads_nothing_but_the_index(connection: Connection) -> None:
    fill(connection, slides=3, questions=2, readers=2)
    for asked in ("", "AND a.author = 'reader1@lab'"):
        statement = readings._counted(WANTED[:3], ASKED, asked)
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {statement} SELECT * FROM per_item",
            readings._words(1, WANTED[:3], ASKED),
        )
        steps = [row["detail"] for row in plan if " a " in f"{row['detail']} "]
        assert len(steps) == 1
        assert "COVERING INDEX answers_of_reader" in steps[0]


def test_time_of_a_visit_only_grows_and_stays_with_its_item(connection: Connection) -> None:
    fill(connection, slides=2, questions=1, readers=0)
    for slide, seconds in ((1, 2.0), (1, 5.0), (1, 3.0), (2, 90.0)):
        visit = readings.ReadingTime("a@lab", slide, None, readings.time_of(WHEN), seconds)
        readings.note_time(connection, 1, "key", visit)
    (found,) = readings.times(connection, 1)
    assert (found.slide_id, found.seconds) == (1, 5.0)
    assert readings.seconds_of_readers(connection, 1) == {"a@lab": 5.0}
    connection.execute("DELETE FROM slides WHERE id = 1")
    assert readings.times(connection, 1) == []


def test_visit_is_to_a_slide_or_to_a_case(connection: Connection) -> None:
    fill(connection, slides=1, questions=1, readers=0)
    for slide, case in ((None, None), (1, 1)):
        with pytest.raises(IntegrityError):
            connection.execute(
                "INSERT INTO reading_times VALUES (1, 'a', 'k', ?, ?, ?, 1)", (slide, case, WHEN)
            )


def test_home_from_before_there_were_readings_is_brought_to_the_present_shape(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lab.sqlite3"
    path.touch()
    connection = open_writer(path)
    migrate(connection, BEFORE)
    fill(connection, slides=2, questions=2, readers=1)
    connection.close()
    database = Database(path)
    try:
        wanted, asked = WANTED[:2], Asked((1, 2), ())
        (found,) = database.read(lambda c: readings.tallies(c, 1, wanted, asked))
        assert (found.author, found.answered) == ("reader0@lab", 4)
        assert database.read(lambda c: readings.times(c, 1)) == []
    finally:
        database.close()
