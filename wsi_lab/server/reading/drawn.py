"""What is drawn on slides by their numbers."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import Any

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.people import Actor
from wsi_lab.server.annotating import forms as shape_forms
from wsi_lab.server.annotating.drawing import (
    DrawingHandler,
    added_shapes,
    changed_shape,
    got_shape,
    listed_shapes,
    removed_shape,
)
from wsi_lab.server.annotating.overlays import (
    AtPlaceHandler,
    OverlayHandler,
    SlideLayersHandler,
)
from wsi_lab.server.api.forms import Json, NoQuery
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.reading import forms
from wsi_lab.server.reading.handling import ReadingHandler, SlideByNumber
from wsi_lab.service.annotating.overlays import OverlayTile
from wsi_lab.service.lab import Lab

_REVISIONS = ("revision", "hand_revision", "bulk_revision")


class NumberedOverlayHandler(SlideByNumber, OverlayHandler):
    """A tile of what is drawn on a layer."""

    def told_revisions(self, tile: OverlayTile) -> Collection[str]:
        """Return the revisions as `NumberedLayersHandler` tells them: true ones are made of ids."""
        return [self.lab.readings.veiled(each) for each in tile.revisions]


class NumberedLayersHandler(SlideByNumber, SlideLayersHandler):
    """The layers of a slide, and what there is of each on it that a reader may see."""

    def get_slide(self, slide_id: int, *_rest: str) -> Awaitable[None]:
        """Return them, without what came at once: its ids and names tell of files."""
        return self.send_layers(slide_id, self._told)

    def _told(self, answer: Json) -> Json:
        veiled = self.lab.readings.veiled
        layers = [
            {
                **layer,
                **{name: veiled(layer[name]) for name in _REVISIONS},
                "loads": [],
                "grids": [],
            }
            for layer in answer["items"]
        ]
        return {**answer, "revision": veiled(answer["revision"]), "items": layers}


class NumberedPlaceHandler(SlideByNumber, AtPlaceHandler):
    """What is at a place of a slide."""

    def get_slide(self, slide_id: int, *_rest: str) -> Awaitable[None]:
        """Return the shapes there, those that came at once without their ids."""
        return self.send_there(slide_id, _there_told)


class NumberedShapesHandler(ReadingHandler, DrawingHandler):
    """The shapes drawn by hand on a layer and slide."""

    async def get(self, study_id: str, layer_id: str) -> None:
        """Return those that a reader may see."""
        study, layer = whole_id(study_id, "study"), whole_id(layer_id, "layer")
        query = self.query(forms.SeenShapesQuery)
        answer = await self.wait_in(
            self.site.transfers, _listed, self.lab, self.actor, study, layer, query
        )
        self.send(answer)

    async def post(self, study_id: str, layer_id: str) -> None:
        """Draw some, in the reader's own name."""
        study, layer = whole_id(study_id, "study"), whole_id(layer_id, "layer")
        query = self.query(forms.OwnShapesQuery)
        new = await self.drawn(shape_forms.ShapesForm)
        answer = await self.wait_in(
            self.site.transfers, _added, self.lab, self.actor, study, layer, query.slide_id, new
        )
        self.send(answer, status=201)


class NumberedAnnotationHandler(ReadingHandler, DrawingHandler):
    """One shape drawn by hand."""

    async def get(self, study_id: str, annotation_id: str) -> None:
        """Return it."""
        self.query(NoQuery)
        study, shape = whole_id(study_id, "study"), whole_id(annotation_id, "annotation")
        answer = await self.ask(_got, self.lab, self.actor, study, shape)
        self.send(answer, revision=answer["revision"])

    async def patch(self, study_id: str, annotation_id: str) -> None:
        """Change it, where the study lets answers be changed."""
        study, shape = whole_id(study_id, "study"), whole_id(annotation_id, "annotation")
        revision = self.revision()
        self.query(NoQuery)
        change = await self.drawn(shape_forms.ShapeChange)
        answer = await self.wait_in(
            self.site.transfers, _changed, self.lab, self.actor, study, shape, change, revision
        )
        self.send(answer, revision=answer["revision"])

    async def delete(self, study_id: str, annotation_id: str) -> None:
        """Remove it, where the study lets answers be changed."""
        study, shape = whole_id(study_id, "study"), whole_id(annotation_id, "annotation")
        revision = self.revision()
        self.query(NoQuery)
        await self.ask(_removed, self.lab, self.actor, study, shape, revision)
        self.send_nothing()


def _there_told(answer: Json) -> Json:
    hits = []
    for number, hit in enumerate(answer["items"], start=1):
        told = hit
        if not hit["is_own"]:
            # Programs say what file a shape is of.
            told = {**told, "properties": {}}
        if hit["tier"] != "hand":
            told = {**told, "id": -number, "load_id": None, "may_change": False}
        hits.append(told)
    values = [{**each, "load_id": None, "name": ""} for each in answer["values"]]
    return {**answer, "items": hits, "values": values}


def _listed(
    lab: Lab, actor: Actor, study_id: int, layer_id: int, query: forms.SeenShapesQuery
) -> Json:
    number = query.slide_id
    slide_id = lab.readings.slide_id(actor, study_id, number)
    on_slide = shape_forms.DrawnQuery(
        slide_id, query.author, query.left, query.top, query.right, query.bottom
    )
    found = _numbered(listed_shapes(lab, actor, layer_id, on_slide), number)
    return {**found, "items": [_seen_by(lab, actor, each) for each in found["items"]]}


def _added(  # noqa: PLR0917 (an address, and what is drawn there)
    lab: Lab,
    actor: Actor,
    study_id: int,
    layer_id: int,
    number: int,
    new: shape_forms.ShapesForm,
) -> Json:
    slide_id = lab.readings.slide_id(actor, study_id, number)
    lab.readings.check_may_draw(actor, study_id, layer_id, slide_id)
    on_slide = shape_forms.DrawingQuery(slide_id)
    return _numbered(added_shapes(lab, actor, layer_id, on_slide, new), number)


def _got(lab: Lab, actor: Actor, study_id: int, shape_id: int) -> Json:
    numbers = lab.readings.numbers(actor, study_id)
    if shape_id < FIRST_BULK_ID:
        found = got_shape(lab, actor, shape_id)
        if found["slide_id"] in numbers:
            return _seen_by(lab, actor, _told(found, numbers[found["slide_id"]]))
    raise NotFound(f"There is no annotation {shape_id}.")


def _changed(  # noqa: PLR0917 (an address, and what is drawn there)
    lab: Lab,
    actor: Actor,
    study_id: int,
    shape_id: int,
    change: shape_forms.ShapeChange,
    revision: int,
) -> Json:
    number = _to_change(lab, actor, study_id, shape_id)
    try:
        return _told(changed_shape(lab, actor, shape_id, change, revision), number)
    except Conflict as error:
        raise _conflict(error, number) from error


def _removed(lab: Lab, actor: Actor, study_id: int, shape_id: int, revision: int) -> None:
    number = _to_change(lab, actor, study_id, shape_id)
    try:
        removed_shape(lab, actor, shape_id, revision)
    except Conflict as error:
        raise _conflict(error, number) from error


def _to_change(lab: Lab, actor: Actor, study_id: int, shape_id: int) -> int:
    """Return the number of the slide of a shape that is about to be changed."""
    number: int = _got(lab, actor, study_id, shape_id)["slide_id"]
    lab.readings.check_may_change(actor, study_id)
    return number


def _conflict(error: Conflict, number: int) -> Conflict:
    current = error.details.get("current")
    told = _told(current, number) if isinstance(current, dict) else None
    return Conflict(error.message, **{**error.details, "current": told})


def _numbered(answer: Json, number: int) -> Json:
    return {**answer, "items": [_told(each, number) for each in answer["items"]]}


def _seen_by(lab: Lab, actor: Actor, shape: Json) -> Json:
    is_own = lab.readings.is_by(actor, shape["author"])
    return shape if is_own else {**shape, "properties": {}}


def _told(shape: Any, number: int) -> Json:
    return {**shape, "slide_id": number, "bulk_id": None}
