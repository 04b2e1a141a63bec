"""Properties of projects, images and annotations: keys, and values that are texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from tornado import web

from wsi_lab.model.remark import Property
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.reading import Said, text_of
from wsi_lab.server.cytomine.things import ThingHandler, domain_of
from wsi_lab.server.parsing import whole_id

PROPERTY = "property"


class _Property(msgspec.Struct):
    key: Said
    value: Any


class _Changed(msgspec.Struct):
    key: Said | None = None
    value: Any = None


@web.stream_request_body
class PropertiesHandler(ThingHandler):
    """The properties of a thing."""

    async def get(self, *where: str) -> None:
        """Return them."""
        await self.nothing()
        found = await self.ask(self.lab.remarks.properties, self.actor, *self.thing(where))
        await self.send_page(_newest_first(found), property_object)

    async def post(self, *where: str) -> None:
        """Add one, or many: all of them or none."""
        new, is_one = await self.forms(_Property)
        pairs = [(text_of(each.key), each.value) for each in new]
        thing = self.thing(where)
        added = await self.ask(self.lab.remarks.add_properties, self.actor, *thing, pairs)
        await self.send_added(PROPERTY, [property_object(each) for each in added], is_one=is_one)


@web.stream_request_body
class PropertyHandler(ThingHandler):
    """One property of a thing."""

    async def get(self, *address: str) -> None:
        """Return it."""
        await self.nothing()
        await self.send_json(property_object(await self._property(address)))

    async def put(self, *address: str) -> None:
        """Change its key or its value."""
        changed = await self.object(_Changed)
        *where, number = address
        found = await self.ask(
            self.lab.remarks.change_property,
            self.actor,
            *self.thing(where),
            whole_id(number, "property"),
            key=None if changed.key is None else text_of(changed.key),
            value=changed.value,
        )
        await self.send_json(words.done(PROPERTY, property_object(found), "Edit"))

    async def delete(self, *address: str) -> None:
        """Remove it."""
        await self.nothing()
        found = await self._property(address)
        thing = found.kind, found.thing_id
        await self.ask(self.lab.remarks.remove_property, self.actor, *thing, found.id)
        await self.send_json(words.done(PROPERTY, property_object(found), "Delete"))

    async def _property(self, address: Sequence[str]) -> Property:
        *where, number = address
        thing = self.thing(where)
        return await self.ask(
            self.lab.remarks.property, self.actor, *thing, whole_id(number, "property")
        )


@web.stream_request_body
class PropertyByKeyHandler(ThingHandler):
    """The property of a thing that has a key."""

    async def get(self, *address: str) -> None:
        """Return it."""
        await self.nothing()
        *where, key = address
        found = await self.ask(self.lab.remarks.by_key, self.actor, *self.thing(where), key)
        await self.send_json(property_object(found))


def property_object(found: Property) -> words.Told:
    """Return what is told of a property."""
    return {
        **words.told(found.id, words.PROPERTY, found.created_on, found.changed_on),
        "key": found.key,
        "value": found.value,
        **domain_of(found.kind, found.thing_id),
    }


def _newest_first(found: Sequence[Property]) -> list[Property]:
    # Those of a shape stand in the order they were said in, and their ids say nothing of it.
    return list(found)[::-1]
