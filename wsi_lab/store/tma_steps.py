"""The step that brought places of cores: where on a slide each core of its map lies."""

from __future__ import annotations

from wsi_lab.store.step import Step

TMA_BOXES = Step(
    "tma boxes",
    (
        # What is known of a slide's boxes as a whole; numbers only where a picture told them.
        """CREATE TABLE tma_fits (
            slide_id INTEGER PRIMARY KEY REFERENCES slides (id) ON DELETE CASCADE,
            confidence REAL,
            residual REAL,
            angle REAL,
            changed_on TEXT NOT NULL,
            changed_by INTEGER NOT NULL,
            revision INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE tma_boxes (
            slide_id INTEGER NOT NULL REFERENCES tma_fits (slide_id) ON DELETE CASCADE,
            core_row INTEGER NOT NULL,
            core_column INTEGER NOT NULL,
            x REAL NOT NULL,
            y REAL NOT NULL,
            width REAL NOT NULL CHECK (width > 0),
            height REAL NOT NULL CHECK (height > 0),
            is_found INTEGER CHECK (is_found IN (0, 1)),
            PRIMARY KEY (slide_id, core_row, core_column)
        ) STRICT, WITHOUT ROWID""",
    ),
)
