"""All formats of annotations: what they are called, what they can say, and which a file is in.

Modules of formats have a ``read(data, *, …) -> Document`` and a ``write(document, *, …) -> bytes``;
those for very many shapes also ``read_columns(data, *, …) -> BulkDocument`` and
``write_columns(parts, *, colours, …) -> Iterator[bytes]``. They are imported when first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wsi_lab.errors import Invalid
from wsi_lab.formats.describing import DRAWN, OPTIONS, Format, Holds
from wsi_lab.formats.guessing import guessed_name
from wsi_lab.geometry.columns import AREAS
from wsi_lab.model.annotation import ShapeKind

__all__ = ["AREAS", "DRAWN", "FORMATS", "OPTIONS", "Format", "Holds", "format_of", "guessed"]

_TO_POLYGON = {ShapeKind.RECTANGLE: ShapeKind.POLYGON, ShapeKind.ELLIPSE: ShapeKind.POLYGON}
_HEAT_TOO = {**_TO_POLYGON, ShapeKind.HEATMAP: ShapeKind.POLYGON}
_MASK_OPTIONS = frozenset({"left", "top", "downsample", "label_names"})
_SLIDE_SCORE = DRAWN | {ShapeKind.HEATMAP, ShapeKind.OTHER}
_MASK = Holds(
    frozenset({ShapeKind.POLYGON, ShapeKind.BRUSH}),
    {**_HEAT_TOO, ShapeKind.POINT: ShapeKind.POLYGON, ShapeKind.POLYLINE: ShapeKind.POLYGON},
    colours=True,
    precision=float("inf"),
)

_ALL = (
    Format(
        "slidescore",
        "Slide Score JSON",
        (".json",),
        "application/json",
        "slidescore_document",
        Holds(_SLIDE_SCORE, labels=0, grids=True, precision=1e-4),
    ),
    Format(
        "anno2",
        "Slide Score anno2",
        (".zip", ".anno2"),
        "application/zip",
        "anno2_document",
        Holds(
            frozenset({ShapeKind.POINT, ShapeKind.POLYGON, ShapeKind.BRUSH, ShapeKind.HEATMAP}),
            _TO_POLYGON,
            parts=False,
            labels=0,
            grids=True,
            precision=0.5,
            below_zero=False,
        ),
        is_bulk=True,
    ),
    Format(
        "asap",
        "ASAP XML",
        (".xml",),
        "application/xml",
        "asap_document",
        Holds(
            frozenset({ShapeKind.POINT, ShapeKind.POLYGON, ShapeKind.RECTANGLE}),
            dict.fromkeys(
                (ShapeKind.ELLIPSE, ShapeKind.BRUSH, ShapeKind.POLYLINE, ShapeKind.HEATMAP),
                ShapeKind.POLYGON,
            ),
            holes=False,
            parts=False,
            colours=True,
        ),
    ),
    Format(
        "qupath",
        "QuPath GeoJSON",
        (".geojson", ".json"),
        "application/geo+json",
        "geojson.qupath",
        Holds(labels=1, properties=True, colours=True),
        write_options=frozenset({"object_type"}),
        is_bulk=True,
    ),
    Format(
        "qupath-table",
        "QuPath measurement table",
        (".tsv", ".txt", ".csv"),
        "text/tab-separated-values",
        "qupath_table",
        Holds(frozenset({ShapeKind.POINT}), properties=True),
        read_options=frozenset({"mpp"}),
        is_written=False,
        is_bulk=True,
    ),
    Format(
        "slidescore-table",
        "Slide Score table of shapes",
        (".tsv", ".txt"),
        "text/tab-separated-values",
        "slidescore_tables",
        Holds(frozenset({ShapeKind.POINT, ShapeKind.POLYGON}), grids=True),
        is_written=False,
        is_bulk=True,
    ),
    Format(
        "dicom-ann",
        "DICOM bulk simple annotations",
        (".dcm",),
        "application/dicom",
        "dicom_ann",
        Holds(properties=True, colours=True),
        is_written=False,
    ),
    Format(
        "phas",
        "PHAS paper.js JSON",
        (".json",),
        "application/json",
        "paperjs",
        Holds(colours=True, property_names=frozenset({"text"})),
    ),
    Format(
        "phas-svg",
        "PHAS SVG",
        (".svg",),
        "image/svg+xml",
        "phas_svg",
        Holds(colours=True, property_names=frozenset({"text"})),
    ),
    Format(
        "cytomine-wkt",
        "Cytomine WKT",
        (".wkt", ".txt"),
        "text/plain",
        "cytomine_wkt",
        Holds(
            kinds=frozenset(
                {ShapeKind.POINT, ShapeKind.POLYLINE, ShapeKind.POLYGON, ShapeKind.BRUSH}
            ),
            instead=_HEAT_TOO,
            labels=0,
        ),
        read_options=frozenset({"height"}),
        write_options=frozenset({"height"}),
        needs=frozenset({"height"}),
    ),
    Format(
        "imagescope",
        "Aperio ImageScope XML",
        (".xml",),
        "application/xml",
        "imagescope",
        Holds(instead={}, parts=False, colours=True, property_names=frozenset({"text"})),
        write_options=frozenset({"mpp"}),
    ),
    Format(
        "camelyon16",
        "Camelyon16 JSON",
        (".json",),
        "application/json",
        "camelyon16",
        Holds(
            frozenset({ShapeKind.POLYGON, ShapeKind.BRUSH}),
            _TO_POLYGON,
            labels=0,
            property_names=frozenset({"name"}),
        ),
    ),
    Format(
        "geojson",
        "GeoJSON",
        (".geojson", ".json"),
        "application/geo+json",
        "geojson.plain",
        Holds(labels=None, properties=True, colours=True),
        is_bulk=True,
    ),
    Format(
        "geoparquet",
        "GeoParquet",
        (".parquet", ".geoparquet"),
        "application/vnd.apache.parquet",
        "geoparquet",
        Holds(labels=None, properties=True, colours=True),
        is_bulk=True,
    ),
    Format(
        "mask-png",
        "Label mask, PNG",
        (".png",),
        "image/png",
        "label_masks.png",
        _MASK,
        read_options=_MASK_OPTIONS,
        write_options=_MASK_OPTIONS | {"box"},
        is_bulk=True,
    ),
    Format(
        "mask-nifti",
        "Label mask, NIfTI",
        (".nii.gz", ".nii"),
        "application/gzip",
        "label_masks.nifti",
        _MASK,
        read_options=_MASK_OPTIONS,
        write_options=_MASK_OPTIONS | {"box", "mpp"},
        is_bulk=True,
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType({each.name: each for each in _ALL})
"""By their names."""


_USUAL = ("geojson", "asap")


def format_of(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    Invalid
        There is none; the message names those that there are.

    Examples
    --------
    >>> format_of("qupath").title
    'QuPath GeoJSON'
    """
    if name not in FORMATS:
        raise Invalid(
            f"There is no format of annotations called so; there are: {', '.join(FORMATS)}."
        )
    return FORMATS[name]


def guessed(name: str, start: bytes) -> Format | None:
    """Return which format a file is in, or `None` where nothing tells.

    Parameters
    ----------
    name
        Of the file; it decides between formats that begin alike.
    start
        Its first bytes: 64 KiB tell nearly all.

    Examples
    --------
    >>> guessed("a.json", b'[{"type":"polygon","points":[{"x":1,"y":2}]}]').name
    'slidescore'
    """
    found = guessed_name(name, start)
    return None if found is None else FORMATS[found]


def written_for(name: str) -> Format | None:
    """Return the format in which a file of that name is written, or `None` if it tells none.

    An ending that several formats have tells nothing, but GeoJSON stands for JSON and ASAP for XML.

    Examples
    --------
    >>> written_for("mask.nii.gz").name, written_for("shapes.xml").name, written_for("a.txt")
    ('mask-nifti', 'asap', None)
    """
    ending = name.lower()
    found = [each for each in FORMATS.values() if ending.endswith(tuple(each.suffixes))]
    if len(found) > 1:
        found = [each for each in found if each.name in _USUAL]
    return found[0] if found and found[0].is_written else None
