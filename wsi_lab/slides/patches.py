"""Patches of a slide, pixel by pixel those of OpenSlide wherever OpenSlide opens its file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

from wsi_lab.errors import DamagedSlide, Invalid, TooLarge, UnsupportedSlide
from wsi_lab.model.slide import LARGEST_REGION_PIXELS, Patch, SlideProperties
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers.tiff import TiffReader
from wsi_lab.slides.watch import Watch

_LARGEST_PIECE = 4096
"""Larger patches OpenSlide puts together from pieces, each of which begins at a whole pixel."""
_MARGIN = 2
"""Stored pixels around the slide, in which mixed ones may still show something of it."""


class PatchReader(Protocol):
    """What is needed of a reader here; each `wsi_lab.slides.reader.Reader` has it."""

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""

    def read_patch(self, patch: Patch) -> Pixels:
        """Return the pixels of a patch with their opacity."""


class Patches:
    """Reads patches of one slide. Every method may be called from several threads at once.

    Parameters
    ----------
    reader
        What shows the slide.
    properties
        Of the slide.
    watch
        Of the slide's file.
    open_by_openslide
        Opens the same file in OpenSlide, once, and not before that makes a difference; `None`
        where `reader` is as good as it gets.
    """

    def __init__(
        self,
        reader: PatchReader,
        properties: SlideProperties,
        watch: Watch,
        open_by_openslide: Callable[[], PatchReader] | None,
    ) -> None:
        self._reader = reader
        self._properties = properties
        self._watch = watch
        self._lock = threading.Lock()
        self._open_by_openslide = open_by_openslide
        self._openslide: PatchReader | None = None

    def properties(self) -> SlideProperties:
        """Return what is known of the slide, with the levels that `read` knows; may block.

        Raises
        ------
        SlideMissing, Busy
            As for `read`.
        """
        openslide = self._watch.reading(self._by_openslide)
        return self._properties if openslide is None else openslide.properties

    def around(self, level: int, centre: tuple[int, int], size: tuple[int, int]) -> Pixels:
        """Return what `read` does of a patch of that size around a level-0 pixel, as PHAS cuts it.

        Its corner is ``centre - int(0.5 * size * downsample)``.

        Raises
        ------
        OutOfRange, Invalid, TooLarge, DamagedSlide, SlideMissing, Busy
            As for `read`.
        """
        (x, y), (width, height) = centre, size
        _check_size(width, height)
        step = 1.0 if level == 0 else self.properties().level(level).downsample
        x, y = x - int(0.5 * width * step), y - int(0.5 * height * step)
        return self.read(Patch(level, x, y, width, height))

    def read(self, patch: Patch) -> Pixels:
        """Return the pixels of a patch, ``(rows, columns, 4)``: RGB and opacity.

        Outside the slide they are black and clear.

        Raises
        ------
        OutOfRange
            The slide has no such level.
        Invalid
            The patch is empty.
        TooLarge
            It has too many pixels.
        DamagedSlide, SlideMissing, Busy
            The file is broken or gone, or all workers are taken.
        """
        _check_size(patch.width, patch.height)
        return self._watch.reading(partial(self._read, patch))

    def _read(self, patch: Patch) -> Pixels:
        openslide = None if self._is_alike_for_all(patch) else self._by_openslide()
        properties = self._properties if openslide is None else openslide.properties
        level = properties.level(patch.level)
        # Kept to whole numbers: they may be farther away than anybody can count.
        step = level.downsample
        near = int(-(patch.width + _MARGIN) * step) <= patch.x <= int((level.width + 1) * step)
        near &= int(-(patch.height + _MARGIN) * step) <= patch.y <= int((level.height + 1) * step)
        if not near:
            return np.zeros((patch.height, patch.width, 4), np.uint8)
        if openslide is None or self._is_alike(openslide.properties, patch):
            return self._reader.read_patch(patch)
        return openslide.read_patch(patch)

    def _is_alike_for_all(self, patch: Patch) -> bool:
        """Return whether our own reader gives the right pixels whatever OpenSlide says of the file.

        OpenSlide is only heard where its level 0 is as large as ours.
        """
        return patch.level == 0 and self._is_whole_jpeg(patch, patch.x, patch.y)

    def _is_alike(self, theirs: SlideProperties, patch: Patch) -> bool:
        """Return whether our own reader, which is faster, gives the same pixels for certain."""
        ours = self._properties
        if patch.level >= len(ours.levels):
            return False
        level = ours.levels[patch.level]
        other = theirs.levels[patch.level]
        step = level.downsample
        if (level.width, level.height, step) != (other.width, other.height, other.downsample):
            return False
        column, row = patch.x / step, patch.y / step
        is_whole = column.is_integer() and row.is_integer()
        is_one_piece = step.is_integer() or max(patch.width, patch.height) <= _LARGEST_PIECE
        return is_whole and is_one_piece and self._is_whole_jpeg(patch, int(column), int(row))

    def _is_whole_jpeg(self, patch: Patch, column: int, row: int) -> bool:
        return isinstance(self._reader, TiffReader) and self._reader.is_whole_jpeg(
            patch.level, column, row, patch.width, patch.height
        )

    def _by_openslide(self) -> PatchReader | None:
        with self._lock:
            if self._open_by_openslide is not None:
                try:
                    opened = self._open_by_openslide()
                except (UnsupportedSlide, DamagedSlide):
                    opened = None
                self._open_by_openslide = None
                if opened is not None and _is_same_picture(opened.properties, self._properties):
                    self._openslide = opened
            return self._openslide


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise Invalid("A patch needs a width and height of at least 1.")
    if width * height > LARGEST_REGION_PIXELS:
        raise TooLarge(f"At most {LARGEST_REGION_PIXELS:,} pixels are read at once.")


def _is_same_picture(one: SlideProperties, other: SlideProperties) -> bool:
    return (one.width, one.height) == (other.width, other.height)
