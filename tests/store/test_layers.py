from __future__ import annotations

from datetime import datetime

import pytest

from wsi_lab.model.layer import Label, NewLabel
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.store import layers, questions, studies
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database


@pytest.fixture
def asked(database: Database, noon: datetime) -> list[Question]:
    """Two drawn questions of a study."""

    def fill(connection: Connection) -> list[Question]:
        connection.execute("INSERT INTO users VALUES (1, 'a@lab', 'a@lab', 'a', 1, 't')")
        study = studies.add_study(
            connection, "s", "", created_on=noon, created_by=1, created_with=None
        )
        return [
            questions.add_question(
                connection,
                study.id,
                QuestionSpec(name, QuestionKind.ANNO_SHAPES, ""),
                created_on=noon,
            )
            for name in ("nuclei", "tissue")
        ]

    return database.write(fill)


def test_labels_are_known_by_their_names_and_added_when_they_are_not(
    database: Database, asked: list[Question]
) -> None:
    layer_id = asked[0].id
    first = database.write(lambda c: layers.label_ids(c, layer_id, ["a", "b", "a"]))
    again = database.write(
        lambda c: layers.label_ids(c, layer_id, ["c", "a"], {"a": "#000000", "c": "#abcdef"})
    )
    assert again["a"] == first["a"]
    found = database.read(lambda c: layers.layer(c, asked[0]))
    assert [each.name for each in found.labels] == ["a", "b", "c"]
    assert found.labels[2] == Label(again["c"], "c", "#abcdef")
    assert found.labels[0].colour != found.labels[1].colour


def test_asking_for_labels_that_are_there_changes_no_revision(
    database: Database, asked: list[Question]
) -> None:
    database.write(lambda c: layers.label_ids(c, asked[0].id, ["a"]))
    before = database.read(lambda c: layers.layer(c, asked[0]))
    database.write(lambda c: layers.label_ids(c, asked[0].id, ["a"]))
    database.write(lambda c: layers.label_ids(c, asked[0].id, []))
    assert database.read(lambda c: layers.layer(c, asked[0])) == before


def test_layers_have_labels_of_their_own(database: Database, asked: list[Question]) -> None:
    one, other = (
        database.write(lambda c, layer_id=each.id: layers.label_ids(c, layer_id, ["a"])["a"])
        for each in asked
    )
    assert one != other


def test_label_that_was_removed_frees_its_name(
    database: Database, asked: list[Question], noon: datetime
) -> None:
    def work(connection: Connection) -> tuple[int, int]:
        old = layers.label_ids(connection, asked[0].id, ["a"])["a"]
        labels = layers.label_set(connection, layers.layer(connection, asked[0]))
        layers.put_labels(connection, labels, [], [old], noon)
        return old, layers.label_ids(connection, asked[0].id, ["a"])["a"]

    old, new = database.write(work)
    assert old != new
    assert [each.id for each in database.read(lambda c: layers.layer(c, asked[0])).labels] == [new]


def test_labels_are_added_behind_those_that_there_are(
    database: Database, asked: list[Question]
) -> None:
    def work(connection: Connection) -> list[Label]:
        labels = layers.label_set(connection, layers.layer(connection, asked[0]))
        return layers.add_labels(connection, labels, [NewLabel(f"{n}") for n in range(40)])

    added = database.write(work)
    assert database.read(lambda c: layers.layer(c, asked[0])).labels == tuple(added)
    assert len({each.colour for each in added[:16]}) == 16


def test_sharing_is_said_of_one_layer(database: Database, asked: list[Question]) -> None:
    database.write(lambda c: layers.set_shared(c, asked[1].id, is_shared=True))
    found = database.read(lambda c: layers.layers(c, asked))
    assert [each.is_shared for each in found] == [False, True]
