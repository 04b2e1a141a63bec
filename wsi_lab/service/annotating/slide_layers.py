"""Which layers a slide has, and what there is of each on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wsi_lab.model.layer import LabelCount, Load
from wsi_lab.model.people import Action
from wsi_lab.model.task import Access
from wsi_lab.service.annotating.overlay_content import (
    Content,
    contents,
    labels_counted,
    revision_of,
)
from wsi_lab.service.scoring.answering import is_own
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import drawn_places
from wsi_lab.store.answers import folded
from wsi_lab.store.layers import labels_by_id


class AuthorCount(NamedTuple):
    """How many shapes an author has, drawn by hand and in loads."""

    author: str
    hand_count: int
    bulk_count: int
    is_own: bool


class PropertyRange(NamedTuple):
    """The least and the greatest value of a property that is a number."""

    name: str
    low: float
    high: float


class SlideLayer(NamedTuple):
    """A layer, and what there is of it on a slide that the asker may see.

    Attributes
    ----------
    labels
        All labels of the layer in their order, and removed ones that are still used. A shape
        with several counts for each of them.
    without_label
        Shapes that have none.
    loads, grids
        What came at once: shapes, and grids of values.
    may_draw, may_change_others
        What the asker may do.
    """

    content: Content
    hand_count: int
    bulk_count: int
    area: float
    labels: list[LabelCount]
    without_label: LabelCount
    authors: list[AuthorCount]
    properties: list[PropertyRange]
    loads: list[Load]
    grids: list[Load]
    may_draw: bool
    may_change_others: bool


class SlideLayers(NamedTuple):
    """The layers of a slide, and words that change when anything of them does."""

    revision: str
    layers: list[SlideLayer]


def slide_layers(transaction: Transaction, slide_id: int) -> SlideLayers:
    """Return the layers of a slide's study in their order, those with nothing on it, too."""
    study, slide = transaction.slide(slide_id, Action.STUDY_VIEW)
    found = contents(transaction, study, slide)
    may_import = transaction.may(Action.ANSWER_IMPORT, study)
    may_draw = may_import or transaction.may(Action.ANSWER_SUBMIT, study)
    closed = transaction.closed_questions(study, Access.WRITE)
    layers = [
        _layer(
            transaction,
            each,
            may_draw=may_draw and each.question.id not in closed,
            may_import=may_import and each.question.id not in closed,
        )
        for each in found
    ]
    return SlideLayers(revision_of(found), layers)


def _layer(
    transaction: Transaction, content: Content, *, may_draw: bool, may_import: bool
) -> SlideLayer:
    authors = {each.id: each.author for each in content.answers}
    drawn = drawn_places.hand_counts(transaction.connection, authors)
    shapes = [each.load for each in content.loads if each.load.kind == "shapes"]
    totals: dict[int | None, tuple[int, float]] = {}
    for row in drawn:
        for label_id in row.label_ids or (None,):
            _add(totals, label_id, row.shape_count, row.area)
    for load in shapes:
        for each in load.counts:
            _add(totals, None if each.label is None else each.label.id, each.count, each.area)
    labels = labels_by_id(transaction.connection, totals)
    known = [LabelCount(label, *totals[label.id]) for label in labels.values()]
    bulk_areas = sum(each.area for load in shapes for each in load.counts)
    return SlideLayer(
        content=content,
        hand_count=sum(row.shape_count for row in drawn),
        bulk_count=sum(load.count for load in shapes),
        area=sum(row.area for row in drawn) + bulk_areas,
        labels=labels_counted(content, known),
        without_label=LabelCount(None, *totals.get(None, (0, 0.0))),
        authors=_authors(
            transaction, ((authors[row.answer_id], row.shape_count) for row in drawn), shapes
        ),
        properties=_properties(content),
        loads=shapes,
        grids=[each.load for each in content.loads if each.load.kind == "grid"],
        may_draw=may_draw,
        may_change_others=may_import,
    )


def _authors(
    transaction: Transaction, drawn: Iterable[tuple[str, int]], loads: Iterable[Load]
) -> list[AuthorCount]:
    counted: dict[str, AuthorCount] = {}

    def add(author: str, by_hand: int, in_bulk: int) -> None:
        before = counted.get(folded(author)) or AuthorCount(
            author, 0, 0, is_own(transaction, author)
        )
        counted[folded(author)] = before._replace(
            hand_count=before.hand_count + by_hand, bulk_count=before.bulk_count + in_bulk
        )

    for author, count in drawn:
        add(author, count, 0)
    for load in loads:
        add(load.author, 0, load.count)
    return sorted(counted.values(), key=lambda each: folded(each.author))


def _properties(content: Content) -> list[PropertyRange]:
    names = dict.fromkeys(
        name for each in content.loads if each.load.kind == "shapes" for name in each.load.ranges
    )
    ranges = ((name, content.range_of(name)) for name in names)
    return [PropertyRange(name, *found) for name, found in ranges if found is not None]


def _add(
    totals: dict[int | None, tuple[int, float]], label_id: int | None, count: int, area: float
) -> None:
    before = totals.get(label_id, (0, 0.0))
    totals[label_id] = before[0] + count, before[1] + area
