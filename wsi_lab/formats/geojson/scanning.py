"""Plain documents of very many shapes, by the compiled scanner."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.formats.bulk import BulkDocument, numbered
from wsi_lab.formats.geojson.words import LABEL_KEYS, OBJECT_TYPES, colour_of, label_of, labels_of
from wsi_lab.formats.outlines import sound
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.geojson_scan import scan
from wsi_lab.model.feature import Notice

_WITH_COLOURS = re.compile(rb'\{"type":"FeatureCollection","colours":(\{[^{}]*+\}),"features":\[')
_colours = msgspec.json.Decoder(dict[str, str])


def scanned(data: bytes) -> BulkDocument | None:
    """Return what a document says, or `None` where it is not plain enough for the scanner."""
    data, stated = _without_colours(data)
    # Those become many shapes each, which is not for the scanner.
    is_several = b'"MultiPoint"' in data or b'"MultiLineString"' in data
    found = None if is_several else scan(data)
    if found is None:
        return None
    colours = dict(stated)
    odd: Counter[str] = Counter()
    for classification in found.classifications.values():
        labels_of({"classification": classification}, colours, odd)
    properties = dict(found.columns.properties)
    if "labels" in properties:
        # Several for each shape: not for a scanner.
        return None
    columns = found.columns
    if not np.any(columns.labels >= 0):
        columns = _labelled(columns, properties)
    _retold(properties)
    columns, notices = sound(replace(columns, properties=properties), "feature")
    told = [Notice(f"{count:,} classes", what) for what, count in odd.items()]
    return BulkDocument(columns, colours, [*told, *notices])


def _without_colours(data: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a document as the scanner knows it, and the colours that it began with."""
    own = _WITH_COLOURS.match(data)
    if own is None:
        return data, {}
    try:
        said = _colours.decode(own[1])
    except msgspec.MsgspecError:
        return data, {}
    stated = {name: colour for name, each in said.items() if (colour := colour_of(each))}
    return b"".join((b'{"type":"FeatureCollection",', memoryview(data)[own.end(1) + 1 :])), stated


def _labelled(columns: ShapeColumns, properties: dict[str, NDArray[Any]]) -> ShapeColumns:
    """Return shapes with the labels that a property holds, and take that out."""
    for key in LABEL_KEYS:
        if key not in properties or properties[key].dtype != object:
            continue
        said = [label_of(value) for value in properties[key].tolist()]
        if any(label is None for label in said):
            continue
        del properties[key]
        labels, names = numbered(said)
        return replace(columns, labels=labels, label_names=names)
    return columns


def _retold(properties: dict[str, NDArray[Any]]) -> None:
    """Say colours and types of objects in one way, whoever wrote them."""
    if "color" in properties and properties["color"].dtype == object:
        properties["color"] = _each(properties["color"], lambda said: colour_of(said) or said)
    if "object_type" in properties and "objectType" not in properties:
        properties["objectType"] = properties.pop("object_type")
    identities = properties.get("id")
    if identities is not None and identities.dtype == object:
        said = identities.tolist()
        if said and all(isinstance(each, str) and each in OBJECT_TYPES for each in said):
            del properties["id"]
            types = _each(identities, lambda each: OBJECT_TYPES[each])
            properties.setdefault("objectType", types)


def _each(values: NDArray[Any], retold: Any) -> NDArray[Any]:
    fresh = np.empty(len(values), object)
    fresh[:] = [None if value is None else retold(value) for value in values.tolist()]
    return fresh
