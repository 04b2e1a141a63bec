"""Outlines of metastases as the Camelyon16 JSON files have them: what is tumour, and what is not.

What is ``negative`` is a hole in the outline that it lies in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.geometry_parts import pairs_of, parts_of, plain_number
from wsi_lab.formats.many_lists import (
    Members,
    items_of,
    members_of,
    positions_of,
    read_raw,
    value_of,
)
from wsi_lab.formats.nesting import Ring, owners_of
from wsi_lab.formats.repairing import Collecting, label_of
from wsi_lab.formats.sources import runs
from wsi_lab.geometry.columns import AREAS
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature

FORMAT = "camelyon16"
NAME = "name"
"""The property that an outline's name is."""
MOST_OUTLINES = 20_000
PART = "part"
"""What outlines say that are one shape together with the one before: which part each is."""

_Outline = tuple[str, Members, Ring]
"""Where it stands, what is said of it, and its corners."""

_json = msgspec.json.Encoder()
_told = msgspec.json.Decoder(dict[str, list[dict[str, Any]]])


def read(data: bytes) -> Document:
    """Return the outlines that are positive, with those that are negative as their holes.

    Raises
    ------
    Invalid
        It is no such document.
    """
    said = members_of(read_raw(data))
    if said is None or not {"positive", "negative"} & said.keys():
        raise Invalid("This is no Camelyon16 document: it has neither 'positive' nor 'negative'.")
    collecting = Collecting(FORMAT)
    for name in said.keys() - {"positive", "negative"}:
        collecting.say("Document", f"What '{name[:40]}' means is not known; it is not kept.")
    outlines, holes = (list(_outlines(collecting, said, each)) for each in ("positive", "negative"))
    owners = owners_of([ring for _, _, ring in holes], [ring for _, _, ring in outlines])
    inside: dict[int, list[_Outline]] = {}
    for hole, owner in zip(holes, owners, strict=True):
        if owner is None:
            collecting.say(hole[0], "It lies in no positive outline; it is left out.")
        else:
            inside.setdefault(owner, []).append(hole)
    shapes: list[list[int]] = []
    for place, (_, item, _) in enumerate(outlines):
        if shapes and isinstance(value_of(item.get(PART)), int):
            shapes[-1].append(place)
        else:
            shapes.append([place])
    for places in shapes:
        _add(
            collecting,
            [outlines[place] for place in places],
            [inside.get(place, []) for place in places],
        )
    return collecting.document()


def write(document: Document) -> bytes:
    """Return areas, their holes as negative outlines; all else is left out."""
    positive: list[Any] = []
    negative: list[Any] = []
    for text, features in runs(document.features, FORMAT, _features, labels=False):
        if text is not None:
            said = _told.decode(text)
            positive += said["positive"]
            negative += said["negative"]
            continue
        for part, (outer, *inner) in enumerate(_rings(features[0]), start=1):
            more = {PART: part} if part > 1 else {}
            name = features[0].properties.get(NAME)
            positive.append({"name": name, **more, "vertices": outer})
            negative.extend({"name": None, "vertices": ring} for ring in inner)
    names = {item["name"] for item in (*positive, *negative) if item.get("name")}
    number = 0
    for item in (*positive, *negative):
        if not isinstance(item.get("name"), str):
            while (name := f"_{number}") in names:
                number += 1
            names.add(name)
            item["name"] = name
    return bytes(_json.encode({"positive": positive, "negative": negative}))


def _add(collecting: Collecting, outlines: list[_Outline], holes: list[list[_Outline]]) -> None:
    where, first, _ = outlines[0]
    source = None
    if collecting.wants_source:
        words = {
            "positive": [item for _, item, _ in outlines],
            "negative": [item for own in holes for _, item, _ in own],
        }
        source = _json.encode(words).decode()
    name = label_of(value_of(first.get("name")))
    said: dict[str, Any] = {"properties": {NAME: name} if name else {}, "source": source}
    rings = [
        [ring, *(hole for _, _, hole in own)]
        for (_, _, ring), own in zip(outlines, holes, strict=True)
    ]
    if len(rings) == 1:
        collecting.add_area(where, rings[0], **said)
    else:
        parts = shapely.MultiPolygon([shapely.Polygon(outer, inner) for outer, *inner in rings])
        collecting.add(where, ShapeKind.BRUSH, parts, **said)


def _outlines(collecting: Collecting, said: Members, sign: str) -> Iterator[_Outline]:
    items = items_of(said.get(sign, msgspec.Raw(b"[]")))
    if items is None:
        raise Invalid(f"'{sign}' is no list of outlines.")
    if len(items) > MOST_OUTLINES:
        raise TooLarge(f"A document may have at most {MOST_OUTLINES:,} outlines.")
    for number, raw in enumerate(items, start=1):
        where = f"{sign.capitalize()} {number}"
        item = members_of(raw)
        vertices = None if item is None else item.get("vertices")
        points = None if vertices is None else positions_of(vertices)
        if item is None or points is None:
            collecting.say(where, "Its vertices are not pairs of numbers; it is left out.")
            continue
        ring = collecting.corners(where, points, closed=True)
        if ring is None:
            continue
        if len(ring) < 3:
            collecting.say(where, "It has less than three corners; it is left out.")
            continue
        yield where, item, ring


def _features(text: str) -> Sequence[Feature]:
    return read(text.encode()).features


def _rings(feature: Feature) -> Iterator[list[list[list[float]]]]:
    if feature.kind not in AREAS:
        return
    for area in parts_of(feature.geometry).areas:
        yield [
            [[plain_number(x), plain_number(y)] for x, y in pairs_of(ring)]
            for ring in (area.exterior, *area.interiors)
        ]
