"""The step that brought files that are attached to things."""

from __future__ import annotations

from wsi_lab.store.step import Step

_KINDS = {
    "studies": "project",
    "slides": "imageinstance",
    "abstract_images": "abstractimage",
    "annotations": "annotation",
}

ATTACHED = Step(
    "attached files",
    (
        f"""CREATE TABLE attached_files (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('{"', '".join(_KINDS.values())}')),
            thing_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            size INTEGER NOT NULL,
            file TEXT NOT NULL UNIQUE,
            created_on TEXT NOT NULL,
            created_by INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX attached_files_of_thing ON attached_files (kind, thing_id)",
        *(
            f"""CREATE TRIGGER {table}_detached AFTER DELETE ON {table}
            BEGIN DELETE FROM attached_files WHERE kind = '{kind}' AND thing_id = OLD.id; END"""  # noqa: S608 (constants)
            for table, kind in _KINDS.items()
        ),
        # A shape of a load that is changed becomes another one by its id.
        """CREATE TRIGGER annotations_still_attached AFTER INSERT ON annotations
        WHEN NEW.bulk_id NOT NULL BEGIN UPDATE attached_files SET thing_id = NEW.id
        WHERE kind = 'annotation' AND thing_id = NEW.bulk_id; END""",
    ),
)
