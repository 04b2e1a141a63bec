"""The step that brought tasks: what is to be done with some of a study's slides."""

from __future__ import annotations

from wsi_lab.store.step import Step

TASKS = Step(
    "tasks",
    (
        "ALTER TABLE label_sets ADD COLUMN description TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE labels ADD COLUMN description TEXT NOT NULL DEFAULT ''",
        # What a layer asks for besides; without a row, it is drawn on freely.
        """CREATE TABLE tasks (
            question_id INTEGER PRIMARY KEY REFERENCES questions (id) ON DELETE CASCADE,
            settings TEXT NOT NULL,
            is_restricted INTEGER NOT NULL CHECK (is_restricted IN (0, 1)),
            created_on TEXT NOT NULL,
            removed_on TEXT
        ) STRICT""",
        """CREATE TABLE task_members (
            question_id INTEGER NOT NULL REFERENCES tasks (question_id) ON DELETE CASCADE,
            user_id INTEGER NOT NULL REFERENCES users (id),
            access INTEGER NOT NULL CHECK (access IN (1, 2, 3)),
            PRIMARY KEY (question_id, user_id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX task_members_of_user ON task_members (user_id)",
        # What was sent as a whole, and the shapes that its items are. It is told again as it came
        # for as long as `stamp`, which names the answers and their revisions, is true.
        """CREATE TABLE drawings (
            question_id INTEGER NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
            slide_id INTEGER NOT NULL REFERENCES slides (id) ON DELETE CASCADE,
            author TEXT NOT NULL COLLATE NOCASE,
            text TEXT NOT NULL,
            items TEXT NOT NULL,
            stamp TEXT NOT NULL,
            path_count INTEGER NOT NULL,
            marker_count INTEGER NOT NULL,
            created_on TEXT NOT NULL,
            created_by INTEGER NOT NULL,
            changed_on TEXT NOT NULL,
            changed_by INTEGER NOT NULL,
            PRIMARY KEY (question_id, slide_id, author)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX drawings_of_slide ON drawings (slide_id)",
        # Keys of other systems' clients are tokens that open no other door.
        "ALTER TABLE tokens ADD COLUMN purpose TEXT NOT NULL DEFAULT 'bearer'",
    ),
)
