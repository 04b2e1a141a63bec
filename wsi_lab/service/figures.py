"""Shapes as a page draws them: points, outlines, heat maps and words, all in level-0 pixels."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.question import QuestionKind

MOST_VERTICES = 400_000
"""What a browser draws at every move without stumbling."""
MOST_CELLS = 2_000_000
MOST_WORDS = 2_000
MOST_SETS = 50
LARGEST_SETS = 1 << 20
"""Bytes."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)

Extent = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Outline:
    """A line, or what lies within one or more rings.

    Attributes
    ----------
    rings
        x and y in turn. What lies within an even number of them is a hole.
    """

    rings: list[list[float]]
    closed: bool


@dataclass(frozen=True, slots=True)
class Heat:
    """A grid of values, one byte each and row by row, as base64; see `HeatMap` of the formats."""

    box: Box
    columns: int
    rows: int
    values: str


@dataclass(frozen=True, slots=True)
class Words:
    """Words on a slide.

    Attributes
    ----------
    height
        Of the letters; 0 where nobody said.
    always
        Whether they are shown even when nobody points into `box`.
    """

    text: str
    x: float
    y: float
    height: float
    always: bool
    box: Box


@dataclass(slots=True)
class Layer:
    """What is shown or hidden together.

    Attributes
    ----------
    points
        x and y in turn.
    count
        Of the shapes that it has.
    left_out
        How many of them are not shown: they have no coordinates, or there are too many.
    """

    title: str
    author: str
    colour: str
    points: list[float] = field(default_factory=list)
    outlines: list[Outline] = field(default_factory=list)
    heats: list[Heat] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    count: int = 0
    left_out: int = 0


class Room:
    """How much a page can still draw."""

    def __init__(self) -> None:
        self.vertices = MOST_VERTICES
        self.cells = MOST_CELLS
        self.words = MOST_WORDS


def layers_of_text(text: str, extent: Extent) -> list[Layer]:
    """Return what an address asks to be drawn: sets of shapes, each in its colour.

    Parameters
    ----------
    text
        A JSON array of ``{"color": "#rrggbb", "shapes": "<JSON of an annotation>"}``.
    extent
        Width and height of the slide.

    Raises
    ------
    Invalid
        It is anything else, or more than anybody asks for in an address.

    Examples
    --------
    >>> text = '[{"color": "#00ff00", "shapes": "[]"}]'
    >>> layers_of_text(text, (100, 100))[0].colour
    '#00ff00'
    """
    from wsi_lab.formats.safe import read_json  # noqa: PLC0415 (only where there are any)
    from wsi_lab.formats.slidescore_shapes import parse_shapes  # noqa: PLC0415 (as above)

    sets = read_json(text, most_bytes=LARGEST_SETS)
    if not isinstance(sets, list) or len(sets) > MOST_SETS:
        raise Invalid(f"Annotations to show are a JSON array of at most {MOST_SETS} objects.")
    room = Room()
    layers: list[Layer] = []
    for place, each in enumerate(sets, 1):
        colour, shapes = _colour_and_shapes(each, place)
        layer = Layer(f"Annotations {place}", "", colour.lower())
        add_shapes(layer, parse_shapes(shapes, QuestionKind.ANNO_SHAPES), extent, room)
        layers.append(layer)
    return layers


def add_shapes(layer: Layer, shapes: Iterable[Shape], extent: Extent, room: Room) -> None:
    """Put shapes on a layer, as many as there is room for."""
    points: list[Shape] = []
    others: list[Shape] = []
    for shape in shapes:
        # Points come by the hundred thousand, and with words only now and then.
        is_plain = shape.kind is ShapeKind.POINT and "label" not in shape.original
        (points if is_plain else others).append(shape)
    _add_points(layer, points, room)
    for shape in others:
        layer.count += 1
        if not (_add_heat(layer, shape, extent, room) or _add_geometry(layer, shape, room)):
            layer.left_out += 1
            continue
        _add_words(layer, shape, room)


def _colour_and_shapes(each: object, place: int) -> tuple[str, str]:
    colour = each.get("color") if isinstance(each, dict) else None
    shapes = each.get("shapes") if isinstance(each, dict) else None
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise Invalid(f"Annotations {place}: 'color' must be a colour such as #ff0000.")
    if not isinstance(shapes, str):
        raise Invalid(f"Annotations {place}: 'shapes' must be the JSON text of an annotation.")
    return colour, shapes


def _add_points(layer: Layer, shapes: Sequence[Shape], room: Room) -> None:
    import numpy as np  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)
    import shapely  # noqa: PLC0415 (as above)

    known = [shape.geometry for shape in shapes if shape.geometry is not None][: room.vertices]
    room.vertices -= len(known)
    layer.count += len(shapes)
    layer.left_out += len(shapes) - len(known)
    layer.points += np.round(shapely.get_coordinates(known), 2).ravel().tolist()


def _add_heat(layer: Layer, shape: Shape, extent: Extent, room: Room) -> bool:
    from wsi_lab.formats.slidescore_shapes import heat_map_of  # noqa: PLC0415 (as above)

    found = heat_map_of(shape)
    if found is None or found.values.size > room.cells:
        return False
    width = extent[0] - found.x if found.width is None else found.width
    height = extent[1] - found.y if found.height is None else found.height
    if width <= 0 or height <= 0:
        return False
    room.cells -= found.values.size
    rows, columns = found.values.shape
    values = b64encode(found.values.tobytes()).decode()
    layer.heats.append(Heat((found.x, found.y, width, height), columns, rows, values))
    return True


def _add_geometry(layer: Layer, shape: Shape, room: Room) -> bool:
    import shapely  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

    geometry = shape.geometry
    count = 0 if geometry is None else int(shapely.get_num_coordinates(geometry))
    # A heat map that is not well made has an extent, but nothing to show in it.
    if not 0 < count <= room.vertices or shape.kind is ShapeKind.HEATMAP:
        return False
    room.vertices -= count
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Point":
            layer.points += _numbers(part)
    lines = [part for part in shapely.get_parts(geometry) if part.geom_type == "LineString"]
    if lines:
        layer.outlines.append(Outline([_numbers(line) for line in lines], closed=False))
    rings = [
        _numbers(ring)
        for part in shapely.get_parts(geometry)
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
    if rings:
        layer.outlines.append(Outline(rings, closed=True))
    return True


def _add_words(layer: Layer, shape: Shape, room: Room) -> None:
    from wsi_lab.formats.slidescore_shapes import labels_of  # noqa: PLC0415 (as above)

    for label in labels_of(shape)[: room.words]:
        room.words -= 1
        left, top, right, bottom = (
            (label.x, label.y, label.x, label.y)
            if shape.geometry is None
            else shape.geometry.bounds
        )
        box = left, top, right - left, bottom - top
        layer.words.append(Words(label.text, label.x, label.y, label.font_size, label.always, box))


def _numbers(geometry: object) -> list[float]:
    import numpy as np  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    places: list[float] = np.round(shapely.get_coordinates(geometry), 2).ravel().tolist()
    return places
