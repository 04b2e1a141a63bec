"""Items of paper.js, and the shapes that they draw."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.classic import ellipse_outline
from wsi_lab.formats.many_lists import Members, items_of, members_of, positions_of, value_of
from wsi_lab.formats.nesting import nested
from wsi_lab.formats.repairing import MOST_SHAPES, Collecting, flattened, kind_of_area, label_of
from wsi_lab.formats.safe import quoted
from wsi_lab.model.annotation import ShapeKind

NO_MATRIX = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
KINDS = {each.value: each for each in (ShapeKind.RECTANGLE, ShapeKind.ELLIPSE)}
"""What a path may say it was drawn as, in its ``data``."""
TEXT = "text"
"""The property that holds the content of a text where it is not the label."""
_SYMBOL = "+"
_NOTHING = msgspec.Raw(b"[]")

Matrix = tuple[float, float, float, float, float, float]

_item = msgspec.json.Decoder(tuple[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the groups around an item say for it."""

    matrix: Matrix = NO_MATRIX
    label: str | None = None
    colour: str | None = None


def opened(raw: msgspec.Raw) -> tuple[str, Members] | None:
    """Return the class of an item and its members; `None` where it is no item."""
    try:
        name, members = _item.decode(raw)
    except msgspec.MsgspecError:
        return None
    said = members_of(members)
    return None if said is None else (name, said)


def class_of(raw: msgspec.Raw) -> str | None:
    """Return the class of an item; `None` where it is no item."""
    item = opened(raw)
    return None if item is None else item[0]


class Drawing:
    """Collects what the items of a drawing show."""

    def __init__(self, collecting: Collecting) -> None:
        self.colours: dict[str, str] = {}
        self.say = collecting.say
        self._collecting = collecting
        self._counts: dict[str, int] = {}

    def collect(self, raw: msgspec.Raw, inherited: Inherited) -> None:
        """Take in an item with all that it has inside."""
        item = opened(raw)
        if item is None:
            self.say("Document", "Something among its items is none; it is left out.")
            return
        name, members = item
        number = self._counts[name] = self._counts.get(name, 0) + 1
        where = f"{quoted(name)[1:-1]} {number}"
        own = _inherited(members, inherited)
        if name in {"Layer", "Group"}:
            own = replace(own, matrix=matrix_of(members, inherited.matrix))
            for child in items_of(members.get("children")) or ():
                self.collect(child, own)
            return
        drawn = {
            "Path": self._path,
            "CompoundPath": self._compound,
            "Shape": self._shape,
            "PointText": self._text,
        }
        if name not in drawn:
            self.say(where, "Items of its class are not known; it is left out.")
            return
        said: dict[str, Any] = {"labels": (own.label,) if own.label else (), "source": None}
        if own.matrix == NO_MATRIX and self._collecting.wants_source:
            said["source"] = bytes(raw).decode()
        if own.label and own.colour:
            self.colours.setdefault(own.label, own.colour)
        try:
            drawn[name](where, members, own.matrix, said)
        except (Invalid, TypeError, ValueError, IndexError, KeyError, OverflowError):
            self.say(where, "What it says of its places is not understood; it is left out.")

    def _path(self, where: str, members: Any, matrix: Matrix, said: dict[str, Any]) -> None:
        matrix = matrix_of(members, matrix)
        points, curves = _curves(members.get("segments", _NOTHING), matrix)
        if not len(points):
            self.say(where, "It is empty; it is left out.")
            return
        is_closed = value_of(members.get("closed")) is True
        if is_closed or (len(points) > 3 and np.array_equal(points[0], points[-1])):
            data = value_of(members.get("data"))
            kind = data.get("kind") if isinstance(data, dict) else None
            if kind in KINDS and len(points) == 4:
                self._upright(where, KINDS[kind], points, said)
                return
            self._collecting.add_area(where, [_ring(points, curves)], **said)
        else:
            line = points if curves is None or len(points) < 2 else flattened(curves[:-1])
            self._collecting.add_line(where, line, **said)

    def _compound(self, where: str, members: Any, matrix: Matrix, said: dict[str, Any]) -> None:
        matrix = matrix_of(members, matrix)
        rings: list[NDArray[np.float64]] = []
        children = items_of(members.get("children")) or []
        if len(children) > MOST_SHAPES:
            raise TooLarge(f"A path may have at most {MOST_SHAPES:,} outlines.")
        for child in children:
            item = opened(child)
            if item is None or "segments" not in item[1]:
                self.say(where, "Something in it is no path; it is left out.")
                continue
            own = matrix_of(item[1], matrix)
            ring = self._collecting.corners(
                where, _ring(*_curves(item[1]["segments"], own)), closed=True
            )
            if ring is not None and len(ring) >= 3:
                rings.append(ring)
            else:
                self.say(where, "Something in it has less than three corners; it is left out.")
        if not rings:
            self.say(where, "It is empty; it is left out.")
            return
        area = nested(rings)
        self._collecting.add(where, kind_of_area(area), area, **said)

    def _shape(self, where: str, members: Any, matrix: Matrix, said: dict[str, Any]) -> None:
        matrix = matrix_of(members, matrix)
        kind, size = value_of(members.get("type")), value_of(members.get("size"))
        if size is None:
            size = [2 * float(value_of(members.get("radius")))] * 2
        half_width, half_height = (float(each) / 2 for each in size[:2])
        is_round = kind in {"circle", "ellipse"}
        if kind != "rectangle" and not is_round:
            self.say(where, "Its type is not known; it is left out.")
            return
        corners = moved(
            np.array(
                [
                    (-half_width, -half_height),
                    (half_width, -half_height),
                    (half_width, half_height),
                    (-half_width, half_height),
                ]
            ),
            matrix,
        )
        if matrix[1] == matrix[2] == 0:
            drawn = ShapeKind.ELLIPSE if is_round else ShapeKind.RECTANGLE
            self._upright(where, drawn, corners, said)
        elif is_round:
            outline = ellipse_outline(0, 0, half_width, half_height)
            places = shapely.get_coordinates(outline)
            self._collecting.add_area(where, [moved(places, matrix)], **said)
        else:
            self._collecting.add_area(where, [corners], **said)

    def _text(self, where: str, members: Any, matrix: Matrix, said: dict[str, Any]) -> None:
        if "point" in members and "matrix" not in members:
            place = moved(np.array([value_of(members["point"])[:2]], np.float64), matrix)[0]
        else:
            place = np.array(matrix_of(members, matrix)[4:])
        content = label_of(value_of(members.get("content")))
        data = value_of(members.get("data"))
        is_labelled = isinstance(data, dict) and "label" in data
        if content and content != _SYMBOL:
            if not said["labels"] and not is_labelled:
                said["labels"] = (content,)
                if (colour := _colour(value_of(members.get("fillColor")))) is not None:
                    self.colours.setdefault(content, colour)
            elif (content,) != said["labels"]:
                said["properties"] = {TEXT: content}
        self._collecting.add_point(where, place.tolist(), **said)

    def _upright(
        self, where: str, kind: ShapeKind, places: NDArray[np.float64], said: dict[str, Any]
    ) -> None:
        (left, top), (right, bottom) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
        corners = self._collecting.corners(where, [(left, top), (right, bottom)])
        if corners is None:
            return
        if kind is ShapeKind.RECTANGLE:
            outline: Any = shapely.box(left, top, right, bottom)
        else:
            half_width, half_height = (right - left) / 2, (bottom - top) / 2
            outline = ellipse_outline(left + half_width, top + half_height, half_width, half_height)
        self._collecting.add(where, kind, outline, **said)


def _inherited(members: Members, inherited: Inherited) -> Inherited:
    data = value_of(members.get("data"))
    stated = data.get("label") if isinstance(data, dict) else None
    label = label_of(stated) or label_of(value_of(members.get("name"))) or inherited.label
    if stated == "":
        label = None
    colour = _colour(value_of(members.get("strokeColor")))
    colour = colour or _colour(value_of(members.get("fillColor")))
    return Inherited(inherited.matrix, label, colour or inherited.colour)


def _colour(said: Any) -> str | None:
    """Return ``#rrggbb`` of a colour in red, green and blue or in grey, from 0 to 1."""
    if isinstance(said, list) and said[:1] == ["rgb"]:
        said = said[1:]
    if isinstance(said, list) and said[:1] == ["gray"]:
        said = said[1:2] * 3
    if not isinstance(said, list) or len(said) < 3:
        return None
    parts = said[:3]
    if not all(type(each) in {int, float} and 0 <= each <= 1 for each in parts):
        return None
    return "#" + "".join(f"{round(each * 255):02x}" for each in parts)


def matrix_of(members: Members, outer: Matrix) -> Matrix:
    """Return the matrix of an item within another one's; the outer one where it has none."""
    if "matrix" not in members:
        return outer
    said = value_of(members["matrix"])
    numbers = [float(each) for each in said]
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)):
        message = "A matrix is six finite numbers."
        raise ValueError(message)
    a, b, c, d, e, f = outer
    p, q, r, s, x, y = numbers
    return (
        a * p + c * q,
        b * p + d * q,
        a * r + c * s,
        b * r + d * s,
        a * x + c * y + e,
        b * x + d * y + f,
    )


def moved(places: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """Return places after a matrix."""
    if matrix == NO_MATRIX:
        return places
    a, b, c, d, e, f = matrix
    x, y = places[..., 0], places[..., 1]
    return np.stack((a * x + c * y + e, b * x + d * y + f), axis=-1)


def _curves(
    segments: msgspec.Raw, matrix: Matrix
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the corners of a path, and the curve from each to the next, the last to the first.

    There are no curves where all is straight.
    """
    straight = positions_of(segments)
    if straight is not None:
        return moved(straight, matrix), None
    numbers = [segment_of(each) for each in value_of(segments)]
    places = np.array(numbers, np.float64).reshape(-1, 3, 2)
    points = places[:, 0]
    into, out = points + places[:, 1], points + places[:, 2]
    following = np.roll(np.arange(len(points)), -1)
    curves = np.stack((points, out, into[following], points[following]), axis=1)
    return moved(points, matrix), moved(curves, matrix)


def segment_of(said: Any) -> tuple[float, ...]:
    """Return the point of a segment and its two handles, in whichever form they are written."""
    if isinstance(said, dict):
        said = [said["point"], said.get("handleIn", [0, 0]), said.get("handleOut", [0, 0])]
    if isinstance(said[0], list):
        place = said[0]
        into = said[1] if len(said) > 1 and isinstance(said[1], list) else (0, 0)
        out = said[2] if len(said) > 2 and isinstance(said[2], list) else (0, 0)
        return (place[0], place[1], into[0], into[1], out[0], out[1])
    if len(said) >= 6:
        return tuple(said[:6])
    return (said[0], said[1], 0, 0, 0, 0)


def _ring(points: NDArray[np.float64], curves: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if curves is None or len(points) < 2:
        return points
    return flattened(curves)[:-1]
