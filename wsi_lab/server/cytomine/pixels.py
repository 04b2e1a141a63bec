"""Pixels: windows of slides, whole slides made small, and masks of what was drawn on them."""

from __future__ import annotations

import re
from typing import NamedTuple

from wsi_lab.errors import Invalid
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.server.cytomine.handlers import CytomineHandler
from wsi_lab.server.cytomine.image_objects import PREVIEW, THUMB
from wsi_lab.server.cytomine.images import slide_of_image
from wsi_lab.server.cytomine.reading import Query
from wsi_lab.server.site import Lane
from wsi_lab.service.annotating.shape_pictures import (
    LONGEST_SIDE,
    Picture,
    PictureFormat,
    Shows,
)

LARGE = 4_000_000
"""Level-0 pixels; pictures of more have few threads, so that they hold up nobody's tiles."""
LIMIT_HEADER = "X-Image-Size-Limit"
MOST_ZOOM = 62

_PLACE = re.compile(r"(-?[0-9]{1,12})-(-?[0-9]{1,12})-(-?[0-9]{1,12})-(-?[0-9]{1,12})")
# PNG is what those get who ask for a format that is not made here: it loses nothing, and whoever
# opens it looks at its first bytes.
_FORMATS: dict[str, PictureFormat] = {
    **dict.fromkeys(("jpg", "jpeg"), "jpg"),
    **dict.fromkeys(("png", "tif", "tiff", "webp"), "png"),
}


class Wanted(NamedTuple):
    """How a picture is to be made."""

    shows: Shows
    file_format: PictureFormat
    zoom: int
    max_size: int | None


class PictureHandler(CytomineHandler):
    """Base of handlers that send pictures."""

    async def send_picture(self, picture: Picture) -> None:
        """Send a picture; say so where it is smaller than was asked."""
        if picture.is_limited:
            self.set_header(LIMIT_HEADER, str(LONGEST_SIDE))
        await self.send_file(picture.data, picture.media_type)

    def lane_for(self, width: int, height: int, wanted: Wanted) -> Lane:
        """Return the threads for a picture of so many level-0 pixels."""
        pixels = width * height >> 2 * wanted.zoom
        if wanted.max_size is not None:
            pixels = min(width * height, wanted.max_size**2)
        return self.site.previews if pixels > LARGE else self.site.pixels


class WindowHandler(PictureHandler):
    """A rectangle of a slide."""

    async def get(self, image_id: str, place: str) -> None:
        """Return its pixels, or which of them lie in annotations."""
        text, _, ending = place.partition(".")
        box, query = box_of(text), self.query
        wanted = wanted_of(query, file_format_of(ending))
        slide = await self.slide(image_id)
        shapes = await self._shapes(query, slide) if wanted.shows != "pixels" else None
        picture = await self.wait_in(
            self.lane_for(*box[2:], wanted),
            self.lab.shape_pictures.window,
            self.actor,
            slide,
            box,
            **wanted._asdict(),
            query=shapes,
        )
        await self.send_picture(picture)

    async def slide(self, image_id: str) -> int:
        """Return the slide that is meant."""
        return self.id_of("slide", image_id)

    async def _shapes(self, query: Query, slide: int) -> ListQuery:
        """Return which annotations a mask is of: those named, or of terms and users, or all."""
        ids = [] if query.flag("reviewed") else query.ids("annotations")
        if ids is not None:
            return ListQuery(slide_ids=(slide,), ids=tuple(ids))
        users, terms = query.ids("users"), query.ids("terms")
        emails = None
        if users is not None:
            emails = await self.ask(self.lab.colleagues.emails_to_find, self.actor, users)
        labels = None if terms is None else tuple(terms)
        return ListQuery(slide_ids=(slide,), label_ids=labels, emails=emails)


class AbstractWindowHandler(WindowHandler):
    """A rectangle of an abstract image."""

    async def slide(self, image_id: str) -> int:
        """Return a slide of it."""
        number = self.id_of("image", image_id)
        return await self.ask(slide_of_image, self.lab, self.actor, number)


class ThumbHandler(PictureHandler):
    """A whole slide, small."""

    usual = THUMB

    async def get(self, image_id: str, ending: str) -> None:
        """Return it."""
        wanted = self.wanted(ending)
        await self.send_whole(self.id_of("slide", image_id), wanted)

    def wanted(self, ending: str) -> Wanted:
        """Return how it is to be made."""
        size = self.query.whole("maxSize", 0) or self.usual
        return Wanted("pixels", file_format_of(ending), 0, size)

    async def send_whole(self, slide: int, wanted: Wanted) -> None:
        """Send a whole slide."""
        shown = await self.ask(self.lab.slides.get, self.actor, slide)
        picture = await self.wait_in(
            self.lane_for(shown.width, shown.height, wanted),
            self.lab.shape_pictures.window,
            self.actor,
            slide,
            (0, 0, shown.width, shown.height),
            **wanted._asdict(),
        )
        await self.send_picture(picture)


class PreviewHandler(ThumbHandler):
    """A whole slide, less small."""

    usual = PREVIEW


class AbstractThumbHandler(ThumbHandler):
    """A whole abstract image, small."""

    async def get(self, image_id: str, ending: str) -> None:
        """Return it; one that is in no project comes as it is stored best."""
        wanted, number = self.wanted(ending), self.id_of("image", image_id)
        image = await self.ask(self.lab.images.abstract, self.actor, number)
        if image.slide_ids:
            await self.send_whole(image.slide_ids[0], wanted)
            return
        size = wanted.max_size or self.usual
        found = await self.draw(self.lab.images.thumbnail, self.actor, number, size, size)
        await self.send_file(found.data, found.media_type)


class AbstractPreviewHandler(AbstractThumbHandler):
    """A whole abstract image, less small."""

    usual = PREVIEW


def box_of(text: str) -> tuple[int, int, int, int]:
    """Return the rectangle in an address: x, y, width and height, in level-0 pixels.

    Scripts of ATrISys's users name the width and the height first and then where it begins, the
    upper left corner; that is as good as a rectangle without any extent in the other order.

    Raises
    ------
    Invalid
        It is none.

    Examples
    --------
    >>> box_of("10-20-300-200"), box_of("2220-2967-0-0")
    ((10, 20, 300, 200), (0, 0, 2220, 2967))
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise Invalid("A window is named as in window-x-y-width-height.jpg, in whole pixels.")
    one, two, three, four = map(int, found.groups())
    if three == four == 0 and one > 0 and two > 0:
        return 0, 0, one, two
    return one, two, three, four


def file_format_of(ending: str) -> PictureFormat:
    """Return the format of a picture by its ending.

    Raises
    ------
    Invalid
        There is none of that ending.
    """
    found = _FORMATS.get(ending.lower())
    if found is None:
        raise Invalid("A picture ends in .jpg, .png, .tif or .webp.")
    return found


def wanted_of(query: Query, file_format: PictureFormat) -> Wanted:
    """Return how a picture is to be made, by the parameters that windows and crops share.

    Contrast, gamma, colour maps and how many bits there are change nothing.
    """
    if query.flag("alphaMask"):
        shows: Shows = "cut out"
    else:
        shows = "mask" if query.flag("mask") else "pixels"
    zoom = min(query.whole("zoom", 0), MOST_ZOOM)
    return Wanted(shows, file_format, zoom, query.whole("maxSize", 0) or None)
