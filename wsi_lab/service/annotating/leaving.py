"""Annotations on their way out into files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wsi_lab.errors import TooLarge
from wsi_lab.formats.annotation_formats import FORMATS, Format
from wsi_lab.formats.bulk import bulk_of, features_of
from wsi_lab.formats.losing import lost, lost_of_columns
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Document, Feature, Grid, Notice, Source
from wsi_lab.model.layer import Box, Layer

if TYPE_CHECKING:
    from wsi_lab.model.study import Slide
    from wsi_lab.service.annotating.found import Found

MOST_ONE_BY_ONE = 20_000
"""Loaded shapes; more of them are written as columns by formats that know these."""
MOST_SINGLY = 500_000
"""Loaded shapes that are written by formats that do not know columns."""
_MOST_PIXELS = 64_000_000


def feature_of(annotation: Annotation) -> Feature:
    """Return a stored shape as formats write it, with the words it came in."""
    shape = annotation.shape
    return Feature(
        shape.kind,
        shape.geometry,
        tuple(each.name for each in annotation.labels),
        annotation.properties,
        annotation.source or Source(shape.dialect, shape.original),
    )


def in_order(batches: Iterator[Found]) -> ShapeColumns:
    """Return shapes of loads in the order of their ids, which is the one they were given in."""
    found = list(batches)
    if not found:
        return ShapeColumns.empty()
    ids = np.concatenate([each.ids for each in found])
    columns = ShapeColumns.concatenated([each.shapes for each in found])
    return columns if (np.diff(ids) > 0).all() else columns.take(np.argsort(ids))


def written(
    found: Format,
    by_hand: Sequence[Feature],
    loaded: ShapeColumns,
    grids: Sequence[Grid],
    *,
    layer: Layer,
    options: Mapping[str, Any],
) -> tuple[list[Notice], Iterator[bytes]]:
    """Return what a format cannot say of shapes, and the file that they are."""
    colours = {each.name: each.colour for each in layer.labels}
    is_many = len(loaded) > MOST_ONE_BY_ONE
    if found.is_bulk and (is_many or found.name.startswith("mask-")):
        drawn = bulk_of(Document(by_hand))
        # The last one is on top in a mask.
        columns = ShapeColumns.concatenated([loaded, drawn.columns])
        notices = [
            *drawn.notices,
            *lost_of_columns(found, columns),
            *_outside(columns, options.get("box")),
            *_of_grids(found, grids),
        ]
        return notices, found.write_columns([columns], colours=colours, **options)
    if len(loaded) > MOST_SINGLY:
        raise TooLarge(
            f"{found.title} is written shape by shape, at most {MOST_SINGLY:,} of them; GeoJSON "
            "and GeoParquet take any number."
        )
    features = [*by_hand, *features_of(loaded)]
    used = {name for each in features for name in each.labels}
    some = {name: colour for name, colour in colours.items() if name in used}
    document = Document(features, grids, some)
    return lost(found, document), iter((found.write(document, **options),))


def options_for(
    found: Format, given: Mapping[str, Any], slide: Slide, layer: Layer
) -> tuple[dict[str, Any], list[Notice]]:
    """Return the options a format takes, filled up with what slide and layer tell."""
    told: dict[str, Any] = {"height": slide.height, "mpp": slide.mpp_x}
    notices = []
    if found.name.startswith("mask-"):
        told["label_names"] = {n: each.name for n, each in enumerate(layer.labels, start=1)}
        if not given.keys() & {"box", "left", "top"}:
            told["box"] = (0.0, 0.0, float(slide.width), float(slide.height))
        if "downsample" not in given:
            told["downsample"] = _downsample(slide)
            if told["downsample"] > 1:
                what = f"A pixel of the mask is {told['downsample']:g} pixels of the slide wide."
                notices.append(Notice("Mask", what))
    known = {
        name: value
        for name, value in told.items()
        if name in found.write_options and value is not None
    }
    return {**known, **{name: value for name, value in given.items() if value is not None}}, notices


def mask_pieces(
    batches: Iterator[Found], layer: Layer, box: Box, downsample: float
) -> Iterator[bytes]:
    """Yield the mask of a rectangle: values are the places of the layer's labels, from 1 on.

    Shapes without a label have the value behind the last. What is drawn by hand lies on top.
    """
    found = sorted(batches, key=lambda each: each.tier)
    names = {number: each.name for number, each in enumerate(layer.labels, start=1)}
    colours = {each.name: each.colour for each in layer.labels}
    return FORMATS["mask-png"].write_columns(
        [each.shapes for each in found],
        colours=colours,
        box=box,
        downsample=downsample,
        label_names=names,
    )


def _outside(columns: ShapeColumns, box: Box | None) -> list[Notice]:
    """Tell of shapes that lie wholly beside what a mask shows."""
    if box is None or not len(columns):
        return []
    left, top, right, bottom = columns.boxes().T
    is_outside = (right <= box[0]) | (bottom <= box[1]) | (left >= box[2]) | (top >= box[3])
    count = int(np.count_nonzero(is_outside))
    shapes = "1 shape lies" if count == 1 else f"{count:,} shapes lie"
    return [Notice("Mask", f"{shapes} outside what it shows.")] if count else []


def _of_grids(found: Format, grids: Sequence[Grid]) -> list[Notice]:
    if not grids:
        return []
    count = "1 grid" if len(grids) == 1 else f"{len(grids):,} grids"
    return [Notice("Grids", f"{found.title} has no room for {count} of values beside so much.")]


def _downsample(slide: Slide) -> float:
    downsample = 1.0
    while slide.width * slide.height / downsample**2 > _MOST_PIXELS:
        downsample *= 2
    return downsample
