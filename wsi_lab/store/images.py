"""Images apart from their slides, and what is counted on slides: rows <-> model.

Triggers of the database make the image of every slide, and keep what its file says up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from wsi_lab.model.image import AbstractImage
from wsi_lab.store.columns import json_text, time_of, time_text
from wsi_lab.store.connection import Connection, Row


def image(connection: Connection, image_id: int) -> AbstractImage | None:
    """Return an image by id, with the name and the source that it has, whoever asks."""
    row = connection.execute("SELECT * FROM abstract_images WHERE id = ?", (image_id,)).fetchone()
    return None if row is None else _image(row)


def images_of_sources(connection: Connection, sources: Iterable[str]) -> list[AbstractImage]:
    """Return the images whose bytes are there, in the order of their ids."""
    found = connection.execute(
        "SELECT * FROM abstract_images WHERE source IN (SELECT value FROM json_each(?)) "
        "ORDER BY id",
        (json_text(list(sources)),),
    )
    return [_image(row) for row in found]


def images_of_user(connection: Connection, user_id: int | None) -> list[AbstractImage]:
    """Return the images that somebody uploaded, or with `None` all, in the order of their ids."""
    found = connection.execute(
        "SELECT * FROM abstract_images WHERE :user IS NULL OR added_by = :user ORDER BY id",
        {"user": user_id},
    )
    return [_image(row) for row in found]


def add_image(
    connection: Connection,
    facts: Mapping[str, object],
    *,
    name: str,
    added_by: int,
    added_on: datetime,
) -> AbstractImage:
    """Store an image that was uploaded, and return it.

    Parameters
    ----------
    facts
        What its file says, by the names of the columns.
    """
    row = connection.execute(
        """INSERT INTO abstract_images (source, name, added_by, added_on, format, width, height,
        objective_power, file_mpp_x, file_mpp_y, file_size) VALUES (:source, :name, :added_by,
        :added_on, :format, :width, :height, :objective_power, :file_mpp_x, :file_mpp_y,
        :file_size) RETURNING *""",
        {**facts, "name": name, "added_by": added_by, "added_on": time_text(added_on)},
    ).fetchone()
    return _image(row)


def remove_image(connection: Connection, image_id: int) -> None:
    """Remove an image that no slide is made of; its file is not touched."""
    connection.execute("DELETE FROM abstract_images WHERE id = ?", (image_id,))


def shape_counts(
    connection: Connection,
    layer_id: int,
    *,
    author: str | None,
    slide_ids: Iterable[int] | None = None,
) -> dict[int, int]:
    """Return how many shapes there are on a layer, by slide, drawn and loaded.

    What has no place and heat maps do not count.

    Parameters
    ----------
    author
        Only theirs.
    slide_ids
        Only on these slides.
    """
    slides = None if slide_ids is None else json_text(list(slide_ids))
    found = connection.execute(
        """SELECT slide_id, sum(count) FROM (
            SELECT a.slide_id,
            (SELECT count(*) FROM annotations n WHERE n.answer_id = a.id)
            - (SELECT count(*) FROM annotations n WHERE n.answer_id = a.id AND n.x0 IS NULL)
            - (SELECT count(*) FROM annotations n WHERE n.answer_id = a.id
            AND n.kind = 'heatmap' AND n.x0 NOT NULL)
            AS count FROM answers a WHERE a.question_id = :layer AND a.slide_id NOT NULL
            AND (:author IS NULL OR a.author = :author)
            AND (:slides IS NULL OR a.slide_id IN (SELECT value FROM json_each(:slides)))
            UNION ALL SELECT slide_id, count FROM bulk_loads WHERE question_id = :layer
            AND until_revision IS NULL AND kind = 'shapes'
            AND (:author IS NULL OR author = :author)
            AND (:slides IS NULL OR slide_id IN (SELECT value FROM json_each(:slides)))
        ) GROUP BY slide_id""",
        {"layer": layer_id, "author": author, "slides": slides},
    )
    return {slide_id: count for slide_id, count in found}  # noqa: C416 (dict takes rows for mappings)


def who_added(connection: Connection, slide_ids: Iterable[int]) -> dict[int, int]:
    """Return the ids of the users who added slides, by slide."""
    found = connection.execute(
        "SELECT thing_id, user_id FROM audit WHERE kind = 'slide' AND verb = 'create' "
        "AND thing_id IN (SELECT value FROM json_each(?))",
        (json_text(list(slide_ids)),),
    )
    return {slide_id: user_id for slide_id, user_id in found}  # noqa: C416 (as above)


def _image(row: Row) -> AbstractImage:
    return AbstractImage(
        id=row["id"],
        name=row["name"] or row["source"].rpartition("/")[2],
        source=row["source"],
        added_by=row["added_by"],
        added_on=time_of(row["added_on"]),
        format=row["format"],
        width=row["width"],
        height=row["height"],
        objective_power=row["objective_power"],
        mpp_x=row["file_mpp_x"],
        mpp_y=row["file_mpp_y"],
        file_size=row["file_size"],
    )
