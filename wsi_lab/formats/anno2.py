"""Slide Score's annotation files, "anno2": many shapes, packed small."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import anno2_pictures, anno2_polygons
from wsi_lab.formats.classic import (
    MOST_SHAPES,
    MOST_VERTICES,
    HeatMap,
    heat_map_of,
    parse_shapes,
    shape_text,
    shape_with_text,
    value_of,
)
from wsi_lab.formats.safe import SafeZip, read_json
from wsi_lab.model.annotation import FARTHEST, Shape, ShapeKind
from wsi_lab.model.answer import LONGEST_VALUE
from wsi_lab.model.question import QuestionKind

VERSION = "0.2.0"
KINDS = ("points", "mask", "polygons", "heatmap", "binary-heatmap")
MOST_HEAT_CELLS = 4_000_000
LARGEST_FILE = 1 << 28
"""Bytes of one part of a file, packed."""
_LARGEST_WORDS = 1 << 20
_PIECE = 1 << 16
_LARGEST_HOLES = 1 << 25
_LARGEST_OUTLINES = 1 << 27

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Anno2:
    """What an annotation file says.

    Attributes
    ----------
    kind
        One of `KINDS`; ``"classic"`` for a packed JSON array of shapes.
    item_count
        How many items it says it has.
    metadata
        What whoever made it had to say.
    shapes
        `None` where there are more than can be drawn.
    """

    version: str
    kind: str
    item_count: int
    metadata: dict[str, Any]
    shapes: list[Shape] | None

    def classic_json(self, limit_bytes: int) -> str | None:
        """Return its shapes as a JSON array, or `None` if that takes more than so many bytes."""
        if self.shapes is None:
            return None
        size = 2
        for shape in self.shapes:
            size += len(shape.original) + 1
            if size > limit_bytes:
                return None
        text = value_of(shape.original for shape in self.shapes)
        return text if len(text.encode()) <= limit_bytes else None


def read(source: Path | bytes, *, most_vertices: int = MOST_VERTICES) -> Anno2:
    """Return what an annotation file says: a ZIP archive, or a JSON array packed by gzip.

    Parameters
    ----------
    most_vertices
        Shapes in an archive that have more together are not looked at.

    Raises
    ------
    Invalid
        It is neither, is damaged, or is of a later version.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            start = file.read(4)
    else:
        start = source[:4]
    if start[:2] == b"\x1f\x8b":
        return _read_packed_json(source)
    if start != b"PK\x03\x04":
        raise Invalid("This is no annotation file: neither ZIP nor gzip.")
    with SafeZip(source) as archive:
        return _read_archive(archive, most_vertices)


def write(shapes: Sequence[Shape], metadata: Mapping[str, Any]) -> bytes:
    """Return shapes as an annotation file. Its numbers are whole pixels, none of them negative.

    All shapes are points, or there is one heat map, or all are closed: rectangles and ellipses
    become polygons.

    Raises
    ------
    Invalid
        The shapes are no such set, or one has no coordinates.
    """
    kinds = {shape.kind for shape in shapes}
    if ShapeKind.HEATMAP in kinds:
        kind, count, parts = _heat_map_parts(shapes)
    elif shapes and kinds == {ShapeKind.POINT}:
        kind, count, parts = _point_parts(shapes)
    else:
        kind, count, parts = _polygon_parts(shapes)
    system = {"version": VERSION, "type": kind, "numItems": count}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("system_metadata.json", _json.encode(system))
        archive.writestr("user_metadata.json", _json.encode(dict(metadata)))
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _read_packed_json(source: Path | bytes) -> Anno2:
    packed = source if isinstance(source, bytes) else _whole(source)
    text = anno2_pictures.inflated(packed, LONGEST_VALUE)
    shapes = parse_shapes(text, QuestionKind.ANNO_SHAPES)
    return Anno2("", "classic", len(shapes), {}, shapes)


def _whole(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_FILE:
        raise Invalid("The annotation file is too large.")
    return path.read_bytes()


def _read_archive(archive: SafeZip, most_vertices: int) -> Anno2:
    system = _object(archive, "system_metadata.json")
    version, kind, count = (system.get(name) for name in ("version", "type", "numItems"))
    if not isinstance(version, str) or not re.fullmatch(r"0(\.\d{1,4}){1,2}", version):
        raise Invalid("The annotation file is of a version that is not known here.")
    if kind not in KINDS:
        raise Invalid(f"The annotation file holds none of: {', '.join(KINDS)}.")
    metadata: dict[str, Any] = {}
    if "user_metadata.json" in archive.names:
        said = _json_of(archive, "user_metadata.json")
        metadata = said if isinstance(said, dict) else {"": said}
    if kind in {"heatmap", "binary-heatmap"}:
        shapes: list[Shape] | None = _heat_map(archive)
    elif kind == "polygons":
        shapes = _polygons(archive, most_vertices)
    else:
        shapes = _points(archive, most_vertices)
    if not isinstance(count, int) or not 0 <= count < 1 << 53:
        count = len(shapes or ())
    return Anno2(version, kind, int(count), metadata, shapes)


def _points(archive: SafeZip, most_points: int) -> list[Shape] | None:
    if "anno1_points.json.br" in archive.names:
        text = unpacked(archive, "anno1_points.json.br", LONGEST_VALUE)
        try:
            return parse_shapes(text, QuestionKind.ANNO_POINTS)
        except TooLarge:
            return None
    packed = archive.read("masks.tar.gz", LARGEST_FILE)
    found = anno2_pictures.points_of_masks(packed, min(MOST_SHAPES, most_points))
    if found is None:
        return None
    return [
        Shape(ShapeKind.POINT, geometry, f'{{"x":{x},"y":{y}}}')
        for geometry, (x, y) in zip(shapely.points(found), found.tolist(), strict=True)
    ]


def _polygons(archive: SafeZip, most_vertices: int) -> list[Shape] | None:
    block = unpacked(archive, "polygon_container/encoded_polygons.bin.br", _LARGEST_OUTLINES)
    outlines = anno2_polygons.decoded(block, most_vertices)
    if outlines is None or len(outlines) > MOST_SHAPES:
        return None
    holes = holes_in(archive, len(outlines))
    labels = labels_in(archive)
    is_hole = {hole for found in holes.values() for hole in found}
    shapes = []
    for number, (outline, geometry) in enumerate(zip(outlines, _rings(outlines), strict=True)):
        if number in is_hole or geometry is None:
            continue
        extra = {"labels": labels[number]} if number in labels else None
        inner = [outlines[hole] for hole in holes.get(number, ()) if len(outlines[hole]) >= 3]
        if inner or extra:
            polygon = shapely.Polygon(outline, inner) if inner else geometry
            shapes.append(shape_with_text(ShapeKind.POLYGON, polygon, extra))
        else:
            shapes.append(Shape(ShapeKind.POLYGON, geometry, _polygon_text(outline)))
    return shapes


def _rings(outlines: list[NDArray[np.int64]]) -> list[shapely.Polygon | None]:
    """Return the outlines as polygons; made one by one they take ten times as long."""
    found: list[shapely.Polygon | None] = [None] * len(outlines)
    whole = [number for number, outline in enumerate(outlines) if len(outline) >= 3]
    if whole:
        points = np.concatenate([outlines[number] for number in whole]).astype(np.float64)
        owners = np.repeat(np.arange(len(whole)), [len(outlines[number]) for number in whole])
        polygons = shapely.polygons(shapely.linearrings(points, indices=owners))
        for number, polygon in zip(whole, polygons, strict=True):
            found[number] = polygon
    for number, outline in enumerate(outlines):
        if 0 < len(outline) < 3:
            found[number] = shapely.Polygon(np.resize(outline, (3, 2)))
    return found


def _polygon_text(outline: NDArray[np.int64]) -> str:
    # Piece by piece: pairs of Python's numbers take many times the space of their text.
    points = ",".join(
        [
            ",".join([f'{{"x":{x},"y":{y}}}' for x, y in outline[start : start + _PIECE].tolist()])
            for start in range(0, len(outline), _PIECE)
        ]
    )
    return f'{{"type":"polygon","points":[{points}]}}'


def holes_in(archive: SafeZip, count: int) -> dict[int, list[int]]:
    """Return which outlines are holes in which, by their numbers."""
    name = "polygon_container/negative_polygons.json"
    if name not in archive.names:
        return {}
    said = read_json(archive.read(name, _LARGEST_HOLES), most_bytes=_LARGEST_HOLES)
    try:
        found = msgspec.convert(said, dict[int, list[int]], strict=False)
    except msgspec.ValidationError:
        raise Invalid("The annotation file's list of holes is damaged.") from None
    if any(not 0 <= each < count for key, value in found.items() for each in (key, *value)):
        raise Invalid("The annotation file names holes that it does not have.")
    return found


def labels_in(archive: SafeZip) -> dict[int, list[dict[str, Any]]]:
    """Return what is written beside outlines, by their numbers."""
    if "labels.json" not in archive.names:
        return {}
    said = read_json(archive.read("labels.json", _LARGEST_HOLES), most_bytes=_LARGEST_HOLES)
    found: dict[int, list[dict[str, Any]]] = {}
    for item in said if isinstance(said, list) else []:
        if isinstance(item, dict) and isinstance(item.get("polygon_i"), int):
            own = {key: value for key, value in item.items() if key != "polygon_i"}
            found.setdefault(item["polygon_i"], []).append(own)
    return found


def _heat_map(archive: SafeZip) -> list[Shape]:
    place = _object(archive, "heatmap_metadata.json")
    x, y, side = (_length(place.get(name)) for name in ("x", "y", "sizePerPixel"))
    if side <= 0:
        raise Invalid("The annotation file's heat map has cells without a size.")
    values = anno2_pictures.picture(archive.read("heatmap.png", LARGEST_FILE), MOST_HEAT_CELLS)
    rows, columns = values.shape
    heat_map = HeatMap(values, x, y, columns * side, rows * side)
    covered = shapely.box(x, y, x + columns * side, y + rows * side)
    return [
        Shape(ShapeKind.HEATMAP, covered, shape_text(ShapeKind.HEATMAP, None, heat_map=heat_map))
    ]


def _length(value: Any) -> float:
    if not isinstance(value, int | float) or abs(value) > FARTHEST:
        raise Invalid("The annotation file does not say where its heat map lies.")
    return value


Parts = tuple[str, int, dict[str, bytes]]
"""The kind of a file, the number of its items, and its further entries."""


def _point_parts(shapes: Sequence[Shape]) -> Parts:
    places = _pixels(np.array([shape.geometry for shape in shapes]), "A point")
    text = _json.encode([{"x": x, "y": y} for x, y in places.tolist()])
    return "points", len(places), {"anno1_points.json.br": _packed(text)}


def _polygon_parts(shapes: Sequence[Shape]) -> Parts:
    outlines: list[NDArray[np.int64]] = []
    holes: dict[str, list[int]] = {}
    labels: list[dict[str, Any]] = []
    for shape in shapes:
        polygons = [] if shape.geometry is None else shapely.get_parts(shape.geometry)
        if not len(polygons) or any(each.geom_type != "Polygon" for each in polygons):
            raise Invalid(
                "Only points, one heat map, or closed shapes fit into an annotation file."
            )
        first = len(outlines)
        for polygon in polygons:
            own = len(outlines)
            rings = [polygon.exterior, *polygon.interiors]
            outlines.extend(_pixels(ring, "A shape")[:-1] for ring in rings)
            if len(rings) > 1:
                holes[str(own)] = list(range(own + 1, own + len(rings)))
        labels.extend({**label, "polygon_i": first} for label in _labels_said(shape))
    parts = {
        "polygon_container/encoded_polygons.bin.br": _packed(anno2_polygons.encoded(outlines)),
        "polygon_container/negative_polygons.json": _json.encode(holes),
    }
    if labels:
        parts["labels.json"] = _json.encode(labels)
    return "polygons", len(outlines), parts


def _labels_said(shape: Shape) -> list[dict[str, Any]]:
    if '"labels"' not in shape.original:
        return []
    labels = msgspec.json.decode(shape.original).get("labels")
    return [label for label in labels or () if isinstance(label, dict)]


def _heat_map_parts(shapes: Sequence[Shape]) -> Parts:
    found = heat_map_of(shapes[0]) if len(shapes) == 1 else None
    if found is None or found.width is None or found.height is None:
        raise Invalid("An annotation file takes one heat map by itself, and one with a size.")
    rows, columns = found.values.shape
    side = found.height / rows
    if abs(found.width / columns - side) > 0.01 * side or found.values.size > MOST_HEAT_CELLS:
        raise Invalid("An annotation file takes a heat map of square cells, 4 million at most.")
    whole = int(side) if float(side).is_integer() else side
    place = {"x": round(found.x), "y": round(found.y), "sizePerPixel": whole}
    parts = {"heatmap.png": anno2_pictures.png(found.values)}
    parts["heatmap_metadata.json"] = _json.encode(place)
    return "heatmap", found.values.size, parts


def _pixels(geometries: Any, what: str) -> NDArray[np.int64]:
    places = shapely.get_coordinates(geometries)
    if isinstance(geometries, np.ndarray) and len(places) != len(geometries):
        raise Invalid(f"{what} has no coordinates.")
    # Readers of these files count pixels in unsigned numbers.
    pixels: NDArray[np.int64] = np.maximum(np.rint(places), 0).astype(np.int64)
    return pixels


def _packed(data: bytes) -> bytes:
    return bytes(imagecodecs.brotli_encode(data, level=8))


def unpacked(archive: SafeZip, name: str, most_bytes: int) -> bytes:
    """Return a part of an archive that is packed by Brotli.

    Raises
    ------
    Invalid
        It is damaged, or unpacks to more.
    """
    packed = archive.read(name, LARGEST_FILE)
    try:
        # It stops where the space that it is given ends, however much there would be.
        content = bytes(imagecodecs.brotli_decode(packed, out=most_bytes))
    except (imagecodecs.BrotliError, ValueError, MemoryError):
        raise Invalid("A part of the annotation file is damaged, or unpacks to too much.") from None
    return content


def _object(archive: SafeZip, name: str) -> dict[str, Any]:
    said = _json_of(archive, name)
    if not isinstance(said, dict):
        raise Invalid("The annotation file does not say what it holds.")
    return said


def _json_of(archive: SafeZip, name: str) -> Any:
    return read_json(archive.read(name, _LARGEST_WORDS), most_bytes=_LARGEST_WORDS)
