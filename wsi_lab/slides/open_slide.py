"""One open slide as viewers want it: tiles of a grid, regions and thumbnails."""

from __future__ import annotations

import dataclasses
import itertools
import math
import weakref
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor, Future
from functools import partial

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.model.slide import LARGEST_REGION_PIXELS, Region, SlideProperties, TileGrid
from wsi_lab.slides import render
from wsi_lab.slides.drawing import Drawing, whole_within
from wsi_lab.slides.futures import after
from wsi_lab.slides.level_tiles import LevelTile, LevelTiles
from wsi_lab.slides.patches import Patches, PatchReader
from wsi_lab.slides.reader import EncodedImage, Pixels, Reader
from wsi_lab.slides.renderings import Renderings
from wsi_lab.slides.tile_plans import TilePlan, TilePlans
from wsi_lab.slides.watch import Watch

__all__ = ["LARGEST_THUMBNAIL_SIDE", "LevelTile", "OpenSlide"]

LARGEST_THUMBNAIL_SIDE = 4096
_serial = itertools.count()


class OpenSlide:
    """A slide file, open and ready. Every method may be called from several threads at once.

    It is good for the version of the file it was opened from; `SlideEngine.open` gives a new one
    when the file has changed. There is nothing to close: the file is given back when nobody
    holds the slide any more.

    Attributes
    ----------
    version
        Changes whenever the file changes.
    real_path
        Where the file that was opened really lies; the address of a remote one. Never shown to
        anybody.
    is_remote
        Whether its bytes come over a network. Then every answer is of the version that the
        store had at most `wsi_lab.slides.remote_source.FRESH_SECONDS` ago.
    compression
        How the tiles of its levels are stored, such as ``"JPEG"``, ``"JPEG 2000"`` or ``"LZW"``;
        ``""`` where they are not read natively.
    patches
        Pixels of its levels as OpenSlide places them.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        version: str,
        real_path: str,
        watch: Watch,
        renderings: Renderings,
        later: Executor,
        is_remote: bool = False,
        by_openslide: Callable[[], PatchReader] | None = None,
    ) -> None:
        self._reader = reader
        self.version = version
        self.real_path = real_path
        self.is_remote = is_remote
        self.compression = reader.compression
        self._properties = dataclasses.replace(reader.properties, version=version)
        self._watch = watch
        self._unchanged = watch.unchanged
        self._renderings = renderings
        self._later = later
        # Versions of two files may be equal by bad luck; serial numbers are not.
        self._serial = next(_serial)
        self._drawing = Drawing(reader, self._properties)
        self.patches = Patches(reader, self._properties, watch, by_openslide)
        self._plan = TilePlans(self._properties).plan
        self._level_tiles = LevelTiles(
            reader,
            self._properties,
            watch=watch,
            renderings=renderings,
            serial=self._serial,
            later=later,
        )
        weakref.finalize(self, reader.close)

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""
        return self._properties

    def require_unchanged(self) -> None:
        """Return if the file is still the one that was opened; for answers that read nothing.

        Raises
        ------
        SlideChanged
            It is not. `SlideEngine.open` gives the new one.
        SourceUnavailable
            It is far away, and the store does not answer.
        """
        self._watch.require_unchanged()

    def tile_at_once(self, grid: TileGrid, zoom: int, column: int, row: int) -> EncodedImage | None:
        """Return a tile of a grid if that needs neither waiting nor decoding, else `None`.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        DamagedSlide, SlideMissing
            The tile is broken, or the file is gone.
        """
        tile = self._tile_at_once(grid, zoom, column, row)
        # Looked at after reading, so that no tile of another version slips through.
        return tile if tile is not None and self._unchanged(wait=False) else None

    def tiles_at_once(
        self, grid: TileGrid, zoom: int, places: Sequence[tuple[int, int]]
    ) -> list[EncodedImage] | None:
        """Return the tiles at ``(column, row)`` as `tile_at_once` does, or `None` if one lacks.

        They are all of the same version, which is looked at once for all of them.

        Raises
        ------
        OutOfRange, DamagedSlide, SlideMissing
            As for `tile_at_once`.
        """
        tiles = []
        for column, row in places:
            tile = self._tile_at_once(grid, zoom, column, row)
            if tile is None:
                return None
            tiles.append(tile)
        return tiles if self._unchanged(wait=False) else None

    def tile_soon(
        self, grid: TileGrid, zoom: int, column: int, row: int
    ) -> Future[EncodedImage] | None:
        """Return a stored tile of a remote slide, fetched with whatever else is asked for now.

        No thread waits meanwhile. `None` where that is no use: the slide is local, the tile has
        to be decoded, or it is kept and only has to be confirmed. Then `tile` is for a thread.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        CutShort
            The tile lies beyond the end of the file. Everything else that `tile` raises comes
            with the future.
        """
        plan = self._plan(grid, zoom, column, row)
        key = (self._serial, grid, zoom, column, row)
        if not (self.is_remote and _is_stored(plan, column, row)) or self._renderings.get(key):
            return None
        soon = self._reader.stored_tile_soon(plan.stored_level, column, row)
        if soon is None:
            return None

        def kept(stored: EncodedImage | None) -> EncodedImage | Future[EncodedImage]:
            if stored is None:
                return self._later.submit(self.tile, grid, zoom, column, row)
            self._renderings.keep(key, stored)
            return stored

        return after(soon, kept)

    def tile(self, grid: TileGrid, zoom: int, column: int, row: int) -> EncodedImage:
        """Return a tile of a grid: as stored where the grid allows it, else made for it.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        DamagedSlide, SlideMissing
            A tile of the file is broken, or the file is gone.
        TooLarge
            The slide has no small levels, and this tile would take too much decoding.
        Busy
            All workers are taken, or the file is being written to.
        """
        plan = self._plan(grid, zoom, column, row)
        if not self.is_remote and _is_stored(plan, column, row):
            # A local one is read again each time: the system keeps the file's pages.
            stored = self._watch.reading(partial(self._stored, plan, column, row))
            if stored is not None:
                return stored
        return self._kept_or_made(
            (grid, zoom, column, row), partial(self._drawn, grid, plan, column, row)
        ).image

    def tiles(
        self, grid: TileGrid, zoom: int, places: Sequence[tuple[int, int]]
    ) -> list[EncodedImage]:
        """Return the tiles at ``(column, row)``, the stored ones among them read in few trips.

        Raises
        ------
        OutOfRange, DamagedSlide, SlideMissing, TooLarge, Busy
            As for `tile`, for any of them.
        """
        return self._watch.reading(partial(self._tiles, grid, zoom, places))

    def level_tile_at_once(
        self, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> LevelTile | None:
        """Return what `level_tile` gives if that needs neither waiting nor decoding, else `None`.

        Raises
        ------
        OutOfRange, Invalid, DamagedSlide
            As for `level_tile`.
        """
        return self._level_tiles.at_once((level, column, row), quality, recode=recode)

    def level_tile_soon(
        self, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> Future[LevelTile] | None:
        """Return what `level_tile` gives, fetched with whatever else is asked for now.

        No thread waits meanwhile. `None` where that is no use: the slide is local, the tile has
        to be decoded, or it is kept and only has to be confirmed. Then `level_tile` is for a
        thread.

        Raises
        ------
        OutOfRange, Invalid, CutShort
            As for `level_tile`. Everything else that it raises comes with the future.
        """
        return self._level_tiles.soon((level, column, row), quality, recode=recode)

    def level_tile(
        self, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> LevelTile:
        """Return a whole tile of the file's own grid, always as JPEG; may block.

        Tiles that reach over the edge of the slide have their full size too; what lies beyond
        the edge is the file's, or white. What was given once is kept in memory for a while.

        Parameters
        ----------
        quality
            1 to 100: what is encoded is encoded with it, in full colour resolution.
        recode
            Whether a tile that is stored as JPEG has to be of that quality too, or lower. If
            not, it is handed out as it is.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        Invalid
            The quality is out of range.
        DamagedSlide, SlideMissing, SlideChanged, SourceUnavailable, Busy, TooLarge
            As for `tile`; `CutShort` when the tile lies beyond the end of the file.
        """
        return self._level_tiles.now((level, column, row), quality, recode=recode)

    def region(self, region: Region) -> Pixels:
        """Return the pixels of a region, ``(rows, columns, 3) uint8``, white outside the slide.

        Raises
        ------
        Invalid
            The region is empty, or its numbers are not finite.
        TooLarge
            It has too many pixels, or would take too much decoding.
        DamagedSlide, SlideMissing, Busy
            As for `tile`.
        """
        numbers = (region.x, region.y, region.downsample)
        if not all(map(math.isfinite, numbers)) or min(region.width, region.height) < 1:
            raise Invalid("A region needs a width and height of at least 1, and finite numbers.")
        if region.downsample <= 0:
            raise Invalid("The downsample of a region must be above 0.")
        if region.width * region.height > LARGEST_REGION_PIXELS:
            raise TooLarge(
                f"A region of {region.width} x {region.height} pixels is too large; "
                f"at most {LARGEST_REGION_PIXELS:,} pixels are read at once."
            )
        return self._watch.reading(partial(self._reader.read_region, region))

    def thumbnail(self, max_width: int, max_height: int) -> EncodedImage:
        """Return the whole slide as JPEG, as large as fits; see `thumbnail_tile`."""
        return self.thumbnail_tile(max_width, max_height).image

    def thumbnail_tile(
        self, max_width: int, max_height: int, *, quality: int = render.DEFAULT_QUALITY
    ) -> LevelTile:
        """Return the whole slide as JPEG, as large as fits; never larger than the slide.

        It is made from the slide's own pixels. The thumbnail some scanners put into the file is
        not used: it may show the label.

        Parameters
        ----------
        quality
            1 to 100, of the JPEG.

        Raises
        ------
        Invalid
            The size is not between 1 and `LARGEST_THUMBNAIL_SIDE`, or the quality out of range.
        TooLarge, DamagedSlide, SlideMissing, Busy
            As for `tile`.
        """
        if not all(1 <= side <= LARGEST_THUMBNAIL_SIDE for side in (max_width, max_height)):
            raise Invalid(f"A thumbnail's sides go from 1 to {LARGEST_THUMBNAIL_SIDE} pixels.")
        if not 1 <= quality <= 100:
            raise Invalid(f"Quality goes from 1 to 100, not {quality}.")
        region = whole_within(self._properties, max_width, max_height)
        return self._kept_or_made(
            ("thumbnail", max_width, max_height, quality),
            lambda: self._drawing.whole(region, quality),
        )

    def associated(self, name: str) -> EncodedImage:
        """Return the label, macro or another image beside the pyramid, as JPEG.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        DamagedSlide, SlideMissing, Busy
            As for `tile`.
        """
        return self._kept_or_made(
            ("associated", name),
            lambda: render.jpeg(self._reader.read_associated(name)),
        ).image

    def _tile_at_once(
        self, grid: TileGrid, zoom: int, column: int, row: int
    ) -> EncodedImage | None:
        plan = self._plan(grid, zoom, column, row)
        # The hottest lines of all: no call that can be spared.
        if column < plan.columns and row < plan.rows and not self.is_remote:
            stored = self._reader.stored_tile(plan.stored_level, column, row, wait=False)
            if stored is not None:
                return stored
        return self._renderings.get((self._serial, grid, zoom, column, row))

    def _tiles(
        self, grid: TileGrid, zoom: int, places: Sequence[tuple[int, int]]
    ) -> list[EncodedImage]:
        found: list[EncodedImage | None] = []
        wanted: dict[int, list[int]] = {}
        plans = [self._plan(grid, zoom, column, row) for column, row in places]
        for number, (plan, (column, row)) in enumerate(zip(plans, places, strict=True)):
            key = (self._serial, grid, zoom, column, row)
            found.append(self._renderings.get(key) if self.is_remote else None)
            if found[-1] is None and _is_stored(plan, column, row):
                wanted.setdefault(plan.stored_level, []).append(number)
        for level, numbers in wanted.items():
            stored = self._reader.stored_tiles(level, [places[number] for number in numbers])
            for number, image in zip(numbers, stored, strict=True):
                found[number] = image
                if image is not None and self.is_remote:
                    self._renderings.keep((self._serial, grid, zoom, *places[number]), image)
        return [
            image
            if image is not None
            else self._renderings.make(
                (self._serial, grid, zoom, column, row),
                partial(self._drawn, grid, plan, column, row),
            )
            for image, plan, (column, row) in zip(found, plans, places, strict=True)
        ]

    def _stored(self, plan: TilePlan, column: int, row: int) -> EncodedImage | None:
        return self._reader.stored_tile(plan.stored_level, column, row)

    def _drawn(self, grid: TileGrid, plan: TilePlan, column: int, row: int) -> EncodedImage:
        if self.is_remote and _is_stored(plan, column, row):
            stored = self._stored(plan, column, row)
            if stored is not None:
                return stored
        return self._drawing.tile(grid, plan, column, row)

    def _kept_or_made(
        self, what: tuple[Hashable, ...], make: Callable[[], EncodedImage]
    ) -> LevelTile:
        return self._level_tiles.kept_or_made((self._serial, *what), make)


def _is_stored(plan: TilePlan, column: int, row: int) -> bool:
    return column < plan.columns and row < plan.rows
