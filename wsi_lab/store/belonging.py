"""Which studies things belong to, and whose they are."""

from __future__ import annotations

from typing import NamedTuple

from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.remark import ThingKind
from wsi_lab.store.bulk.loads import load_of_shape
from wsi_lab.store.connection import Connection

_STUDIES = {
    "study": "SELECT id, NULL FROM studies WHERE id = ?",
    "slide": "SELECT study_id, NULL FROM slides WHERE id = ?",
    "shape": """SELECT a.study_id, NULL FROM annotations n JOIN answers a ON a.id = n.answer_id
        WHERE n.id = ?""",
    "ontology": "SELECT study_id, created_by FROM ontologies WHERE id = ?",
    "label": """SELECT s.study_id, o.created_by FROM labels l
        JOIN label_sets s ON s.id = l.label_set_id
        LEFT JOIN ontologies o ON o.label_set_id = s.id WHERE l.id = ?""",
    "image": """SELECT s.study_id, i.added_by FROM abstract_images i
        LEFT JOIN slides s ON s.source = i.source WHERE i.id = ?""",
    "user": "SELECT NULL, id FROM users WHERE id = ?",
}
_WITH_THINGS = {
    "file": "SELECT kind, thing_id FROM attached_files WHERE id = ?",
    "link": "SELECT kind, thing_id FROM tag_links WHERE id = ?",
}
_KIND_OF = {
    ThingKind.STUDY: "study",
    ThingKind.SLIDE: "slide",
    ThingKind.IMAGE: "image",
    ThingKind.ANNOTATION: "shape",
}
KINDS = frozenset(_STUDIES) | frozenset(_WITH_THINGS)


class Belonging(NamedTuple):
    """Where a thing belongs.

    Attributes
    ----------
    study_ids
        Of the studies that it is in.
    owner_ids
        Of the users whose it is besides.
    """

    study_ids: frozenset[int]
    owner_ids: frozenset[int]


def belonging(connection: Connection, kind: str, thing_id: int) -> Belonging | None:
    """Return where a thing of one of `KINDS` belongs; `None` if there is none of that id."""
    if kind in _WITH_THINGS:
        row = connection.execute(_WITH_THINGS[kind], (thing_id,)).fetchone()
        if row is None:
            return None
        kind, thing_id = _KIND_OF[ThingKind(row[0])], row[1]
    if kind == "shape" and thing_id >= FIRST_BULK_ID:
        stored = load_of_shape(connection, thing_id)
        if stored is None:
            return None
        kind, thing_id = "slide", stored.load.slide_id
    rows = connection.execute(_STUDIES[kind], (thing_id,)).fetchall()
    if not rows:
        return None
    studies, owners = zip(*rows, strict=True)
    return Belonging(frozenset(studies) - {None}, frozenset(owners) - {None})
