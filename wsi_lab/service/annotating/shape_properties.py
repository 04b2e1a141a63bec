"""The properties of one shape: seen, and changed while all else of it stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wsi_lab.errors import Conflict
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.study import Study
from wsi_lab.service.annotating import taking_out
from wsi_lab.service.annotating.drawn_changes import change_drawn
from wsi_lab.service.annotating.given_shapes import drawn_again, drawn_of
from wsi_lab.service.annotating.seeing import layer
from wsi_lab.service.annotating.single_shapes import missing, seen_load, seen_shape
from wsi_lab.service.scoring.answering import study_for
from wsi_lab.service.transaction import Transaction

_BULK_REVISION = 1


class ShapeSaid(NamedTuple):
    """A shape that the asker may see, and what is said of it.

    Attributes
    ----------
    id
        Of one that was part of a load and became one drawn by hand, that which it has now.
    stored
        `None` for a shape of a load, whose words are in `feature` instead.
    """

    id: int
    study: Study
    author: str
    properties: Mapping[str, Any]
    stored: Annotation | None
    feature: Feature | None


def shape_said(transaction: Transaction, annotation_id: int) -> ShapeSaid:
    """Return a shape that the asker may see, drawn by hand or of a load.

    Raises
    ------
    NotFound
        There is none, or they may not know that there is.
    """
    if annotation_id >= FIRST_BULK_ID:
        return _loaded(transaction, annotation_id)
    stored = seen_shape(transaction, annotation_id)
    study, _ = layer(transaction, stored.question_id)
    return ShapeSaid(annotation_id, study, stored.author, stored.properties, stored, None)


def shape_to_say(transaction: Transaction, annotation_id: int) -> ShapeSaid:
    """Return a shape that the asker may change, drawn by hand or of a load."""
    found = shape_said(transaction, annotation_id)
    study_for(transaction, found.study.id, found.author)
    return found


def say(transaction: Transaction, shape: ShapeSaid, properties: Mapping[str, Any]) -> int:
    """Give a shape other properties, and return its id: a shape of a load gets another one.

    Raises
    ------
    Invalid
        There are too many of them.
    """
    before, feature = shape.stored, shape.feature
    if before is not None:
        said = Feature(
            before.shape.kind,
            before.shape.geometry,
            properties=dict(properties),
            source=before.source,
        )
        wanted = drawn_again(said, before)
        label_ids = [each.id for each in before.labels]
        change_drawn(transaction, before.id, wanted, before.revision, label_ids=label_ids)
        return before.id
    assert feature is not None  # noqa: S101 (one of the two is there)
    said = Feature(feature.kind, feature.geometry, feature.labels, dict(properties))
    return change_drawn(transaction, shape.id, drawn_of([said])[0], _BULK_REVISION).id


def _loaded(transaction: Transaction, bulk_id: int) -> ShapeSaid:
    seen, stored = seen_load(transaction, bulk_id)
    try:
        found, _ = taking_out.shape(transaction, bulk_id)
    except Conflict as error:
        by_hand = error.details.get("current")
        if by_hand is None:
            raise missing(bulk_id) from None
        return shape_said(transaction, by_hand)
    feature = found.feature
    return ShapeSaid(bulk_id, seen.study, stored.load.author, feature.properties, None, feature)
