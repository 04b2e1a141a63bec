"""Annotations: shapes on a slide, each part of its author's answer to a question that is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from wsi_lab.model.answer import Place
from wsi_lab.model.layer import Label

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


FARTHEST = 1e9
"""Pixels; what lies farther out lies on no slide."""


class ShapeKind(StrEnum):
    """What a shape was drawn as. All of them have a geometry of points, lines or polygons."""

    POINT = "point"
    POLYLINE = "polyline"
    POLYGON = "polygon"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    BRUSH = "brush"
    """Outlines with holes."""
    HEATMAP = "heatmap"
    """A grid of values over a rectangle."""
    OTHER = "other"
    """Kept as it came, and not understood."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a shape came as: the text, and the format it is in."""

    format: str
    text: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape as somebody drew it.

    Attributes
    ----------
    geometry
        In level-0 pixels, x to the right and y down; `None` where it cannot be told (data of
        real studies have corners without coordinates).
    original
        The text it came as, one JSON object on one line; goes out unchanged.
    dialect
        Whose words `original` is in: ``slidescore``.
    """

    kind: ShapeKind
    geometry: BaseGeometry | None
    original: str
    dialect: str = "slidescore"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A shape that is stored.

    Attributes
    ----------
    answer_id
        The answer it is part of.
    position
        By which an answer's shapes are ordered, from 0.
    changed_on, changed_by
        When it was drawn or changed, and the id of the user who did it.
    revision
        That of its answer since which it is as it is; has to be named to change it.
    properties
        Whatever else is said of it; JSON values.
    source
        What it came as, if that were words of another format; until somebody changes it.
    area
        In square level-0 pixels.
    client_key
        What the client that drew it calls it.
    bulk_id
        The shape of a load that it was before somebody changed it.
    """

    id: int
    answer_id: int
    question_id: int
    place: Place
    author: str
    position: int
    shape: Shape
    changed_on: datetime
    changed_by: int
    revision: int = 0
    labels: tuple[Label, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    source: Source | None = None
    area: float = 0.0
    client_key: str | None = None
    bulk_id: int | None = None


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """Annotations of one place that came as one file, Slide Score's "anno2".

    Attributes
    ----------
    question_id, place, author
        The answer it becomes when it is complete; without a question, nobody's.
    kind
        What the file says it holds: points, mask, polygons, heatmap or binary-heatmap.
    finished_on
        `None` as long as it is not complete.
    """

    uuid: str
    study_id: int | None
    question_id: int | None
    place: Place
    author: str
    kind: str
    item_count: int
    metadata: dict[str, Any]
    size: int
    created_on: datetime
    created_by: int
    finished_on: datetime | None
