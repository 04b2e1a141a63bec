"""The step that brought ontologies, images apart from their slides, and what is said of things."""

from __future__ import annotations

from wsi_lab.store.step import Step

# What a slide says of its file, in the columns of `abstract_images`.
_FACTS = (
    *("format", "width", "height", "objective_power"),
    *("file_mpp_x", "file_mpp_y", "file_size"),
)
_KNOWN_IMAGE = f"""INSERT INTO abstract_images (source, added_on, {", ".join(_FACTS)})
    VALUES (NEW.source, NEW.added_on, {", ".join(f"NEW.{each}" for each in _FACTS)})
    ON CONFLICT (source) DO UPDATE SET
    {", ".join(f"{each} = excluded.{each}" for each in _FACTS)};"""  # noqa: S608 (constants)

# A word of a slide is a tag whose link to it comes and goes with the word. Triggers, because words
# are changed in many ways: by hand, by tables, by importing them again, through each door.
_TAGGED = """INSERT OR IGNORE INTO tags (name) SELECT value FROM json_each(NEW.tags);
    DELETE FROM tag_links WHERE kind = 'imageinstance' AND thing_id = NEW.id AND tag_id NOT IN
    (SELECT t.id FROM json_each(NEW.tags) w JOIN tags t ON t.name = w.value);
    INSERT OR IGNORE INTO tag_links (tag_id, kind, thing_id)
    SELECT t.id, 'imageinstance', NEW.id FROM json_each(NEW.tags) w JOIN tags t ON t.name = w.value;
    """

_SPOKEN_OF = " ".join(
    f"UPDATE {each} SET thing_id = NEW.id WHERE kind = 'annotation' AND thing_id = NEW.bulk_id;"  # noqa: S608 (constants)
    for each in ("tag_links", "descriptions", "attached_files")
)


def _forgotten(table: str, kind: str, *remarks: str) -> str:
    """Return the trigger that forgets what was said of a thing when that is gone."""
    forget = " ".join(
        f"DELETE FROM {each} WHERE kind = '{kind}' AND thing_id = OLD.id;"  # noqa: S608 (constants)
        for each in ("tag_links", "attached_files", *remarks)
    )
    return f"CREATE TRIGGER {table}_forgotten AFTER DELETE ON {table} BEGIN {forget} END"


ONTOLOGIES = Step(
    "ontologies",
    (
        # A label set may belong to no study yet. The table is made anew: its labels go with it and
        # come back, layers refer to it all the while, and ids that were given are not given again.
        "PRAGMA defer_foreign_keys = ON",
        """CREATE TABLE kept_counters AS SELECT name, seq FROM sqlite_sequence
        WHERE name = 'label_sets'""",
        "CREATE TABLE kept_sets AS SELECT * FROM label_sets",
        "CREATE TABLE kept_labels AS SELECT * FROM labels",
        "DROP TABLE label_sets",
        """CREATE TABLE label_sets (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            study_id INTEGER REFERENCES studies (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            revision INTEGER NOT NULL,
            description TEXT NOT NULL DEFAULT '',
            UNIQUE (study_id, name)
        ) STRICT""",
        "INSERT INTO label_sets SELECT * FROM kept_sets",
        "INSERT INTO labels SELECT * FROM kept_labels",
        "DELETE FROM sqlite_sequence WHERE name = 'label_sets'",
        "INSERT INTO sqlite_sequence (name, seq) SELECT name, seq FROM kept_counters",
        *(f"DROP TABLE kept_{each}" for each in ("counters", "sets", "labels")),
        # Every study has one, however it was made. Without a name, it is called like its study.
        """CREATE TABLE ontologies (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL DEFAULT '',
            study_id INTEGER UNIQUE REFERENCES studies (id) ON DELETE CASCADE,
            label_set_id INTEGER UNIQUE REFERENCES label_sets (id),
            layer_id INTEGER REFERENCES questions (id) ON DELETE SET NULL,
            created_by INTEGER REFERENCES users (id),
            created_on TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX ontologies_of_user ON ontologies (created_by) WHERE study_id IS NULL",
        """INSERT INTO ontologies (study_id, created_by, created_on)
        SELECT id, created_by, created_on FROM studies ORDER BY id""",
        """CREATE TRIGGER studies_with_ontologies AFTER INSERT ON studies
        BEGIN INSERT INTO ontologies (study_id, created_by, created_on)
        VALUES (NEW.id, NEW.created_by, NEW.created_on); END""",
        """CREATE TABLE term_parents (
            label_id INTEGER PRIMARY KEY REFERENCES labels (id) ON DELETE CASCADE,
            parent_id INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE
        ) STRICT""",
        "CREATE INDEX term_parents_of_parent ON term_parents (parent_id)",
        # What slides are made of: a file or an object, once, in however many studies it is. Only
        # those that were uploaded have a name and somebody whose they are.
        """CREATE TABLE abstract_images (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL DEFAULT '',
            added_by INTEGER REFERENCES users (id),
            added_on TEXT NOT NULL,
            format TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            objective_power REAL,
            file_mpp_x REAL,
            file_mpp_y REAL,
            file_size INTEGER
        ) STRICT""",
        "CREATE INDEX abstract_images_of_user ON abstract_images (added_by)",
        "CREATE INDEX slides_of_source ON slides (source)",
        f"""INSERT INTO abstract_images (source, added_on, {", ".join(_FACTS)})
        SELECT source, added_on, {", ".join(_FACTS)} FROM slides
        WHERE id IN (SELECT min(id) FROM slides GROUP BY source) ORDER BY id""",  # noqa: S608 (constants)
        f"CREATE TRIGGER slides_with_images AFTER INSERT ON slides BEGIN {_KNOWN_IMAGE} END",
        f"""CREATE TRIGGER slides_of_other_images AFTER UPDATE OF source, {", ".join(_FACTS)}
        ON slides BEGIN {_KNOWN_IMAGE} END""",
        """CREATE TABLE remarks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('project', 'imageinstance', 'abstractimage')),
            thing_id INTEGER NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            created_on TEXT NOT NULL,
            created_by INTEGER NOT NULL,
            changed_on TEXT
        ) STRICT""",
        "CREATE INDEX remarks_of_thing ON remarks (kind, thing_id)",
        """CREATE TABLE tags (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            created_on TEXT,
            created_by INTEGER
        ) STRICT""",
        # Who has asked for it to be: whoever has may use it, whoever else's it is.
        """CREATE TABLE tag_makers (
            tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
            user_id INTEGER NOT NULL REFERENCES users (id),
            PRIMARY KEY (tag_id, user_id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX tag_makers_of_user ON tag_makers (user_id)",
        """CREATE TABLE tag_links (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
            kind TEXT NOT NULL
            CHECK (kind IN ('project', 'imageinstance', 'abstractimage', 'annotation')),
            thing_id INTEGER NOT NULL,
            created_on TEXT,
            created_by INTEGER,
            UNIQUE (kind, thing_id, tag_id)
        ) STRICT""",
        "CREATE INDEX tag_links_of_tag ON tag_links (tag_id)",
        """INSERT OR IGNORE INTO tags (name)
        SELECT value FROM slides, json_each(slides.tags) ORDER BY slides.id, key""",
        """INSERT OR IGNORE INTO tag_links (tag_id, kind, thing_id)
        SELECT t.id, 'imageinstance', s.id FROM slides s, json_each(s.tags) w
        JOIN tags t ON t.name = w.value ORDER BY s.id, w.key""",
        f"CREATE TRIGGER slides_tagged AFTER INSERT ON slides BEGIN {_TAGGED} END",
        f"CREATE TRIGGER slides_tagged_anew AFTER UPDATE OF tags ON slides BEGIN {_TAGGED} END",
        """CREATE TABLE descriptions (
            kind TEXT NOT NULL CHECK (kind IN ('project', 'abstractimage', 'annotation')),
            thing_id INTEGER NOT NULL,
            html TEXT NOT NULL,
            created_on TEXT NOT NULL,
            created_by INTEGER NOT NULL,
            changed_on TEXT,
            PRIMARY KEY (kind, thing_id)
        ) STRICT""",
        """CREATE TABLE attached_files (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL
            CHECK (kind IN ('project', 'imageinstance', 'abstractimage', 'annotation')),
            thing_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            file TEXT NOT NULL UNIQUE,
            created_on TEXT NOT NULL,
            created_by INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX attached_files_of_thing ON attached_files (kind, thing_id)",
        _forgotten("studies", "project", "remarks", "descriptions"),
        _forgotten("slides", "imageinstance", "remarks"),
        _forgotten("abstract_images", "abstractimage", "remarks", "descriptions"),
        _forgotten("annotations", "annotation", "descriptions"),
        # A shape of a load that is changed becomes another one by its id.
        f"""CREATE TRIGGER annotations_still_spoken_of AFTER INSERT ON annotations
        WHEN NEW.bulk_id NOT NULL BEGIN {_SPOKEN_OF} END""",
        # To count what has no place, and so to count the others, without reading a shape.
        "CREATE INDEX annotations_nowhere ON annotations (answer_id) WHERE x0 IS NULL",
    ),
)
