"""What a format cannot say of a document: told before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from wsi_lab.formats.describing import Format
from wsi_lab.geometry.columns import HOLE, KINDS, OUTER, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Notice

_MOST_NAMES = 8


def lost(format: Format, document: Document) -> list[Notice]:  # noqa: A002 - the field's own word
    """Return what of a document is written otherwise or left out, alike things as one.

    Examples
    --------
    >>> from wsi_lab.formats.annotation_formats import FORMATS
    >>> ellipse = Feature(ShapeKind.ELLIPSE, shapely.Point(9, 9).buffer(5), ("tumour",))
    >>> for notice in lost(FORMATS["cytomine-wkt"], Document([ellipse])):
    ...     print(notice)
    ellipse: 1 shape is written as polygon.
    Labels: Cytomine WKT has no room for labels; 1 shape has some.
    """
    # What the format itself came with goes out as it came, even if nobody understands it.
    features = [each for each in document.features if not _is_own(format, each)]
    geometries = np.array([each.geometry for each in features], dtype=object)
    kinds = Counter(each.kind for each in features)
    labels = [len(each.labels) for each in features]
    names = Counter(name for each in features for name in each.properties)
    notices = [
        *_lost_kinds(format, kinds),
        *_lost_geometry(format, geometries, features),
        *_lost_labels(format, sum(map(bool, labels)), sum(count > 1 for count in labels)),
        *_lost_properties(format, names),
    ]
    if document.colours and not format.holds.colours:
        notices.append(Notice("Colours", f"{format.title} has no room for colours of labels."))
    if document.grids and not format.holds.grids:
        count = _shapes(len(document.grids), "grid")
        notices.append(Notice("Grids", f"{format.title} has no room for {count} of values."))
    return [*notices, *_lost_precision(format, geometries)]


def lost_of_columns(format: Format, columns: ShapeColumns) -> list[Notice]:  # noqa: A002 - as above
    """As `lost`, of shapes that are columns."""
    rings = np.diff(columns.shape_offsets)
    has_rings = rings > 0
    counts = np.bincount(columns.kinds[has_rings], minlength=len(KINDS)).tolist()
    kinds = Counter({kind: count for kind, count in zip(KINDS, counts, strict=True) if count})
    owners = np.repeat(np.arange(len(columns)), rings)
    outer = np.bincount(owners[columns.ring_roles == OUTER], minlength=len(columns))
    several = int(np.count_nonzero((outer > 1) & columns.are_areas()))
    holes = int(np.count_nonzero(columns.ring_roles == HOLE))
    names = Counter({name: len(columns) for name in columns.properties})
    return [
        *_lost_kinds(format, kinds),
        *_nowhere(int(np.count_nonzero(~has_rings))),
        *_lost_areas(format, holes, several),
        *_lost_labels(format, int(np.count_nonzero(columns.labels >= 0)), 0),
        *_lost_properties(format, names),
        *_moved(format, columns.coordinates),
    ]


def _is_own(format: Format, feature: Feature) -> bool:  # noqa: A002 - as above
    source = feature.source
    is_bare = feature.geometry is None or feature.kind is ShapeKind.OTHER
    return is_bare and source is not None and source.format == format.name


def _lost_kinds(format: Format, kinds: Counter[ShapeKind]) -> Iterable[Notice]:  # noqa: A002 - as above
    holds = format.holds
    for kind, count in kinds.items():
        if kind in holds.kinds:
            continue
        if kind in holds.instead:
            what = f"{_shapes(count)} {_is(count)} written as {holds.instead[kind]}."
        else:
            what = f"{_shapes(count)} {_is(count)} left out: {format.title} has no word for it."
        yield Notice(kind.value, what)


def _lost_geometry(
    format: Format,  # noqa: A002 - as above
    geometries: np.ndarray,
    features: Sequence[Feature],
) -> Iterable[Notice]:
    nowhere = sum(each.geometry is None and each.kind in format.holds.kinds for each in features)
    yield from _nowhere(nowhere)
    areas = geometries[np.isin(shapely.get_type_id(geometries), [3, 6])]
    parts = shapely.get_parts(areas)
    several = int(np.count_nonzero(shapely.get_num_geometries(areas) > 1))
    yield from _lost_areas(format, int(shapely.get_num_interior_rings(parts).sum()), several)


def _nowhere(count: int) -> Iterable[Notice]:
    if count:
        yield Notice("Shapes", f"{_shapes(count)} without coordinates {_is(count)} left out.")


def _lost_areas(format: Format, holes: int, several: int) -> Iterable[Notice]:  # noqa: A002 - as above
    if holes and not format.holds.holes:
        count = f"{_shapes(holes, 'hole')} {_is(holes)}"
        what = f"{format.title} has no holes; {count} left out or drawn as outlines."
        yield Notice("Holes", what)
    if several and not format.holds.parts:
        what = (
            f"{_shapes(several)} of several outlines {_is(several)} written as one shape for each."
        )
        yield Notice("Shapes", what)


def _lost_labels(format: Format, labelled: int, several: int) -> Iterable[Notice]:  # noqa: A002 - as above
    if format.holds.labels == 0 and labelled:
        has = "has" if labelled == 1 else "have"
        what = f"{format.title} has no room for labels; {_shapes(labelled)} {has} some."
        yield Notice("Labels", what)
    elif format.holds.labels == 1 and several:
        keeps = "keeps" if several == 1 else "keep"
        what = f"{_shapes(several)} with several labels {keeps} the first only."
        yield Notice("Labels", what)


def _lost_properties(format: Format, names: Counter[str]) -> Iterable[Notice]:  # noqa: A002 - as above
    if format.holds.properties:
        return
    left_out = [name for name in names if name not in format.holds.property_names]
    if left_out:
        said = ", ".join(left_out[:_MOST_NAMES]) + (", …" if len(left_out) > _MOST_NAMES else "")
        yield Notice("Properties", f"{format.title} has no room for: {said}.")


def _lost_precision(format: Format, geometries: np.ndarray) -> Iterable[Notice]:  # noqa: A002 - as above
    return _moved(format, shapely.get_coordinates(geometries))


def _moved(format: Format, coordinates: np.ndarray) -> Iterable[Notice]:  # noqa: A002 - as above
    precision = format.holds.precision
    if not format.holds.below_zero:
        yield from _below_zero(coordinates)
    if not len(coordinates) or precision == 0:
        return
    if np.isinf(precision):
        yield Notice("Coordinates", f"{format.title} tells places to its own pixels only.")
        return
    grid = 2 * precision
    moved = np.abs(coordinates - np.round(coordinates / grid) * grid) > 1e-9
    count = int(np.count_nonzero(moved.any(axis=1)))
    if count:
        places = _shapes(count, "vertex", "vertices")
        yield Notice("Coordinates", f"{places} {_is(count)} rounded to {grid:g} px.")


def _below_zero(coordinates: np.ndarray) -> Iterable[Notice]:
    count = int(np.count_nonzero((coordinates < 0).any(axis=1)))
    if count:
        places = _shapes(count, "vertex", "vertices")
        what = f"{places} left of the slide or above it {_is(count)} moved to its edge."
        yield Notice("Coordinates", what)


def _shapes(count: int, one: str = "shape", several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
