"""Shapes drawn by hand are found by where they lie, on the slide that is meant."""

from __future__ import annotations

from datetime import datetime

import pytest
import shapely

from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.store import annotations as drawings
from wsi_lab.store.annotations import Pen
from wsi_lab.store.connection import Connection
from wsi_lab.store.db import Database
from wsi_lab.store.drawn_shapes import drawn_counts, drawn_shapes

SLIDES = 3


@pytest.fixture
def drawn(database: Database, noon: datetime) -> Database:
    """Three slides with the same shapes each; the first answer is by somebody else."""

    def fill(connection: Connection) -> None:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        connection.execute(
            "INSERT INTO studies (id, name, description, created_on, created_by, revision) "
            "VALUES (1, 's', '', 't', 1, 1)"
        )
        connection.execute("INSERT INTO users VALUES (1, 'a', 'a', 'a', 1, 't')")
        connection.execute(
            "INSERT INTO questions VALUES (1, 1, 0, 'q', 'AnnoShapes', '', 't', NULL, 1)"
        )
        for slide_id in range(1, SLIDES + 1):
            _insert_slide(connection, slide_id)
            connection.execute(
                "INSERT INTO answers VALUES (?, 1, 1, ?, NULL, NULL, NULL, NULL, 'a', '', NULL, "
                "'2026-07-01T12:00:00.000000Z', 1, 'd', 1)",
                (slide_id, slide_id),
            )
            shapes = drawings.shape_rows(
                [
                    Shape(ShapeKind.POLYGON, shapely.box(0, 0, 10, 10), "1"),
                    Shape(ShapeKind.POINT, shapely.Point(200_000.01, 5), "2"),
                    Shape(ShapeKind.OTHER, None, "3"),
                ]
            )
            drawings.draw(connection, Pen(slide_id, 1, noon, 1), enumerate(shapes))

    database.write(fill)
    return database


def _insert_slide(connection: Connection, slide_id: int) -> None:
    known = {"id": slide_id, "study_id": 1}
    info = connection.execute("PRAGMA table_info(slides)").fetchall()
    values = {
        row["name"]: known.get(row["name"], f"{slide_id}" if row["type"] == "TEXT" else 1)
        for row in info
        if row["name"] in known or (row["notnull"] and row["dflt_value"] is None)
    }
    connection.execute(
        f"INSERT INTO slides ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        tuple(values.values()),
    )


def found(database: Database, **where: object) -> list[tuple[int, str]]:
    rows = database.read(lambda c: drawn_shapes(c, [1], **where))  # type: ignore[arg-type] (tests)
    return [(row.slide_id, row.kind) for row in rows]


def test_box_finds_what_touches_it_on_that_slide_only(drawn: Database) -> None:
    assert found(drawn, slide_id=2, box=(10, 10, 20, 20)) == [(2, "polygon")]
    assert found(drawn, slide_id=2, box=(10.001, 0, 20, 20)) == []
    assert found(drawn, slide_id=3, box=(200_000.005, 0, 200_001, 9)) == [(3, "point")]
    # The tree's short numbers would let it pass.
    assert found(drawn, slide_id=3, box=(200_000.011, 0, 200_001, 9)) == []
    assert len(found(drawn, box=(-1, -1, 1, 1))) == SLIDES


def test_without_a_box_all_are_found_those_without_a_place_too(drawn: Database) -> None:
    assert found(drawn, slide_id=1) == [(1, "polygon"), (1, "point"), (1, "other")]
    assert len(found(drawn)) == 3 * SLIDES


def test_tree_follows_changes_and_removals(drawn: Database) -> None:
    drawn.write(
        lambda c: c.execute(
            "UPDATE annotations SET x0 = 50, x1 = 60, since_revision = 2 "
            "WHERE answer_id = 1 AND kind = 'polygon'"
        )
    )
    assert found(drawn, slide_id=1, box=(0, 0, 10, 10)) == []
    assert found(drawn, slide_id=1, box=(55, 0, 56, 1)) == [(1, "polygon")]
    drawn.write(lambda c: c.execute("DELETE FROM answers WHERE id = 1"))
    assert found(drawn, box=(55, 0, 56, 1)) == []
    count = drawn.read(lambda c: c.execute("SELECT count(*) FROM annotation_boxes").fetchone()[0])
    assert count == 2 * (SLIDES - 1)


def test_counts_and_areas_are_told_without_geometry(drawn: Database) -> None:
    (counted,) = drawn.read(lambda c: drawn_counts(c, 1, slide_id=1, author=None))
    assert (counted.label_ids, counted.count, counted.area) == ((), 3, 100.0)
    plan = drawn.read(
        lambda c: c.execute(
            "EXPLAIN QUERY PLAN SELECT n.label_ids, count(*), total(n.area) FROM answers a "
            "JOIN annotations n INDEXED BY annotations_counted ON n.answer_id = a.id "
            "WHERE a.question_id = 1 GROUP BY n.label_ids"
        ).fetchall()
    )
    assert any("COVERING INDEX annotations_counted" in row["detail"] for row in plan)
