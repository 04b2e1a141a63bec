"""What lies where in a GeoJSON document: its features as texts, nothing of them read yet."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.json_rings import DEPTHS
from wsi_lab.formats.safe import json_by, quoted
from wsi_lab.model.feature import Notice

LARGEST_GEOJSON = 2 << 30
"""Bytes of a document, unpacked."""
HIGHEST_RATIO = 200
"""Of unpacked to packed bytes; coordinates reach 10."""
MOST_FEATURES = 4_000_000
GEOMETRIES = frozenset({*DEPTHS, "GeometryCollection"})

_MARK = b"\xef\xbb\xbf"
_SILENT = frozenset({"type", "features", "bbox"})
_NO_NUMBER = re.compile(rb"-?\b(?:NaN|Infinity)\b")
_ESCAPED = re.compile(rb'\\++"')
_QUOTE = ord('"')
_MANY = 1_000_000


class _Nothing(msgspec.Struct):
    """An object of which nothing is kept."""


_objects = msgspec.json.Decoder(list[_Nothing])
_raw = msgspec.json.Decoder(msgspec.Raw)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_Said = TypeVar("_Said")

_text = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class Structure:
    """A document taken apart.

    Attributes
    ----------
    features
        Each as its text; what is no object is none.
    members
        Of the collection, beside the features.
    """

    features: Sequence[msgspec.Raw]
    members: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


def unpacked(data: bytes) -> bytes:
    """Return a document as it is, or what is packed by gzip in it.

    Raises
    ------
    Invalid
        It is damaged, or unpacks to far more than any document.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    most = min(LARGEST_GEOJSON, max(1 << 20, HIGHEST_RATIO * len(data)))
    inflating = zlib.decompressobj(wbits=31)
    try:
        found = inflating.decompress(data, most)
    except zlib.error:
        raise Invalid("This gzip file is damaged.") from None
    if inflating.unconsumed_tail:
        raise Invalid("This gzip file unpacks to far more than it is.")
    if not inflating.eof:
        raise Invalid("This gzip file is cut short.")
    return found


def structure_of(data: bytes) -> Structure:
    """Return the features of a collection, of a list, or a single one; a geometry is one too.

    Raises
    ------
    Invalid
        It is no JSON, or no GeoJSON.
    TooLarge
        It has more than `MOST_FEATURES`.
    """
    data, notices = _finite(data)
    count = data.count(b"{")
    if count > _MANY and data.count(b'"type"') < count // 4:
        raise Invalid("This is no GeoJSON: most of its objects do not say of which type they are.")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        return Structure(_features(_checked(_raw, data)), notices=notices)
    members = _checked(_members, data)
    kind = type_of(members)
    if kind == "FeatureCollection" or (kind is None and "features" in members):
        features = members.get("features", msgspec.Raw(b"[]"))
        return Structure(_features(features), members, notices)
    if kind == "Feature" or kind in GEOMETRIES:
        return Structure([msgspec.Raw(data.removeprefix(_MARK))], notices=notices)
    said = "says no type" if kind is None else f"says it is {quoted(kind)}"
    raise Invalid(f"This is no GeoJSON: it {said}.")


def type_of(members: Mapping[str, msgspec.Raw]) -> str | None:
    """Return what an object says it is, or `None` where it does not."""
    try:
        return _text.decode(members["type"])
    except (KeyError, msgspec.MsgspecError):
        return None


def unknown_members(members: Mapping[str, msgspec.Raw], known: frozenset[str]) -> list[Notice]:
    """Return a notice for each member of a collection that means nothing here."""
    notices = []
    for name in members.keys() - known - _SILENT:
        if name == "crs":
            what = "Its coordinate reference system is not used: numbers are level-0 pixels."
        else:
            what = f"{quoted(name)} of the collection is not kept."
        notices.append(Notice("Document", what))
    return sorted(notices, key=str)


def _checked(decoder: msgspec.json.Decoder[_Said], data: bytes) -> _Said:
    return json_by(decoder, data, most_bytes=LARGEST_GEOJSON)


def _features(said: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        # First as objects of which nothing is kept: a million of something else costs nothing.
        count = len(_objects.decode(said))
    except msgspec.MsgspecError:
        raise Invalid("The features of this document are no list of objects.") from None
    if count > MOST_FEATURES:
        raise TooLarge(f"A document may have at most {MOST_FEATURES:,} features.")
    return _items.decode(said)


def _finite(data: bytes) -> tuple[bytes, tuple[Notice, ...]]:
    """Return JSON that Python or Java wrote with numbers that are none, these as null."""
    if b"NaN" not in data and b"Infinity" not in data:
        return data, ()
    found = [match.span() for match in _NO_NUMBER.finditer(data)]
    begins = np.array([begin for begin, _ in found], np.int64)
    # Outside of strings: an even number of quotes lies before.
    is_outside = np.searchsorted(_quotes(data), begins) % 2 == 0
    pieces = []
    last = 0
    for place in np.flatnonzero(is_outside).tolist():
        begin, end = found[place]
        pieces.append(data[last:begin])
        last = end
    if not pieces:
        return data, ()
    what = "NaN and Infinity are no numbers in JSON; they are taken as missing."
    notice = Notice(f"{len(pieces):,} value{'' if len(pieces) == 1 else 's'}", what)
    return b"null".join([*pieces, data[last:]]), (notice,)


def _quotes(data: bytes) -> NDArray[np.int64]:
    """Return where strings begin and end."""
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == _QUOTE)
    if b"\\" not in data:
        return quotes
    escaped = [match.end() - 1 for match in _ESCAPED.finditer(data) if len(match[0]) % 2 == 0]
    return np.setdiff1d(quotes, np.array(escaped, np.int64), assume_unique=True)
