"""What is told of annotations: all of it, or the groups of it that are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import shapely

from wsi_lab.model.annotation import Annotation
from wsi_lab.model.people import Actor, User
from wsi_lab.model.study import Slide
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.reading import Query
from wsi_lab.service.annotating.upward_wkt import wkt_of
from wsi_lab.service.lab import Lab

SQUARE_MICRONS, SQUARE_PIXELS = "micron²", "pixels²"
MILLIMETRES, PIXELS = "mm", "pixels"


class Group(Enum):
    """What of annotations may be asked for, by the names of the parameters."""

    META = "showMeta"
    WKT = "showWKT"
    GIS = "showGIS"
    TERM = "showTerm"
    USER = "showUser"
    IMAGE = "showImage"
    SLICE = "showSlice"
    TRACK = "showTrack"
    IMAGE_GROUP = "showImageGroup"
    LINK = "showLink"


WITHOUT_WORDS = frozenset({Group.META, Group.TERM})
"""What those get who ask for nothing in particular."""
WHOLE = frozenset({Group.META, Group.WKT, Group.GIS, Group.TERM, Group.USER})
"""What is told of a single one."""
_ALWAYS_NOTHING: Mapping[Group, Mapping[str, Any]] = {
    Group.SLICE: {"channel": 0, "zStack": 0, "time": 0},
    Group.TRACK: {"track": []},
    Group.IMAGE_GROUP: {"imageGroup": None},
    Group.LINK: {"group": None, "annotationLink": []},
}


def groups_of(query: Query) -> frozenset[Group]:
    """Return which groups a query asks for."""
    names = [*(each.value for each in Group), "showDefault", "showBasic"]
    if all(query.text(name) is None for name in names) or query.flag("showDefault"):
        return WITHOUT_WORDS
    return frozenset(each for each in Group if query.flag(each.value))


class Teller:
    """Tells annotations to somebody.

    Parameters
    ----------
    host
        What addresses begin with.
    groups
        What of them is told.
    """

    def __init__(self, lab: Lab, actor: Actor, host: str, groups: frozenset[Group] = WHOLE) -> None:
        self._lab = lab
        self._actor = actor
        self._host = host
        self._groups = groups
        self._slides: dict[int, Slide] = {}
        self._file_names: dict[int, str] = {}

    def tell(self, shapes: Sequence[Annotation]) -> list[words.Told]:
        """Return what is told of shapes, which the asker may see."""
        slides = self._slides_of(shapes)
        groups = self._groups
        told: list[words.Told] = [{"id": each.id, "class": words.ANNOTATION} for each in shapes]
        if Group.META in groups or Group.USER in groups:
            owners = self._lab.shape_lists.owners(self._actor, shapes)
            self._add_people(told, shapes, owners)
        if Group.META in groups:
            self._add_meta(told, shapes, slides)
        if Group.WKT in groups:
            texts = wkt_of(shapes, {number: slide.height for number, slide in slides.items()})
            for one, shape in zip(told, shapes, strict=True):
                one.update(location=texts[shape.id], geometryCompression=0.0)
        if Group.GIS in groups:
            for one, measures in zip(told, _measures(shapes, slides), strict=True):
                one.update(measures)
        for one, shape in zip(told, shapes, strict=True):
            if Group.TERM in groups:
                one.update(_terms(shape))
            if Group.IMAGE in groups:
                one.update(self._names(slides[_slide_id(shape)]))
            for group in groups & _ALWAYS_NOTHING.keys():
                one.update(_ALWAYS_NOTHING[group])
        return told

    def _slides_of(self, shapes: Iterable[Annotation]) -> dict[int, Slide]:
        for number in {_slide_id(each) for each in shapes} - self._slides.keys():
            self._slides[number] = self._lab.slides.get(self._actor, number)
        return self._slides

    def _add_people(
        self,
        told: Sequence[words.Told],
        shapes: Sequence[Annotation],
        owners: Mapping[int, User],
    ) -> None:
        for one, shape in zip(told, shapes, strict=True):
            owner = owners.get(shape.id)
            if Group.META in self._groups:
                one["user"] = None if owner is None else owner.id
            if Group.USER in self._groups:
                one["creator"] = shape.author if owner is None else owner.email
                one["name"] = shape.author if owner is None else owner.name

    def _add_meta(
        self,
        told: Sequence[words.Told],
        shapes: Sequence[Annotation],
        slides: Mapping[int, Slide],
    ) -> None:
        api = f"{self._host}api"
        for one, shape in zip(told, shapes, strict=True):
            slide = slides[_slide_id(shape)]
            crop = f"{api}/userannotation/{shape.id}/crop.png"
            one |= {
                "created": words.milliseconds(shape.changed_on),
                "updated": None,
                "image": slide.id,
                "slice": slide.id,
                "project": slide.study_id,
                "container": slide.study_id,
                "nbComments": 0,
                "countReviewedAnnotations": 0,
                "reviewed": False,
                "cropURL": crop,
                "smallCropURL": f"{crop}?maxSize=256",
                "url": crop,
                "imageURL": f"{api}/imageinstance/{slide.id}/thumb.png",
            }

    def _names(self, slide: Slide) -> words.Told:
        if slide.id not in self._file_names:
            self._file_names |= self._lab.images.file_names(self._actor, slide.study_id)
        return {
            "originalFilename": self._file_names.get(slide.id, slide.name),
            "instanceFilename": slide.name,
        }


def relation_id(annotation_id: int, term_id: int) -> int:
    """Return the id of an annotation's having a term.

    Examples
    --------
    >>> relation_id(7, 3) == relation_id(7, 3) != relation_id(3, 7)
    True
    """
    said = f"annotation/{annotation_id}/term/{term_id}".encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:6], "big") or 1


def _slide_id(shape: Annotation) -> int:
    number = shape.place.slide_id
    assert number is not None  # noqa: S101 (only shapes with a place on a slide are told here)
    return number


def _terms(shape: Annotation) -> words.Told:
    ids = [each.id for each in shape.labels]
    return {
        "term": ids,
        "userByTerm": [
            {"id": relation_id(shape.id, each), "term": each, "user": [shape.changed_by]}
            for each in ids
        ],
    }


def _measures(shapes: Sequence[Annotation], slides: Mapping[int, Slide]) -> list[words.Told]:
    geometries = np.array([each.shape.geometry for each in shapes], object)
    lengths, centres = shapely.length(geometries), shapely.centroid(geometries)
    areas = shapely.area(geometries)
    found = zip(shapes, lengths, areas, shapely.get_x(centres), shapely.get_y(centres), strict=True)
    return [
        {
            **scaled(float(area), float(length), slides[_slide_id(shape)].mpp_x),
            "centroid": {"x": float(x), "y": slides[_slide_id(shape)].height - float(y)},
        }
        for shape, length, area, x, y in found
    ]


def scaled(area: float, length: float, mpp: float | None) -> words.Told:
    """Return how large a shape is, by how many micrometres a pixel has, if that is known.

    Parameters
    ----------
    area, length
        In level-0 pixels, of the area itself and of its outline.
    """
    if mpp is None:
        size: Any = round(area), SQUARE_PIXELS, round(length), PIXELS
    else:
        size = area * mpp * mpp, SQUARE_MICRONS, length * mpp / 1000, MILLIMETRES
    return dict(zip(("area", "areaUnit", "perimeter", "perimeterUnit"), size, strict=True))
