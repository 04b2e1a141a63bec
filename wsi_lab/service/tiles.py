"""Pixels for those who may see them: tiles, regions, thumbnails, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid, NotFound, TooLarge
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.slide import region_at
from wsi_lab.service.answers import (
    GridKind,
    RegionFormat,
    Shown,
    TileAnswer,
    answer,
    encoded,
    tile_answer,
)
from wsi_lab.service.clock import Clock
from wsi_lab.service.openslide_pictures import OpenSlidePictures
from wsi_lab.service.sight import Remembered, Sight
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store.db import Database

if TYPE_CHECKING:
    from wsi_lab.slides.engine import OpenSlide, SlideEngine
    from wsi_lab.slides.reader import EncodedImage, Pixels

__all__ = ["LARGEST_BUNDLE", "GridKind", "RegionFormat", "Shown", "TileAnswer", "Tiles"]

LARGEST_BUNDLE = 256
LARGEST_THUMBNAIL = 4096


class Tiles(OpenSlidePictures):
    """Pixels of slides.

    The verbs ``…_at_once`` and ``…_soon`` never wait for a disk, a store, a worker or another
    process; they answer `None` where that would be needed. A slide that is replaced while it is
    read is opened anew, once, before anybody hears of it.
    """

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        clock: Clock,
        engine: Callable[[], SlideEngine],
    ) -> None:
        self._transactions = transactions
        self._engine = engine
        super().__init__(Sight(database, transactions, clock, engine))
        self._at_once, self._open = self._sight.at_once, self._sight.open

    def shown(self, actor: Actor, slide_id: int) -> Shown:
        """Return a slide as a viewer needs it.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it.
        SlideMissing, UnsupportedSlide, DamagedSlide
            The file cannot be shown.
        """

        def read(known: Remembered, slide: OpenSlide) -> Shown:
            slide.require_unchanged()
            return known.shown

        return self._read(actor, slide_id, read)

    def shown_at_once(self, actor: Actor, slide_id: int) -> Shown | None:
        """Return what `shown` does if that needs no waiting, else `None`."""
        found = self._open_at_once(actor, slide_id)
        return None if found is None else found[0].shown

    def tile_at_once(  # noqa: PLR0917 (a tile's address, in the order everybody speaks it)
        self, actor: Actor, slide_id: int, grid_kind: GridKind, zoom: int, column: int, row: int
    ) -> TileAnswer | None:
        """Return a tile if that needs no waiting, else `None`.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        """
        found = self._open_at_once(actor, slide_id)
        if found is None:
            return None
        known, slide = found
        image = slide.tile_at_once(known.grids[grid_kind], zoom, column, row)
        if image is None:
            return None
        return tile_answer(image, known.etag_stems[grid_kind], zoom, column, row)

    def tile_soon(  # noqa: PLR0917 (a tile's address, in the order everybody speaks it)
        self, actor: Actor, slide_id: int, grid_kind: GridKind, zoom: int, column: int, row: int
    ) -> Future[TileAnswer] | None:
        """Return a tile of a remote slide that is fetched with others, taking no thread.

        `None` where that is no use. `SlideChanged`, as everything that `tile` raises, may come
        with the future; `tile` then has the new version.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        """
        found = self._open_at_once(actor, slide_id)
        if found is None:
            return None
        return _soon(*found, grid_kind, zoom, column, row)

    def tile(  # noqa: PLR0917 (a tile's address, in the order everybody speaks it)
        self, actor: Actor, slide_id: int, grid_kind: GridKind, zoom: int, column: int, row: int
    ) -> TileAnswer:
        """Return a tile; may block.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide
            As for `shown`.
        SourceUnavailable
            The slide is far away, and its store does not answer.
        Busy
            All workers are taken, or the file is being changed.
        """

        def read(known: Remembered, slide: OpenSlide) -> TileAnswer:
            image = slide.tile(known.grids[grid_kind], zoom, column, row)
            return tile_answer(image, known.etag_stems[grid_kind], zoom, column, row)

        return self._read(actor, slide_id, read)

    def tile_or_soon(  # noqa: PLR0917 (a tile's address, in the order everybody speaks it)
        self, actor: Actor, slide_id: int, grid_kind: GridKind, zoom: int, column: int, row: int
    ) -> TileAnswer | Future[TileAnswer]:
        """Return what `tile` does; or, once the slide is open, what `tile_soon` does.

        May block, but not for a tile that comes together with others: where many ask for a
        slide that nobody has opened yet, their tiles share trips to its store.
        """
        known, slide = self._open(actor, slide_id)
        soon = _soon(known, slide, grid_kind, zoom, column, row)
        return self.tile(actor, slide_id, grid_kind, zoom, column, row) if soon is None else soon

    def bundle_at_once(
        self, actor: Actor, slide_id: int, zoom: int, tiles: Sequence[tuple[int, int]]
    ) -> list[TileAnswer] | None:
        """Return tiles ``(column, row)`` of the map grid if none needs waiting, else `None`.

        Raises
        ------
        TooLarge, OutOfRange
            More than `LARGEST_BUNDLE` are asked for, or one that there is not.
        """
        _check_bundle(tiles)
        found = self._open_at_once(actor, slide_id)
        if found is None:
            return None
        known, slide = found
        images = slide.tiles_at_once(known.grids["map"], zoom, tiles)
        if images is None:
            return None
        return _answers(known, zoom, tiles, images)

    def bundle(
        self, actor: Actor, slide_id: int, zoom: int, tiles: Sequence[tuple[int, int]]
    ) -> list[TileAnswer]:
        """Return tiles ``(column, row)`` of the map grid in the order asked; may block.

        Raises
        ------
        TooLarge, OutOfRange
            More than `LARGEST_BUNDLE` are asked for, or one that there is not.
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            As for `tile`.
        """
        _check_bundle(tiles)

        def read(known: Remembered, slide: OpenSlide) -> list[TileAnswer]:
            images = slide.tiles(known.grids["map"], zoom, tiles)
            return _answers(known, zoom, tiles, images)

        return self._read(actor, slide_id, read)

    def region(
        self,
        actor: Actor,
        slide_id: int,
        location: tuple[float, float],
        size: tuple[int, int],
        *,
        level: int | None = None,
        mpp: float | None = None,
        downsample: float | None = None,
    ) -> Pixels:
        """Return the pixels of a region.

        The parameters, and the errors about them, are those of `wsi_lab.model.slide.region_at`.

        Returns
        -------
        Pixels
            ``(rows, columns, 3) uint8`` RGB; white where the region lies outside the slide.

        Raises
        ------
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            As for `tile`.
        """

        def read(known: Remembered, slide: OpenSlide) -> Pixels:
            properties = known.shown.properties
            return slide.region(
                region_at(properties, location, size, level=level, mpp=mpp, downsample=downsample)
            )

        return self._read(actor, slide_id, read)

    def region_image(
        self,
        actor: Actor,
        slide_id: int,
        location: tuple[float, float],
        size: tuple[int, int],
        *,
        level: int | None = None,
        mpp: float | None = None,
        format: RegionFormat = "png",  # noqa: A002 (the word of the wire)
        quality: int | None = None,
    ) -> tuple[bytes, str]:
        """Return a region as a file, and its media type; see `region`.

        Parameters
        ----------
        format
            ``"png"`` (exact), ``"jpg"`` (small) or ``"npy"`` (numpy's own, exact).
        quality
            Of a JPEG, 1 to 100; the default keeps what can be seen.
        """
        if quality is not None and not 1 <= quality <= 100:
            raise Invalid("The quality of a JPEG is between 1 and 100.")
        pixels = self.region(actor, slide_id, location, size, level=level, mpp=mpp)
        return encoded(pixels, format, quality=quality)

    def thumbnail(self, actor: Actor, slide_id: int, max_width: int, max_height: int) -> TileAnswer:
        """Return the whole slide, fitted into a box.

        Raises
        ------
        Invalid
            The box is empty, or larger than `LARGEST_THUMBNAIL` on a side.
        NotFound, NotAllowed, SlideMissing, UnsupportedSlide, DamagedSlide, Busy
            As for `tile`.
        """
        if not (1 <= max_width <= LARGEST_THUMBNAIL and 1 <= max_height <= LARGEST_THUMBNAIL):
            raise Invalid(
                f"A thumbnail's width and height must be between 1 and {LARGEST_THUMBNAIL}."
            )

        def read(known: Remembered, slide: OpenSlide) -> TileAnswer:
            image = slide.thumbnail(max_width, max_height)
            return answer(image, known.version, f"thumbnail-{max_width}-{max_height}")

        return self._read(actor, slide_id, read)

    def associated_names(self, actor: Actor, slide_id: int) -> tuple[str, ...]:
        """Return the names of the images beside the pyramid. Needs the right 'private'."""
        self._check_private(actor, slide_id)
        return self.shown(actor, slide_id).properties.associated

    def associated(self, actor: Actor, slide_id: int, name: str) -> TileAnswer:
        """Return the label, macro or another image. Needs the right 'private'.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        """
        self._check_private(actor, slide_id)

        def read(known: Remembered, slide: OpenSlide) -> TileAnswer:
            if name not in known.shown.properties.associated:
                raise NotFound("The slide has no image of that name.")
            image = slide.associated(name)
            return answer(image, known.version, f"associated-{name.encode().hex()}")

        return self._read(actor, slide_id, read)

    def _open_at_once(self, actor: Actor, slide_id: int) -> tuple[Remembered, OpenSlide] | None:
        known = self._at_once(actor, slide_id)
        if known is None:
            return None
        slide = self._engine().open_at_once(known.source)
        return None if slide is None or slide.version != known.version else (known, slide)

    def _check_private(self, actor: Actor, slide_id: int) -> None:
        def check(transaction: Transaction) -> None:
            transaction.slide(slide_id, Action.SLIDE_PRIVATE)

        self._transactions.read(actor, check)


def _soon(  # noqa: PLR0917 (a tile's address, in the order everybody speaks it)
    known: Remembered, slide: OpenSlide, grid_kind: GridKind, zoom: int, column: int, row: int
) -> Future[TileAnswer] | None:
    soon = slide.tile_soon(known.grids[grid_kind], zoom, column, row)
    if soon is None:
        return None
    from wsi_lab.slides.futures import after  # noqa: PLC0415 (only where slides are loaded anyway)

    stem = known.etag_stems[grid_kind]
    return after(soon, lambda image: tile_answer(image, stem, zoom, column, row))


def _answers(
    known: Remembered,
    zoom: int,
    places: Sequence[tuple[int, int]],
    images: Sequence[EncodedImage],
) -> list[TileAnswer]:
    stem = known.etag_stems["map"]
    return [
        tile_answer(image, stem, zoom, column, row)
        for image, (column, row) in zip(images, places, strict=True)
    ]


def _check_bundle(tiles: Sequence[tuple[int, int]]) -> None:
    if len(tiles) > LARGEST_BUNDLE:
        raise TooLarge(f"At most {LARGEST_BUNDLE} tiles can be asked for at once.")
