"""A home from before there were ontologies is brought to the present shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsi_lab.store.connection import Connection, IntegrityError, open_writer
from wsi_lab.store.db import Database
from wsi_lab.store.migrations import migrate
from wsi_lab.store.steps import STEPS

BEFORE = STEPS[: [step.name for step in STEPS].index("ontologies")]

FILLED = (
    "INSERT INTO users VALUES (1, 'a', 'a', 'a', 1, '2026-07-01T12:00:00.000000Z')",
    *(
        "INSERT INTO studies (id, name, description, created_on, created_by, revision) "
        f"VALUES ({number}, 's{number}', '', '2026-07-0{number}T12:00:00.000000Z', 1, 1)"
        for number in (1, 2)
    ),
    *(
        f"INSERT INTO questions VALUES ({number}, 1, {number}, 'q{number}', 'AnnoShapes', '', 't', "
        "NULL, 1)"
        for number in (1, 2, 3)
    ),
    "INSERT INTO label_sets VALUES (4, 1, 'gone', 1, ''), (5, 1, 'cells', 7, 'What there is')",
    "DELETE FROM label_sets WHERE id = 4",
    (
        "INSERT INTO labels (id, label_set_id, position, name, colour, removed_on, description) "
        "VALUES (10, 5, 0, 'tumour', '#ff0000', NULL, 'bad'), "
        "(11, 5, 1, 'tumour', '#00ff00', 't', ''), (12, 5, 2, 'gone', '#0000ff', NULL, '')"
    ),
    "DELETE FROM labels WHERE id = 12",
    "INSERT INTO layers VALUES (1, 5, 1, 3), (2, 5, 0, 4), (3, NULL, 1, 5)",
    *(
        "INSERT INTO slides (id, study_id, name, source, block, section, number, stain, tags, "
        "format, width, height, objective_power, added_on, revision) VALUES "
        f"({number}, {study}, '{number}', '{source}', '', '', '', '', '{tags}', 'SVS', 20, 30, "
        f"40, '2026-07-0{number}T12:00:00.000000Z', 1)"
        for number, study, source, tags in (
            (1, 1, "/a/1.svs", '["HE","good"]'),
            (2, 1, "/a/2.svs", "[]"),
            (3, 2, "/a/1.svs", '["Good"]'),
        )
    ),
)


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    path = tmp_path / "lab.sqlite3"
    path.touch()
    connection = open_writer(path)
    migrate(connection, BEFORE)
    for statement in FILLED:
        connection.execute(statement)
    connection.close()
    return path


@pytest.fixture
def database(old_home: Path):
    database = Database(old_home)
    yield database
    database.close()


def rows(database: Database, query: str) -> list[tuple]:
    return database.read(lambda c: [tuple(row) for row in c.execute(query)])


def kept(connection: Connection) -> list[list[tuple]]:
    """Return what the step has to leave as it is."""
    queries = (
        "SELECT id, study_id, name, revision, description FROM label_sets",
        "SELECT id, label_set_id, position, name, colour, removed_on, description FROM labels",
        "SELECT * FROM layers",
        "SELECT name, seq FROM sqlite_sequence WHERE name IN ('labels', 'label_sets') ORDER BY 1",
    )
    return [[tuple(row) for row in connection.execute(query)] for query in queries]


def test_labels_their_sets_and_layers_stay_as_they_were(old_home: Path) -> None:
    connection = open_writer(old_home)
    before = kept(connection)
    connection.close()
    database = Database(old_home)
    try:
        assert database.read(kept) == before
        assert before[3] == [("label_sets", 5), ("labels", 12)]
        assert rows(database, "PRAGMA foreign_key_check") == []
        assert rows(database, "SELECT name FROM sqlite_schema WHERE name LIKE 'kept%'") == []
    finally:
        database.close()


def test_label_set_may_be_of_no_study_and_ids_are_not_given_again(database: Database) -> None:
    insert = "INSERT INTO label_sets (study_id, name, revision) VALUES (?, ?, 1) RETURNING id"
    new = database.write(lambda c: c.execute(insert, (None, "cells")).fetchone()[0])
    assert new == 6
    database.write(lambda c: c.execute(insert, (None, "cells")).fetchone())
    with pytest.raises(IntegrityError):
        database.write(lambda c: c.execute(insert, (1, "cells")).fetchone())
    with pytest.raises(IntegrityError):
        database.write(lambda c: c.execute(insert, (9, "of no study that there is")).fetchone())


def test_rules_of_labels_hold_as_before(database: Database) -> None:
    label = "INSERT INTO labels (label_set_id, position, name, colour) VALUES (?, 0, ?, '#000000')"
    with pytest.raises(IntegrityError):
        database.write(lambda c: c.execute(label, (5, "tumour")))
    with pytest.raises(IntegrityError):
        database.write(lambda c: c.execute("DELETE FROM label_sets WHERE id = 5"))
    database.write(lambda c: c.execute("DELETE FROM slides WHERE study_id = 1"))
    database.write(lambda c: c.execute("DELETE FROM studies WHERE id = 1"))
    assert rows(database, "SELECT * FROM labels") == []
    assert rows(database, "SELECT study_id FROM ontologies") == [(2,)]


def test_every_study_has_an_ontology_those_to_come_too(database: Database) -> None:
    database.write(
        lambda c: c.execute(
            "INSERT INTO studies (name, description, created_on, created_by, revision) "
            "VALUES ('s3', '', '2026-07-03T12:00:00.000000Z', 1, 1)"
        )
    )
    found = "SELECT study_id, name, created_by, substr(created_on, 1, 10) FROM ontologies"
    assert rows(database, found) == [
        (1, "", 1, "2026-07-01"),
        (2, "", 1, "2026-07-02"),
        (3, "", 1, "2026-07-03"),
    ]
    with pytest.raises(IntegrityError):
        database.write(
            lambda c: c.execute("INSERT INTO ontologies (study_id, created_on) VALUES (1, 't')")
        )


def test_every_file_is_an_image_once(database: Database) -> None:
    assert rows(
        database, "SELECT id, source, name, added_by, width, objective_power FROM abstract_images"
    ) == [(1, "/a/1.svs", "", None, 20, 40.0), (2, "/a/2.svs", "", None, 20, 40.0)]
    database.write(lambda c: c.execute("UPDATE slides SET source = '/b/3.svs' WHERE id = 2"))
    database.write(lambda c: c.execute("UPDATE slides SET width = 21 WHERE id = 3"))
    # A file that no slide is made of any more stays an image, as whoever sent it wants it to.
    assert rows(database, "SELECT id, source, width FROM abstract_images") == [
        (1, "/a/1.svs", 21),
        (2, "/a/2.svs", 20),
        (3, "/b/3.svs", 20),
    ]


def test_words_of_slides_are_tags_whatever_their_capital_letters(database: Database) -> None:
    links = (
        "SELECT t.name, l.thing_id FROM tag_links l JOIN tags t ON t.id = l.tag_id "
        "WHERE l.kind = 'imageinstance' ORDER BY l.thing_id, t.name"
    )
    assert rows(database, links) == [("good", 1), ("HE", 1), ("good", 3)]
    database.write(
        lambda c: c.execute("""UPDATE slides SET tags = '["GOOD","new"]' WHERE id = 1""")
    )
    assert rows(database, links) == [("good", 1), ("new", 1), ("good", 3)]
    database.write(lambda c: c.execute("DELETE FROM slides WHERE id = 1"))
    assert rows(database, links) == [("good", 3)]


def test_nothing_is_left_of_what_was_said_of_what_is_gone(database: Database) -> None:
    def say(connection: Connection) -> None:
        for kind, thing in (("project", 2), ("imageinstance", 3), ("abstractimage", 2)):
            connection.execute(
                "INSERT INTO remarks (kind, thing_id, key, value, created_on, created_by) "
                "VALUES (?, ?, 'k', 'v', 't', 1)",
                (kind, thing),
            )
            connection.execute(
                "INSERT OR IGNORE INTO tag_links (tag_id, kind, thing_id) VALUES (1, ?, ?)",
                (kind, thing),
            )
        connection.execute("INSERT INTO descriptions VALUES ('project', 2, 'p', 't', 1, NULL)")

    database.write(say)
    database.write(lambda c: c.execute("DELETE FROM slides WHERE study_id = 2"))
    database.write(lambda c: c.execute("DELETE FROM studies WHERE id = 2"))
    assert rows(database, "SELECT kind, thing_id FROM remarks") == [("abstractimage", 2)]
    assert rows(database, "SELECT * FROM descriptions") == []
    left = "SELECT kind, thing_id FROM tag_links WHERE kind <> 'imageinstance' OR thing_id = 3"
    assert rows(database, left) == [("abstractimage", 2)]


def test_steps_before_made_an_empty_home_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite3"
    path.touch()
    connection = open_writer(path)
    migrate(connection, BEFORE)
    connection.close()
    database = Database(path)
    try:
        assert rows(database, "SELECT * FROM ontologies") == []
    finally:
        database.close()
