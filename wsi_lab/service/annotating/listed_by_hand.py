"""Shapes drawn by hand that are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsi_lab.service.annotating.list_scope import LabelCheck, Owners, Place, Scope
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import shape_lists as rows
from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Alike(NamedTuple):
    """Shapes of one answer that have the same labels."""

    answer_id: int
    author: str
    label_ids: tuple[int, ...]
    ids: NDArray[np.int64]


def alike_shapes(transaction: Transaction, scope: Scope) -> list[Alike]:
    """Return all shapes drawn by hand that the asker may see."""
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none of it)

    connection = transaction.connection
    found = rows.answers_on_layers(connection, scope.layers, scope.slide_ids)
    authors = {
        each.id: each.author
        for each in found
        if scope.shows(each.question_id, each.slide_id, each.author)
    }
    return [
        Alike(each.answer_id, authors[each.answer_id], each.label_ids, np.array(each.ids, np.int64))
        for each in rows.alike_shapes(connection, authors)
    ]


def ids_by_hand(
    connection: Connection,
    scope: Scope,
    alike: Sequence[Alike],
    *,
    owners: Owners,
    labels: LabelCheck,
    place: Place,
) -> NDArray[np.int64]:
    """Return the ids of those that are listed."""
    import numpy as np  # noqa: PLC0415 (as above)

    wanted = [each for each in alike if labels.holds(each.label_ids)]
    parts = [each.ids for each in wanted if owners.own(each.author)]
    unclear = [each for each in wanted if owners.own(each.author) is None]
    if unclear:
        answer_ids = {each.answer_id for each in unclear}
        theirs = rows.ids_changed_by(connection, answer_ids, owners.user_ids)
        parts.append(_both(np.concatenate([each.ids for each in unclear]), theirs))
    ids = np.concatenate([np.zeros(0, np.int64), *parts])
    for box in place.boxes:
        if not len(ids):
            break
        touching = rows.touching_ids(connection, scope.slide_id, box)
        if place.is_box:
            inside, across = _both(ids, touching.inside), _both(ids, touching.across)
            return np.concatenate([inside, _lying(connection, across, place.holds)])
        ids = _both(ids, touching.inside + touching.across)
    return _lying(connection, ids, place.holds) if place.boxes else ids


def _both(ids: NDArray[np.int64], others: Sequence[int]) -> NDArray[np.int64]:
    import numpy as np  # noqa: PLC0415 (as above)

    return ids[np.isin(ids, np.array(others, np.int64))]


def _lying(
    connection: Connection,
    ids: NDArray[np.int64],
    holds: Callable[[NDArray[np.object_]], NDArray[np.bool_]],
) -> NDArray[np.int64]:
    import numpy as np  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    if not len(ids):
        return ids
    found = rows.geometries_of(connection, ids.tolist())
    geometries = shapely.from_wkb(np.array([wkb for _, wkb in found], object))
    return np.array([shape_id for shape_id, _ in found], np.int64)[holds(geometries)]
