"""Files that leave the lab as they are: slides, and attachments of descriptions."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from wsi_lab.errors import NotFound, SlideMissing
from wsi_lab.model.people import Action
from wsi_lab.server.base import SECONDS_PER_CHUNK, Handler
from wsi_lab.server.routing import OPEN, Kind, Need, Route
from wsi_lab.server.slidescore.door import Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Reading, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.service.uploading.downloads import Download, file_download

_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\;%]')


async def send(handler: Handler, download: Download) -> None:
    """Send a file in pieces, each when the one before has gone."""
    handler.set_header("Content-Type", "application/octet-stream")
    handler.set_header("Content-Disposition", disposition(download.name))
    if download.size is not None:
        handler.set_header("Content-Length", str(download.size))
    try:
        if handler.request.method != "HEAD":
            while piece := await handler.wait_in(
                handler.site.transfers, next, download.pieces, b""
            ):
                handler.write(piece)
                await asyncio.wait_for(handler.flush(), SECONDS_PER_CHUNK)
        handler.finish()
    except (StreamClosedError, TimeoutError):
        stream = getattr(handler.request.connection, "stream", None)
        if stream is not None:
            stream.close()
    finally:
        download.close()


def disposition(name: str) -> str:
    r"""Return how a file is said to be one to be saved.

    Some clients understand only the plain name, and that only when it comes first; and they
    take a semicolon in it for its end.

    Examples
    --------
    >>> disposition("1.svs")
    'attachment; filename="1.svs"'
    >>> disposition("ä;b.svs")
    'attachment; filename="__b.svs"; filename*=UTF-8\'\'%C3%A4%3Bb.svs'
    """
    plain = _NOT_PLAIN.sub("_", name)
    said = f'attachment; filename="{plain}"'
    return said if plain == name else f"{said}; filename*=UTF-8''{quote(name, safe='')}"


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
