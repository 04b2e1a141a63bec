"""Files of annotations on their way in: which shapes are drawn by hand, and which are loaded."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import shapely

from wsi_lab.errors import Invalid
from wsi_lab.formats.annotation_formats import FORMATS, Format, format_of, guessed
from wsi_lab.formats.bulk import BulkDocument, bulk_of
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Grid, Notice
from wsi_lab.service.annotating.arrow_reading import read_arrow
from wsi_lab.service.jobs import Task

if TYPE_CHECKING:
    from wsi_lab.model.study import Slide

ARROW = "arrow"
ARROW_TITLE = "Arrow IPC stream"
SLIDE_SCORE = "slidescore"
MOST_BY_HAND = 2_000
"""Shapes of a file; of more, nobody will change each by hand, and they are loaded at once."""
_BYTES_TO_GUESS = 1 << 16
_KEYS = uuid.UUID("6f1a0c8e-6f0e-4b0c-9a55-0d6a4e0f7c11")
_OF_ONE_DIMENSION = {
    "Point": ShapeKind.POINT,
    "MultiPoint": ShapeKind.POINT,
    "LineString": ShapeKind.POLYLINE,
    "LinearRing": ShapeKind.POLYLINE,
    "MultiLineString": ShapeKind.POLYLINE,
    "Polygon": ShapeKind.POLYGON,
    "MultiPolygon": ShapeKind.BRUSH,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Arrived:
    """What a file holds.

    Attributes
    ----------
    by_hand
        Shapes that are drawn one by one.
    columns
        Shapes that are loaded at once; `None` without any.
    digest
        Of the file's bytes; empty where nothing is drawn by hand.
    """

    format: str
    title: str
    by_hand: Sequence[Feature]
    columns: ShapeColumns | None
    grids: Sequence[Grid]
    colours: Mapping[str, str]
    notices: Sequence[Notice]
    digest: str = ""

    @property
    def shape_count(self) -> int:
        """Return how many shapes there are."""
        return len(self.by_hand) + (0 if self.columns is None else len(self.columns))

    def kinds(self) -> dict[str, int]:
        """Return how many shapes there are of each kind."""
        counts = Counter(each.kind.value for each in self.by_hand)
        if self.columns is not None:
            numbers = np.bincount(self.columns.kinds, minlength=len(KINDS)).tolist()
            counts.update({kind.value: n for kind, n in zip(KINDS, numbers, strict=True) if n})
        return dict(counts)

    def labels(self) -> dict[str, int]:
        """Return how many shapes have each label."""
        counts = Counter(name for each in self.by_hand for name in dict.fromkeys(each.labels))
        if self.columns is not None:
            names = self.columns.label_names
            has = self.columns.labels >= 0
            numbers = np.bincount(self.columns.labels[has], minlength=len(names)).tolist()
            for name, count in zip(names, numbers, strict=True):
                if count and name:
                    counts[name] += count
        return dict(counts)

    def keyed(self, *about: object) -> list[tuple[str, Feature]]:
        """Return the shapes to draw, each with a key: whoever draws the file again finds it there.

        Parameters
        ----------
        about
            What else tells this drawing from others: the layer, the slide, the author.
        """
        said = "/".join(map(str, (*about, self.digest)))
        return [
            (str(uuid.uuid5(_KEYS, f"{said}/{number}")), feature)
            for number, feature in enumerate(self.by_hand)
        ]


def read_file(
    file: BinaryIO,
    *,
    name: str,
    format_name: str | None,
    as_bulk: bool | None,
    options: Mapping[str, Any],
    slide: Slide,
    task: Task,
) -> Arrived:
    """Return what a file holds.

    Parameters
    ----------
    format_name
        `None` to tell by the file itself.
    as_bulk
        Whether its shapes are loaded at once; `None` when there are more than `MOST_BY_HAND`.
    options
        Of the format; what the slide tells need not be said.

    Raises
    ------
    Invalid
        Nobody knows its format, or it cannot be read as what it is said to be.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if format_name == ARROW:
        bulk = read_arrow(file, size, lambda done: _at(task, 0.3 * done))
        return _arrived(ARROW, ARROW_TITLE, bulk)
    found = _format(file, name, format_name)
    given = _options(found, options, slide)
    data = file.read()
    task.check()
    if found.is_bulk and as_bulk is not False:
        bulk = found.read_columns(data, **given)
        if as_bulk or len(bulk.columns) > MOST_BY_HAND:
            return _arrived(found.name, found.title, bulk)
    document = found.read(data, **given)
    task.check()
    features, notices = _that_can_be_stored(document.features)
    document = dataclasses.replace(
        document, features=features, notices=[*document.notices, *notices]
    )
    if as_bulk or (as_bulk is None and len(features) > MOST_BY_HAND):
        return _loaded(found, document)
    return Arrived(
        found.name,
        found.title,
        features,
        None,
        document.grids,
        document.colours,
        document.notices,
        hashlib.sha256(data).hexdigest(),
    )


def check_format(format_name: str | None, options: Mapping[str, Any]) -> None:
    """Raise `Invalid` when there is no such format, or it does not take these options."""
    if format_name is None or format_name == ARROW:
        return
    found = format_of(format_name)
    unknown = sorted(options.keys() - found.read_options)
    if unknown:
        problems = [f"{each}: {found.title} has no use for it" for each in unknown]
        raise Invalid(f"{found.title} cannot be read so.", problems=problems)


def _at(task: Task, done: float) -> None:
    task.check()
    task.tell(done)


def _format(file: BinaryIO, name: str, format_name: str | None) -> Format:
    if format_name is not None:
        return format_of(format_name)
    found = guessed(name, file.read(_BYTES_TO_GUESS))
    file.seek(0)
    if found is None:
        raise Invalid(
            "The file does not tell what format of annotations it is in; say so. There are: "
            f"{', '.join(FORMATS)}."
        )
    return found


def _options(found: Format, options: Mapping[str, Any], slide: Slide) -> dict[str, Any]:
    known = {"height": slide.height, "mpp": slide.mpp_x}
    told = {
        name: value
        for name, value in known.items()
        if name in found.read_options and value is not None
    }
    return {**told, **{name: value for name, value in options.items() if value is not None}}


def _arrived(name: str, title: str, bulk: BulkDocument) -> Arrived:
    columns = bulk.columns if len(bulk.columns) else None
    return Arrived(name, title, (), columns, bulk.grids, bulk.colours, bulk.notices)


def _loaded(found: Format, document: Document) -> Arrived:
    """Return shapes as columns; those that only Slide Score has words for stay as they are."""
    is_odd = [
        each.geometry is None or each.kind in {ShapeKind.HEATMAP, ShapeKind.OTHER}
        for each in document.features
    ]
    pairs = list(zip(document.features, is_odd, strict=True))
    odd = [feature for feature, is_one in pairs if is_one]
    rest = [feature for feature, is_one in pairs if not is_one]
    bulk = bulk_of(dataclasses.replace(document, features=rest))
    arrived = _arrived(found.name, found.title, bulk)
    digest = hashlib.sha256(repr([each.source for each in odd]).encode()).hexdigest()
    return dataclasses.replace(arrived, by_hand=odd, digest=digest)


def _that_can_be_stored(features: Sequence[Feature]) -> tuple[list[Feature], list[Notice]]:
    """Return shapes as one can draw them; several points or lines in one become one each."""
    kept: list[Feature] = []
    notices: list[Notice] = []
    for number, feature in enumerate(features, start=1):
        where = f"Feature {number}"
        if feature.source is not None and feature.source.format == SLIDE_SCORE:
            kept.append(feature)
            continue
        parts = list(_parts(feature))
        if not parts:
            notices.append(Notice(where, "It has no coordinates and is left out."))
        elif len(parts) > 1:
            notices.append(Notice(where, f"It is {len(parts):,} shapes here: one for each part."))
        kept += parts
    return kept, notices


def _parts(feature: Feature) -> Iterator[Feature]:
    geometry = feature.geometry
    if geometry is None or geometry.is_empty:
        return
    if geometry.geom_type in {"MultiPoint", "MultiLineString", "GeometryCollection"}:
        for part in shapely.get_parts(geometry):
            kind = _OF_ONE_DIMENSION.get(part.geom_type, feature.kind)
            alone = dataclasses.replace(feature, kind=kind, geometry=part, source=None)
            yield from _parts(alone)
    elif feature.kind in {ShapeKind.OTHER, ShapeKind.HEATMAP}:
        yield dataclasses.replace(feature, kind=_OF_ONE_DIMENSION[geometry.geom_type])
    else:
        yield feature
