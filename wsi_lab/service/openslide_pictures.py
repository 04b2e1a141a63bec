"""What programs expect that know slides through OpenSlide: its header, patches and thumbnails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, TypeVar

from wsi_lab.errors import SlideChanged
from wsi_lab.model.people import Actor
from wsi_lab.service.sight import Remembered, Sight

if TYPE_CHECKING:
    from wsi_lab.slides.engine import OpenSlide
    from wsi_lab.slides.reader import Pixels

T = TypeVar("T")


class Header(TypedDict):
    """A slide's levels and properties as OpenSlide tells them.

    Attributes
    ----------
    properties
        Names nobody; see `wsi_lab.slides.openslide_words`.
    level_dimensions
        Width and height of each level.
    level_downsamples
        OpenSlide's own numbers where it opens the file.
    """

    properties: dict[str, str]
    level_dimensions: list[tuple[int, int]]
    level_downsamples: list[float]


class OpenSlidePictures:
    """Reads slides for those who may see them, as OpenSlide does.

    What draws is imported where it is needed: whoever opens a lab to list users needs none of it.
    """

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def header(self, actor: Actor, slide_id: int) -> Header:
        """Return a slide's levels and properties as OpenSlide tells them; may block.

        Raises
        ------
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            As for `tile`.
        """
        from wsi_lab.slides.openslide_words import openslide_properties  # noqa: PLC0415 (see the class)

        def read(known: Remembered, slide: OpenSlide) -> Header:
            told, shown = slide.patches.properties(), known.shown.properties
            said = replace(shown, format=told.format, metadata={**shown.metadata, **told.metadata})
            return Header(
                properties=openslide_properties(said),
                level_dimensions=[(level.width, level.height) for level in told.levels],
                level_downsamples=[level.downsample for level in told.levels],
            )

        return self._read(actor, slide_id, read)

    def patch(
        self,
        actor: Actor,
        slide_id: int,
        level: int,
        centre: tuple[int, int],
        size: tuple[int, int],
    ) -> bytes:
        """Return a patch as PNG: RGB and opacity, exactly as OpenSlide reads it.

        It begins at ``centre - int(0.5 * size * downsample)``; outside the slide it is clear.

        Parameters
        ----------
        level
            A number of `header`.
        centre
            ``(x, y)`` in level-0 pixels.
        size
            ``(width, height)`` in pixels of the level.

        Raises
        ------
        OutOfRange, Invalid, TooLarge
            The slide has no such level; the patch is empty; it has too many pixels.
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            As for `tile`.
        """
        from wsi_lab.slides.render import png  # noqa: PLC0415 (see the class)

        return self._read(
            actor, slide_id, lambda _, slide: png(slide.patches.around(level, centre, size)).data
        )

    def thumbnail_size(self, actor: Actor, slide_id: int, largest_side: int) -> tuple[int, int]:
        """Return the width and height that `thumbnail_pixels` has."""
        from wsi_lab.slides.thumbnails import thumbnail_size  # noqa: PLC0415 (see the class)

        return self._read(
            actor,
            slide_id,
            lambda _, slide: thumbnail_size(slide.patches.properties(), largest_side),
        )

    def thumbnail_pixels(self, actor: Actor, slide_id: int, largest_side: int) -> Pixels:
        """Return the whole slide over white, in size and pixels OpenSlide's thumbnail.

        Raises
        ------
        Invalid, TooLarge
            `largest_side` is below 1, or the thumbnail would have too many pixels.
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            As for `tile`.
        """
        from wsi_lab.slides.thumbnails import thumbnail  # noqa: PLC0415 (see the class)

        return self._read(
            actor,
            slide_id,
            lambda _, slide: thumbnail(slide.patches.properties(), largest_side, slide.region),
        )

    def _read(self, actor: Actor, slide_id: int, read: Callable[[Remembered, OpenSlide], T]) -> T:
        """Return what `read` makes of a slide, or of the one that has just taken its place."""
        try:
            return read(*self._sight.open(actor, slide_id))
        except SlideChanged:
            return read(*self._sight.open(actor, slide_id))
