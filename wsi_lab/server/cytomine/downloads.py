"""Files of images, as they are."""

from __future__ import annotations

from wsi_lab.server.cytomine.handlers import CytomineHandler
from wsi_lab.server.sending import send


class InstanceDownloadHandler(CytomineHandler):
    """The file of an image in a project."""

    async def get(self, image_id: str) -> None:
        """Send it."""
        slide = self.id_of("slide", image_id)
        await send(self, await self.ask(self.lab.downloads.slide, self.actor, slide))


class AbstractDownloadHandler(CytomineHandler):
    """The file of an abstract image."""

    async def get(self, abstract_id: str) -> None:
        """Send it."""
        number = self.id_of("image", abstract_id)
        await send(self, await self.ask(self.lab.images.download, self.actor, number))
