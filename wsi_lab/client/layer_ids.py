"""Which thing is meant: by itself, its name or its id."""

from __future__ import annotations

import operator
from typing import Any

from wsi_lab.client.connection import Connection
from wsi_lab.client.named import UnknownKey
from wsi_lab.errors import Invalid


def layer_id_of(connection: Connection, study_id: int, layer: Any) -> int:
    """Return the id of a layer of a study, from itself, its name or its id.

    Raises
    ------
    UnknownKey
        There is none of that name; the message names those that there are.
    """
    wanted = getattr(layer, "id", layer)
    if not isinstance(wanted, str):
        return _number(wanted, "layer")
    there = list(connection.items(f"v1/studies/{study_id}/layers"))
    for each in there:
        if each["name"] == wanted:
            return int(each["id"])
    names = ", ".join(repr(each["name"]) for each in there)
    known = f"known here: {names}" if names else "there are no layers yet"
    raise UnknownKey(f"There is no layer called {wanted!r}; {known}.", name=wanted)


def slide_id_of(connection: Connection, study_id: int, slide: Any) -> int:
    """Return the id of a slide of a study, from itself, its name or its id.

    Raises
    ------
    UnknownKey
        There is none of that name, or several.
    """
    wanted = getattr(slide, "id", slide)
    if not isinstance(wanted, str):
        return _number(wanted, "slide")
    found = list(connection.items(f"v1/studies/{study_id}/slides", name=wanted))
    if len(found) == 1:
        return int(found[0]["id"])
    problem = f"Several slides are called {wanted!r}; use an id instead."
    missing = f"There is no slide called {wanted!r}."
    raise UnknownKey(problem if found else missing, name=wanted)


def id_of(thing: Any) -> int | None:
    """Return the id of something that has one, or that is one.

    Raises
    ------
    Invalid
        It is something else, such as a name.
    """
    wanted = getattr(thing, "id", thing)
    try:
        return None if wanted is None else operator.index(wanted)
    except TypeError as error:
        raise Invalid(f"{wanted!r} is no id; give a number, or the thing itself.") from error


def _number(wanted: Any, what: str) -> int:
    try:
        return operator.index(wanted)
    except TypeError as error:
        raise Invalid(f"A {what} is told by itself, its name or its id.") from error
