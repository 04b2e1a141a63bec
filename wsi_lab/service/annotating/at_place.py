"""What is at a place of a slide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wsi_lab.geometry import hit
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.layer import Box, Label
from wsi_lab.model.people import Action
from wsi_lab.model.study import Study
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.found import PackedPart
from wsi_lab.service.annotating.overlay_content import Content
from wsi_lab.service.annotating.overlay_drawing import LARGEST_BATCH, columns_of
from wsi_lab.service.annotating.overlay_making import Maker, labels_of
from wsi_lab.service.annotating.overlay_style import Choice, Style
from wsi_lab.service.scoring.answering import is_own
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import drawn_places
from wsi_lab.store.bulk import chunks, properties
from wsi_lab.store.bulk.loads import StoredLoad
from wsi_lab.store.drawn_places import DrawnRow
from wsi_lab.store.layers import labels_by_id

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

MOST_HITS = 100
LARGEST_RADIUS = 10_000.0
"""Level-0 pixels."""
BULK_REVISION = 1
"""Of shapes of loads: they are what they were, or they are there no more."""


class Place(NamedTuple):
    """Where, in level-0 pixels, and how far lines and points reach."""

    x: float
    y: float
    radius: float

    @property
    def box(self) -> Box:
        """What every shape that is hit touches."""
        x, y, radius = self
        return x - radius, y - radius, x + radius, y + radius


class Hit(NamedTuple):
    """A shape that is hit.

    Attributes
    ----------
    load_id
        `None` for shapes drawn by hand.
    revision
        What has to be named to change it.
    colour
        Of its first label, or of the layer.
    is_own, may_change
        Whether the asker drew it, and whether they may change or remove it.
    """

    id: int
    layer_id: int
    layer: str
    author: str
    load_id: int | None
    revision: int
    kind: ShapeKind
    labels: tuple[Label, ...]
    colour: str
    properties: Mapping[str, Any]
    area: float
    box: Box
    vertex_count: int
    geometry: BaseGeometry | None
    is_own: bool
    may_change: bool


class GridValue(NamedTuple):
    """What a grid says there; a heat map drawn by hand has no load."""

    layer_id: int
    load_id: int | None
    name: str
    author: str
    value: float


class There(NamedTuple):
    """What is at a place: shapes, topmost first, and values of grids."""

    hits: list[Hit]
    values: list[GridValue]


class Looker:
    """Looks at a place, within one transaction."""

    def __init__(
        self, transaction: Transaction, study: Study, finder: Finder, place: Place, choice: Choice
    ) -> None:
        self._transaction = transaction
        self._finder = finder
        self._place = place
        self._choice = choice
        self._may_import = transaction.may(Action.ANSWER_IMPORT, study)
        self._may_submit = self._may_import or transaction.may(Action.ANSWER_SUBMIT, study)

    def hits(self, content: Content) -> Iterator[Hit]:
        """Yield the shapes of a layer that are hit, topmost first."""
        yield from self._drawn(content)
        for stored in reversed(content.loads_shown(self._choice, "shapes")):
            yield from self._loaded(content, stored)

    def values(self, content: Content, maker: Maker) -> Iterator[GridValue]:
        """Yield what the grids of a layer say, the topmost first."""
        grids = list(maker.grids(self._transaction.connection, content, Style(self._choice)))
        for grid in reversed(grids):
            value = grid.stack.at(self._place.x, self._place.y)
            if value is not None:
                layer_id = content.question.id
                yield GridValue(layer_id, grid.load_id, grid.name, grid.author, value)

    def _drawn(self, content: Content) -> Iterator[Hit]:
        answers = {each.id: each.author for each in content.answers_shown(self._choice)}
        connection = self._transaction.connection
        rows = [
            row
            for row in drawn_places.drawn_in_box(
                connection, content.slide_id, answers, self._place.box, with_properties=True
            )
            if row.id not in self._choice.skipped
            and self._choice.shown_label(row.label_ids) is not None
        ]
        known = labels_by_id(connection, {each for row in rows for each in row.label_ids})
        for some in drawn_places.in_batches(reversed(rows), LARGEST_BATCH):
            some.reverse()
            columns = columns_of(some, drawn_places.geometries(connection, some))
            for number in hit.at(columns, *self._place).tolist():
                row, author = some[number], answers[some[number].answer_id]
                labels = labels_of(known, row.label_ids)
                yield self._by_hand(content, row, author, labels, columns.take(np.array([number])))

    def _by_hand(
        self,
        content: Content,
        row: DrawnRow,
        author: str,
        labels: tuple[Label, ...],
        shape: ShapeColumns,
    ) -> Hit:
        own = is_own(self._transaction, author)
        return Hit(
            id=row.id,
            layer_id=content.question.id,
            layer=content.question.name,
            author=author,
            load_id=None,
            revision=row.revision,
            kind=ShapeKind(row.kind),
            labels=labels,
            colour=labels[0].colour if labels else content.question.colour,
            properties=row.properties,
            area=row.area,
            box=row.box,
            vertex_count=len(shape.coordinates),
            geometry=shape.to_geometries()[0],
            is_own=own,
            may_change=self._may_submit if own else self._may_import,
        )

    def _loaded(self, content: Content, stored: StoredLoad) -> Iterator[Hit]:
        parts = list(self._finder.parts(self._transaction.connection, stored, self._place.box))
        for part in reversed(parts):
            for number in self._numbers(part, stored):
                yield self._of_load(content, stored, part, number)

    def _numbers(self, part: PackedPart, stored: StoredLoad) -> list[int]:
        shown = [*(self._choice.shows(each.id) for each in stored.labels), self._choice.shows(None)]
        found = hit.at(part.shapes, *self._place)
        keep = np.array(shown)[part.shapes.labels[found]]
        if part.mask is not None:
            keep &= part.mask[found]
        keep &= ~np.isin(part.ids[found], sorted(self._choice.skipped))
        numbers: list[int] = found[keep].tolist()
        return numbers

    def _of_load(self, content: Content, stored: StoredLoad, part: PackedPart, number: int) -> Hit:
        mask = np.zeros(len(part.shapes), np.bool_)
        mask[number] = True
        shape = part.shapes.columns(mask)
        _, areas = shape.measures()
        label = int(part.shapes.labels[number])
        labels = () if label < 0 else (stored.labels[label],)
        said = chunks.properties(self._transaction.connection, part.key[1])
        values = properties.unpacked(said, len(part.shapes), stored.kinds)
        left, top, right, bottom = part.shapes.boxes[number].tolist()
        return Hit(
            id=int(part.ids[number]),
            layer_id=content.question.id,
            layer=content.question.name,
            author=stored.load.author,
            load_id=stored.load.id,
            revision=BULK_REVISION,
            kind=KINDS[int(part.shapes.kinds[number])],
            labels=labels,
            colour=labels[0].colour if labels else content.question.colour,
            properties={
                name: value
                for name, column in values.items()
                if (value := column[number : number + 1].tolist()[0]) is not None and value == value  # noqa: PLR0124 (NaN is not itself)
            },
            area=float(areas[0]),
            box=(left, top, right, bottom),
            vertex_count=len(shape.coordinates),
            geometry=shape.to_geometries()[0],
            is_own=is_own(self._transaction, stored.load.author),
            may_change=self._may_import,
        )
