"""Layers: what is drawn on the slides of a study, by hand or by a model, and its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

FIRST_BULK_ID = 1 << 40
"""Ids of annotations from here on are those of shapes in bulk loads."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a shape can be said to be: a class, a term.

    Attributes
    ----------
    name
        Unique within its label set.
    colour
        ``#rrggbb`` in small letters.
    description
        What it stands for; may be empty.
    """

    id: int
    name: str
    colour: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label that is to be; without a colour it gets the next one of the palette."""

    name: str
    colour: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Labels of a study that belong together; several layers may share one.

    Attributes
    ----------
    study_id
        `None` for those of an ontology that is made before its study.
    """

    id: int
    study_id: int | None
    name: str
    labels: tuple[Label, ...]
    revision: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of annotations: the same thing as the study's question that is drawn.

    Attributes
    ----------
    id
        Of the question.
    labels
        What its shapes may be, in the order of the palette.
    colour
        Of shapes without a label, ``#rrggbb``.
    is_shared
        Whether everybody who may view the study sees all shapes; else one needs the right
        `results` for those of others.
    revision
        Of the question and of what is said here, together; grows with each change.
    """

    id: int
    study_id: int
    name: str
    colour: str
    label_set_id: int | None
    labels: tuple[Label, ...]
    is_shared: bool
    revision: int


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many shapes have a label and how large they are together, in square level-0 pixels.

    Attributes
    ----------
    label
        `None` for shapes without one.
    """

    label: Label | None
    count: int
    area: float


@dataclass(frozen=True, slots=True)
class Load:
    """Shapes or values of one slide that came at once, and stay as they are.

    Attributes
    ----------
    author
        Whose they are: an e-mail, or the name of a program.
    name
        What it is called, for example the file's name.
    kind
        ``shapes`` or ``grid``.
    count
        Of the shapes, without those that became hand-made since; of a grid, its cells.
    first_id
        Shapes have the ids from here on.
    box
        ``(left, top, right, bottom)`` of all of it, in level-0 pixels; `None` when empty.
    precision
        Coordinates are at most half of it off, in level-0 pixels; 0 where they are exact.
    counts
        By label, without the shapes that became hand-made since.
    properties
        What is said of its shapes besides, by name.
    ranges
        The least and the greatest value of properties that are numbers; of a grid, of its
        values, under its name.
    revision
        Grows when a shape of it becomes hand-made or is removed.
    """

    id: int
    layer_id: int
    slide_id: int
    author: str
    name: str
    kind: str
    count: int
    first_id: int
    box: tuple[float, float, float, float] | None
    precision: float
    counts: tuple[LabelCount, ...]
    properties: tuple[str, ...]
    loaded_on: datetime
    loaded_by: int
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    revision: int = 1


Tier = Literal["all", "hand", "bulk"]
"""Which shapes: all, those drawn by hand, those of loads."""

Box = tuple[float, float, float, float]
"""``(left, top, right, bottom)`` in level-0 pixels."""


class Condition(NamedTuple):
    """What a property of a shape must be; shapes without the property are not meant.

    Attributes
    ----------
    comparison
        ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, or ``in`` a list.
    """

    name: str
    comparison: str
    value: Any


@dataclass(frozen=True, slots=True)
class ShapeQuery:
    """Which shapes are looked for; all conditions hold together, and `None` is none.

    Attributes
    ----------
    study_id, slide_id
        One of the two at least.
    layer_ids
        Only on these layers.
    labels
        With at least one of these, by name; ``""`` stands for having none.
    authors
        By at least one of these.
    box
        Whose own boxes touch it, edges included.
    polygon
        That intersect this area.
    centroid
        With `box` or `polygon`: whose centre of mass lies in it, instead.
    where
        What their properties are.
    properties
        Which of their properties are wanted, by name; `None` for all.
    limit
        At most so many.
    """

    study_id: int | None = None
    slide_id: int | None = None
    layer_ids: tuple[int, ...] | None = None
    labels: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    box: Box | None = None
    polygon: BaseGeometry | None = None
    centroid: bool = False
    where: tuple[Condition, ...] = ()
    tier: Tier = "all"
    properties: tuple[str, ...] | None = None
    limit: int | None = None
