"""Files that are attached to projects, images and annotations."""

from __future__ import annotations

from typing import cast

from tornado import web

from wsi_lab.errors import Invalid
from wsi_lab.model.attached import AttachedFile
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineHandler, CytomineReceiver
from wsi_lab.server.cytomine.receiving_files import Arriving, FormFileHandler
from wsi_lab.server.cytomine.things import ThingHandler, domain_of, hidden_as, kind_of
from wsi_lab.server.sending import send
from wsi_lab.service.uploading.image_files import Arriving as ArrivingFile

ATTACHED = "attachedfile"


@web.stream_request_body
class AttachHandler(FormFileHandler):
    """All attached files: attach one."""

    async def begin(self, file_name: str) -> Arriving:
        """Return what it is written to."""
        class_name, ids = self.query.text("domainClassName"), self.query.ids("domainIdent")
        if class_name is None or ids is None or len(ids) != 1:
            raise Invalid("Say what the file goes with, by 'domainClassName' and 'domainIdent'.")
        self._thing = kind_of(class_name), ids[0]
        self.name(hidden_as(self._thing[0]), ids[0])
        announced = self.request.headers.get("Content-Length", "")
        return await self.ask(
            self.lab.attached_files.receive,
            self.actor,
            *self._thing,
            self.query.text("filename") or file_name,
            length=int(announced) if announced.isdigit() else None,
        )

    async def finish_file(self, arriving: Arriving) -> None:
        """Attach it, and answer; clients look for the object itself here."""
        file = cast("ArrivingFile", arriving)
        attach = self.lab.attached_files.attach
        made = await self.wait_in(self.site.transfers, attach, self.actor, file, *self._thing)
        await self.send_json(attached_object(made, self.host))


@web.stream_request_body
class AttachedFilesHandler(ThingHandler):
    """The files that are attached to a thing."""

    async def get(self, *where: str) -> None:
        """Return them."""
        await self.nothing()
        found = await self.ask(self.lab.attached_files.list, self.actor, *self.thing(where))
        host = self.host
        await self.send_page(list(found)[::-1], lambda each: attached_object(each, host))


@web.stream_request_body
class AttachedFileHandler(CytomineReceiver):
    """One attached file."""

    async def get(self, file_id: str) -> None:
        """Return what it is."""
        await self.nothing()
        number = self.id_of("file", file_id)
        found = await self.ask(self.lab.attached_files.get, self.actor, number)
        await self.send_json(attached_object(found, self.host))

    async def delete(self, file_id: str) -> None:
        """Remove it."""
        await self.nothing()
        number = self.id_of("file", file_id)
        found = await self.ask(self.lab.attached_files.remove, self.actor, number)
        await self.send_json(words.done(ATTACHED, attached_object(found, self.host), "Delete"))


class AttachedDownloadHandler(CytomineHandler):
    """What is in an attached file."""

    async def get(self, file_id: str) -> None:
        """Send it; never as something that a browser would show or run."""
        number = self.id_of("file", file_id)
        await send(self, await self.ask(self.lab.attached_files.open, self.actor, number))


def attached_object(file: AttachedFile, host: str) -> words.Told:
    """Return what is told of an attached file."""
    return {
        **words.told(file.id, words.ATTACHED_FILE, file.created_on),
        "filename": file.name,
        "size": file.size,
        "user": file.created_by,
        "url": f"{host}api/attachedfile/{file.id}/download",
        **domain_of(file.kind, file.thing_id),
    }
