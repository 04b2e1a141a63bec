"""Features of GeoJSON: what each says, and which geometries it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.formats.geojson.structure import GEOMETRIES, type_of
from wsi_lab.formats.geojson.words import OBJECT_TYPES, colour_of, labels_of, measured
from wsi_lab.formats.json_rings import DEPTHS
from wsi_lab.formats.safe import quoted
from wsi_lab.geometry.columns import AREAS
from wsi_lab.model.annotation import ShapeKind

MOST_TROUBLES = 100_000
"""Features that cannot be read, before the whole document is refused."""
MOST_PARTS = 1_000_000
"""Points or lines of one feature."""
AREA_KINDS = {each.value: each for each in AREAS}
"""What an area may say it is, in the member ``kind`` of its feature."""
_DEEPEST_COLLECTION = 16

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()


@dataclass(slots=True)
class Features:
    """What features say, side by side.

    Attributes
    ----------
    types, texts, owners
        Of each geometry: its type, its coordinates, and the place of its feature.
    labels, properties, kinds, raws
        Of each feature.
    troubles
        What is wrong with features that cannot be read as they should, by their place.
    odd
        What is not understood, and how often.
    """

    types: list[str] = field(default_factory=list)
    texts: list[msgspec.Raw] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    labels: list[tuple[str, ...]] = field(default_factory=list)
    properties: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[ShapeKind | None] = field(default_factory=list)
    raws: list[msgspec.Raw] = field(default_factory=list)
    colours: dict[str, str] = field(default_factory=dict)
    troubles: dict[int, str] = field(default_factory=dict)
    odd: Counter[str] = field(default_factory=Counter)

    def trouble(self, place: int, what: str) -> None:
        """Say what is wrong with a feature.

        Raises
        ------
        Invalid
            It is one of too many.
        """
        self.troubles[place] = what
        if len(self.troubles) > MOST_TROUBLES:
            raise Invalid(f"More than {MOST_TROUBLES:,} features cannot be read; such as: {what}.")


def read_features(raws: Sequence[msgspec.Raw]) -> Features:
    """Return what features say."""
    found = Features()
    for raw in raws:
        _read(found, raw, _members.decode(raw))
    return found


def _read(found: Features, raw: msgspec.Raw, members: dict[str, msgspec.Raw]) -> None:
    place = len(found.raws)
    found.raws.append(raw)
    kind_of = type_of(members)
    if kind_of in GEOMETRIES:
        members = {"type": msgspec.Raw(b'"Feature"'), "geometry": raw}
    elif kind_of != "Feature":
        found.odd["It does not say that it is a feature; it is taken for one."] += 1
    properties = _properties(found, members)
    kind = _geometry(found, place, members.get("geometry"), properties)
    _others(found, members, properties)
    said = properties.pop("kind", None) if "kind" in members else None
    if isinstance(said, str) and said in AREA_KINDS:
        kind = AREA_KINDS[said]
    elif said is not None:
        properties["kind"] = said
    found.kinds.append(kind)
    found.labels.append(labels_of(properties, found.colours, found.odd))
    measured(properties, found.odd)
    found.properties.append(properties)


def _properties(found: Features, members: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    said = _any.decode(members["properties"]) if "properties" in members else {}
    if isinstance(said, dict):
        if said.get("object_type") in OBJECT_TYPES.values() and "objectType" not in said:
            said["objectType"] = said.pop("object_type")
        if "color" in said and (colour := colour_of(said["color"])) is not None:
            said["color"] = colour
        return said
    if said is not None:
        found.odd["Its properties are no object; they are not kept."] += 1
    return {}


def _others(
    found: Features, members: Mapping[str, msgspec.Raw], properties: dict[str, Any]
) -> None:
    """Put what a feature says outside of its properties into these."""
    for name in members.keys() - {"type", "geometry", "properties", "bbox"}:
        # A second geometry stays text: as lists of numbers it would take ten times the memory.
        raw = members[name]
        value = bytes(raw).decode() if name == "nucleusGeometry" else _any.decode(raw)
        if name == "id" and value in OBJECT_TYPES:
            properties.setdefault("objectType", OBJECT_TYPES[value])
        elif name in properties:
            found.odd[f"{quoted(name)} is said twice; that of the properties is kept."] += 1
        elif value is not None:
            properties[name] = value


def _geometry(
    found: Features, place: int, raw: msgspec.Raw | None, properties: dict[str, Any]
) -> ShapeKind | None:
    """Take in the geometries of a feature; return what it says to be beyond that."""
    if raw is None or bytes(raw) == b"null":
        found.trouble(place, "it has no geometry")
        return None
    try:
        members = _members.decode(raw)
    except msgspec.MsgspecError:
        found.trouble(place, "its geometry is no object")
        return None
    _add_geometry(found, place, members, _DEEPEST_COLLECTION)
    kind = None
    for name in members.keys() - {"type", "coordinates", "geometries", "bbox"}:
        value = _any.decode(members[name])
        if name == "isEllipse":
            kind = ShapeKind.ELLIPSE if value is True else None
        elif name == "plane":
            properties.setdefault("plane", value)
        else:
            found.odd[f"{quoted(name)} of its geometry is not kept."] += 1
    return kind


def _add_geometry(
    found: Features, place: int, members: Mapping[str, msgspec.Raw], deepest: int
) -> None:
    kind = type_of(members)
    if kind == "GeometryCollection" and deepest:
        try:
            parts = [_members.decode(each) for each in _list.decode(members["geometries"])]
        except (KeyError, msgspec.MsgspecError):
            found.trouble(place, "its collection of geometries is no list of these")
            return
        for part in parts:
            _add_geometry(found, place, part, deepest - 1)
        if not parts:
            found.trouble(place, "its collection of geometries is empty")
    elif kind in {"MultiPoint", "MultiLineString"} and _is_endless(members.get("coordinates")):
        found.trouble(place, f"it is more than {MOST_PARTS:,} points or lines in one")
    elif kind in DEPTHS and "coordinates" in members:
        found.types.append(kind)
        found.texts.append(members["coordinates"])
        found.owners.append(place)
    elif kind in DEPTHS:
        found.trouble(place, "its geometry has no coordinates")
    else:
        said = "says no type" if kind is None else f"is of the type {quoted(kind)}"
        found.trouble(place, f"its geometry {said}")


def _is_endless(coordinates: msgspec.Raw | None) -> bool:
    if coordinates is None or len(memoryview(coordinates)) < 2 * MOST_PARTS:
        return False
    return bytes(coordinates).count(b"[") > MOST_PARTS
