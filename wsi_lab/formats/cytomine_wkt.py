"""Cytomine's annotations: well-known texts, whose y runs upwards from the bottom of the slide.

Read are texts, one or more a line, and what Cytomine's API answers: objects with a ``location``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.geometry_parts import number_text, pairs_of, parts_of
from wsi_lab.formats.many_lists import read_raw, value_of
from wsi_lab.formats.repairing import MOST_VERTICES, Collecting
from wsi_lab.formats.safe import text_of
from wsi_lab.formats.sources import runs
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.crossing import crossings
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.feature import Document, Feature, Source

FORMAT = "cytomine-wkt"
LARGEST = 32 << 20
DEEPEST = 12
"""Brackets in each other; a parser in C would run out of stack somewhere."""
MOST_SHAPES = 100_000
MOST_LINES = 200_000
DECIMALS = 9
"""Of a coordinate: what turning it over loses comes after these."""
MOST_TOLD = 100
"""Problems of one request."""
KEPT = ("id", "term")
"""Of what the API says of an annotation: properties of the shape."""

_SRID = re.compile(r"\s*SRID=\d{1,9};", re.IGNORECASE)
_STEPS = np.array([(code == 40) - (code == 41) for code in range(256)], np.int8)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"()"))


def read(data: bytes, *, height: float) -> Document:
    """Return the shapes of a document.

    Parameters
    ----------
    height
        Of the slide, in level-0 pixels.

    Raises
    ------
    Invalid
        It is no text of shapes, or nothing of it can be read.
    TooLarge
        It holds more than anybody draws by hand.

    Examples
    --------
    >>> read(b"POINT (3 90)", height=100).features[0].geometry.wkt
    'POINT (3 10)'
    """
    height = _checked_height(height)
    if len(data) > LARGEST:
        raise TooLarge(f"A document of well-known texts may have at most {LARGEST:,} bytes.")
    collecting = Collecting(FORMAT, most_shapes=MOST_SHAPES)
    troubles: list[str] = []
    found = list(_told(data) if data.lstrip()[:1] in {b"{", b"["} else _lines(data))
    geometries = _geometries([text for _, text, _ in found], height)
    for (where, text, properties), geometry in zip(found, geometries, strict=True):
        try:
            _collect(collecting, where, text, geometry, height, properties)
        except Invalid as error:
            troubles.append(f"{where}: {error.message}")
            collecting.say(where, f"{error.message} It is left out.")
    if found and len(troubles) == len(found):
        raise Invalid("No shape of this document can be read.", problems=troubles[:20])
    return collecting.document()


def features(texts: Sequence[str], *, height: float) -> list[Feature]:
    """Return the shapes that texts tell, one each, with what they came as.

    Raises
    ------
    Invalid
        A text tells no shape, or several; ``problems`` names each.
    TooLarge
        They are more than anybody draws by hand.

    Examples
    --------
    >>> features(["POINT (3 90)"], height=100)[0].source.text
    'POINT (3 90)'
    """
    height = _checked_height(height)
    collecting = Collecting(FORMAT, most_shapes=MOST_SHAPES)
    plain = [_SRID.sub("", text, count=1).strip() for text in texts]
    problems: list[str] = []
    for number, (text, geometry) in enumerate(
        zip(plain, _geometries(plain, height), strict=True), start=1
    ):
        where = f"Shape {number}"
        before = len(collecting)
        try:
            _collect(collecting, where, text, geometry, height, {})
        except Invalid as error:
            problems.append(f"{where}: {error.message}")
            continue
        told = len(collecting) - before
        if told != 1:
            what = "no shape" if told == 0 else "several shapes"
            problems.append(f"{where}: It tells {what}; an annotation is one.")
    found = () if problems else collecting.document().features
    if not problems and len(found) < len(texts):
        problems.append("An outline crosses itself too often.")
    if problems:
        raise Invalid(problems[0], problems=problems)
    return [
        replace(feature, source=Source(FORMAT, text))
        for feature, text in zip(found, texts, strict=True)
    ]


def require_sound(texts: Sequence[str]) -> None:
    """Raise unless all outlines are closed, and neither cross nor touch themselves.

    For those who want back what they sent, as it was sent. What is no text of a shape at all,
    `features` says.

    Raises
    ------
    Invalid
        Some are not; ``problems`` names each.
    """
    plain = [_SRID.sub("", text, count=1).strip() for text in texts]
    whole = [text if _is_shallow(text) else "POINT EMPTY" for text in plain]
    with np.errstate(all="ignore"):
        found = shapely.from_wkt(np.array(whole, object), on_invalid="ignore")
    odd = dict.fromkeys(
        np.flatnonzero(shapely.is_missing(found)).tolist(),
        "is not closed, or it is no well-known text",
    )
    # Crossings first: where there are many, all other questions take long.
    areas = np.flatnonzero(np.isin(shapely.get_type_id(found), [3, 6]) & ~shapely.is_empty(found))
    columns = ShapeColumns.from_geometries(found[areas])
    crossing = areas[crossings(columns, 1) != 0]
    others = np.setdiff1d(np.flatnonzero(~shapely.is_missing(found)), crossing)
    touching = others[~(shapely.is_valid(found[others]) | shapely.is_empty(found[others]))]
    odd |= dict.fromkeys([*crossing.tolist(), *touching.tolist()], "crosses or touches itself")
    if odd:
        problems = [f"Shape {each + 1}: Its outline {odd[each]}." for each in sorted(odd)]
        raise Invalid(problems[0], problems=problems[:MOST_TOLD])


def turned_texts(geometries: Sequence[BaseGeometry], heights: Sequence[float]) -> list[str]:
    """Return the texts of geometries on slides of these heights, far faster than `write` does.

    Examples
    --------
    >>> turned_texts([shapely.box(0, 0, 2, 1)], [10])
    ['POLYGON ((2 10, 2 9, 0 9, 0 10, 2 10))']
    """
    found = np.empty(len(geometries), object)
    found[:] = geometries
    places, owners = shapely.get_coordinates(found, return_index=True)
    upwards = np.asarray(heights, np.float64)[owners] - places[:, 1]
    # A zero that is less than zero would be told as one.
    places[:, 1] = np.round(upwards, DECIMALS) + 0.0
    turned = shapely.set_coordinates(shapely.force_2d(found), places)
    texts: list[str] = shapely.to_wkt(turned, rounding_precision=-1, trim=True).tolist()
    return texts


def write(document: Document, *, height: float) -> bytes:
    """Return a line for each area, line and point."""
    height = _checked_height(height)
    lines = []
    reader = partial(_features, height=height)
    for text, features in runs(document.features, FORMAT, reader, labels=False):
        if text is not None:
            lines.append(text)
        else:
            lines.extend(_texts(features[0].geometry, height))
    return "".join(f"{line}\n" for line in lines).encode()


def _checked_height(height: float) -> float:
    if not 0 < height <= FARTHEST:
        raise Invalid("The slide's height is no number of pixels.")
    return float(height)


def _told(data: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the locations of what the API answers: one annotation, a list, or a collection."""
    said = value_of(read_raw(data))
    if isinstance(said, dict):
        said = said.get("collection", said.get("annotation", said))
    items = said if isinstance(said, list) else [said]
    if not any(isinstance(each, dict) and "location" in each for each in items) and items:
        raise Invalid("This JSON holds no annotations of Cytomine: nothing has a location.")
    for number, item in enumerate(items, start=1):
        location = item.get("location") if isinstance(item, dict) else None
        properties = {} if not isinstance(item, dict) else item
        yield (
            f"Annotation {number}",
            location if isinstance(location, str) else "",
            {name: properties[name] for name in KEPT if properties.get(name)},
        )


def _lines(data: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield well-known texts; one goes on until its brackets are closed."""
    text = text_of(data, "text")
    if text.count("\n") > MOST_LINES or text.count("(") > MOST_VERTICES:
        raise TooLarge(f"A document may have at most {MOST_LINES:,} lines.")
    waiting: list[str] = []
    depth = count = first = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for piece in _SRID.sub("", line).split(";"):
            if not piece.strip():
                continue
            first = first if waiting else number
            waiting.append(piece)
            depth += piece.count("(") - piece.count(")")
            if depth <= 0:
                yield f"Line {first}", " ".join(waiting).strip(), {}
                waiting, depth = [], 0
                count += 1
                if count > MOST_SHAPES:
                    raise TooLarge(f"A document may have at most {MOST_SHAPES:,} shapes.")
    if waiting:
        yield f"Line {first}", " ".join(waiting).strip(), {}


def _geometries(texts: Sequence[str], height: float) -> list[BaseGeometry | None]:
    """Return what the texts that are well written say, turned over; `None` for all others.

    One by one it would take ten times as long.
    """
    if sum(text.count(",") for text in texts) > MOST_VERTICES:
        raise TooLarge(f"A document may have at most {MOST_VERTICES:,} corners.")
    if sum(text.count(",") for text in texts if "POINT" in text.upper()) > MOST_SHAPES:
        raise TooLarge(f"A document may have at most {MOST_SHAPES:,} points.")
    whole = [text if _is_shallow(text) else "" for text in texts]
    with np.errstate(all="ignore"):
        found = shapely.from_wkt(np.array(whole, object), on_invalid="ignore")
    odd = shapely.is_empty(found) | shapely.has_z(found)
    owners = shapely.get_coordinates(found, return_index=True)
    far = ~np.all(np.abs(owners[0]) <= FARTHEST, axis=1)
    odd[owners[1][far]] = True
    # What is odd is looked at again, one by one.
    found[odd] = None
    return list(shapely.transform(found, partial(_turned, height=height)))


def _collect(  # noqa: PLR0917 - what one shape is made of
    collecting: Collecting,
    where: str,
    text: str,
    turned: BaseGeometry | None,
    height: float,
    properties: Mapping[str, Any],
) -> None:
    if turned is None:
        turned = _looked_at(collecting, where, text, height)
    if turned is None:
        return
    source = text if collecting.wants_source else None
    said: dict[str, Any] = {"properties": properties, "source": source}
    if turned.geom_type == "Point":
        collecting.add(where, ShapeKind.POINT, turned, vertices=1, **said)
        return
    parts = parts_of(turned)
    if turned.geom_type == "MultiPolygon" and len(parts.areas) > 1:
        if collecting.corners(where, shapely.get_coordinates(turned)[:1]) is not None:
            collecting.add(where, ShapeKind.BRUSH, shapely.MultiPolygon(parts.areas), **said)
        return
    for area in parts.areas:
        rings = [shapely.get_coordinates(ring) for ring in (area.exterior, *area.interiors)]
        collecting.add_area(where, rings, **said)
    for line in parts.lines:
        collecting.add_line(where, shapely.get_coordinates(line), **said)
    for point in parts.points:
        collecting.add_point(where, (point.x, point.y), **said)


def _looked_at(collecting: Collecting, where: str, text: str, height: float) -> BaseGeometry | None:
    if not _is_shallow(text):
        raise Invalid(f"Its brackets are nested more than {DEEPEST} deep.")
    geometry = _geometry(collecting, where, text)
    if geometry.is_empty:
        collecting.say(where, "It is empty; it is left out.")
        return None
    if geometry.has_z:
        collecting.say(where, "Its places have a third number, which is not kept.")
    found: BaseGeometry = shapely.transform(
        shapely.force_2d(geometry), partial(_turned, height=height)
    )
    return found


def _geometry(collecting: Collecting, where: str, text: str) -> BaseGeometry:
    geometry = _parsed(text, "raise")
    if geometry is None:
        geometry = _parsed(text, "fix")
        if geometry is None:
            raise Invalid("It is no well-known text.")
        collecting.say(where, "Its outline is not closed; it is now.")
    if not np.all(np.abs(shapely.get_coordinates(geometry)) <= FARTHEST):
        raise Invalid("Its places are not finite, or lie farther out than any slide.")
    return geometry


def _parsed(text: str, on_invalid: Literal["raise", "fix"]) -> BaseGeometry | None:
    try:
        # Numbers that are none any more are looked for afterwards.
        with np.errstate(all="ignore"):
            return shapely.from_wkt(text, on_invalid=on_invalid)
    except shapely.errors.ShapelyError:
        return None


def _is_shallow(text: str) -> bool:
    if text.count("(") <= DEEPEST:
        return True
    brackets = text.encode(errors="replace").translate(None, _NOT_BRACKETS)
    depths = np.cumsum(_STEPS[np.frombuffer(brackets, np.uint8)], dtype=np.int64)
    return bool(depths.max() <= DEEPEST)


def _turned(places: NDArray[np.float64], *, height: float) -> NDArray[np.float64]:
    return np.column_stack((places[:, 0], np.round(height - places[:, 1], DECIMALS)))


def _features(text: str, *, height: float) -> Sequence[Feature]:
    return read(text.encode(), height=height).features


def _texts(geometry: BaseGeometry | None, height: float) -> Iterator[str]:
    if geometry is None:
        return
    parts = parts_of(shapely.transform(geometry, partial(_turned, height=height)))
    areas = [_area_text(area) for area in parts.areas]
    if len(areas) > 1:
        yield f"MULTIPOLYGON ({', '.join(areas)})"
    elif areas:
        yield f"POLYGON {areas[0]}"
    for line in parts.lines:
        yield f"LINESTRING {_places(pairs_of(line))}"
    for point in parts.points:
        yield f"POINT {_places(pairs_of(point))}"


def _area_text(area: shapely.Polygon) -> str:
    rings = (pairs_of(ring) for ring in (area.exterior, *area.interiors))
    return f"({', '.join(_places([*ring, ring[0]]) for ring in rings)})"


def _places(pairs: Sequence[tuple[float, float]]) -> str:
    return f"({', '.join(f'{number_text(x)} {number_text(y)}' for x, y in pairs)})"
