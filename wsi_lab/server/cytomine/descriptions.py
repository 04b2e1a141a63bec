"""Descriptions of projects, images and annotations: one each."""

from __future__ import annotations

import msgspec
from tornado import web

from wsi_lab.errors import Conflict, NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.remark import Description, ThingKind
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.things import ThingHandler, domain_of
from wsi_lab.service.lab import Lab

DESCRIPTION = "description"


class _Description(msgspec.Struct):
    data: str


@web.stream_request_body
class DescriptionHandler(ThingHandler):
    """The description of a thing."""

    async def get(self, *where: str) -> None:
        """Return it."""
        await self.nothing()
        found = await self.ask(self.lab.remarks.description, self.actor, *self.thing(where))
        await self.send_json(description_object(found))

    async def post(self, *where: str) -> None:
        """Describe what has no description yet."""
        new, thing = await self.object(_Description), self.thing(where)
        found = await self.ask(_write, self.lab, self.actor, thing, new.data, is_new=True)
        await self.send_json(words.done(DESCRIPTION, description_object(found), "Add"))

    async def put(self, *where: str) -> None:
        """Describe it anew."""
        new, thing = await self.object(_Description), self.thing(where)
        found = await self.ask(_write, self.lab, self.actor, thing, new.data, is_new=False)
        await self.send_json(words.done(DESCRIPTION, description_object(found), "Edit"))

    async def delete(self, *where: str) -> None:
        """Remove it."""
        await self.nothing()
        thing = self.thing(where)
        found = await self.ask(self.lab.remarks.description, self.actor, *thing)
        await self.ask(self.lab.remarks.remove_description, self.actor, *thing)
        await self.send_json(words.done(DESCRIPTION, description_object(found), "Delete"))


def description_object(found: Description) -> words.Told:
    """Return what is told of a description, which has its thing's id."""
    return {
        **words.told(found.thing_id, words.DESCRIPTION, found.created_on, found.changed_on),
        "data": found.html,
        **domain_of(found.kind, found.thing_id),
    }


def _write(
    lab: Lab, actor: Actor, thing: tuple[ThingKind, int], html: str, *, is_new: bool
) -> Description:
    try:
        lab.remarks.description(actor, *thing)
    except NotFound:
        if not is_new:
            raise
    else:
        if is_new:
            raise Conflict("It has a description already.")
    return lab.remarks.put_description(actor, *thing, html)
