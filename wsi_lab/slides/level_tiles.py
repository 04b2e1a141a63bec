"""Whole tiles of a slide's own levels, always as JPEG: stored ones as they are, if they will do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import NamedTuple

from wsi_lab.errors import Invalid, OutOfRange
from wsi_lab.model.slide import SlideProperties
from wsi_lab.slides import render
from wsi_lab.slides.futures import after
from wsi_lab.slides.jpeg_quality import jpeg_quality
from wsi_lab.slides.reader import EncodedImage, Reader
from wsi_lab.slides.renderings import Renderings
from wsi_lab.slides.watch import Watch


class LevelTile(NamedTuple):
    """A picture, and whether it was kept in memory from an earlier request."""

    image: EncodedImage
    was_kept: bool


Place = tuple[int, int, int]
"""Level, column and row."""


class LevelTiles:
    """The tiles of the levels of one slide; see `wsi_lab.slides.open_slide.OpenSlide`.

    Parameters
    ----------
    serial
        Tells this slide's pictures among `renderings` from those of others.
    later
        Where tiles are decoded that turn out to need it when they have been fetched.
    """

    def __init__(
        self,
        reader: Reader,
        properties: SlideProperties,
        *,
        watch: Watch,
        renderings: Renderings,
        serial: int,
        later: Executor,
    ) -> None:
        self._reader = reader
        self._properties = properties
        self._watch = watch
        self._unchanged = watch.unchanged
        self._renderings = renderings
        self._serial = serial
        self._later = later

    def at_once(self, place: Place, quality: int, *, recode: bool) -> LevelTile | None:
        """Return a tile that is kept or in the page cache, and needs no decoding."""
        key = (self._serial, place, quality, recode)
        kept = self._renderings.get(key)
        if kept is not None:
            return LevelTile(kept, was_kept=True) if self._unchanged(wait=False) else None
        self._check(place, quality)
        stored = self._reader.stored_tile(*place, whole=True, wait=False)
        # Looked at after reading, so that no tile of another version slips through.
        if stored is None or not self._unchanged(wait=False):
            return None
        if recode and not _will_do(stored, quality):
            return None
        self._renderings.keep(key, stored)
        return LevelTile(stored, was_kept=False)

    def soon(self, place: Place, quality: int, *, recode: bool) -> Future[LevelTile] | None:
        """Return a tile that is fetched from far away together with others, decoding none."""
        self._check(place, quality)
        if recode:
            stored_quality = self._reader.stored_quality(place[0])
            if stored_quality is None or stored_quality > quality:
                return None
        key = (self._serial, place, quality, recode)
        if self._renderings.get(key) is not None:
            return None
        soon = self._reader.stored_tile_soon(*place, whole=True)
        if soon is None:
            return None

        def kept(stored: EncodedImage | None) -> LevelTile | Future[LevelTile]:
            # A tile may be progressive, or have tables of its own, against the custom.
            if stored is None or (recode and not _will_do(stored, quality)):
                return self._later.submit(self.now, place, quality, recode=recode)
            self._renderings.keep(key, stored)
            return LevelTile(stored, was_kept=False)

        return after(soon, kept)

    def now(self, place: Place, quality: int, *, recode: bool) -> LevelTile:
        """Return a tile, waiting and decoding as need be."""
        self._check(place, quality)
        key = (self._serial, place, quality, recode)
        return self.kept_or_made(key, lambda: self._drawn(place, quality, recode=recode))

    def kept_or_made(self, key: tuple[object, ...], make: Callable[[], EncodedImage]) -> LevelTile:
        """Return the picture of a key, made unless it is kept, and of this version for certain."""
        kept = self._renderings.get(key)
        if kept is not None:
            self._watch.require_unchanged()
            return LevelTile(kept, was_kept=True)
        made = self._watch.reading(lambda: self._renderings.make(key, make))
        return LevelTile(made, was_kept=False)

    def _drawn(self, place: Place, quality: int, *, recode: bool) -> EncodedImage:
        stored = self._reader.stored_tile(*place, whole=True)
        if stored is None:
            return render.jpeg(self._reader.read_tile(*place), quality)
        if recode and not _will_do(stored, quality):
            return render.jpeg(render.decoded(stored), quality)
        return stored

    def _check(self, place: Place, quality: int) -> None:
        if not 1 <= quality <= 100:
            raise Invalid(f"Quality goes from 1 to 100, not {quality}.")
        number, column, row = place
        level = self._properties.level(number)
        if not (0 <= column < level.columns and 0 <= row < level.rows):
            raise OutOfRange(
                f"Tile x={column}, y={row} does not exist in level {number}; x goes from 0 to "
                f"{level.columns - 1} and y from 0 to {level.rows - 1}."
            )


def _will_do(stored: EncodedImage, quality: int) -> bool:
    """Return whether a stored tile is no finer than what is asked for."""
    stored_quality = jpeg_quality(stored.data)
    return stored_quality is not None and stored_quality <= quality
