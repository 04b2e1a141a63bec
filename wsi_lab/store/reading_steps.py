"""The step that brought readings: how far readers are, and how long they look."""

from __future__ import annotations

from wsi_lab.store.step import Step

READING = Step(
    "reading",
    (
        # What readers have answered is counted in the order of this index, without sorting.
        """CREATE INDEX answers_of_reader ON answers (study_id, author, slide_id, case_id,
        question_id, core_row, core_column, answered_on, (value = ''))""",
        # One row for each visit of a reader to a slide or case.
        """CREATE TABLE reading_times (
            study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
            reader TEXT NOT NULL COLLATE NOCASE,
            key TEXT NOT NULL,
            slide_id INTEGER REFERENCES slides (id) ON DELETE CASCADE,
            case_id INTEGER REFERENCES cases (id) ON DELETE CASCADE,
            opened_on TEXT NOT NULL,
            seconds REAL NOT NULL CHECK (seconds >= 0),
            PRIMARY KEY (study_id, reader, key),
            CHECK ((slide_id IS NULL) <> (case_id IS NULL))
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX reading_times_of_slide ON reading_times (slide_id)",
        "CREATE INDEX reading_times_of_case ON reading_times (case_id)",
    ),
)
