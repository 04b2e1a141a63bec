"""Which format of annotations a file is in, told by how it begins."""

from __future__ import annotations

import re
import zlib

_LONGEST_START = 1 << 16
_PAPER = re.compile(r'\s*(?:\[\s*)+"(?:Layer|Group|Path|CompoundPath|Shape|PointText|Project)"')
_GEO = re.compile(
    r'"type"\s*:\s*"(?:Feature|FeatureCollection|(?:Multi)?(?:Point|LineString|Polygon)'
    r'|GeometryCollection)"'
)
_QUPATH = re.compile(
    r'"(?:objectType|isLocked|measurements|classification|nucleusGeometry|colorRGB'
    r'|Path(?:Annotation|Detection|Cell|Tile|TMACore|Root)Object)"'
)
_CAMELYON = re.compile(r'\s*\{\s*"(?:positive|negative)"\s*:\s*\[')
_WKT_WORDS = "(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION|LINEARRING)"
_CYTOMINE = re.compile(rf'"location"\s*:\s*"\s*{_WKT_WORDS}', re.IGNORECASE)
_WKT = re.compile(rf"\s*(?:SRID=\d+;\s*)?{_WKT_WORDS}\b", re.IGNORECASE)
_SLIDE_SCORE = re.compile(
    r'"(?:points|corner|center|positivePolygons|modifiedOn|downscale|data|x)"\s*:', re.IGNORECASE
)
_ROOT = re.compile(r"<(?![?!])(?:\w+:)?(\w+)")
_ROOTS = {"ASAP_Annotations": "asap", "Annotations": "imagescope", "svg": "phas-svg"}
_SUFFIXES = {".geojson": "geojson", ".geojson.gz": "geojson", ".wkt": "cytomine-wkt"}
_TABLES = re.compile(r"\s*(?:Binary-)?Heatmap\b", re.IGNORECASE)
_NUMBERS = re.compile(r"\s*-?\d[\d.eE+-]*(?:[ \t]+-?\d[\d.eE+-]*)+\s*$")


def guessed_name(name: str, start: bytes) -> str | None:
    """Return the name of the format that a file is in, or `None` where nothing tells."""
    start = start[:_LONGEST_START]
    if start.startswith(b"\x1f\x8b"):
        return _packed(start)
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "mask-png"
    if start.startswith(b"PAR1"):
        return "geoparquet"
    if start.startswith(b"PK\x03\x04"):
        return "anno2"
    if start[128:132] == b"DICM":
        return "dicom-ann"
    if _is_nifti(start):
        return "mask-nifti"
    return _text(_decoded(start)) or _by_name(name)


def _packed(start: bytes) -> str | None:
    try:
        inside = zlib.decompressobj(wbits=31).decompress(start, _LONGEST_START)
    except zlib.error:
        return None
    if _is_nifti(inside):
        return "mask-nifti"
    found = _text(_decoded(inside))
    # The vendor's own name for shapes packed so.
    return "anno2" if found == "slidescore" else found


def _by_name(name: str) -> str | None:
    """Return what only the name tells: some begin with megabytes of coordinates."""
    return next((found for end, found in _SUFFIXES.items() if name.lower().endswith(end)), None)


def _is_nifti(start: bytes) -> bool:
    return start[344:348] in {b"n+1\0", b"ni1\0"} or start[4:8] == b"n+2\0"


def _decoded(start: bytes) -> str:
    coding = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    return start.decode(coding, errors="replace").removeprefix("\ufeff")


def _text(start: str) -> str | None:
    first = start.lstrip()[:1]
    if first == "<":
        root = _ROOT.search(start)
        return None if root is None else _ROOTS.get(root[1])
    if first in {"[", "{"}:
        return _json(start, first)
    if _WKT.match(start):
        return "cytomine-wkt"
    line = start.split("\n", 1)[0]
    if "Centroid X" in line:
        return "qupath-table"
    return "slidescore-table" if _TABLES.match(line) or _NUMBERS.match(line) else None


def _json(start: str, first: str) -> str | None:
    if _PAPER.match(start):
        return "phas"
    if _GEO.search(start):
        return "qupath" if _QUPATH.search(start) else "geojson"
    if _CAMELYON.match(start):
        return "camelyon16"
    if _CYTOMINE.search(start):
        return "cytomine-wkt"
    if first == "[" and (_SLIDE_SCORE.search(start) or not start.strip(" \t\r\n[]")):
        return "slidescore"
    return None
