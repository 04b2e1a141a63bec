"""Pictures of shapes and of parts of slides: the pixels, and which of them lie in shapes."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from wsi_lab.errors import Busy, OutOfRange
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.service.annotating.any_shape import any_shape
from wsi_lab.service.annotating.finding import Finder
from wsi_lab.service.annotating.listed_loads import loads_in, of_loads
from wsi_lab.service.annotating.picture_view import LONGEST_SIDE, View, box_around, view_of
from wsi_lab.service.annotating.shape_lists import ShapeLists
from wsi_lab.service.answers import encoded
from wsi_lab.service.tiles import Tiles
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import shape_lists as rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from wsi_lab.geometry.columns import ShapeColumns
    from wsi_lab.slides.reader import Pixels

__all__ = ["LONGEST_SIDE", "Picture", "PictureFormat", "ShapePictures", "Shows"]

Shows = Literal["pixels", "mask", "cut out"]
"""The pixels; 255 in shapes and else 0; the pixels, and nothing outside of shapes."""
PictureFormat = Literal["png", "jpg"]

PIXELS_AT_ONCE = 8_000_000
LARGE = 16_000_000
"""Pixels of pictures of which few are made at once."""
MOST_LARGE = 2
PATIENCE_SECONDS = 30.0
INSIDE = 255


class Picture(NamedTuple):
    """A picture as a file.

    Attributes
    ----------
    is_limited
        Whether it is smaller than was asked, so that no side is longer than `LONGEST_SIDE`.
    """

    data: bytes
    media_type: str
    is_limited: bool


class ShapePictures:
    """Pictures of shapes and of parts of slides, for those who may see them.

    A pixel lies in a shape when its middle does; lines are as wide as a pixel, and points are
    the pixel that they are in. Masks are PNG whatever is asked: JPEG would add greys.
    """

    def __init__(
        self,
        transactions: Transactions,
        tiles: Tiles,
        finder: Finder,
        shape_lists: ShapeLists,
    ) -> None:
        self._transactions = transactions
        self._tiles = tiles
        self._finder = finder
        self._shape_lists = shape_lists
        self._large = threading.BoundedSemaphore(MOST_LARGE)

    def shape(
        self,
        actor: Actor,
        shape_id: int,
        shows: Shows = "pixels",
        *,
        file_format: PictureFormat = "png",
        zoom: int = 0,
        max_size: int | None = None,
        increase: float = 1.0,
    ) -> Picture:
        """Return a picture of the rectangle around a shape, or of 100 × 100 around a point.

        Parameters
        ----------
        zoom, max_size
            See `wsi_lab.service.annotating.picture_view.view_of`.
        increase
            How many times as wide and as high what is shown is.

        Raises
        ------
        NotFound, NotAllowed
            There is no such shape, or the asker may not see it or its slide.
        Invalid
            A number is less than it can be, or too large.
        SlideMissing, UnsupportedSlide, DamagedSlide, TooLarge, Busy
            The file cannot be shown.
        """
        found = self._transactions.read(actor, lambda t: any_shape(t, self._finder, shape_id))
        geometry, slide_id = found.shape.geometry, found.place.slide_id
        assert geometry is not None  # noqa: S101 (the shape has a place)
        assert slide_id is not None  # noqa: S101 (as above)
        view = view_of(box_around(geometry.bounds, increase), zoom=zoom, max_size=max_size)
        shapes = None if shows == "pixels" else [_columns([geometry])]
        return self._picture(actor, slide_id, view, shapes, shows=shows, file_format=file_format)

    def window(
        self,
        actor: Actor,
        slide_id: int,
        box: tuple[int, int, int, int],
        shows: Shows = "pixels",
        *,
        file_format: PictureFormat = "png",
        zoom: int = 0,
        max_size: int | None = None,
        query: ListQuery | None = None,
    ) -> Picture:
        """Return a picture of a part of a slide; white beyond its edges.

        Parameters
        ----------
        box
            ``(x, y, width, height)`` in level-0 pixels.
        zoom, max_size
            See `wsi_lab.service.annotating.picture_view.view_of`.
        query
            Which shapes a mask is of; by default all on the slide.

        Raises
        ------
        NotFound, NotAllowed
            There is no such slide, or the asker may not see it.
        OutOfRange, Invalid
            The part lies outside of the slide, or is empty.
        SlideMissing, UnsupportedSlide, DamagedSlide, TooLarge, Busy
            The file cannot be shown.
        """
        view = view_of(box, zoom=zoom, max_size=max_size)

        def look(transaction: Transaction) -> list[ShapeColumns] | None:
            _, slide = transaction.slide(slide_id, Action.SLIDE_VIEW)
            is_outside = view.x >= slide.width or view.y >= slide.height
            if is_outside or view.x + view.width <= 0 or view.y + view.height <= 0:
                raise OutOfRange(
                    f"This part lies outside of the slide, which is {slide.width} × "
                    f"{slide.height} pixels large."
                )
            if shows == "pixels":
                return None
            return self._shapes(transaction, slide_id, view, query or ListQuery())

        shapes = self._transactions.read(actor, look)
        return self._picture(actor, slide_id, view, shapes, shows=shows, file_format=file_format)

    def _shapes(
        self, transaction: Transaction, slide_id: int, view: View, query: ListQuery
    ) -> list[ShapeColumns]:
        """Return the shapes of a query that lie in a view."""
        import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none of it)
        import shapely  # noqa: PLC0415 (as above)

        box = (
            float(view.x),
            float(view.y),
            float(view.x + view.width),
            float(view.y + view.height),
        )
        query = dataclasses.replace(query, study_ids=None, slide_ids=(slide_id,), box=box)
        scope, ids = self._shape_lists.found(transaction, query)
        connection = transaction.connection
        by_hand = rows.geometries_of(connection, ids[ids < FIRST_BULK_ID].tolist())
        found: list[ShapeColumns] = [_columns(shapely.from_wkb([wkb for _, wkb in by_hand]))]
        stored = loads_in(transaction, scope)
        for one, own in zip(stored, of_loads(stored, ids), strict=True):
            if len(own):
                for part in self._finder.parts(connection, one, box):
                    mask = np.isin(part.ids, own)
                    if mask.any():
                        found.append(part.shapes.columns(mask))
        return found

    def _picture(
        self,
        actor: Actor,
        slide_id: int,
        view: View,
        shapes: list[ShapeColumns] | None,
        *,
        shows: Shows,
        file_format: PictureFormat,
    ) -> Picture:
        with self._room_for(view):
            if shapes is None:
                pixels = self._pixels(actor, slide_id, view)
            elif shows == "mask":
                pixels, file_format = _mask(view, shapes), "png"
            else:
                pixels, file_format = self._cut_out(actor, slide_id, view, shapes), "png"
            return Picture(*encoded(pixels, file_format), view.is_limited)

    def _cut_out(
        self,
        actor: Actor,
        slide_id: int,
        view: View,
        shapes: list[ShapeColumns],
    ) -> Pixels:
        import numpy as np  # noqa: PLC0415 (as above)

        return np.dstack([self._pixels(actor, slide_id, view), _mask(view, shapes)])

    def _pixels(self, actor: Actor, slide_id: int, view: View) -> Pixels:
        import numpy as np  # noqa: PLC0415 (as above)

        step = max(1, PIXELS_AT_ONCE // view.columns)
        pixels = np.empty((view.rows, view.columns, 3), np.uint8)
        for top in range(0, view.rows, step):
            some = min(step, view.rows - top)
            pixels[top : top + some] = self._tiles.region(
                actor,
                slide_id,
                (view.x, view.y + top * view.downsample),
                (view.columns, some),
                downsample=view.downsample,
            )
        return pixels

    @contextlib.contextmanager
    def _room_for(self, view: View) -> Iterator[None]:
        """Wait until few enough large pictures are being made."""
        if view.columns * view.rows <= LARGE:
            yield
            return
        if not self._large.acquire(timeout=PATIENCE_SECONDS):
            raise Busy("Other large pictures are being made; ask again in a moment.")
        try:
            yield
        finally:
            self._large.release()


def _columns(geometries: list[BaseGeometry] | NDArray[np.object_]) -> ShapeColumns:
    """Return geometries part by part, so that parts that overlap leave no hole."""
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.columns import ShapeColumns  # noqa: PLC0415 (as above)

    return ShapeColumns.from_geometries(shapely.get_parts(geometries))


def _mask(view: View, shapes: list[ShapeColumns]) -> NDArray[np.uint8]:
    import numpy as np  # noqa: PLC0415 (as above)

    from wsi_lab.geometry.raster import draw  # noqa: PLC0415 (as above)

    canvas = np.zeros((view.rows, view.columns), np.uint8)
    for columns in shapes:
        draw(
            canvas,
            columns,
            origin=(view.x, view.y),
            downsample=view.downsample,
            fill=np.full(len(columns), INSIDE),
            line=np.where(columns.are_areas(), 0, INSIDE),
            point_radius=0.0,
            dots=False,
        )
    return canvas
