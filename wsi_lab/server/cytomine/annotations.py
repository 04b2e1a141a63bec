"""Annotations: listed, drawn one by one or many at once, changed and removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from tornado import web
from tornado.iostream import StreamClosedError

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.annotation import Annotation
from wsi_lab.model.people import Actor
from wsi_lab.server.base import SECONDS_PER_CHUNK
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.annotation_objects import Teller, groups_of
from wsi_lab.server.cytomine.annotation_queries import (
    Asked,
    Lister,
    asked_of,
    ids_named,
    included_in,
)
from wsi_lab.server.cytomine.handlers import CytomineReceiver
from wsi_lab.server.cytomine.locations import feature_of, features_on_slides
from wsi_lab.server.cytomine.reading import ids_of
from wsi_lab.server.dialect import JSON
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.lab import Lab

ANNOTATION = "annotation"
LARGEST_BATCH = 64 << 20
SECONDS_PER_BATCH = 600.0
TOLD_AT_ONCE = 5000
"""Annotations; of more, a list is sent while it is made."""


class _Annotation(msgspec.Struct):
    location: str
    image: int | None = None
    slice: int | None = None
    term: Any = None
    terms: Any = None

    @property
    def slide(self) -> int:
        """The slide that it is on."""
        slide = self.image if self.image is not None else self.slice
        if slide is None:
            raise Invalid("An annotation needs an image or a slice.")
        return slide

    @property
    def term_ids(self) -> list[int]:
        """What it is said to be."""
        return ids_of(self.terms if self.term is None else self.term, "term")


class _Changed(msgspec.Struct):
    location: str | None = None


@web.stream_request_body
class ListHandler(CytomineReceiver):
    """Base of handlers that list annotations."""

    async def send_list(self, asked: Asked) -> None:
        """Send the page of a list that is asked for."""
        self.name("study", *(asked.plain.study_ids or ()))
        self.name("slide", *(asked.plain.slide_ids or ()))
        self.name("shape", *ids_named(asked))
        most, offset = self.page()
        lister = Lister(self.lab, self.actor, asked)
        teller = Teller(self.lab, self.actor, self.host, groups_of(self.query))
        lane = self.site.transfers
        limit = min(most or TOLD_AT_ONCE, TOLD_AT_ONCE)
        total, first = await self.wait_in(lane, _chunk, lister, teller, offset, limit)
        end = min(total, offset + most) if most else total
        said = msgspec.json.encode(words.paged(total, most=most, offset=offset))
        if offset + TOLD_AT_ONCE >= end:
            await self.send_file(b'{"collection":[' + first + b"]," + said[1:], JSON)
            return
        self.set_header("Content-Type", JSON)
        try:
            await self._send_piece(b'{"collection":[' + first)
            for start in range(offset + TOLD_AT_ONCE, end, TOLD_AT_ONCE):
                if self.request.method == "HEAD":
                    break
                limit = min(end - start, TOLD_AT_ONCE)
                _, more = await self.wait_in(lane, _chunk, lister, teller, start, limit)
                await self._send_piece(b"," + more if more else b"")
        except (StreamClosedError, TimeoutError, WsiLabError):
            # What was sent cannot be taken back, and half a list must not look like a whole one.
            self._hang_up()
        await self.finish(b"]," + said[1:])

    async def _send_piece(self, piece: bytes) -> None:
        self.write(piece)
        await asyncio.wait_for(self.flush(), SECONDS_PER_CHUNK)


@web.stream_request_body
class AnnotationsHandler(ListHandler):
    """The annotations of projects and images."""

    async def get(self) -> None:
        """Return those that are asked for, the newest first."""
        await self.nothing()
        await self.send_list(asked_of(self.query))

    async def post(self) -> None:
        """Draw one, or many: all of them or none."""
        new, is_one = await self.forms(_Annotation)
        lane = self.site.transfers
        self.name("slide", *_slides_of(new))
        made = await self.wait_in(lane, _create, self.lab, self.actor, new)
        if is_one:
            teller = Teller(self.lab, self.actor, self.host)
            (told,) = await self.ask(teller.tell, made)
            await self.send_json(words.done(ANNOTATION, told, "Add"))
        else:
            await self.send_json(words.all_done([{"id": each.id} for each in made]))


@web.stream_request_body
class IncludedHandler(ListHandler):
    """The annotations that touch another one, or a place."""

    async def get(self) -> None:
        """Return them."""
        await self.nothing()
        await self.send_list(included_in(self.query))


@web.stream_request_body
class IncludedInImageHandler(ListHandler):
    """The same, on the image in the address."""

    async def get(self, image_id: str) -> None:
        """Return them."""
        await self.nothing()
        await self.send_list(included_in(self.query, self.id_of("slide", image_id)))


@web.stream_request_body
class AnnotationHandler(CytomineReceiver):
    """One annotation."""

    async def get(self, annotation_id: str) -> None:
        """Return it."""
        await self.nothing()
        number = self.id_of("shape", annotation_id)
        found = await self.ask(self.lab.shapes.get, self.actor, number)
        await self.send_json(await self._told(found))

    async def put(self, annotation_id: str) -> None:
        """Draw it anew; its terms are changed elsewhere."""
        changed = await self.object(_Changed)
        number = self.id_of("shape", annotation_id)
        lane, location = self.site.transfers, changed.location
        found = await self.wait_in(lane, _change, self.lab, self.actor, number, location)
        await self.send_json(words.done(ANNOTATION, await self._told(found), "Edit"))

    async def delete(self, annotation_id: str) -> None:
        """Remove it, with its terms, properties and tags."""
        await self.nothing()
        number = self.id_of("shape", annotation_id)
        found = await self.ask(self.lab.shapes.remove, self.actor, number)
        await self.send_json(words.done(ANNOTATION, await self._told(found), "Delete"))

    async def _told(self, found: Annotation) -> words.Told:
        teller = Teller(self.lab, self.actor, self.host)
        (told,) = await self.ask(teller.tell, [found])
        return told


def _chunk(lister: Lister, teller: Teller, offset: int, most: int) -> tuple[int, bytes]:
    """Return how many annotations there are, and some of them as JSON without its brackets."""
    total, shapes = lister.page(offset, most)
    return total, msgspec.json.encode(teller.tell(shapes))[1:-1]


def _slides_of(new: Sequence[_Annotation]) -> list[int]:
    return list(dict.fromkeys(each.slide for each in new))


def _create(lab: Lab, actor: Actor, new: Sequence[_Annotation]) -> list[Annotation]:
    heights = {each: lab.slides.get(actor, each).height for each in _slides_of(new)}
    features = features_on_slides([(each.location, heights[each.slide]) for each in new])
    shapes = [
        NewShape(each.slide, feature, tuple(each.term_ids))
        for each, feature in zip(new, features, strict=True)
    ]
    return lab.shapes.create(actor, shapes)


def _change(lab: Lab, actor: Actor, annotation_id: int, location: str | None) -> Annotation:
    found = lab.shapes.get(actor, annotation_id)
    if location is None:
        return found
    slide = lab.slides.get(actor, found.place.slide_id or 0)
    return lab.shapes.change_geometry(actor, annotation_id, feature_of(location, slide.height))
