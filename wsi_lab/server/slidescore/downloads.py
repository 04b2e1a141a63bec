"""Files that leave the lab as they are: slides, and attachments of descriptions."""

from __future__ import annotations

from typing import ClassVar

from wsi_lab.errors import NotFound, SlideMissing
from wsi_lab.model.people import Action
from wsi_lab.server.base import Handler
from wsi_lab.server.routing import OPEN, Kind, Need, Route
from wsi_lab.server.sending import send
from wsi_lab.server.slidescore.door import Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Reading, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.service.uploading.downloads import file_download


class DownloadSlide(Reading):
    """The file of a slide."""

    name: ClassVar[str] = "DownloadSlide"
    need: ClassVar[Need] = needs(Action.SLIDE_DOWNLOAD, Kind.SLIDE)
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> None:
        """Send it."""
        slide_id, study_id = params.required_number("imageid"), params.number("studyid")
        downloads = self.lab.downloads
        await send(self, await self.ask(downloads.slide, self.actor, slide_id, study_id=study_id))


class AttachmentHandler(Handler):
    """An attachment, for whoever has the link."""

    async def get(self, attachment_id: str, short_id: str, _name: str) -> None:
        """Send it; never as something that a browser would show or run."""
        lab = self.site.lab or await self.site.ready()
        if not attachment_id.isdecimal() or len(attachment_id) > 18:
            raise NotFound("There is no such attachment.")
        found = await self.ask(lab.attachments.find, int(attachment_id), short_id)
        try:
            download = await self.ask(file_download, found.path, found.attachment.name)
        except SlideMissing as error:
            raise NotFound("There is no such attachment.") from error
        await send(self, download)


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of files that leave the lab."""
    return (
        *routes_of(door, DownloadSlide),
        Route("a/{attachment_id}/{short_id}/{file_name}", AttachmentHandler, {"GET": OPEN}, door),
    )
