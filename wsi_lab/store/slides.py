"""Slides: rows <-> model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from wsi_lab.errors import Conflict
from wsi_lab.model.study import Slide
from wsi_lab.store.columns import time_of, time_text, words_of, words_text
from wsi_lab.store.connection import Connection, IntegrityError, Row


def add_slide(connection: Connection, slide: Slide) -> Slide:
    """Store a slide and return it with the id it got; the one given is not looked at.

    Raises
    ------
    Conflict
        The study has a slide of that name.
    """
    try:
        row = connection.execute(
            """INSERT INTO slides (study_id, case_id, name, source, block, section, number,
            stain, tags, format, width, height, objective_power, file_mpp_x, file_mpp_y,
            stated_mpp_x, stated_mpp_y, added_on, description, rotation, tma_map_id, file_size,
            revision) VALUES (:study_id, :case_id, :name,
            :source, :block, :section, :number, :stain, :tags, :format, :width, :height,
            :objective_power, :file_mpp_x, :file_mpp_y, :stated_mpp_x, :stated_mpp_y, :added_on,
            :description, :rotation, :tma_map_id, :file_size, :revision) RETURNING *""",
            _columns(slide),
        ).fetchone()
    except IntegrityError as error:
        raise _name_taken(slide) from error
    return _slide(row)


def slide(connection: Connection, slide_id: int) -> Slide | None:
    """Return a slide by id."""
    row = connection.execute("SELECT * FROM slides WHERE id = ?", (slide_id,)).fetchone()
    return None if row is None else _slide(row)


def slides(
    connection: Connection,
    study_id: int,
    *,
    after: int,
    limit: int,
    case_id: int | None = None,
    name: str | None = None,
) -> list[Slide]:
    """Return a study's slides in the order of their ids, all or those of a case or a name."""
    return [
        _slide(row)
        for row in connection.execute(
            """SELECT * FROM slides WHERE study_id = :study AND id > :after
            AND (:case IS NULL OR case_id = :case) AND (:name IS NULL OR name = :name)
            ORDER BY id LIMIT :limit""",
            {"study": study_id, "after": after, "case": case_id, "name": name, "limit": limit},
        )
    ]


def all_slides(connection: Connection, study_id: int) -> list[Slide]:
    """Return all of a study's slides in the order of their ids."""
    return [
        _slide(row)
        for row in connection.execute(
            "SELECT * FROM slides WHERE study_id = ? ORDER BY id", (study_id,)
        )
    ]


def slide_by_source(connection: Connection, study_id: int, source: str) -> Slide | None:
    """Return a study's first slide that was made of the file or object at `source`."""
    row = connection.execute(
        "SELECT * FROM slides WHERE study_id = ? AND source = ? ORDER BY id LIMIT 1",
        (study_id, source),
    ).fetchone()
    return None if row is None else _slide(row)


def slides_by_source(connection: Connection, source: str) -> list[Slide]:
    """Return the slides of all studies that were made of the file at `source`."""
    found = connection.execute("SELECT * FROM slides WHERE source = ? ORDER BY id", (source,))
    return [_slide(row) for row in found]


def slides_of_case(connection: Connection, case_id: int) -> int:
    """Return how many slides a case has."""
    (count,) = connection.execute(
        "SELECT count(*) FROM slides WHERE case_id = ?", (case_id,)
    ).fetchone()
    return int(count)


def slide_names(connection: Connection, study_id: int) -> dict[int, str]:
    """Return what the slides of a study are called, by their ids."""
    rows = connection.execute("SELECT id, name FROM slides WHERE study_id = ?", (study_id,))
    return {slide_id: name for slide_id, name in rows}  # noqa: C416 (dict takes rows for mappings)


def is_of_study(connection: Connection, slide_id: int, study_id: int) -> bool:
    """Return whether there is such a slide in a study."""
    found = connection.execute(
        "SELECT 1 FROM slides WHERE id = ? AND study_id = ?", (slide_id, study_id)
    )
    return found.fetchone() is not None


def cases_of_slides(connection: Connection, study_id: int) -> dict[int, int | None]:
    """Return the case of each slide of a study, by slide id."""
    found = connection.execute("SELECT id, case_id FROM slides WHERE study_id = ?", (study_id,))
    return dict(found)


def slide_counts(connection: Connection, study_ids: Iterable[int]) -> dict[int, int]:
    """Return how many slides studies have; a study without any is there with 0."""
    ids = list(study_ids)
    counts = dict.fromkeys(ids, 0)
    counts.update(
        connection.execute(
            "SELECT study_id, count(*) FROM slides WHERE study_id IN "
            "(SELECT CAST(value AS INTEGER) FROM json_each(?)) GROUP BY study_id",
            (words_text(str(study_id) for study_id in ids),),
        ).fetchall()
    )
    return counts


def update_slide(connection: Connection, slide: Slide) -> None:
    """Store a slide as given.

    Raises
    ------
    Conflict
        The study has another slide of that name.
    """
    try:
        connection.execute(
            """UPDATE slides SET case_id = :case_id, name = :name, source = :source,
            block = :block, section = :section, number = :number, stain = :stain, tags = :tags,
            format = :format, width = :width, height = :height,
            objective_power = :objective_power, file_mpp_x = :file_mpp_x,
            file_mpp_y = :file_mpp_y, stated_mpp_x = :stated_mpp_x,
            stated_mpp_y = :stated_mpp_y, description = :description, rotation = :rotation,
            tma_map_id = :tma_map_id, file_size = :file_size, revision = :revision
            WHERE id = :id""",
            _columns(slide),
        )
    except IntegrityError as error:
        raise _name_taken(slide) from error


def remove_slide(connection: Connection, slide_id: int) -> None:
    """Remove a slide; its file is not touched."""
    connection.execute("DELETE FROM slides WHERE id = ?", (slide_id,))


def _name_taken(slide: Slide) -> Conflict:
    return Conflict(f"The study already has a slide named '{slide.name}'.")


_FIELDS = tuple(field.name for field in dataclasses.fields(Slide))


def _columns(slide: Slide) -> dict[str, object]:
    columns = {name: getattr(slide, name) for name in _FIELDS}
    columns["tags"] = words_text(slide.tags)
    columns["added_on"] = time_text(slide.added_on)
    return columns


def _slide(row: Row) -> Slide:
    columns = {name: row[name] for name in _FIELDS}
    columns["tags"] = words_of(columns["tags"])
    columns["added_on"] = time_of(columns["added_on"])
    return Slide(**columns)
