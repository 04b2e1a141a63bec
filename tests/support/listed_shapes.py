"""Shapes of every tier, author and label in one study, and what a list of them ought to be."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import shapely

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.people import Actor
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.service.lab import Lab
from wsi_lab.service.transaction import Transaction
from wsi_lab.store.layers import label_sets

KINDS = {
    "Point": ShapeKind.POINT,
    "LineString": ShapeKind.POLYLINE,
    "Polygon": ShapeKind.POLYGON,
    "MultiPolygon": ShapeKind.BRUSH,
}


class Known(NamedTuple):
    """A shape as it was drawn.

    Attributes
    ----------
    owner
        The e-mail of whose it is told to be.
    """

    id: int
    slide_id: int
    study_id: int
    layer_id: int
    author: str
    owner: str
    label_ids: frozenset[int]
    geometry: shapely.Geometry


def expected(known: Iterable[Known], query: ListQuery) -> list[int]:
    """Return the ids of what a query asks for, the plain way."""
    return sorted((each.id for each in known if _is_meant(each, query)), reverse=True)


def _is_meant(each: Known, query: ListQuery) -> bool:
    wanted = query.label_ids
    has_labels = (
        True
        if wanted is None and not query.without_label
        else bool(each.label_ids & set(wanted or ()))
        or (query.without_label and not each.label_ids)
    )
    if query.several_labels and len(each.label_ids) < 2:
        return False
    geometry = query.geometry
    if geometry is not None:
        if query.distance is None and not each.geometry.intersects(geometry):
            return False
        if query.distance is not None and each.geometry.distance(geometry) > query.distance:
            return False
    return (
        has_labels
        and (query.study_ids is None or each.study_id in query.study_ids)
        and (query.slide_ids is None or each.slide_id in query.slide_ids)
        and (query.ids is None or each.id in query.ids)
        and each.id not in query.without_ids
        and (query.emails is None or each.owner in query.emails)
        and (query.box is None or each.geometry.intersects(shapely.box(*query.box)))
    )


def some_geometry(rng: random.Random) -> shapely.Geometry:
    """Return a point, a line, an area, or one with a hole and an island."""
    x, y, size = rng.uniform(0, 2200), rng.uniform(0, 2900), rng.choice([5.0, 40.0, 400.0])
    kind = rng.randrange(4)
    if kind == 0:
        return shapely.Point(x, y)
    if kind == 1:
        return shapely.LineString([(x, y), (x + size, y + rng.uniform(-size, size)), (x, y + size)])
    if kind == 2:
        return shapely.Polygon([(x, y), (x + size, y + size / 3), (x + size / 2, y + size)])
    ring = shapely.box(x, y, x + size, y + size).difference(
        shapely.box(x + size / 4, y + size / 4, x + size / 2, y + size / 2)
    )
    return shapely.MultiPolygon([ring, shapely.box(x + 2 * size, y, x + 3 * size, y + size)])


def feature_of(geometry: shapely.Geometry, labels: tuple[str, ...] = ()) -> Feature:
    return Feature(KINDS[geometry.geom_type], geometry, labels)


class Filling:
    """Draws and loads shapes, and remembers them."""

    def __init__(self, lab: Lab, owner: Actor, rng: random.Random) -> None:
        self.lab = lab
        self.owner = owner
        self.rng = rng
        self.known: list[Known] = []

    def draw(
        self,
        by: Actor,
        study_id: int,
        slide_id: int,
        layer_id: int,
        labels: tuple[str, ...] = (),
        *,
        author: str | None = None,
    ) -> None:
        geometry = some_geometry(self.rng)
        (drawn,) = self.lab.drawing.add(
            by, slide_id, layer_id, [(None, feature_of(geometry, labels))], author=author
        )
        told = Known(
            drawn.id,
            slide_id,
            study_id,
            layer_id,
            author or by.user.email,
            by.user.email,
            frozenset(each.id for each in drawn.labels),
            geometry,
        )
        self.known.append(told)

    def load(
        self, study_id: int, slide_id: int, layer_id: int, count: int, *, names: tuple[str, ...]
    ) -> None:
        geometries = [some_geometry(self.rng) for _ in range(count)]
        labels = np.array([self.rng.randrange(-1, len(names)) for _ in geometries], np.int32)
        columns = ShapeColumns.from_geometries(geometries, labels=labels, label_names=names)
        load = self.lab.loads.load(
            self.owner, layer_id, slide_id, columns, author="net 1.0", precision=0.0
        )
        ids = self.label_ids(study_id)
        self.known += [
            Known(
                load.first_id + number,
                slide_id,
                study_id,
                layer_id,
                "net 1.0",
                self.owner.user.email,
                frozenset([ids[names[label]]] if label >= 0 else []),
                geometry,
            )
            for number, (geometry, label) in enumerate(
                zip(geometries, labels.tolist(), strict=True)
            )
        ]

    def label_ids(self, study_id: int) -> dict[str, int]:
        """Return all labels of a study, whose names are told apart."""

        def read(transaction: Transaction) -> dict[str, int]:
            found = label_sets(transaction.connection, study_id)
            return {label.name: label.id for each in found for label in each.labels}

        return self.lab.shape_lists._transactions.read(self.owner, read)
