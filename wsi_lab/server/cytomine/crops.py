"""Crops of annotations: the pixels around them, and which of these lie in them."""

from __future__ import annotations

from typing import ClassVar

from wsi_lab.server.cytomine.pixels import PictureHandler, file_format_of, wanted_of
from wsi_lab.service.annotating.shape_pictures import Shows


class CropHandler(PictureHandler):
    """The pixels around an annotation.

    Attributes
    ----------
    shows
        Whatever the parameters say; `None` leaves it to them.
    """

    shows: ClassVar[Shows | None] = None

    async def get(self, annotation_id: str, ending: str) -> None:
        """Return them."""
        query = self.query
        wanted = wanted_of(query, file_format_of(ending))
        increase = query.real("increaseArea")
        picture = await self.draw(
            self.lab.shape_pictures.shape,
            self.actor,
            self.id_of("shape", annotation_id),
            self.shows or wanted.shows,
            file_format=wanted.file_format,
            zoom=wanted.zoom,
            max_size=wanted.max_size,
            increase=1.0 if increase is None else increase,
        )
        await self.send_picture(picture)


class MaskHandler(CropHandler):
    """Which pixels lie in an annotation."""

    shows = "mask"


class AlphaMaskHandler(CropHandler):
    """The pixels of an annotation, and nothing around it."""

    shows = "cut out"
