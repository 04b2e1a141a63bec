"""Images: the slides of a project, and the files that they are made of."""

from __future__ import annotations

from functools import partial

import msgspec
from tornado import web

from wsi_lab.errors import Invalid
from wsi_lab.model.image import Instance
from wsi_lab.model.people import Actor
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineHandler, CytomineReceiver
from wsi_lab.server.cytomine.image_objects import abstract_object, instance_object, slice_object
from wsi_lab.server.cytomine.reading import Said, text_of
from wsi_lab.service.lab import Lab

INSTANCE, ABSTRACT = "imageinstance", "abstractimage"


class _Instance(msgspec.Struct, rename={"image_id": "baseImage"}):
    image_id: int
    project: int


class _Changed(msgspec.Struct, rename="camel"):
    instance_filename: Said | None = None
    magnification: float | None = None
    physical_size_x: float | None = None
    physical_size_y: float | None = None


class InstancesOfProjectHandler(CytomineHandler):
    """The images of a project."""

    async def get(self, project_id: str) -> None:
        """Return them."""
        study = self.id_of("study", project_id)
        found = await self.ask(self.lab.images.instances, self.actor, study)
        await self.send_page(found[::-1], partial(instance_object, host=self.host))


@web.stream_request_body
class InstancesHandler(CytomineReceiver):
    """All images of projects."""

    async def post(self) -> None:
        """Put an abstract image into a project."""
        new = await self.object(_Instance)
        self.name("study", new.project)
        self.name("image", new.image_id)
        verb = self.lab.images.add_instance
        # The file is looked at again.
        made = await self.draw(verb, self.actor, new.image_id, new.project)
        await self.send_json(words.done(INSTANCE, instance_object(made, self.host), "Add"))


@web.stream_request_body
class InstanceHandler(CytomineReceiver):
    """One image of a project."""

    async def get(self, image_id: str) -> None:
        """Return it."""
        await self.nothing()
        found = await self._instance(self.id_of("slide", image_id))
        await self.send_json(instance_object(found, self.host))

    async def put(self, image_id: str) -> None:
        """Change its name or its scale in this project."""
        changed = await self.object(_Changed)
        slide, name = self.id_of("slide", image_id), changed.instance_filename
        found = await self.ask(
            self.lab.images.change_instance,
            self.actor,
            slide,
            name=None if name is None else text_of(name),
            magnification=changed.magnification,
            mpp_x=changed.physical_size_x,
            mpp_y=changed.physical_size_y,
        )
        await self.send_json(words.done(INSTANCE, instance_object(found, self.host), "Edit"))

    async def delete(self, image_id: str) -> None:
        """Take it out of its project; the file stays."""
        await self.nothing()
        slide = self.id_of("slide", image_id)
        told = instance_object(await self._instance(slide), self.host)
        await self.ask(self.lab.images.remove_instance, self.actor, slide)
        await self.send_json(words.done(INSTANCE, told, "Delete"))

    async def _instance(self, slide: int) -> Instance:
        return await self.ask(self.lab.images.instance, self.actor, slide)


class SliceHandler(CytomineHandler):
    """The one plane of a slide."""

    async def get(self, image_id: str) -> None:
        """Return it."""
        slide = self.id_of("slide", image_id)
        found = await self.ask(self.lab.images.instance, self.actor, slide)
        await self.send_json(slice_object(found))


class SlicesHandler(CytomineHandler):
    """The planes of a slide, which are one."""

    async def get(self, image_id: str) -> None:
        """Return them."""
        slide = self.id_of("slide", image_id)
        found = await self.ask(self.lab.images.instance, self.actor, slide)
        await self.send_page([found], slice_object)


class AbstractImagesHandler(CytomineHandler):
    """All abstract images."""

    async def get(self) -> None:
        """Return those that the asker may see."""
        found = await self.ask(self.lab.images.abstracts, self.actor)
        await self.send_page(found[::-1], partial(abstract_object, host=self.host))


@web.stream_request_body
class AbstractImageHandler(CytomineReceiver):
    """One abstract image."""

    async def get(self, abstract_id: str) -> None:
        """Return it."""
        await self.nothing()
        await self.send_json(await self._told(self.id_of("image", abstract_id)))

    async def delete(self, abstract_id: str) -> None:
        """Remove one that the asker has uploaded and no project has, with its file."""
        await self.nothing()
        number = self.id_of("image", abstract_id)
        told = await self._told(number)
        await self.ask(self.lab.images.remove, self.actor, number)
        await self.send_json(words.done(ABSTRACT, told, "Delete"))

    async def _told(self, number: int) -> words.Told:
        found = await self.ask(self.lab.images.abstract, self.actor, number)
        return abstract_object(found, self.host)


def slide_of_image(lab: Lab, actor: Actor, image_id: int) -> int:
    """Return a slide of an abstract image that the asker may see.

    Raises
    ------
    Invalid
        There is none.
    """
    slides = lab.images.abstract(actor, image_id).slide_ids
    if not slides:
        raise Invalid("This image is in no project yet; put it into one to see its pixels.")
    return slides[0]
