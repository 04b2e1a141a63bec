"""What Cytomine calls things, and the forms in which it answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

_DOMAIN = "be.cytomine.domain"

PROJECT = f"{_DOMAIN}.project.Project"
ONTOLOGY = f"{_DOMAIN}.ontology.Ontology"
TERM = f"{_DOMAIN}.ontology.Term"
RELATION_TERM = f"{_DOMAIN}.ontology.RelationTerm"
ANNOTATION = f"{_DOMAIN}.ontology.UserAnnotation"
ANNOTATION_TERM = f"{_DOMAIN}.ontology.AnnotationTerm"
IMAGE_INSTANCE = f"{_DOMAIN}.image.ImageInstance"
ABSTRACT_IMAGE = f"{_DOMAIN}.image.AbstractImage"
SLICE_INSTANCE = f"{_DOMAIN}.image.SliceInstance"
UPLOADED_FILE = f"{_DOMAIN}.image.UploadedFile"
STORAGE = f"{_DOMAIN}.image.server.Storage"
PROPERTY = f"{_DOMAIN}.meta.Property"
TAG = f"{_DOMAIN}.meta.Tag"
TAG_LINK = f"{_DOMAIN}.meta.TagDomainAssociation"
DESCRIPTION = f"{_DOMAIN}.meta.Description"
ATTACHED_FILE = f"{_DOMAIN}.meta.AttachedFile"
USER = f"{_DOMAIN}.security.User"
ROLE = f"{_DOMAIN}.security.SecRole"
USER_ROLE = f"{_DOMAIN}.security.SecUserSecRole"

Told = dict[str, Any]


def told(
    thing_id: int, class_name: str, created: datetime | None, updated: datetime | None = None
) -> Told:
    """Return what every object carries.

    Clients put ``class`` into addresses, so that it must always be there.
    """
    return {
        "id": thing_id,
        "class": class_name,
        "created": milliseconds(created),
        "updated": milliseconds(updated),
    }


def milliseconds(moment: datetime | None) -> str | None:
    """Return a moment as the text of its milliseconds since 1970.

    Examples
    --------
    >>> from datetime import UTC
    >>> milliseconds(datetime(2026, 1, 1, tzinfo=UTC))
    '1767225600000'
    """
    return None if moment is None else str(round(moment.timestamp() * 1000))


def done(key: str, thing: Mapping[str, Any], verb: str) -> Told:
    """Return the answer to a change: the object, under the key that clients look for.

    Parameters
    ----------
    verb
        ``Add``, ``Edit`` or ``Delete``.
    """
    name = thing["class"].rpartition(".")[2]
    number = thing["id"]
    return {
        key: thing,
        "message": f"{name} {number}: {verb.lower()}",
        "callback": {"method": f"be.cytomine.{verb}{name}Command", f"{key}ID": str(number)},
        "printMessage": True,
        "command": number,
    }


def all_done(things: Sequence[Mapping[str, Any]]) -> Told:
    """Return the answer to an array of objects that are all stored now."""
    ids = ", ".join(str(each["id"]) for each in things)
    return {"data": {"message": f"{len(things)} added: {ids}"}, "status": 200}


def collection(things: Iterable[Told], total: int, *, most: int, offset: int) -> Told:
    """Return a page of a list.

    Parameters
    ----------
    total
        How many there are of all.
    most
        On a page; 0 for no limit.

    Examples
    --------
    >>> collection([{"id": 3}], 5, most=1, offset=2)["totalPages"]
    5
    """
    shown = list(things)
    return {"collection": shown, **paged(total, most=most, offset=offset)}


def paged(total: int, *, most: int, offset: int) -> Told:
    """Return what a list says of its pages."""
    return {
        "size": total,
        "offset": offset,
        "perPage": most or total,
        "totalPages": math.ceil(total / most) if most else 1,
    }
