"""Where a list of shapes looks: on which slides, and whose shapes the asker may see there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.annotation import FARTHEST
from wsi_lab.model.layer import Box
from wsi_lab.model.people import Action
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.service.annotating.seeing import Seen, seen_layers
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import people
from wsi_lab.store import shape_lists as rows
from wsi_lab.store.answers import folded
from wsi_lab.store.connection import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

MOST_NAMED = 10_000
"""Studies, slides, shapes, people and labels in one question."""
MOST_VERTICES = 500_000


class Scope(NamedTuple):
    """Where a list looks.

    Attributes
    ----------
    layers
        By their ids.
    slide_ids
        `None` for all slides of the studies that the layers are of.
    """

    layers: Mapping[int, Seen]
    slide_ids: frozenset[int] | None

    @property
    def key(self) -> tuple[Any, ...]:
        """What names the shapes that the asker may see there, as long as nobody changes any."""
        slide_ids = None if self.slide_ids is None else sorted(self.slide_ids)
        return [(each, seen.only) for each, seen in self.layers.items()], slide_ids

    @property
    def slide_id(self) -> int | None:
        """The slide that it is about, if it is one."""
        if self.slide_ids is None or len(self.slide_ids) != 1:
            return None
        return next(iter(self.slide_ids))

    def shows(self, layer_id: int, slide_id: int, author: str) -> bool:
        """Return whether the list is about what an author drew there, and the asker may see it."""
        is_there = self.slide_ids is None or slide_id in self.slide_ids
        return is_there and self.layers[layer_id].shows(author)


def scope_of(transaction: Transaction, query: ListQuery) -> Scope:
    """Return where a list looks.

    Raises
    ------
    NotFound, NotAllowed
        There is no such study or slide, or the asker may not view it.
    """
    studies = {
        each: transaction.study(each, Action.STUDY_VIEW)
        for each in dict.fromkeys(query.study_ids or ())
    }
    slide_ids = None
    if query.slide_ids is not None:
        study_of = rows.studies_of_slides(transaction.connection, query.slide_ids)
        # Who may view one slide of a study may view all.
        first = {study_of.get(each): each for each in reversed(query.slide_ids)}
        found = {
            study_id: transaction.slide(each, Action.STUDY_VIEW)[0]
            for study_id, each in first.items()
            if study_id is not None
        }
        for each in query.slide_ids:
            if each not in study_of:
                transaction.slide(each, Action.STUDY_VIEW)
        studies = {
            study.id: study
            for study in found.values()
            if query.study_ids is None or study.id in studies
        }
        slide_ids = frozenset(each for each, of in study_of.items() if of in studies)
    layers = {
        seen.question.id: seen
        for study in studies.values()
        for seen in seen_layers(transaction, study)
    }
    return Scope(layers, slide_ids)


class Owners:
    """Tells whose shapes are: their authors', or of authors who are no users, others'.

    Parameters
    ----------
    emails
        Of the people whose shapes are looked for; `None` for everybody.
    """

    def __init__(self, connection: Connection, emails: Iterable[str] | None) -> None:
        self._connection = connection
        self._is_everybody = emails is None
        wanted = list(emails or ())
        self._emails = {folded(each) for each in wanted}
        found = (people.user_by_email(connection, each) for each in wanted)
        self.user_ids = {user.id for user in found if user is not None}
        self._known: dict[str, bool | None] = {}

    def own(self, author: str) -> bool | None:
        """Return whether what an author drew is theirs; `None` where each shape tells by itself.

        That is where the author is no user: it is of whoever changed it last.
        """
        if author not in self._known:
            self._known[author] = self._own(author)
        return self._known[author]

    def _own(self, author: str) -> bool | None:
        if self._is_everybody or folded(author) in self._emails:
            return True
        user = people.user_by_email(self._connection, author)
        if user is not None:
            return user.id in self.user_ids
        return None if self.user_ids else False


class LabelCheck(NamedTuple):
    """Which labels shapes must have to be listed."""

    label_ids: frozenset[int] | None
    without: bool
    several: bool

    def holds(self, label_ids: Iterable[int]) -> bool:
        """Return whether a shape with these labels is listed."""
        own = set(label_ids)
        if self.several and len(own) < 2:
            return False
        if self.label_ids is None:
            return not (self.without and own)
        return bool(own & self.label_ids) or (self.without and not own)


def label_check(query: ListQuery) -> LabelCheck:
    """Return which labels shapes must have to be listed."""
    wanted = None if query.label_ids is None else frozenset(query.label_ids)
    return LabelCheck(wanted, query.without_label, query.several_labels)


class Place:
    """Where shapes must lie to be listed."""

    def __init__(self, query: ListQuery) -> None:
        self._areas: list[tuple[BaseGeometry, float | None]] = []
        self.boxes: list[Box] = []
        """What every listed shape's own box touches."""
        if query.box is not None:
            self._areas.append((_box_geometry(query.box), None))
            self.boxes.append(query.box)
        if query.geometry is not None:
            import shapely  # noqa: PLC0415 (whoever opens a lab needs no geometry)

            far = query.distance or 0.0
            left, top, right, bottom = query.geometry.bounds
            shapely.prepare(query.geometry)
            self._areas.append((query.geometry, query.distance))
            self.boxes.append((left - far, top - far, right + far, bottom + far))
        self.is_box = query.geometry is None
        """Whether all shapes that lie in the box are listed."""

    def holds(self, geometries: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Return which shapes lie there."""
        import numpy as np  # noqa: PLC0415 (as above)
        import shapely  # noqa: PLC0415 (as above)

        found = np.ones(len(geometries), np.bool_)
        for area, distance in self._areas:
            found &= (
                shapely.intersects(area, geometries)
                if distance is None
                else shapely.dwithin(area, geometries, distance)
            )
        return found


def check_list(query: ListQuery) -> None:
    """Raise `Invalid` or `TooLarge` when a list cannot be made."""
    if query.study_ids is None and query.slide_ids is None:
        raise Invalid("Name the studies or the slides whose shapes are listed.")
    named = (
        *(query.study_ids, query.slide_ids, query.ids),
        *(query.emails, query.label_ids, query.without_ids),
    )
    if max(len(each or ()) for each in named) > MOST_NAMED:
        raise TooLarge(f"At most {MOST_NAMED:,} of a kind can be named at once.")
    problems = []
    if query.box is not None:
        left, top, right, bottom = query.box
        if not (all(map(_is_near, query.box)) and left <= right and top <= bottom):
            problems.append("A box is (left, top, right, bottom), finite numbers of pixels.")
    if query.distance is not None and not 0 <= query.distance <= FARTHEST:
        problems.append("A distance is a number of pixels, 0 or more.")
    if query.distance is not None and query.geometry is None:
        problems.append("A distance is one from a geometry.")
    if query.geometry is not None:
        problems += _problems_of(query.geometry)
    if problems:
        raise Invalid(" ".join(problems), problems=problems)


def _problems_of(geometry: BaseGeometry) -> list[str]:
    import shapely  # noqa: PLC0415 (as above)

    if geometry.is_empty:
        return ["The geometry is empty."]
    if shapely.get_num_coordinates(geometry) > MOST_VERTICES:
        raise TooLarge(f"The geometry may have at most {MOST_VERTICES:,} vertices.")
    if not all(map(_is_near, shapely.get_coordinates(geometry).ravel().tolist())):
        return ["The corners of the geometry are finite numbers of pixels on slides."]
    return []


def _is_near(number: float) -> bool:
    return math.isfinite(number) and abs(number) <= FARTHEST


def _box_geometry(box: Box) -> BaseGeometry:
    """Return a box that may be as thin as a line, or a point."""
    import shapely  # noqa: PLC0415 (as above)

    left, top, right, bottom = box
    if left < right and top < bottom:
        area = shapely.box(left, top, right, bottom)
    elif left < right or top < bottom:
        area = shapely.LineString([(left, top), (right, bottom)])
    else:
        area = shapely.Point(left, top)
    shapely.prepare(area)
    return area
