"""Shapes that somebody draws: checked, and as they lie in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.annotation import FARTHEST, Annotation, ShapeKind, Source
from wsi_lab.model.feature import Feature
from wsi_lab.model.question import Question, QuestionKind
from wsi_lab.model.study import checked_name
from wsi_lab.store.annotations import ShapeRow, measures
from wsi_lab.store.columns import json_text

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

MOST_VERTICES = 500_000
"""Of one shape; what has more is not drawn by a hand, and is loaded."""
MOST_LABELS = 20
LARGEST_PROPERTIES = 1 << 20
"""Bytes of JSON."""

SLIDE_SCORE = "slidescore"

_DIMENSIONS = {
    ShapeKind.POINT: {"Point"},
    ShapeKind.POLYLINE: {"LineString", "LinearRing"},
    ShapeKind.POLYGON: {"Polygon", "MultiPolygon"},
    ShapeKind.RECTANGLE: {"Polygon"},
    ShapeKind.ELLIPSE: {"Polygon"},
    ShapeKind.BRUSH: {"Polygon", "MultiPolygon"},
}
_TAKEN = {
    QuestionKind.ANNO_POINTS: {ShapeKind.POINT},
    QuestionKind.ANNO_MEASURE: {ShapeKind.POLYLINE},
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A shape that was checked, with Slide Score's words for it.

    Attributes
    ----------
    geometry
        `None` only for a shape that came so, and of which something else is changed.
    """

    kind: ShapeKind
    geometry: BaseGeometry | None
    original: str
    labels: tuple[str, ...]
    properties: Mapping[str, Any]
    source: Source | None

    def is_same_as(self, annotation: Annotation) -> bool:
        """Return whether it is what is stored already."""
        return (
            self.original == annotation.shape.original
            and self.kind is annotation.shape.kind
            and self.labels == tuple(each.name for each in annotation.labels)
            and dict(self.properties) == dict(annotation.properties)
            and self.source in {None, annotation.source}
        )


def drawn_of(features: Sequence[Feature]) -> list[Drawn]:
    """Return shapes as they are stored.

    Raises
    ------
    Invalid
        Some are none; ``problems`` names each.
    """
    found, problems = [], []
    for number, feature in enumerate(features, start=1):
        try:
            found.append(_drawn(feature))
        except WsiLabError as error:
            problems.append(f"Shape {number}: {error.message}")
    if problems:
        message = problems[0] if len(problems) == 1 else "Some shapes cannot be drawn."
        raise Invalid(message, problems=problems)
    return found


def drawn_again(feature: Feature, before: Annotation) -> Drawn:
    """Return what a stored shape becomes.

    As long as nobody moves it, it keeps the words that it came in: they may say more than we
    understand. Slide Score's words tell no labels.

    Raises
    ------
    Invalid
        It is none.
    """
    shape = before.shape
    if feature.kind is not shape.kind or not _is_equal(feature.geometry, shape.geometry):
        return drawn_of([feature])[0]
    labels, properties = _said(feature)
    return Drawn(shape.kind, shape.geometry, shape.original, labels, properties, feature.source)


def takes(question: Question, kind: ShapeKind) -> bool:
    """Return whether a layer holds shapes of a kind."""
    return kind in _TAKEN.get(question.kind, {kind})


def check_kinds(question: Question, drawn: Iterable[Drawn]) -> None:
    """Raise `Invalid` when a layer does not hold shapes of all these kinds."""
    taken = _TAKEN.get(question.kind)
    if taken is not None and not {each.kind for each in drawn} <= taken:
        what = "points" if question.kind is QuestionKind.ANNO_POINTS else "lines"
        raise Invalid(f"On the layer '{question.name}' only {what} can be drawn.")


def shape_row(drawn: Drawn, label_ids: Mapping[str, int]) -> ShapeRow:
    """Return a shape as it lies in columns."""
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    geometry = shapely.to_wkb(drawn.geometry)
    return ShapeRow(
        drawn.kind.value,
        geometry,
        drawn.original,
        SLIDE_SCORE,
        label_ids=json_text([label_ids[each] for each in drawn.labels]),
        properties=msgspec.json.encode(drawn.properties).decode(),
        source_format=None if drawn.source is None else drawn.source.format,
        source_text=None if drawn.source is None else drawn.source.text,
        measures=measures([geometry])[0],
    )


def _is_equal(one: BaseGeometry | None, other: BaseGeometry | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(one.equals_exact(other, 0))


def _drawn(feature: Feature) -> Drawn:
    from wsi_lab.formats.classic import parse_shapes, shape_text  # noqa: PLC0415 (as above)

    if feature.source is not None and feature.source.format == SLIDE_SCORE:
        return _as_it_came(feature, feature.source.text)
    kind, geometry = _told_apart(feature.kind, _checked(feature))
    labels, properties = _said(feature)
    text = shape_text(kind, geometry, exact=True)
    if kind in {ShapeKind.RECTANGLE, ShapeKind.ELLIPSE}:
        # Told by a place and a size, of which the last bit of the far side does not follow.
        geometry = parse_shapes(f"[{text}]", QuestionKind.ANNO_SHAPES)[0].geometry
    return Drawn(kind, geometry, text, labels, properties, feature.source)


def _as_it_came(feature: Feature, text: str) -> Drawn:
    """Return a shape that Slide Score has words for already, odd ones, too, in these words."""
    from wsi_lab.formats.classic import parse_shapes  # noqa: PLC0415 (as above)

    is_line = feature.kind is ShapeKind.POLYLINE
    asked = QuestionKind.ANNO_MEASURE if is_line else QuestionKind.ANNO_SHAPES
    shapes = parse_shapes(f"[{text}]", asked)
    if len(shapes) != 1:
        raise Invalid("This is not one shape in Slide Score's words.")
    labels, properties = _said(feature)
    shape = shapes[0]
    return Drawn(shape.kind, shape.geometry, shape.original, labels, properties, None)


def _said(feature: Feature) -> tuple[tuple[str, ...], dict[str, Any]]:
    if len(feature.labels) > MOST_LABELS:
        raise Invalid(f"A shape may have at most {MOST_LABELS} labels.")
    labels = tuple(dict.fromkeys(checked_name(each, "label") for each in feature.labels))
    properties = dict(feature.properties)
    if len(msgspec.json.encode(properties)) > LARGEST_PROPERTIES:
        raise Invalid("The properties of a shape may have at most 1 MiB of JSON.")
    return labels, properties


def _checked(feature: Feature) -> BaseGeometry:
    import numpy as np  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    geometry, kind = feature.geometry, feature.kind
    if geometry is None or geometry.is_empty:
        raise Invalid("A shape needs coordinates.")
    if kind not in _DIMENSIONS:
        raise Invalid(f"A {kind.value} cannot be drawn; load it.")
    if geometry.geom_type not in _DIMENSIONS[kind]:
        wanted = " or ".join(sorted(_DIMENSIONS[kind]))
        raise Invalid(f"A {kind.value} is a {wanted}, and this is a {geometry.geom_type}.")
    if shapely.get_num_coordinates(geometry) > MOST_VERTICES:
        raise Invalid(
            f"A shape drawn by hand may have at most {MOST_VERTICES:,} vertices; load it."
        )
    places = shapely.get_coordinates(geometry)
    if not np.isfinite(places).all() or np.abs(places).max() > FARTHEST:
        raise Invalid("Coordinates are finite numbers of pixels on the slide.")
    return shapely.force_2d(geometry)


def _told_apart(kind: ShapeKind, geometry: BaseGeometry) -> tuple[ShapeKind, BaseGeometry]:
    """Return what a shape is called, so that what it is called says all of it."""
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.formats.classic import ellipse_outline  # noqa: PLC0415 (as above)

    if geometry.geom_type == "Polygon" and len(geometry.interiors) == 0:
        left, top, right, bottom = geometry.bounds
        if kind is ShapeKind.RECTANGLE:
            box = shapely.box(left, top, right, bottom)
            is_upright = len(geometry.exterior.coords) == 5 and geometry.equals(box)
            return (kind, box) if is_upright else (ShapeKind.POLYGON, geometry)
        if kind is ShapeKind.ELLIPSE:
            outline = ellipse_outline(
                (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
            )
            is_upright = math.isclose(outline.area, geometry.area, rel_tol=0.02)
            return (kind, outline) if is_upright else (ShapeKind.POLYGON, geometry)
        return kind, geometry
    if kind in {ShapeKind.POINT, ShapeKind.POLYLINE}:
        return kind, geometry
    # Slide Score's word for what has holes or several parts.
    return ShapeKind.BRUSH, geometry
