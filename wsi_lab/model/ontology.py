"""Ontologies: what the shapes of a study may be said to be, and what is a kind of what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ontology:
    """The terms of a study; each study has exactly one.

    Attributes
    ----------
    name
        Its own, or else that of its study.
    study_id
        `None` for one that is made before the study it is for: that one is its maker's.
    label_set_id
        The label set that new terms go into; `None` before there is a need of one.
    layer_id
        The layer for shapes that are drawn without one being named; `None` as above.
    """

    id: int
    name: str
    study_id: int | None
    label_set_id: int | None
    layer_id: int | None
    created_by: int | None
    created_on: datetime


@dataclass(frozen=True, slots=True)
class Term:
    """A label of any label set of an ontology's study.

    Attributes
    ----------
    id
        Of the label.
    colour
        ``#rrggbb`` in small letters.
    parent_id
        The term that this one is a kind of.
    """

    id: int
    ontology_id: int
    name: str
    colour: str
    description: str
    parent_id: int | None
