"""Annotations as tables: Arrow, GeoParquet and GeoJSON, all or some."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wsi_lab.errors import Invalid, NotFound, OutOfRange
from wsi_lab.model.layer import Box, Condition, ShapeQuery, Tier
from wsi_lab.model.people import Actor
from wsi_lab.server.api import forms
from wsi_lab.service.lab import Lab

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
GEOJSON = "application/geo+json"

Words = Annotated[str, Meta(max_length=20_000)]


class TableQuery(Struct, kw_only=True):
    """Which shapes of a study.

    Lists are JSON, or one word: ``layer`` (names or ids), ``labels`` (``""`` for none),
    ``authors``, ``properties``. ``where`` is a list of ``[name, comparison, value]``, ``box`` is
    ``left,top,right,bottom``, ``within`` is WKT.
    """

    question: forms.Name | None = None
    author: forms.Email | None = None
    slide_id: forms.Id | None = None
    layer: Words | None = None
    labels: Words | None = None
    authors: Words | None = None
    box: forms.Words | None = None
    within: Words | None = None
    centroid: bool = False
    where: Words | None = None
    tier: Tier = "all"
    properties: Words | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing but question, author, slide, and whether loads are meant."""
        plain = TableQuery(
            question=self.question, author=self.author, slide_id=self.slide_id, tier=self.tier
        )
        return self == plain and self.tier != "bulk"


def shape_query(lab: Lab, actor: Actor, study_id: int, query: TableQuery) -> ShapeQuery:
    """Return what is looked for.

    Raises
    ------
    Invalid
        Something of it cannot be understood.
    NotFound
        There is no such study or layer.
    """
    authors = None if query.authors is None else words_of(query.authors, "authors")
    if query.author is not None:
        authors = (*(authors or ()), query.author)
    return ShapeQuery(
        study_id=study_id,
        slide_id=query.slide_id,
        layer_ids=_layer_ids(lab, actor, study_id, query),
        labels=None if query.labels is None else words_of(query.labels, "labels"),
        authors=authors,
        box=None if query.box is None else box_of(query.box),
        polygon=None if query.within is None else _polygon(query.within),
        centroid=query.centroid,
        where=() if query.where is None else _conditions(query.where),
        tier=query.tier,
        properties=None if query.properties is None else words_of(query.properties, "properties"),
        limit=query.limit,
    )


def words_of(text: str, name: str) -> tuple[str, ...]:
    """Return a list of words that is JSON, or the one word that it is.

    Examples
    --------
    >>> words_of("tumour", "labels"), words_of('["a", ""]', "labels")
    (('tumour',), ('a', ''))
    """
    if not text.startswith("["):
        return (text,)
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError:
        raise _problem(name, 'a word, or a JSON list of words such as ["a","b"]') from None


def box_of(text: str) -> Box:
    """Return a box of ``left,top,right,bottom``.

    Examples
    --------
    >>> box_of("0,0,10.5,20")
    (0.0, 0.0, 10.5, 20.0)
    """
    try:
        left, top, right, bottom = (float(each) for each in text.split(","))
    except ValueError:
        raise _problem("box", "left,top,right,bottom in level-0 pixels") from None
    if not (left <= right and top <= bottom):
        raise OutOfRange("A box is (left, top, right, bottom); this one ends before it begins.")
    return left, top, right, bottom


def _layer_ids(lab: Lab, actor: Actor, study_id: int, query: TableQuery) -> tuple[int, ...] | None:
    if query.layer is None and query.question is None:
        return None
    there = lab.layers.list(actor, study_id)
    known: dict[str | int, int] = {each.name: each.id for each in there}
    known |= {each.id: each.id for each in there}
    wanted = list(known) if query.layer is None else _layers(query.layer)
    for each in wanted:
        if each not in known:
            names = ", ".join(repr(layer.name) for layer in there) or "none yet"
            raise NotFound(f"There is no layer {each!r} in this study; there are: {names}.")
    ids = {known[each] for each in wanted}
    if query.question is not None:
        # As ever: what answers a question that nobody asks is nothing.
        ids &= {known.get(query.question, 0)}
    return tuple(sorted(ids))


def _layers(text: str) -> list[str | int]:
    if not text.startswith("["):
        return [int(text) if text.isascii() and text.isdigit() else text]
    try:
        return msgspec.json.decode(text, type=list[str | int])
    except msgspec.DecodeError:
        raise _problem("layer", "a name, an id, or a JSON list of these") from None


def _polygon(text: str) -> BaseGeometry:
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs no geometry)
    import shapely  # noqa: PLC0415 (as above)

    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = shapely.from_wkt(text)
    except shapely.errors.ShapelyError:
        found = None
    is_area = found is not None and found.geom_type in {"Polygon", "MultiPolygon"}
    # What is infinite has no bounds that could be subtracted, and cannot be made valid.
    if not is_area or not math.isfinite(shapely.get_coordinates(found).sum()) or found.is_empty:
        raise _problem("within", "a POLYGON or MULTIPOLYGON in WKT, in level-0 pixels")
    return found if found.is_valid else shapely.make_valid(found)


def _conditions(text: str) -> tuple[Condition, ...]:
    try:
        said = msgspec.json.decode(text, type=tuple[tuple[str, str, Any], ...])
    except msgspec.DecodeError:
        raise _problem("where", 'a JSON list such as [["score",">",0.5]]') from None
    return tuple(Condition(*each) for each in said)


def _problem(name: str, expected: str) -> Invalid:
    problem = f"{name}: expected {expected}"
    return Invalid(f"This request has a problem: {problem}.", problems=[problem])
