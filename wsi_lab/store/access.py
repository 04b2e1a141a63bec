"""What somebody's access to a slide hangs on, in one look."""

from __future__ import annotations

from wsi_lab.store.connection import Connection

Stamp = tuple[object, ...]


def slide_stamp(
    connection: Connection, user_id: int, token_id: int | None, slide_id: int
) -> Stamp | None:
    """Return a value that differs as soon as the answer to "may they, and what?" may differ.

    It covers the user, their token, their rights in the slide's study, the study (tokens may be
    limited to its name, readers by its settings) and the slide itself. `None` when there is no
    such slide or user.
    """
    row = connection.execute(
        """SELECT users.is_admin, tokens.id, tokens.revoked_on, studies.id, studies.name,
        studies.revision, slides.revision, (
            SELECT group_concat(right) FROM members
            WHERE user_id = users.id AND study_id = studies.id
        )
        FROM slides JOIN studies ON studies.id = slides.study_id
        JOIN users ON users.id = :user LEFT JOIN tokens ON tokens.id = :token
        WHERE slides.id = :slide""",
        {"user": user_id, "token": token_id, "slide": slide_id},
    ).fetchone()
    return None if row is None else tuple(row)
