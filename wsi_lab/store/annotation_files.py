"""Annotations that came as files: rows <-> model."""

from __future__ import annotations

from datetime import datetime

import msgspec

from wsi_lab.model.annotation import AnnotationFile
from wsi_lab.store.answers import place_of
from wsi_lab.store.columns import json_text, maybe_time_of, maybe_time_text, time_of, time_text
from wsi_lab.store.connection import Connection


def add_file(connection: Connection, file: AnnotationFile) -> None:
    """Store that there is, or is to be, a file."""
    core = file.place.core
    connection.execute(
        "INSERT INTO annotation_files (uuid, study_id, question_id, slide_id, case_id, core_row, "
        "core_column, core_sample, author, kind, item_count, metadata, size, created_on, "
        "created_by, finished_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file.uuid,
            file.study_id,
            file.question_id,
            file.place.slide_id,
            file.place.case_id,
            *((core.row, core.column, core.sample) if core else (None, None, None)),
            file.author,
            file.kind,
            file.item_count,
            json_text(file.metadata),
            file.size,
            time_text(file.created_on),
            file.created_by,
            maybe_time_text(file.finished_on),
        ),
    )


def file(connection: Connection, uuid: str) -> AnnotationFile | None:
    """Return a file by its UUID."""
    row = connection.execute("SELECT * FROM annotation_files WHERE uuid = ?", (uuid,)).fetchone()
    if row is None:
        return None
    return AnnotationFile(
        uuid=row["uuid"],
        study_id=row["study_id"],
        question_id=row["question_id"],
        place=place_of(row),
        author=row["author"],
        kind=row["kind"],
        item_count=row["item_count"],
        metadata=msgspec.json.decode(row["metadata"]),
        size=row["size"],
        created_on=time_of(row["created_on"]),
        created_by=row["created_by"],
        finished_on=maybe_time_of(row["finished_on"]),
    )


def files_with_content(connection: Connection, study_id: int) -> set[str]:
    """Return the UUIDs of a study's files that came as files, and have come."""
    found = connection.execute(
        "SELECT uuid FROM annotation_files WHERE study_id = ? AND kind <> ''", (study_id,)
    )
    return {uuid for (uuid,) in found}


def finish_file(connection: Connection, file: AnnotationFile) -> None:
    """Store what a file turned out to hold."""
    connection.execute(
        "UPDATE annotation_files SET kind = ?, item_count = ?, metadata = ?, size = ?, "
        "finished_on = ? WHERE uuid = ?",
        (
            file.kind,
            file.item_count,
            json_text(file.metadata),
            file.size,
            maybe_time_text(file.finished_on),
            file.uuid,
        ),
    )


def known_files(connection: Connection) -> set[str]:
    """Return the UUIDs of all files."""
    return {uuid for (uuid,) in connection.execute("SELECT uuid FROM annotation_files")}


def forget_unfinished(connection: Connection, begun_before: datetime) -> None:
    """Remove the rows of files that never came."""
    connection.execute(
        "DELETE FROM annotation_files WHERE finished_on IS NULL AND created_on < ?",
        (time_text(begun_before),),
    )


def files_of_study(connection: Connection, study_id: int) -> tuple[list[str], list[str]]:
    """Return the UUIDs of a study's annotation files, and the short ids of its attachments."""
    uuids = connection.execute("SELECT uuid FROM annotation_files WHERE study_id = ?", (study_id,))
    attachments = connection.execute(
        "SELECT short_id FROM attachments WHERE study_id = ?", (study_id,)
    )
    return [uuid for (uuid,) in uuids], [short_id for (short_id,) in attachments]
