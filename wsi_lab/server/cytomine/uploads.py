"""Slides that are sent, and the storages that they are sent to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import cast

from tornado import web

from wsi_lab.errors import Invalid, NotAllowed, NotFound
from wsi_lab.model.people import User
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineHandler
from wsi_lab.server.cytomine.image_objects import abstract_object, instance_object, media_type
from wsi_lab.server.cytomine.receiving_files import Arriving, FormFileHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.images import Arriving as ArrivingImage
from wsi_lab.service.images import UploadedImage

DEPLOYED = 100


class StoragesHandler(CytomineHandler):
    """The storages of whoever asks: one."""

    async def get(self) -> None:
        """Return it."""
        user = await self.ask(self.lab.people.me, self.actor)
        await self.send_page([user], storage_object)


class StorageHandler(CytomineHandler):
    """One storage."""

    async def get(self, storage_id: str) -> None:
        """Return it; others' are told to nobody."""
        user = await self.ask(self.lab.people.me, self.actor)
        if whole_id(storage_id, "storage") != user.id:
            raise NotFound("You have no such storage.")
        await self.send_json(storage_object(user))


@web.stream_request_body
class UploadHandler(FormFileHandler):
    """A slide that is sent, and put into projects if that is asked for."""

    async def begin(self, file_name: str) -> Arriving:
        """Return what it is written to."""
        storages = self.query.ids("storage", "idStorage")
        if storages is not None and set(storages) != {self.actor.user.id}:
            raise NotAllowed("This storage is somebody else's.")
        self._properties = self._said()
        self._studies = list(dict.fromkeys(self.query.ids("projects", "idProject") or ()))
        self.name("study", *self._studies)
        announced = self.request.headers.get("Content-Length", "")
        return await self.ask(
            self.lab.images.receive,
            self.actor,
            file_name,
            study_ids=self._studies,
            length=int(announced) if announced.isdigit() else None,
        )

    async def finish_file(self, arriving: Arriving) -> None:
        """Make an image of it, and answer; whoever does not want to wait waits no longer here."""
        made = await self.draw(
            self.lab.images.register_upload,
            self.actor,
            cast("ArrivingImage", arriving),
            study_ids=self._studies,
            properties=self._properties,
        )
        await self.send_json([upload_object(made, self._studies, self.actor.user, self.host)])

    def _said(self) -> list[tuple[str, str]]:
        query = self.query
        keys, values = (_parts(query.text(each)) for each in ("keys", "values"))
        if len(keys) != len(values):
            raise Invalid("'keys' and 'values' must be as many of each.")
        return [(key, value) for key, value in zip_longest(keys, values) if key]


def storage_object(user: User) -> words.Told:
    """Return what is told of somebody's storage, which has their id."""
    return {
        **words.told(user.id, words.STORAGE, user.created_on),
        "name": f"{user.email} storage",
        "user": user.id,
    }


def upload_object(
    made: UploadedImage, study_ids: Sequence[int], user: User, host: str
) -> words.Told:
    """Return what is told of a slide that was sent."""
    image = made.image
    kind = media_type(image.name)
    uploaded = {
        **words.told(image.id, words.UPLOADED_FILE, image.added_on),
        "originalFilename": image.name,
        "filename": image.name,
        "size": made.size,
        "ext": kind.lower(),
        "contentType": kind,
        "storage": user.id,
        "user": user.id,
        "projects": list(study_ids),
        "status": DEPLOYED,
    }
    images = {
        "image": abstract_object(image, host),
        "imageInstances": [instance_object(each, host) for each in made.instances],
    }
    return {
        "status": 200,
        "name": image.name,
        "size": made.size,
        "uploadedFile": uploaded,
        "images": [images],
    }


def _parts(text: str | None) -> list[str]:
    return [] if text is None else [each.strip() for each in text.split(",")]
