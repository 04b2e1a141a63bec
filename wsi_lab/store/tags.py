"""Tags and what has them: rows <-> model.

Triggers of the database keep the links of slides equal to the words that they are tagged with.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wsi_lab.errors import Conflict
from wsi_lab.model.remark import Tag, TagLink, ThingKind
from wsi_lab.store.columns import json_text, maybe_time_of, time_text
from wsi_lab.store.connection import Connection, IntegrityError, Row

_LINKS = """SELECT l.id, l.kind, l.thing_id, l.created_on, l.created_by, t.id AS tag_id, t.name,
    t.created_on AS tag_created_on, t.created_by AS tag_created_by
    FROM tag_links l JOIN tags t ON t.id = l.tag_id"""

# The words that somebody sees on things: on studies, their slides, and images of these, and on the
# shapes of layers, some of them only on their own.
_SEEN = """SELECT tag_id FROM tag_makers WHERE user_id = :user
    UNION SELECT tag_id FROM tag_links WHERE kind = 'project'
    AND thing_id IN (SELECT value FROM json_each(:studies))
    UNION SELECT l.tag_id FROM tag_links l JOIN slides s ON s.id = l.thing_id
    WHERE l.kind = 'imageinstance' AND s.study_id IN (SELECT value FROM json_each(:studies))
    UNION SELECT l.tag_id FROM tag_links l JOIN abstract_images i ON i.id = l.thing_id
    WHERE l.kind = 'abstractimage' AND (i.added_by = :user OR EXISTS (SELECT 1 FROM slides s
    WHERE s.source = i.source AND s.study_id IN (SELECT value FROM json_each(:studies))))
    UNION SELECT l.tag_id FROM tag_links l JOIN annotations n ON n.id = l.thing_id
    JOIN answers a ON a.id = n.answer_id
    JOIN json_each(:layers) y ON json_extract(y.value, '$[0]') = a.question_id
    WHERE l.kind = 'annotation'
    AND (json_extract(y.value, '$[1]') IS NULL OR json_extract(y.value, '$[1]') = a.author)
    UNION SELECT l.tag_id FROM tag_links l JOIN bulk_loads b
    ON l.thing_id >= b.first_id AND l.thing_id < b.first_id + b.id_count
    JOIN json_each(:layers) y ON json_extract(y.value, '$[0]') = b.question_id
    WHERE l.kind = 'annotation'
    AND (json_extract(y.value, '$[1]') IS NULL OR json_extract(y.value, '$[1]') = b.author)"""


def all_tags(connection: Connection) -> list[Tag]:
    """Return all tags in the order of their ids."""
    return [_tag(row) for row in connection.execute("SELECT * FROM tags ORDER BY id")]


def seen_tags(
    connection: Connection,
    user_id: int,
    study_ids: Iterable[int],
    layers: Iterable[tuple[int, str | None]],
) -> list[Tag]:
    """Return the tags that somebody made or sees on things, in the order of their ids.

    Parameters
    ----------
    study_ids
        That they may view.
    layers
        Of these studies, and whose shapes they may see on each; `None` for everybody's.
    """
    found = connection.execute(
        f"SELECT * FROM tags WHERE id IN ({_SEEN}) ORDER BY id",  # noqa: S608 (a constant)
        {"user": user_id, "studies": json_text(list(study_ids)), "layers": json_text(list(layers))},
    )
    return [_tag(row) for row in found]


def tag(connection: Connection, tag_id: int) -> Tag | None:
    """Return a tag by id."""
    row = connection.execute("SELECT * FROM tags WHERE id = ?", (tag_id,)).fetchone()
    return None if row is None else _tag(row)


def tag_by_name(connection: Connection, name: str) -> Tag | None:
    """Return the tag of that name, whatever its capital letters."""
    row = connection.execute("SELECT * FROM tags WHERE name = ?", (name,)).fetchone()
    return None if row is None else _tag(row)


def add_tag(connection: Connection, name: str, *, created_on: datetime, created_by: int) -> Tag:
    """Store a tag, which there is not yet, and return it."""
    row = connection.execute(
        "INSERT INTO tags (name, created_on, created_by) VALUES (?, ?, ?) RETURNING *",
        (name, time_text(created_on), created_by),
    ).fetchone()
    return _tag(row)


def add_maker(connection: Connection, tag_id: int, user_id: int) -> None:
    """Note that somebody asked for a tag to be."""
    connection.execute("INSERT OR IGNORE INTO tag_makers VALUES (?, ?)", (tag_id, user_id))


def makers(connection: Connection, tag_id: int) -> set[int]:
    """Return the ids of those who asked for a tag to be."""
    found = connection.execute("SELECT user_id FROM tag_makers WHERE tag_id = ?", (tag_id,))
    return {user_id for (user_id,) in found}


def made_count(connection: Connection, user_id: int) -> int:
    """Return how many tags somebody asked for."""
    (count,) = connection.execute(
        "SELECT count(*) FROM tag_makers WHERE user_id = ?", (user_id,)
    ).fetchone()
    return int(count)


def rename_tag(connection: Connection, tag_id: int, name: str) -> None:
    """Give a tag another name.

    Raises
    ------
    Conflict
        There is another tag of that name.
    """
    try:
        connection.execute("UPDATE tags SET name = ? WHERE id = ?", (name, tag_id))
    except IntegrityError as error:
        raise Conflict(f"There already is a tag '{name}'.") from error


def remove_tag(connection: Connection, tag_id: int) -> None:
    """Remove a tag with its links."""
    connection.execute("DELETE FROM tags WHERE id = ?", (tag_id,))


def links(connection: Connection, kind: ThingKind, thing_id: int) -> list[TagLink]:
    """Return the tags that a thing has, in the order of the links."""
    found = connection.execute(
        f"{_LINKS} WHERE l.kind = ? AND l.thing_id = ? ORDER BY l.id", (kind.value, thing_id)
    )
    return [_link(row) for row in found]


def links_of_tag(connection: Connection, tag_id: int) -> list[TagLink]:
    """Return what has a tag."""
    found = connection.execute(f"{_LINKS} WHERE l.tag_id = ? ORDER BY l.id", (tag_id,))
    return [_link(row) for row in found]


def link(connection: Connection, link_id: int) -> TagLink | None:
    """Return one link by id."""
    row = connection.execute(f"{_LINKS} WHERE l.id = ?", (link_id,)).fetchone()
    return None if row is None else _link(row)


def add_link(  # noqa: PLR0917 (a row)
    connection: Connection,
    tag_id: int,
    kind: ThingKind,
    thing_id: int,
    created_on: datetime,
    created_by: int,
) -> TagLink:
    """Store that a thing has a tag, and return that; of one that has it, who said so and when."""
    (link_id,) = connection.execute(
        "INSERT INTO tag_links (tag_id, kind, thing_id, created_on, created_by) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, thing_id, tag_id) DO UPDATE "
        "SET created_on = excluded.created_on, created_by = excluded.created_by RETURNING id",
        (tag_id, kind.value, thing_id, time_text(created_on), created_by),
    ).fetchone()
    found = link(connection, link_id)
    assert found is not None  # noqa: S101 (it was just stored)
    return found


def remove_link(connection: Connection, link_id: int) -> None:
    """Remove a link."""
    connection.execute("DELETE FROM tag_links WHERE id = ?", (link_id,))


def _tag(row: Row) -> Tag:
    return Tag(row["id"], row["name"], maybe_time_of(row["created_on"]), row["created_by"])


def _link(row: Row) -> TagLink:
    tag_of_it = Tag(
        row["tag_id"], row["name"], maybe_time_of(row["tag_created_on"]), row["tag_created_by"]
    )
    return TagLink(
        id=row["id"],
        tag=tag_of_it,
        kind=ThingKind(row["kind"]),
        thing_id=row["thing_id"],
        created_on=maybe_time_of(row["created_on"]),
        created_by=row["created_by"],
    )
