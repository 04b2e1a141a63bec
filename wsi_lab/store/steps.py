"""The steps that brought the database to its present shape."""

from __future__ import annotations

from wsi_lab.store.layer_steps import LAYERS
from wsi_lab.store.ontology_steps import ONTOLOGIES
from wsi_lab.store.reading_steps import READING
from wsi_lab.store.step import Step, kept
from wsi_lab.store.task_steps import TASKS
from wsi_lab.store.tma_steps import TMA_BOXES

__all__ = ["STEPS", "Step"]

STEPS: tuple[Step, ...] = (
    Step(
        "people",
        (
            """CREATE TABLE users (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                email TEXT NOT NULL,
                email_folded TEXT NOT NULL UNIQUE,
                name TEXT NOT NULL,
                is_admin INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
                created_on TEXT NOT NULL
            ) STRICT""",
            """CREATE TABLE tokens (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                user_id INTEGER NOT NULL REFERENCES users (id),
                name TEXT NOT NULL,
                sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
                capabilities TEXT NOT NULL,
                read_studies TEXT NOT NULL,
                modify_studies TEXT NOT NULL,
                folders TEXT NOT NULL,
                created_on TEXT NOT NULL,
                expires_on TEXT,
                revoked_on TEXT
            ) STRICT""",
            "CREATE INDEX tokens_of_user ON tokens (user_id)",
            """CREATE TABLE secrets (
                name TEXT PRIMARY KEY,
                value BLOB NOT NULL
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
    Step(
        "studies",
        (
            """CREATE TABLE studies (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                name TEXT NOT NULL UNIQUE,
                description TEXT NOT NULL,
                created_on TEXT NOT NULL,
                created_by INTEGER NOT NULL REFERENCES users (id),
                created_with INTEGER REFERENCES tokens (id),
                published_on TEXT,
                revision INTEGER NOT NULL
            ) STRICT""",
            # One row a right: lists are filtered by it.
            """CREATE TABLE members (
                user_id INTEGER NOT NULL REFERENCES users (id),
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                right TEXT NOT NULL,
                PRIMARY KEY (user_id, study_id, right)
            ) STRICT, WITHOUT ROWID""",
            "CREATE INDEX members_of_study ON members (study_id)",
            """CREATE TABLE cases (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                name TEXT NOT NULL,
                public_name TEXT NOT NULL,
                revision INTEGER NOT NULL,
                UNIQUE (study_id, name)
            ) STRICT""",
            """CREATE TABLE slides (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                case_id INTEGER REFERENCES cases (id),
                name TEXT NOT NULL,
                source TEXT NOT NULL,
                block TEXT NOT NULL,
                section TEXT NOT NULL,
                number TEXT NOT NULL,
                stain TEXT NOT NULL,
                tags TEXT NOT NULL,
                format TEXT NOT NULL,
                width INTEGER NOT NULL,
                height INTEGER NOT NULL,
                objective_power REAL,
                file_mpp_x REAL,
                file_mpp_y REAL,
                stated_mpp_x REAL,
                stated_mpp_y REAL,
                added_on TEXT NOT NULL,
                revision INTEGER NOT NULL,
                UNIQUE (study_id, name)
            ) STRICT""",
            "CREATE INDEX slides_of_case ON slides (case_id)",
        ),
    ),
    Step(
        "audit",
        (
            # No references: an entry outlives whatever it speaks of.
            """CREATE TABLE audit (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                happened_on TEXT NOT NULL,
                user_id INTEGER NOT NULL,
                email TEXT NOT NULL,
                token_id INTEGER,
                door TEXT NOT NULL,
                verb TEXT NOT NULL,
                kind TEXT NOT NULL,
                thing_id INTEGER NOT NULL,
                study_id INTEGER,
                before TEXT,
                after TEXT
            ) STRICT""",
            "CREATE INDEX audit_of_thing ON audit (kind, thing_id)",
            "CREATE INDEX audit_of_study ON audit (study_id)",
            """CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END""",
            """CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END""",
            """CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
            WHEN NEW.id IN (SELECT id FROM audit)
            BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END""",
        ),
    ),
    Step(
        "questions",
        (
            "ALTER TABLE studies ADD COLUMN friendly_name TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE studies ADD COLUMN folder TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE studies ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'",
            "ALTER TABLE studies ADD COLUMN answered_on TEXT",
            "ALTER TABLE cases ADD COLUMN description TEXT NOT NULL DEFAULT ''",
            """CREATE TABLE tma_maps (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                name TEXT NOT NULL,
                text TEXT NOT NULL,
                row_count INTEGER NOT NULL,
                column_count INTEGER NOT NULL,
                revision INTEGER NOT NULL,
                UNIQUE (study_id, name)
            ) STRICT""",
            "ALTER TABLE slides ADD COLUMN description TEXT NOT NULL DEFAULT ''",
            """ALTER TABLE slides ADD COLUMN rotation INTEGER NOT NULL DEFAULT 0
            CHECK (rotation IN (0, 90, 180, 270))""",
            "ALTER TABLE slides ADD COLUMN tma_map_id INTEGER REFERENCES tma_maps (id)",
            "ALTER TABLE slides ADD COLUMN file_size INTEGER",
            """CREATE TABLE tma_cores (
                map_id INTEGER NOT NULL REFERENCES tma_maps (id) ON DELETE CASCADE,
                core_row INTEGER NOT NULL,
                core_column INTEGER NOT NULL,
                sample TEXT NOT NULL,
                is_control INTEGER NOT NULL CHECK (is_control IN (0, 1)),
                PRIMARY KEY (map_id, core_row, core_column)
            ) STRICT, WITHOUT ROWID""",
            # A question that is removed keeps its answers, and its name is free again.
            """CREATE TABLE questions (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                position INTEGER NOT NULL,
                name TEXT NOT NULL,
                kind TEXT NOT NULL,
                configuration TEXT NOT NULL,
                created_on TEXT NOT NULL,
                removed_on TEXT,
                revision INTEGER NOT NULL
            ) STRICT""",
            """CREATE UNIQUE INDEX questions_by_name ON questions (study_id, name)
            WHERE removed_on IS NULL""",
        ),
    ),
    Step(
        "answers",
        (
            # What is current; what was before is in the history, which the triggers keep, so
            # that no way of changing an answer can lose one. Of an answer that is drawn, the
            # shapes are the value.
            """CREATE TABLE answers (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                question_id INTEGER NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
                slide_id INTEGER REFERENCES slides (id) ON DELETE CASCADE,
                case_id INTEGER REFERENCES cases (id) ON DELETE CASCADE,
                core_row INTEGER,
                core_column INTEGER,
                core_sample TEXT,
                author TEXT NOT NULL COLLATE NOCASE,
                value TEXT NOT NULL,
                file_uuid TEXT,
                answered_on TEXT NOT NULL,
                answered_by INTEGER NOT NULL,
                door TEXT NOT NULL,
                revision INTEGER NOT NULL,
                CHECK (slide_id IS NOT NULL OR case_id IS NOT NULL)
            ) STRICT""",
            """CREATE UNIQUE INDEX answers_by_place ON answers (question_id,
            coalesce(slide_id, -case_id), coalesce(core_row, -1), coalesce(core_column, -1),
            author)""",
            "CREATE INDEX answers_of_study ON answers (study_id)",
            "CREATE INDEX answers_of_slide ON answers (slide_id)",
            "CREATE INDEX answers_of_case ON answers (case_id)",
            # No references: what was said outlives what it was said of.
            """CREATE TABLE answer_history (
                answer_id INTEGER NOT NULL,
                revision INTEGER NOT NULL,
                study_id INTEGER NOT NULL,
                question_id INTEGER NOT NULL,
                slide_id INTEGER,
                case_id INTEGER,
                core_row INTEGER,
                core_column INTEGER,
                core_sample TEXT,
                author TEXT NOT NULL,
                value TEXT NOT NULL,
                file_uuid TEXT,
                answered_on TEXT NOT NULL,
                answered_by INTEGER NOT NULL,
                door TEXT NOT NULL,
                PRIMARY KEY (answer_id, revision)
            ) STRICT, WITHOUT ROWID""",
            *kept(
                "answers",
                "answer_history",
                "OLD.id, OLD.revision, OLD.study_id, OLD.question_id, OLD.slide_id, OLD.case_id, "
                "OLD.core_row, OLD.core_column, OLD.core_sample, OLD.author, OLD.value, "
                "OLD.file_uuid, OLD.answered_on, OLD.answered_by, OLD.door",
            ),
            """CREATE TABLE annotations (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                answer_id INTEGER NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
                position INTEGER NOT NULL,
                kind TEXT NOT NULL,
                geometry BLOB,
                original TEXT NOT NULL,
                dialect TEXT NOT NULL,
                since_revision INTEGER NOT NULL,
                changed_on TEXT NOT NULL,
                changed_by INTEGER NOT NULL
            ) STRICT""",
            "CREATE INDEX annotations_of_answer ON annotations (answer_id, position)",
            # Shapes go before their answer, so that their history can still ask its revision;
            # a cascade takes them after it.
            """CREATE TRIGGER answers_take_shapes_along BEFORE DELETE ON answers
            BEGIN DELETE FROM annotations WHERE answer_id = OLD.id; END""",
            # A shape was part of its answer from `since_revision` to before `until_revision`.
            """CREATE TABLE annotation_history (
                annotation_id INTEGER NOT NULL,
                since_revision INTEGER NOT NULL,
                until_revision INTEGER NOT NULL,
                answer_id INTEGER NOT NULL,
                position INTEGER NOT NULL,
                kind TEXT NOT NULL,
                geometry BLOB,
                original TEXT NOT NULL,
                dialect TEXT NOT NULL,
                changed_on TEXT NOT NULL,
                changed_by INTEGER NOT NULL,
                PRIMARY KEY (annotation_id, since_revision)
            ) STRICT, WITHOUT ROWID""",
            "CREATE INDEX annotation_history_of_answer ON annotation_history (answer_id)",
            *kept(
                "annotations",
                "annotation_history",
                "OLD.id, OLD.since_revision, coalesce((SELECT revision FROM answers "
                "WHERE id = OLD.answer_id), OLD.since_revision) + 1, OLD.answer_id, "
                "OLD.position, OLD.kind, OLD.geometry, OLD.original, OLD.dialect, "
                "OLD.changed_on, OLD.changed_by",
            ),
        ),
    ),
    Step(
        "files",
        (
            # Bytes lie in the home, under the name that is the key here.
            """CREATE TABLE uploads (
                id TEXT PRIMARY KEY,
                sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
                user_id INTEGER NOT NULL REFERENCES users (id),
                token_id INTEGER REFERENCES tokens (id),
                purpose TEXT NOT NULL CHECK (purpose IN ('file', 'annotation', 'attachment')),
                folder TEXT NOT NULL,
                file_name TEXT NOT NULL,
                study_id INTEGER REFERENCES studies (id) ON DELETE CASCADE,
                annotation_uuid TEXT,
                attachment_id INTEGER,
                length INTEGER,
                created_on TEXT NOT NULL,
                expires_on TEXT NOT NULL,
                finished_on TEXT
            ) STRICT, WITHOUT ROWID""",
            # A model's annotation of one slide as one file (Slide Score's "anno2").
            """CREATE TABLE annotation_files (
                uuid TEXT PRIMARY KEY,
                study_id INTEGER REFERENCES studies (id) ON DELETE CASCADE,
                question_id INTEGER REFERENCES questions (id) ON DELETE CASCADE,
                slide_id INTEGER REFERENCES slides (id) ON DELETE CASCADE,
                case_id INTEGER REFERENCES cases (id) ON DELETE CASCADE,
                core_row INTEGER,
                core_column INTEGER,
                core_sample TEXT,
                author TEXT NOT NULL,
                kind TEXT NOT NULL,
                item_count INTEGER NOT NULL,
                metadata TEXT NOT NULL,
                size INTEGER NOT NULL,
                created_on TEXT NOT NULL,
                created_by INTEGER NOT NULL,
                finished_on TEXT
            ) STRICT, WITHOUT ROWID""",
            """CREATE TABLE attachments (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                short_id TEXT NOT NULL UNIQUE,
                name TEXT NOT NULL,
                size INTEGER NOT NULL,
                created_on TEXT NOT NULL,
                created_by INTEGER NOT NULL,
                finished_on TEXT
            ) STRICT""",
            """CREATE TABLE sessions (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                study_id INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
                slide_id INTEGER NOT NULL REFERENCES slides (id) ON DELETE CASCADE,
                user_id INTEGER NOT NULL REFERENCES users (id),
                created_on TEXT NOT NULL,
                length_ms INTEGER NOT NULL
            ) STRICT""",
            "CREATE INDEX sessions_of_study ON sessions (study_id)",
            """CREATE TABLE session_events (
                session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                number INTEGER NOT NULL,
                at_ms INTEGER NOT NULL,
                x INTEGER NOT NULL,
                y INTEGER NOT NULL,
                width INTEGER NOT NULL,
                height INTEGER NOT NULL,
                cursor_x INTEGER NOT NULL,
                cursor_y INTEGER NOT NULL,
                PRIMARY KEY (session_id, number)
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
    LAYERS,
    TASKS,
    ONTOLOGIES,
    READING,
    TMA_BOXES,
)
