"""Tags, and what is tagged with them."""

from __future__ import annotations

import msgspec
from tornado import web

from wsi_lab.model.remark import Tag, TagLink
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineReceiver
from wsi_lab.server.cytomine.reading import Said, text_of
from wsi_lab.server.cytomine.things import ThingHandler, domain_of
from wsi_lab.server.parsing import whole_id

TAG, LINK = "tag", "tag_domain_association"


class _Tag(msgspec.Struct):
    name: Said


class _Changed(msgspec.Struct):
    name: Said | None = None


class _Link(msgspec.Struct):
    tag: int


@web.stream_request_body
class TagsHandler(CytomineReceiver):
    """All tags."""

    async def get(self) -> None:
        """Return those that the asker made, or sees on things."""
        await self.nothing()
        found = await self.ask(self.lab.remarks.tags, self.actor)
        await self.send_page(list(found)[::-1], tag_object)

    async def post(self) -> None:
        """Make one, or many: all of them or none."""
        new, is_one = await self.forms(_Tag)
        names = [text_of(each.name) for each in new]
        made = await self.ask(self.lab.remarks.add_tags, self.actor, names)
        await self.send_added(TAG, [tag_object(each) for each in made], is_one=is_one)


@web.stream_request_body
class TagHandler(CytomineReceiver):
    """One tag."""

    async def get(self, tag_id: str) -> None:
        """Return it."""
        await self.nothing()
        await self.send_json(tag_object(await self._tag(tag_id)))

    async def put(self, tag_id: str) -> None:
        """Change its name, on all that has it."""
        changed = await self.object(_Changed)
        found = await self._tag(tag_id)
        name = found.name if changed.name is None else text_of(changed.name)
        found = await self.ask(self.lab.remarks.rename_tag, self.actor, found.id, name)
        await self.send_json(words.done(TAG, tag_object(found), "Edit"))

    async def delete(self, tag_id: str) -> None:
        """Remove it from all that has it."""
        await self.nothing()
        found = await self._tag(tag_id)
        await self.ask(self.lab.remarks.remove_tag, self.actor, found.id)
        await self.send_json(words.done(TAG, tag_object(found), "Delete"))

    async def _tag(self, tag_id: str) -> Tag:
        return await self.ask(self.lab.remarks.tag, self.actor, whole_id(tag_id, "tag"))


@web.stream_request_body
class LinksHandler(ThingHandler):
    """The tags that a thing has."""

    async def get(self, *where: str) -> None:
        """Return them."""
        await self.nothing()
        found = await self.ask(self.lab.remarks.links, self.actor, *self.thing(where))
        newest_first = sorted(found, key=lambda each: -each.id)
        await self.send_page(newest_first, link_object)

    async def post(self, *where: str) -> None:
        """Give it one, or many: all of them or none."""
        new, is_one = await self.forms(_Link)
        tag_ids, verb = [each.tag for each in new], self.lab.remarks.link_all
        made = await self.ask(verb, self.actor, *self.thing(where), tag_ids)
        await self.send_added(LINK, [link_object(each) for each in made], is_one=is_one)


@web.stream_request_body
class LinkHandler(ThingHandler):
    """That a thing has a tag."""

    async def get(self, link_id: str) -> None:
        """Return it."""
        await self.nothing()
        await self.send_json(link_object(await self._link(link_id)))

    async def delete(self, link_id: str) -> None:
        """Take the tag from the thing."""
        await self.nothing()
        found = await self._link(link_id)
        await self.ask(self.lab.remarks.unlink, self.actor, found.id)
        await self.send_json(words.done(LINK, link_object(found), "Delete"))

    async def _link(self, link_id: str) -> TagLink:
        number = self.id_of("link", link_id)
        return await self.ask(self.lab.remarks.get_link, self.actor, number)


def tag_object(tag: Tag) -> words.Told:
    """Return what is told of a tag."""
    told = words.told(tag.id, words.TAG, tag.created_on)
    return {**told, "name": tag.name, "user": tag.created_by}


def link_object(link: TagLink) -> words.Told:
    """Return what is told of a thing having a tag."""
    return {
        **words.told(link.id, words.TAG_LINK, link.created_on),
        "tag": link.tag.id,
        "tagName": link.tag.name,
        **domain_of(link.kind, link.thing_id),
    }
