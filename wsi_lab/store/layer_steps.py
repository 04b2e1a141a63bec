"""The step that brought layers: labels, queries by place, and shapes in bulk."""

from __future__ import annotations

from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.store.connection import Connection
from wsi_lab.store.step import Step, kept

ANNOTATIONS_PER_BATCH = 10_000


_KEPT = kept(
    "annotations",
    "annotation_history",
    "OLD.id, OLD.since_revision, coalesce((SELECT revision FROM answers "
    "WHERE id = OLD.answer_id), OLD.since_revision) + 1, OLD.answer_id, "
    "OLD.position, OLD.kind, OLD.geometry, OLD.original, OLD.dialect, "
    "OLD.changed_on, OLD.changed_by, OLD.label_ids, OLD.properties, "
    "OLD.source_format, OLD.source_text",
)

_BOXED = """INSERT INTO annotation_boxes
    SELECT NEW.id, NEW.x0, NEW.x1, NEW.y0, NEW.y1, slide_id, slide_id FROM answers
    WHERE id = NEW.answer_id AND slide_id IS NOT NULL AND NEW.x0 IS NOT NULL"""


def _measure(connection: Connection) -> None:
    """State the boxes and areas of the shapes that were there before, then keep changes again."""
    from wsi_lab.store.annotations import measures  # noqa: PLC0415 (it needs the model)

    last = 0
    while True:
        rows = connection.execute(
            "SELECT id, geometry FROM annotations WHERE id > ? AND geometry IS NOT NULL "
            "ORDER BY id LIMIT ?",
            (last, ANNOTATIONS_PER_BATCH),
        ).fetchall()
        if not rows:
            break
        last = rows[-1][0]
        found = measures([geometry for _, geometry in rows])
        connection.executemany(
            "UPDATE annotations SET x0 = ?, y0 = ?, x1 = ?, y1 = ?, area = ? WHERE id = ?",
            [(*each, shape_id) for each, (shape_id, _) in zip(found, rows, strict=True)],
        )
    for statement in _KEPT:
        connection.execute(statement)


LAYERS = Step(
    "layers",
    (
        """CREATE TABLE label_sets (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            revision INTEGER NOT NULL,
            UNIQUE (study_id, name)
        ) STRICT""",
        # A label that is removed is still said of the shapes that have it.
        """CREATE TABLE labels (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            label_set_id INTEGER NOT NULL REFERENCES label_sets (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            colour TEXT NOT NULL,
            removed_on TEXT
        ) STRICT""",
        """CREATE UNIQUE INDEX labels_by_name ON labels (label_set_id, name)
        WHERE removed_on IS NULL""",
        # What a drawn question is besides; without a row it has no labels and is not shared.
        """CREATE TABLE layers (
            question_id INTEGER PRIMARY KEY REFERENCES questions (id) ON DELETE CASCADE,
            label_set_id INTEGER REFERENCES label_sets (id),
            is_shared INTEGER NOT NULL DEFAULT 0 CHECK (is_shared IN (0, 1)),
            revision INTEGER NOT NULL
        ) STRICT""",
        "DROP TRIGGER annotations_kept_on_update",
        "DROP TRIGGER annotations_kept_on_delete",
        *(
            f"ALTER TABLE {table} ADD COLUMN {column}"
            for table in ("annotations", "annotation_history")
            for column in (
                "label_ids TEXT NOT NULL DEFAULT '[]'",
                "properties TEXT NOT NULL DEFAULT '{}'",
                "source_format TEXT",
                "source_text TEXT",
            )
        ),
        *(f"ALTER TABLE annotations ADD COLUMN {side} REAL" for side in ("x0", "y0", "x1", "y1")),
        "ALTER TABLE annotations ADD COLUMN area REAL NOT NULL DEFAULT 0",
        # What a client calls the shape that it draws: drawn twice, it is there once.
        "ALTER TABLE annotations ADD COLUMN client_key TEXT",
        """CREATE UNIQUE INDEX annotations_by_key ON annotations (client_key)
        WHERE client_key NOT NULL""",
        "ALTER TABLE annotations ADD COLUMN bulk_id INTEGER",
        # Counts and areas without reading a shape, which may be pages long.
        "CREATE INDEX annotations_counted ON annotations (answer_id, label_ids, area)",
        # Few shapes are heat maps, and a picture of a slide looks for them among all.
        """CREATE INDEX annotations_of_heat ON annotations (answer_id) WHERE kind = 'heatmap'""",
        # Slides are a third dimension: pixels of all slides have the same numbers.
        """CREATE VIRTUAL TABLE annotation_boxes
        USING rtree (id, x0, x1, y0, y1, first_slide, last_slide)""",
        f"""CREATE TRIGGER annotations_boxed_on_insert AFTER INSERT ON annotations
        WHEN NEW.x0 IS NOT NULL BEGIN {_BOXED}; END""",
        f"""CREATE TRIGGER annotations_boxed_on_update AFTER UPDATE OF x0, y0, x1, y1 ON annotations
        BEGIN DELETE FROM annotation_boxes WHERE id = OLD.id; {_BOXED}; END""",  # noqa: S608 (a constant)
        """CREATE TRIGGER annotations_boxed_on_delete AFTER DELETE ON annotations
        BEGIN DELETE FROM annotation_boxes WHERE id = OLD.id; END""",
        # Shapes that came at once and stay as they are; see `wsi_lab.geometry.packing`.
        # A load is part of its answer from `since_revision` to before `until_revision`.
        """CREATE TABLE bulk_loads (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            question_id INTEGER NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
            slide_id INTEGER NOT NULL REFERENCES slides (id) ON DELETE CASCADE,
            answer_id INTEGER NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
            since_revision INTEGER NOT NULL,
            until_revision INTEGER,
            author TEXT NOT NULL COLLATE NOCASE,
            name TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('shapes', 'grid')),
            first_id INTEGER NOT NULL UNIQUE,
            id_count INTEGER NOT NULL,
            count INTEGER NOT NULL,
            x0 REAL, y0 REAL, x1 REAL, y1 REAL,
            precision REAL NOT NULL,
            counts TEXT NOT NULL,
            properties TEXT NOT NULL,
            digest TEXT NOT NULL,
            loaded_on TEXT NOT NULL,
            loaded_by INTEGER NOT NULL,
            door TEXT NOT NULL,
            revision INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX bulk_loads_of_layer ON bulk_loads (question_id, slide_id)",
        "CREATE INDEX bulk_loads_of_slide ON bulk_loads (slide_id)",
        "CREATE INDEX bulk_loads_of_answer ON bulk_loads (answer_id)",
        # Ids of shapes are never given twice, not even those of loads that were removed.
        """CREATE TABLE bulk_ids (next_id INTEGER NOT NULL) STRICT""",
        f"INSERT INTO bulk_ids VALUES ({FIRST_BULK_ID})",  # noqa: S608 (a constant)
        # The boxes of chunks lie apart from what is in them, so that few pages have to be read.
        """CREATE TABLE bulk_chunks (
            id INTEGER PRIMARY KEY,
            load_id INTEGER NOT NULL REFERENCES bulk_loads (id) ON DELETE CASCADE,
            count INTEGER NOT NULL,
            x0 REAL, y0 REAL, x1 REAL, y1 REAL
        ) STRICT""",
        "CREATE INDEX bulk_chunks_of_load ON bulk_chunks (load_id)",
        """CREATE TABLE bulk_bodies (
            chunk_id INTEGER PRIMARY KEY REFERENCES bulk_chunks (id) ON DELETE CASCADE,
            shapes BLOB NOT NULL,
            properties BLOB
        ) STRICT""",
        # Which chunk each shape lies in, by its number in the load.
        """CREATE TABLE bulk_places (
            load_id INTEGER NOT NULL REFERENCES bulk_loads (id) ON DELETE CASCADE,
            part INTEGER NOT NULL,
            chunks BLOB NOT NULL,
            PRIMARY KEY (load_id, part)
        ) STRICT, WITHOUT ROWID""",
        # Shapes of a load that are no part of it any more: they were changed or removed by hand.
        # `since_revision` is that of the answer.
        """CREATE TABLE bulk_edits (
            load_id INTEGER NOT NULL REFERENCES bulk_loads (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            annotation_id INTEGER,
            since_revision INTEGER NOT NULL,
            x REAL NOT NULL,
            y REAL NOT NULL,
            label INTEGER NOT NULL,
            edited_on TEXT NOT NULL,
            edited_by INTEGER NOT NULL,
            PRIMARY KEY (load_id, number)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE bulk_counts (
            load_id INTEGER NOT NULL REFERENCES bulk_loads (id) ON DELETE CASCADE,
            level INTEGER NOT NULL,
            tile_x INTEGER NOT NULL,
            tile_y INTEGER NOT NULL,
            counts BLOB NOT NULL,
            PRIMARY KEY (load_id, level, tile_x, tile_y)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE bulk_grids (
            load_id INTEGER PRIMARY KEY REFERENCES bulk_loads (id) ON DELETE CASCADE,
            row_count INTEGER NOT NULL,
            column_count INTEGER NOT NULL,
            least REAL,
            most REAL,
            grid BLOB NOT NULL
        ) STRICT""",
    ),
    _measure,
)
