"""Documents of GeoJSON, as features or as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument, column_of, numbered
from wsi_lab.formats.geojson.features import AREA_KINDS, Features, read_features
from wsi_lab.formats.geojson.scanning import scanned
from wsi_lab.formats.geojson.shapes import Shapes, shapes_of
from wsi_lab.formats.geojson.structure import (
    LARGEST_GEOJSON,
    Structure,
    structure_of,
    unknown_members,
    unpacked,
)
from wsi_lab.formats.geojson.words import colour_of
from wsi_lab.formats.outlines import counted, repaired
from wsi_lab.geometry.columns import HOLE, KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Notice, Source

MOST_WITH_SOURCE = 10_000
"""Features that keep their text; so many nobody edits one by one."""
MOST_SINGLY = 100_000
"""Features and shapes that become objects; more are columns."""
_WORTH_A_SCAN = 1 << 16
_MOST_PARTS = 100
_MOST_NAMED = 10
_MOST_NAMES = 2000

_VERTICES_A_PIECE = 1 << 17
_POINT, _LINE = KINDS.index(ShapeKind.POINT), KINDS.index(ShapeKind.POLYLINE)
_AREAS = np.array([KINDS.index(each) for each in AREA_KINDS.values()], np.uint8)
_KNOWN = frozenset({"colours"})
_colours = msgspec.json.Decoder(dict[str, str])


def read_document(data: bytes, format_name: str) -> Document:
    """Return what a document says, each feature with its text where there are not too many."""
    structure = structure_of(unpacked(data))
    if len(structure.features) > MOST_SINGLY:
        raise TooLarge(f"More than {MOST_SINGLY:,} features are read in bulk only.")
    read = _read(structure)
    if len(read.columns) > MOST_SINGLY:
        raise TooLarge(f"More than {MOST_SINGLY:,} shapes are read in bulk only.")
    return Document(
        list(_features(read, format_name)), colours=read.features.colours, notices=read.notices()
    )


def read_bulk(data: bytes) -> BulkDocument:
    """Return what a document says as columns."""
    data = unpacked(data)
    if len(data) > LARGEST_GEOJSON:
        raise TooLarge(f"A document may have at most {LARGEST_GEOJSON:,} bytes.")
    if len(data) > _WORTH_A_SCAN:
        found = scanned(data)
        if found is not None:
            return found
    return _bulk(structure_of(data))


def features_in(text: str, format_name: str) -> list[Feature]:
    """Return the features that the text of a single one stands for."""
    return list(read_document(text.encode(), format_name).features)


@dataclass(slots=True)
class _Read:
    structure: Structure
    features: Features
    shapes: Shapes
    columns: ShapeColumns

    def notices(self) -> list[Notice]:
        """Return all that was not understood or repaired, alike things as one."""
        found = self.features
        members = unknown_members(self.structure.members, _KNOWN)
        odd = found.odd + self.shapes.odd
        return [
            *self.structure.notices,
            *members,
            *_of_troubles(found),
            *counted(odd, "feature"),
        ]


def _read(structure: Structure) -> _Read:
    found = read_features(structure.features)
    found.colours |= _stated_colours(structure)
    shapes = shapes_of(found.types, found.texts)
    owners = np.array(found.owners, np.int64)
    for geometry, what in shapes.troubles.items():
        found.trouble(int(owners[geometry]), what)
    columns, tangled = repaired(shapes.columns, shapes.odd)
    places = owners[shapes.geometries]
    for place in places[tangled].tolist():
        found.trouble(place, "its outline crosses itself more than a thousand times")
    if len(tangled):
        kept = np.setdiff1d(np.arange(len(columns)), tangled)
        columns, places = columns.take(kept), places[kept]
    # From here on the feature of each shape matters, not which of its geometries it was.
    shapes = replace(shapes, geometries=places)
    return _Read(structure, found, shapes, _with_kinds(columns, found, places))


def _with_kinds(columns: ShapeColumns, found: Features, places: np.ndarray) -> ShapeColumns:
    """Return shapes as what their features say they are, where they are areas."""
    said = np.array([255 if kind is None else KINDS.index(kind) for kind in found.kinds], np.uint8)
    if not len(places) or np.all(said == 255):
        return columns
    stated = said[places]
    is_told = (stated != 255) & np.isin(columns.kinds, _AREAS)
    return replace(columns, kinds=np.where(is_told, stated, columns.kinds).astype(np.uint8))


def _stated_colours(structure: Structure) -> Mapping[str, str]:
    if "colours" not in structure.members:
        return {}
    try:
        said = _colours.decode(structure.members["colours"])
    except msgspec.MsgspecError:
        return {}
    return {name: colour for name, each in said.items() if (colour := colour_of(each)) is not None}


def _features(read: _Read, format_name: str) -> Iterator[Feature]:
    """Yield shapes in the order of the document; what has no geometry is kept as it came."""
    found = read.features
    geometries = geometries_of(read.columns)
    kinds = [KINDS[kind] for kind in read.columns.kinds.tolist()]
    bounds = np.searchsorted(read.shapes.geometries, np.arange(len(found.raws) + 1)).tolist()
    for place, raw in enumerate(found.raws):
        begin, end = bounds[place], bounds[place + 1]
        source = None
        if end - begin <= _MOST_PARTS and len(found.raws) <= MOST_WITH_SOURCE:
            source = Source(format_name, bytes(raw).decode().strip())
        said = (found.labels[place], found.properties[place], source)
        if begin == end:
            yield Feature(ShapeKind.OTHER, None, *said)
        for shape in range(begin, end):
            yield Feature(kinds[shape], geometries[shape], *said)


def geometries_of(columns: ShapeColumns) -> list[shapely.Geometry]:
    """Return shapely geometries of shapes that all have rings."""
    vertices = columns.ring_offsets[columns.shape_offsets]
    found: list[shapely.Geometry] = []
    begin = 0
    while begin < len(columns):
        # Pieces, so that what is needed for each vertex never is for all of them.
        end = int(np.searchsorted(vertices, vertices[begin] + _VERTICES_A_PIECE, side="right")) - 1
        end = max(end, begin + 1)
        found.extend(_large(columns, begin) if end == begin + 1 else _small(columns, begin, end))
        begin = end
    return found


def _large(columns: ShapeColumns, place: int) -> list[shapely.Geometry]:
    rings = range(columns.shape_offsets[place], columns.shape_offsets[place + 1])
    bounds = columns.ring_offsets
    paths = [columns.coordinates[bounds[ring] : bounds[ring + 1]] for ring in rings]
    kind = KINDS[columns.kinds[place]]
    if kind is ShapeKind.POINT:
        return [shapely.Point(paths[0][0])]
    if kind is ShapeKind.POLYLINE:
        return [shapely.LineString(paths[0])]
    polygons: list[list[np.ndarray]] = []
    for path, role in zip(paths, columns.ring_roles[rings.start : rings.stop], strict=True):
        if role == HOLE:
            polygons[-1].append(path)
        else:
            polygons.append([path])
    made = [shapely.Polygon(shell, holes) for shell, *holes in polygons]
    return made if len(made) == 1 else [shapely.MultiPolygon(made)]


def _small(columns: ShapeColumns, begin: int, end: int) -> list[shapely.Geometry]:
    kinds = columns.kinds[begin:end]
    rings = slice(columns.shape_offsets[begin], columns.shape_offsets[end])
    bounds = columns.ring_offsets[rings.start : rings.stop + 1]
    coordinates = columns.coordinates[bounds[0] : bounds[-1]]
    ring_of = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    shape_of = np.repeat(np.arange(end - begin), np.diff(columns.shape_offsets[begin : end + 1]))
    found = np.empty(end - begin, object)
    is_point = kinds == _POINT
    firsts = bounds[:-1] - bounds[0]
    found[is_point] = shapely.points(coordinates[firsts[is_point[shape_of]]])
    is_line = kinds == _LINE
    in_lines = is_line[shape_of][ring_of]
    if in_lines.any():
        places = np.cumsum(is_line) - 1
        found[is_line] = shapely.linestrings(
            coordinates[in_lines], indices=places[shape_of[ring_of[in_lines]]]
        )
    ring_is_area = ~(is_point | is_line)[shape_of]
    if ring_is_area.any():
        in_areas = ring_is_area[ring_of]
        numbers = (np.cumsum(ring_is_area) - 1)[ring_of[in_areas]]
        linear = shapely.linearrings(coordinates[in_areas], indices=numbers)
        outer = columns.ring_roles[rings][ring_is_area] != HOLE
        polygons = shapely.polygons(linear, indices=np.cumsum(outer) - 1)
        owners = shape_of[ring_is_area][outer]
        several = np.bincount(owners, minlength=end - begin)
        is_single = several[owners] == 1
        found[owners[is_single]] = polygons[is_single]
        many = np.flatnonzero(several > 1)
        if len(many):
            which = np.searchsorted(many, owners[~is_single])
            found[many] = shapely.multipolygons(polygons[~is_single], indices=which)
    return list(found)


def _bulk(structure: Structure) -> BulkDocument:
    read = _read(structure)
    found, places = read.features, read.shapes.geometries
    labels, names = numbered([label[0] if label else None for label in found.labels])
    columns = replace(
        read.columns,
        labels=labels[places],
        label_names=names,
        properties=_property_columns(found.properties, places),
    )
    notices = read.notices()
    several = sum(len(label) > 1 for label in found.labels)
    if several:
        what = "It has several labels; in bulk it keeps the first."
        notices += counted({what: several}, "feature")
    return BulkDocument(columns, found.colours, notices)


def _property_columns(
    rows: Sequence[Mapping[str, object]], places: np.ndarray
) -> dict[str, np.ndarray]:
    names = dict.fromkeys(name for row in rows for name in row)
    if len(names) > _MOST_NAMES:
        raise Invalid("The features of this document have too many properties of other names.")
    return {name: column_of([row.get(name) for row in rows])[places] for name in names}


def _of_troubles(found: Features) -> Iterator[Notice]:
    """Yield what is wrong with single features: some by their number, and how many more."""
    by_trouble: dict[str, list[int]] = {}
    for place, what in sorted(found.troubles.items()):
        by_trouble.setdefault(what, []).append(place + 1)
    for what, numbers in by_trouble.items():
        named = ", ".join(f"{number:,}" for number in numbers[:_MOST_NAMED])
        more = "" if len(numbers) <= _MOST_NAMED else f" and {len(numbers) - _MOST_NAMED:,} more"
        word = "Feature" if len(numbers) == 1 else "Features"
        yield Notice(f"{word} {named}{more}", f"{what[0].upper()}{what[1:]}.")
