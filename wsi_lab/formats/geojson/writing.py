"""Shapes as GeoJSON, plain or in QuPath's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid
from wsi_lab.formats.bulk import is_missing
from wsi_lab.formats.geojson.features import AREA_KINDS
from wsi_lab.formats.geojson.reading import features_in
from wsi_lab.formats.geojson.words import colour_of, rgb_of
from wsi_lab.formats.sources import runs
from wsi_lab.geometry.columns import HOLE, KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature

_json = msgspec.json.Encoder()
_any = msgspec.json.Decoder()
_SHAPES_A_PIECE = 1000
_NOT_MEASURED = frozenset(
    {"id", "name", "color", "isLocked", "isMissing", "objectType", "metadata"}
)
_POINT, _LINE = KINDS.index(ShapeKind.POINT), KINDS.index(ShapeKind.POLYLINE)


class Dialect(StrEnum):
    """Whose words a document is in; the name of the format."""

    PLAIN = "geojson"
    QUPATH = "qupath"


def written(document: Document, dialect: Dialect, object_type: str = "annotation") -> bytes:
    """Return a collection; features of this format that nobody changed go out as they came."""
    _check(object_type)
    texts: list[bytes] = []
    read = partial(features_in, format_name=dialect.value)
    for text, features in runs(document.features, dialect, read, properties=True):
        if text is not None:
            texts.append(text.encode())
            continue
        texts.extend(
            _feature(each, document.colours, dialect, object_type)
            for each in features
            if each.geometry is not None and not each.geometry.is_empty
        )
    return b"".join((_begin(document.colours, dialect), b",\n".join(texts), b"\n]}\n"))


def written_columns(
    parts: Iterable[ShapeColumns],
    colours: Mapping[str, str],
    dialect: Dialect,
    object_type: str = "detection",
) -> Iterator[bytes]:
    """Yield a collection in pieces."""
    _check(object_type)
    yield _begin(colours, dialect)
    is_first = True
    for columns in parts:
        for begin in range(0, len(columns), _SHAPES_A_PIECE):
            piece = columns.take(np.arange(begin, min(begin + _SHAPES_A_PIECE, len(columns))))
            texts = b",\n".join(_of_columns(piece, colours, dialect, object_type))
            if texts:
                yield texts if is_first else b",\n" + texts
                is_first = False
    yield b"\n]}\n"


def _check(object_type: str) -> None:
    if object_type not in {"annotation", "detection", "cell", "tile"}:
        raise Invalid("QuPath's objects are annotation, detection, cell or tile.")


def _begin(colours: Mapping[str, str], dialect: Dialect) -> bytes:
    if dialect is Dialect.PLAIN and colours:
        said = _json.encode(dict(colours))
        return b'{"type":"FeatureCollection","colours":%b,"features":[\n' % said
    return b'{"type":"FeatureCollection","features":[\n'


def _feature(
    feature: Feature, colours: Mapping[str, str], dialect: Dialect, object_type: str
) -> bytes:
    geometry = feature.geometry
    if geometry is None:
        raise Invalid("A shape without coordinates is no feature.")
    words = _geometry_words(geometry)
    return _text(
        words, feature.kind, feature.labels, dict(feature.properties), colours, dialect, object_type
    )


def _of_columns(
    columns: ShapeColumns, colours: Mapping[str, str], dialect: Dialect, object_type: str
) -> Iterator[bytes]:
    positions = columns.coordinates.tolist()
    bounds = columns.ring_offsets.tolist()
    roles = columns.ring_roles.tolist()
    shapes = columns.shape_offsets.tolist()
    properties = {name: values.tolist() for name, values in columns.properties.items()}
    for place, (kind, label) in enumerate(
        zip(columns.kinds.tolist(), columns.labels.tolist(), strict=True)
    ):
        rings = range(shapes[place], shapes[place + 1])
        if not rings:
            continue
        words = _ring_words(kind, [positions[bounds[ring] : bounds[ring + 1]] for ring in rings],
                            [roles[ring] for ring in rings])  # fmt: skip
        yield _text(
            words,
            KINDS[kind],
            (columns.label_names[label],) if label >= 0 else (),
            {
                name: values[place]
                for name, values in properties.items()
                if not is_missing(values[place])
            },
            colours,
            dialect,
            object_type,
        )


def _ring_words(kind: int, rings: list[list[list[float]]], roles: list[int]) -> dict[str, Any]:
    if kind == _POINT:
        points = [ring[0] for ring in rings]
        return _words("Point", points[0]) if len(points) == 1 else _words("MultiPoint", points)
    if kind == _LINE:
        return (
            _words("LineString", rings[0]) if len(rings) == 1 else _words("MultiLineString", rings)
        )
    polygons: list[list[list[list[float]]]] = []
    for ring, role in zip(rings, roles, strict=True):
        closed = [*ring, ring[0]]
        if role == HOLE and polygons:
            polygons[-1].append(closed)
        else:
            polygons.append([closed])
    return (
        _words("Polygon", polygons[0]) if len(polygons) == 1 else _words("MultiPolygon", polygons)
    )


def _words(kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": kind, "coordinates": coordinates}


def _geometry_words(geometry: BaseGeometry) -> dict[str, Any]:
    kind = geometry.geom_type
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": [_geometry_words(each) for each in geometry.geoms]}
    if kind == "LinearRing":
        return _words("LineString", _positions(geometry))
    if kind == "Point":
        return _words(kind, _positions(geometry)[0])
    if kind == "LineString":
        return _words(kind, _positions(geometry))
    if kind == "Polygon":
        return _words(kind, _rings(geometry))
    of_part = {"MultiPoint": lambda each: _positions(each)[0], "MultiLineString": _positions}
    return _words(kind, [of_part.get(kind, _rings)(each) for each in geometry.geoms])


def _rings(polygon: BaseGeometry) -> list[list[list[float]]]:
    return [_positions(ring) for ring in (polygon.exterior, *polygon.interiors)]


def _positions(geometry: BaseGeometry) -> list[list[float]]:
    found: list[list[float]] = shapely.get_coordinates(geometry).tolist()
    return found


def _text(  # noqa: PLR0917 - what a feature is made of
    geometry: dict[str, Any],
    kind: ShapeKind,
    labels: tuple[str, ...],
    properties: dict[str, Any],
    colours: Mapping[str, str],
    dialect: Dialect,
    object_type: str,
) -> bytes:
    feature: dict[str, Any] = {"type": "Feature"}
    identity = properties.get("id")
    if isinstance(identity, str | int) and not isinstance(identity, bool):
        feature["id"] = properties.pop("id")
    if isinstance(properties.get("plane"), dict):
        geometry["plane"] = properties.pop("plane")
    nucleus = properties.get("nucleusGeometry")
    if isinstance(nucleus, str) and _is_object(nucleus):
        del properties["nucleusGeometry"]
        feature["nucleusGeometry"] = msgspec.Raw(nucleus.encode())
    feature |= _kind_words(kind, geometry, dialect)
    feature["geometry"] = geometry
    if dialect is Dialect.QUPATH:
        feature["properties"] = _in_qupath(labels, properties, colours, object_type)
    else:
        feature["properties"] = _plainly(labels, properties)
    return _json.encode(feature)


def _kind_words(kind: ShapeKind, geometry: dict[str, Any], dialect: Dialect) -> dict[str, str]:
    """Return what a feature has to say to be known again as what it was drawn as."""
    if kind.value not in AREA_KINDS or geometry["type"] not in {"Polygon", "MultiPolygon"}:
        return {}
    if kind is ShapeKind.ELLIPSE and dialect is Dialect.QUPATH:
        geometry["isEllipse"] = True
        return {}
    is_brush = geometry["type"] == "MultiPolygon" or len(geometry["coordinates"]) > 1
    expected = ShapeKind.BRUSH if is_brush else ShapeKind.POLYGON
    return {} if kind is expected else {"kind": kind.value}


def _is_object(text: str) -> bool:
    try:
        return isinstance(_any.decode(text), dict)
    except msgspec.MsgspecError:
        return False


def _plainly(labels: tuple[str, ...], properties: dict[str, Any]) -> dict[str, Any]:
    if not labels:
        return properties
    if len(labels) > 1:
        return {"labels": list(labels), **properties}
    if "label" in properties or "labels" in properties:
        return {"classification": {"name": labels[0]}, **properties}
    return {"label": labels[0], **properties}


def _in_qupath(
    labels: tuple[str, ...],
    properties: dict[str, Any],
    colours: Mapping[str, str],
    object_type: str,
) -> dict[str, Any]:
    said: dict[str, Any] = {}
    # What says nothing is an annotation.
    if object_type != "annotation" or "objectType" in properties:
        said["objectType"] = properties.pop("objectType", object_type)
    measurements = {}
    for name, value in properties.items():
        if type(value) in {int, float} and name not in _NOT_MEASURED:
            measurements[name] = value
        elif name == "color" and (colour := colour_of(value)) is not None:
            said["color"] = rgb_of(colour)
        else:
            said[name] = value
    if labels:
        said["classification"] = {"name": labels[0]}
        if labels[0] in colours:
            said["classification"]["color"] = rgb_of(colours[labels[0]])
    if measurements:
        said["measurements"] = measurements
    return said
