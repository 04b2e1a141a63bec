"""Shapes drawn by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from wsi_lab.errors import Conflict
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.people import Actor
from wsi_lab.server.annotating import forms as shape_forms
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import LARGEST_READ_AT_ONCE, JsonHandler
from wsi_lab.server.failures import BodyUnsupported
from wsi_lab.server.parsing import from_json_at_once, is_json, whole_id
from wsi_lab.service.lab import Lab

T = TypeVar("T")

LARGEST_DRAWING = 24 << 20
"""Bytes of JSON: an outline of half a million vertices is a long text."""
F = TypeVar("F", bound=msgspec.Struct)


class DrawingHandler(JsonHandler):
    """A handler that takes shapes, which may be long."""

    async def drawn(self, form: type[F]) -> F:
        """Return the body as a form, without holding anybody up."""
        if not is_json(self.request.headers.get("Content-Type")):
            raise BodyUnsupported("The body of this request must be JSON (application/json).")
        body = self.request.body
        if len(body) <= LARGEST_READ_AT_ONCE:
            return from_json_at_once(form, body)
        return await self.wait_in(self.site.transfers, from_json_at_once, form, body)


class ShapesHandler(DrawingHandler):
    """The shapes drawn by hand on a layer and slide."""

    async def get(self, layer_id: str) -> None:
        """Return them."""
        number, query = whole_id(layer_id, "layer"), self.query(shape_forms.DrawnQuery)
        answer = await self.wait_in(
            self.site.transfers, listed_shapes, self.lab, self.actor, number, query
        )
        self.send(answer)

    async def post(self, layer_id: str) -> None:
        """Draw some."""
        number = whole_id(layer_id, "layer")
        query = self.query(shape_forms.DrawingQuery)
        new = await self.drawn(shape_forms.ShapesForm)
        answer = await self.wait_in(
            self.site.transfers, added_shapes, self.lab, self.actor, number, query, new
        )
        self.send(answer, status=201)


class AnnotationHandler(DrawingHandler):
    """One shape."""

    async def get(self, annotation_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        number = whole_id(annotation_id, "annotation")
        answer = await self.ask(got_shape, self.lab, self.actor, number)
        self.send(answer, revision=answer["revision"])

    async def patch(self, annotation_id: str) -> None:
        """Change it."""
        number, revision = whole_id(annotation_id, "annotation"), self.revision()
        self.query(forms.NoQuery)
        change = await self.drawn(shape_forms.ShapeChange)
        answer = await self.wait_in(
            self.site.transfers, changed_shape, self.lab, self.actor, number, change, revision
        )
        self.send(answer, revision=answer["revision"])

    async def delete(self, annotation_id: str) -> None:
        """Remove it; what it was stays in its history."""
        number, revision = whole_id(annotation_id, "annotation"), self.revision()
        self.query(forms.NoQuery)
        await self.ask(removed_shape, self.lab, self.actor, number, revision)
        self.send_nothing()


class AnnotationHistoryHandler(JsonHandler):
    """What a shape was."""

    async def get(self, annotation_id: str) -> None:
        """Return all of its forms, the oldest first."""
        self.query(forms.NoQuery)
        number = whole_id(annotation_id, "annotation")
        self.send(await self.ask(_history, self.lab, self.actor, number))


def listed_shapes(
    lab: Lab, actor: Actor, layer_id: int, query: shape_forms.DrawnQuery
) -> forms.Json:
    """Return the shapes of a layer and slide."""
    found = lab.drawing.list(actor, query.slide_id, layer_id, author=query.author, box=query.box)
    return _items(lab, actor, found)


def added_shapes(
    lab: Lab,
    actor: Actor,
    layer_id: int,
    query: shape_forms.DrawingQuery,
    new: shape_forms.ShapesForm,
) -> forms.Json:
    """Draw shapes on a layer and slide, and return them."""
    given = [(each.key, each.feature()) for each in new.shapes]
    drawn = _with_current_told(
        lab,
        actor,
        lambda: lab.drawing.add(actor, query.slide_id, layer_id, given, author=query.author),
    )
    return _items(lab, actor, drawn)


def got_shape(lab: Lab, actor: Actor, annotation_id: int) -> forms.Json:
    """Return a shape."""
    return _item(lab, actor, lab.drawing.get(actor, annotation_id))


def changed_shape(
    lab: Lab,
    actor: Actor,
    annotation_id: int,
    change: shape_forms.ShapeChange,
    revision: int,
) -> forms.Json:
    """Change a shape, and return it as it is now."""
    after = _with_current_told(
        lab, actor, lambda: lab.drawing.edit(actor, annotation_id, change.of, revision)
    )
    return _item(lab, actor, after)


def removed_shape(lab: Lab, actor: Actor, annotation_id: int, revision: int) -> None:
    """Remove a shape."""
    _with_current_told(lab, actor, lambda: lab.drawing.remove(actor, annotation_id, revision))


def _history(lab: Lab, actor: Actor, annotation_id: int) -> forms.Json:
    return _items(lab, actor, lab.drawing.history(actor, annotation_id))


def _with_current_told(lab: Lab, actor: Actor, work: Callable[[], T]) -> T:
    """Do some work; a conflict tells the shape as it is now in the words of `v1`."""
    try:
        return work()
    except Conflict as error:
        current = error.details.get("current")
        if not isinstance(current, Annotation):
            raise
        told = {**error.details, "current": _item(lab, actor, current)}
        raise Conflict(error.message, **told) from error


def _item(lab: Lab, actor: Actor, one: Annotation) -> forms.Json:
    return shape_forms.annotation(one, lab.drawing.emails(actor, [one]))


def _items(lab: Lab, actor: Actor, found: Sequence[Annotation]) -> forms.Json:
    emails = lab.drawing.emails(actor, found)
    items: list[Any] = [shape_forms.annotation(each, emails) for each in found]
    return {"items": items, "next_cursor": None}
