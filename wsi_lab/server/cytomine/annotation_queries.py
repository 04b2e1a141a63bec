"""Which annotations a list is asked for, with their y axis turned for each slide."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.layer import Box
from wsi_lab.model.people import Actor
from wsi_lab.model.shape_list import ListQuery, ShapePage
from wsi_lab.model.study import Slide
from wsi_lab.server.cytomine.reading import Query
from wsi_lab.server.parsing import real_in
from wsi_lab.service.annotating.upward_wkt import features_of_wkt
from wsi_lab.service.lab import Lab

LONGEST_PAGE = 1000
DECIMALS = 9
_NONE_OF = ("suggestedTerm", "suggestedTerms", "track", "tracks", "group", "groups")


class Asked(NamedTuple):
    """Which annotations are asked for.

    Attributes
    ----------
    plain
        What does not depend on how high slides are.
    user_ids
        Whose they are.
    box
        ``(left, bottom, right, top)``, with y upwards.
    areas
        Well-known texts, or ids of annotations.
    distance
        From the one of `areas`.
    """

    plain: ListQuery
    user_ids: list[int] | None
    box: Box | None
    areas: Sequence[str]
    distance: float | None


def asked_of(query: Query) -> Asked:
    """Return which annotations a query asks for.

    Raises
    ------
    Invalid
        It names neither a project nor an image, or a parameter is not what it must be.
    """
    studies, slides = query.ids("project", "projects"), _slides(query)
    if studies is None and slides is None:
        raise Invalid("Name a project, images or slices: annotations are listed of these.")
    box, areas = _box(query)
    if (same := query.text("bboxAnnotation")) is not None:
        areas.append(same)
    base, distance = query.text("baseAnnotation"), query.real("maxDistanceBaseAnnotation")
    if (base is None) != (distance is None):
        raise Invalid("'baseAnnotation' and 'maxDistanceBaseAnnotation' go together.")
    if base is not None:
        areas.append(base)
    if len(areas) > 1:
        raise Invalid(
            "Give one of 'bbox' that is no rectangle, 'bboxAnnotation', 'baseAnnotation'."
        )
    terms = query.ids("term", "terms")
    is_nothing = query.flag("reviewed") or any(query.text(each) is not None for each in _NONE_OF)
    plain = ListQuery(
        study_ids=None if studies is None else tuple(studies),
        slide_ids=None if slides is None else tuple(slides),
        # Nothing is reviewed, suggested, tracked or grouped here.
        ids=() if is_nothing else None,
        label_ids=None if terms is None else tuple(terms),
        without_label=query.flag("noTerm"),
        several_labels=query.flag("multipleTerm"),
    )
    return Asked(plain, query.ids("user", "users"), box, areas, distance)


def included_in(query: Query, image_id: int | None = None) -> Asked:
    """Return which annotations are asked for that touch another one, or a place.

    Parameters
    ----------
    image_id
        Where the address names the image.
    """
    slides = [image_id] if image_id is not None else _slides(query)
    reference = query.text("annotation") or query.text("geometry")
    if slides is None or reference is None:
        raise Invalid("Name an image, and an annotation or a geometry on it.")
    terms = query.ids("term", "terms")
    plain = ListQuery(
        slide_ids=tuple(slides),
        ids=() if query.flag("reviewed") else None,
        label_ids=None if terms is None else tuple(terms),
        without_ids=(int(reference),) if _is_id(reference) else (),
    )
    return Asked(plain, query.ids("user", "users"), None, [reference], None)


def ids_named(asked: Asked) -> list[int]:
    """Return the annotations that a question is about."""
    return [int(each) for each in asked.areas if _is_id(each)]


class Lister:
    """Lists annotations for somebody, the newest first."""

    def __init__(self, lab: Lab, actor: Actor, asked: Asked) -> None:
        self._lab = lab
        self._actor = actor
        self._asked = asked

    def page(self, offset: int, most: int) -> ShapePage:
        """Return how many annotations there are, and some of them."""
        queries = list(self._queries())
        verb = self._lab.shape_lists.page
        if len(queries) == 1:
            return verb(self._actor, queries[0], offset=offset, limit=most)
        # Of each height the first ones, as all of them might come before any of another's.
        pages = [verb(self._actor, each, offset=0, limit=offset + most) for each in queries]
        shapes: list[Annotation] = sorted(
            (shape for page in pages for shape in page.shapes), key=lambda each: -each.id
        )
        total = sum(page.total for page in pages)
        return ShapePage(total, shapes[offset : offset + most])

    def _queries(self) -> Iterator[ListQuery]:
        asked, query = self._asked, self._asked.plain
        if asked.user_ids is not None:
            emails = self._lab.colleagues.emails_to_find(self._actor, asked.user_ids)
            query = dataclasses.replace(query, emails=emails)
        if asked.box is None and not asked.areas:
            yield query
            return
        heights = self._slides_by_height()
        area = self._area()
        for height, slide_ids in heights.items():
            placed = dataclasses.replace(query, slide_ids=tuple(slide_ids))
            if asked.box is not None:
                placed = dataclasses.replace(placed, box=_box_below(asked.box, height))
            if area is not None:
                geometry = area.at(height)
                placed = dataclasses.replace(placed, geometry=geometry, distance=asked.distance)
            yield placed
        if not heights:
            yield dataclasses.replace(query, slide_ids=())

    def _slides_by_height(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for slide in self._slides():
            found[slide.height].append(slide.id)
        return found

    def _slides(self) -> Iterator[Slide]:
        query, slides = self._asked.plain, self._lab.slides
        if query.slide_ids is not None:
            for each in dict.fromkeys(query.slide_ids):
                yield slides.get(self._actor, each)
            return
        for study_id in dict.fromkeys(query.study_ids or ()):
            cursor: str | None = None
            while True:
                page = slides.list(self._actor, study_id, limit=LONGEST_PAGE, cursor=cursor)
                yield from page.items
                cursor = page.next_cursor
                if cursor is None:
                    break

    def _area(self) -> _Area | None:
        """Return the place that is asked for."""
        if not self._asked.areas:
            return None
        (text,) = self._asked.areas
        if not _is_id(text):
            return _Area(text, None, 0)
        shape = self._lab.shapes.get(self._actor, int(text))
        slide = self._lab.slides.get(self._actor, shape.place.slide_id or 0)
        return _Area("", shape.shape.geometry, slide.height)


class _Area(NamedTuple):
    """A place: a well-known text, or a geometry on a slide of some height."""

    text: str
    geometry: BaseGeometry | None
    height: int

    def at(self, height: int) -> BaseGeometry | None:
        """Return it with y downwards, on a slide of another height."""
        if self.geometry is None:
            return features_of_wkt([self.text], height)[0].geometry
        if height == self.height:
            return self.geometry
        moved = np.array([0.0, height - self.height])
        found: BaseGeometry = shapely.transform(self.geometry, lambda places: places + moved)
        return found


def _slides(query: Query) -> list[int] | None:
    # A slide has one slice, of the same id.
    images, slices = query.ids("image", "images"), query.ids("slice", "slices")
    if images is None or slices is None:
        return slices if images is None else images
    return [each for each in images if each in set(slices)]


def _box(query: Query) -> tuple[Box | None, list[str]]:
    """Return the rectangle that ``bbox`` tells, or its text where it is another area."""
    text = query.text("bbox")
    if text is None:
        return None, []
    parts = text.split(",")
    if len(parts) == 4 and "(" not in text:
        found = [number for number in map(real_in, parts) if number is not None]
        if len(found) != 4:
            raise Invalid("'bbox' must be four numbers, or a polygon as well-known text.")
        left, bottom, right, top = found
        return (min(left, right), min(bottom, top), max(left, right), max(bottom, top)), []
    area = features_of_wkt([text], 1.0)[0].geometry
    if area is not None and area.equals(shapely.box(*area.bounds)):
        left, top, right, bottom = area.bounds
        return (left, 1.0 - bottom, right, 1.0 - top), []
    return None, [text]


def _box_below(box: Box, height: int) -> Box:
    left, bottom, right, top = box
    # As the places of annotations are turned, so that edges that are equal stay so.
    return left, round(height - top, DECIMALS), right, round(height - bottom, DECIMALS)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 19
