from __future__ import annotations

import time
from datetime import datetime

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.store import annotations as drawings
from wsi_lab.store import studies
from wsi_lab.store.annotations import Pen, ShapeRow
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database


def shape(name: str) -> ShapeRow:
    return ShapeRow("other", None, name, "slidescore")


@pytest.fixture
def answer_id(database: Database) -> int:
    """A drawn answer without shapes, of revision 1."""

    def fill(connection: Connection) -> int:
        for statement in (
            "INSERT INTO users VALUES (1, 'a', 'a', 'a', 1, 't')",
            (
                "INSERT INTO studies (id, name, description, created_on, created_by, revision) "
                "VALUES (1, 's', '', 't', 1, 1)"
            ),
            "INSERT INTO questions VALUES (1, 1, 0, 'q', 'AnnoShapes', '', 't', NULL, 1)",
            (
                "INSERT INTO cases (id, study_id, name, public_name, revision) "
                "VALUES (1, 1, 'c', '', 1)"
            ),
            (
                "INSERT INTO answers VALUES (1, 1, 1, NULL, 1, NULL, NULL, NULL, 'a', '', NULL, "
                "'2026-07-01T12:00:00.000000Z', 1, 'd', 1)"
            ),
        ):
            connection.execute(statement)
        return 1

    return database.write(fill)


def redraw(
    database: Database, answer_id: int, names: list[str], noon: datetime, revision: int
) -> drawings.Redrawing:
    def change(connection: Connection) -> drawings.Redrawing:
        wanted = drawings.redrawing(connection, answer_id, [shape(each) for each in names])
        drawings.redraw(connection, [(Pen(answer_id, revision, noon, 1), wanted)])
        connection.execute("UPDATE answers SET revision = ?", (revision,))
        return wanted

    return database.write(change)


def names(database: Database, answer_id: int) -> list[str]:
    found = database.read(lambda c: drawings.shapes_of_answer(c, answer_id))
    return [each.original for each in found]


def test_what_need_not_be_touched_is_not(
    database: Database, answer_id: int, noon: datetime
) -> None:
    redraw(database, answer_id, list("abcde"), noon, 2)
    less = redraw(database, answer_id, list("acde"), noon, 3)
    assert (len(less.removed), less.moved, less.added) == (1, [], [])
    more = redraw(database, answer_id, list("acdef"), noon, 4)
    assert (more.removed, more.moved, len(more.added)) == ([], [], 1)
    assert not any(redraw(database, answer_id, list("acdef"), noon, 5))
    first = redraw(database, answer_id, list("facde"), noon, 6)
    assert (first.removed, first.added) == ([], [])
    assert names(database, answer_id) == list("facde")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=7), max_size=5))
def test_history_knows_every_drawing(
    database: Database, answer_id: int, noon: datetime, drawings_wanted: list[list[str]]
) -> None:
    (before,) = database.read(lambda c: c.execute("SELECT revision FROM answers").fetchone())
    for revision, wanted in enumerate(drawings_wanted, start=before + 1):
        redraw(database, answer_id, wanted, noon, revision)
        assert names(database, answer_id) == wanted
    for revision, wanted in enumerate(drawings_wanted, start=before + 1):
        assert names_then(database, revision) == wanted


def names_then(database: Database, revision: int) -> list[str]:
    found = database.read(
        lambda c: c.execute(
            "SELECT original, position FROM annotation_history WHERE since_revision <= :r "
            "AND until_revision > :r UNION ALL SELECT original, position FROM annotations "
            "WHERE since_revision <= :r ORDER BY position",
            {"r": revision},
        ).fetchall()
    )
    return [name for name, _ in found]


def test_history_is_whole_when_the_study_is_gone(
    database: Database, answer_id: int, noon: datetime
) -> None:
    redraw(database, answer_id, ["a"], noon, 2)
    redraw(database, answer_id, ["a", "b"], noon, 3)
    redraw(database, answer_id, ["b"], noon, 4)
    database.write(lambda c: studies.remove_study(c, 1))
    assert names(database, answer_id) == []
    assert [names_then(database, revision) for revision in (1, 2, 3, 4, 5)] == [
        *([], ["a"], ["a", "b"], ["b"], []),
    ]


def test_geometry_comes_back_equal(database: Database, answer_id: int, noon: datetime) -> None:
    shapes = [
        Shape(ShapeKind.POINT, shapely.Point(0.1, -2.5), "{}"),
        Shape(ShapeKind.OTHER, None, '{"a":1}'),
        Shape(ShapeKind.BRUSH, shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2), '{"b":1}'),
        Shape(ShapeKind.HEATMAP, shapely.Polygon(), '{"c":1}'),
    ]
    rows = drawings.shape_rows(shapes)
    database.write(lambda c: drawings.draw(c, Pen(answer_id, 1, noon, 1), enumerate(rows)))
    assert database.read(lambda c: drawings.shapes_of_answer(c, answer_id)) == shapes
    assert drawings.shape_rows([]) == []


@pytest.mark.quiet
def test_time_of_a_redrawing_grows_with_its_shapes_only(
    database: Database, answer_id: int, noon: datetime
) -> None:
    def seconds(count: int, revision: int) -> float:
        redraw(database, answer_id, [f"before {n}" for n in range(count)], noon, revision)
        # Of the processor: what else the machine does is not this drawing's doing.
        started = time.process_time()
        redraw(database, answer_id, [f"after {n}" for n in range(count)], noon, revision + 1)
        return time.process_time() - started

    # In turns, so that a moment in which the machine is slow is one of neither.
    rounds = [(seconds(5_000, 4 * n), seconds(20_000, 4 * n + 2)) for n in range(1, 4)]
    few, many = (min(each) for each in zip(*rounds, strict=True))
    # It takes five times as long; with one statement a shape it was sixteen times.
    assert many < 10 * few
