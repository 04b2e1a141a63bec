"""A home from before there were layers is brought to the present shape."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from wsi_lab.store import layer_steps
from wsi_lab.store.connection import open_writer
from wsi_lab.store.db import Database
from wsi_lab.store.migrations import migrate
from wsi_lab.store.steps import STEPS

BEFORE = STEPS[: [step.name for step in STEPS].index("layers")]


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    path = tmp_path / "lab.sqlite3"
    path.touch()
    connection = open_writer(path)
    migrate(connection, BEFORE)
    for statement in (
        "INSERT INTO users VALUES (1, 'a', 'a', 'a', 1, 't')",
        (
            "INSERT INTO studies (id, name, description, created_on, created_by, revision) "
            "VALUES (1, 's', '', 't', 1, 1)"
        ),
        "INSERT INTO questions VALUES (1, 1, 0, 'q', 'AnnoShapes', '', 't', NULL, 1)",
        "INSERT INTO cases (id, study_id, name, public_name, revision) VALUES (1, 1, 'c', '', 1)",
        (
            "INSERT INTO answers VALUES (1, 1, 1, NULL, 1, NULL, NULL, NULL, 'a', '', NULL, 't', "
            "1, 'd', 1)"
        ),
    ):
        connection.execute(statement)
    shapes = [shapely.box(1, 2, 11, 22), None, shapely.Point(5, 6)]
    connection.executemany(
        "INSERT INTO annotations (answer_id, position, kind, geometry, original, dialect, "
        "since_revision, changed_on, changed_by) VALUES (1, ?, 'k', ?, '{}', 'd', 1, 't', 1)",
        [(number, None if shape is None else shape.wkb) for number, shape in enumerate(shapes)],
    )
    connection.close()
    return path


def test_shapes_that_were_there_are_measured_and_nothing_else_happens(
    old_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_steps, "ANNOTATIONS_PER_BATCH", 2)
    database = Database(old_home)
    try:
        rows = database.read(
            lambda c: c.execute(
                "SELECT x0, y0, x1, y1, area, label_ids, properties FROM annotations ORDER BY id"
            ).fetchall()
        )
        assert [tuple(row) for row in rows] == [
            (1.0, 2.0, 11.0, 22.0, 200.0, "[]", "{}"),
            (None, None, None, None, 0.0, "[]", "{}"),
            (5.0, 6.0, 5.0, 6.0, 0.0, "[]", "{}"),
        ]
        count = database.read(
            lambda c: c.execute("SELECT count(*) FROM annotation_history").fetchone()[0]
        )
        assert count == 0
        # From then on the history is kept as before.
        database.write(lambda c: c.execute("DELETE FROM annotations WHERE id = 1"))
        kept = database.read(lambda c: c.execute("SELECT * FROM annotation_history").fetchall())
        assert len(kept) == 1
        assert kept[0]["label_ids"] == "[]"
    finally:
        database.close()
