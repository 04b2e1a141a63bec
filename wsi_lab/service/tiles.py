"""Pixels for those who may see them: tiles, regions, thumbnails, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wsi_lab.errors import Invalid, NotFound, SlideMissing, TooLarge
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.slide import region_at
from wsi_lab.model.study import Slide
from wsi_lab.service.answers import (
    GridKind,
    RegionFormat,
    Shown,
    TileAnswer,
    answer,
    encoded,
    etag_stems,
    shown,
    tile_answer,
)
from wsi_lab.service.clock import Clock
from wsi_lab.service.places import unmoved
from wsi_lab.service.seen import slide_as_seen
from wsi_lab.service.transaction import Transaction, Transactions, has_expired
from wsi_lab.store.access import Stamp, slide_stamp
from wsi_lab.store.db import Database

if TYPE_CHECKING:
    from wsi_lab.slides.engine import OpenSlide, SlideEngine
    from wsi_lab.slides.reader import Pixels

__all__ = ["LARGEST_BUNDLE", "GridKind", "RegionFormat", "Shown", "TileAnswer", "Tiles"]

LARGEST_BUNDLE = 256
LARGEST_THUMBNAIL = 4096
MOST_REMEMBERED = 4096


class _Remembered:
    """That somebody may see a slide, and how it is shown, as of a generation of the database."""

    __slots__ = ("etag_stems", "generation", "grids", "shown", "source", "stamp", "version")

    def __init__(self, generation: int, stamp: Stamp | None, source: str, shown: Shown) -> None:
        self.generation = generation
        self.stamp = stamp
        self.source = source
        self.shown = shown
        self.grids = shown.grids
        self.version = shown.version
        self.etag_stems = etag_stems(shown)


_Key = tuple[int, int | None, int]


class Tiles:
    """Pixels of slides.

    The verbs ``…_at_once`` never wait for a disk, a worker or another process; they answer
    `None` where that would be needed.
    """

    def __init__(
        self,
        database: Database,
        transactions: Transactions,
        clock: Clock,
        engine: Callable[[], SlideEngine],
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._clock = clock
        self._engine = engine
        self._remembered: dict[_Key, _Remembered] = {}

    def shown(self, actor: Actor, slide_id: int) -> Shown:
        """Return a slide as a viewer needs it.

        Raises
        ------
        NotFound, NotAllowed
            The asker may not see it.
        SlideMissing, UnsupportedSlide, DamagedSlide
            The file cannot be shown.
        """
        return self._open(actor, slide_id)[0].shown

    def tile_at_once(  # noqa: PLR0917 (a tile's address, in the order everybody speaks it)
        self, actor: Actor, slide_id: int, grid_kind: GridKind, zoom: int, column: int, row: int
    ) -> TileAnswer | None:
        """Return a tile if that needs no waiting, else `None`.

        Raises
        ------
        OutOfRange
            The grid has no such tile.
        """
        known = self._at_once(actor, slide_id)
        if known is None:
            return None
        slide = self._engine().open_at_once(known.source)
        if slide is None or slide.version != known.version:
            return None
        image = slide.tile_at_once(known.grids[grid_kind], zoom, column, row)
        if image is None:
            return None
        return tile_answer(image, known.etag_stems[grid_kind], zoom, column, row)

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
        Busy
            All workers are taken.
        """
        known, slide = self._open(actor, slide_id)
        image = slide.tile(known.grids[grid_kind], zoom, column, row)
        return tile_answer(image, known.etag_stems[grid_kind], zoom, column, row)

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
        known = self._at_once(actor, slide_id)
        if known is None:
            return None
        slide = self._engine().open_at_once(known.source)
        if slide is None or slide.version != known.version:
            return None
        images = slide.tiles_at_once(known.grids["map"], zoom, tiles)
        if images is None:
            return None
        stem = known.etag_stems["map"]
        return [
            tile_answer(image, stem, zoom, column, row)
            for image, (column, row) in zip(images, tiles, strict=True)
        ]

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
        known, slide = self._open(actor, slide_id)
        grid, stem = known.grids["map"], known.etag_stems["map"]
        return [
            tile_answer(slide.tile(grid, zoom, column, row), stem, zoom, column, row)
            for column, row in tiles
        ]

    def region(
        self,
        actor: Actor,
        slide_id: int,
        location: tuple[float, float],
        size: tuple[int, int],
        *,
        level: int | None = None,
        mpp: float | None = None,
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
        known, slide = self._open(actor, slide_id)
        properties = known.shown.properties
        return slide.region(region_at(properties, location, size, level=level, mpp=mpp))

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
    ) -> tuple[bytes, str]:
        """Return a region as a file, and its media type; see `region`.

        Parameters
        ----------
        format
            ``"png"`` (exact), ``"jpg"`` (small) or ``"npy"`` (numpy's own, exact).
        """
        return encoded(self.region(actor, slide_id, location, size, level=level, mpp=mpp), format)

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
        known, slide = self._open(actor, slide_id)
        image = slide.thumbnail(max_width, max_height)
        return answer(image, known.version, f"thumbnail-{max_width}-{max_height}")

    def associated_names(self, actor: Actor, slide_id: int) -> tuple[str, ...]:
        """Return the names of the images beside the pyramid. Needs the right 'private'."""
        self._check_private(actor, slide_id)
        return self._open(actor, slide_id)[0].shown.properties.associated

    def associated(self, actor: Actor, slide_id: int, name: str) -> TileAnswer:
        """Return the label, macro or another image. Needs the right 'private'.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        """
        self._check_private(actor, slide_id)
        known, slide = self._open(actor, slide_id)
        if name not in known.shown.properties.associated:
            raise NotFound("The slide has no image of that name.")
        return answer(slide.associated(name), known.version, f"associated-{name.encode().hex()}")

    def _check_private(self, actor: Actor, slide_id: int) -> None:
        def check(transaction: Transaction) -> None:
            transaction.slide(slide_id, Action.SLIDE_PRIVATE)

        self._transactions.read(actor, check)

    def _at_once(self, actor: Actor, slide_id: int) -> _Remembered | None:
        """Return what is known of a slide, if it still holds."""
        token = actor.token
        key = (actor.user.id, None if token is None else token.id, slide_id)
        known = self._remembered.get(key)
        if known is None or (
            # The clock is asked only where it matters; to ask it takes a lock.
            token is not None
            and token.expires_on is not None
            and has_expired(token, self._clock.now())
        ):
            return None
        generation = self._database.generation()
        if known.generation != generation:
            # Somebody committed something. Most often that touched nobody's rights, and one
            # short look is cheaper than asking everything again.
            stamp = self._database.read(lambda connection: slide_stamp(connection, *key))
            if stamp is None or stamp != known.stamp:
                return None
            known.generation = generation
        return known

    def _open(self, actor: Actor, slide_id: int) -> tuple[_Remembered, OpenSlide]:
        known = self._at_once(actor, slide_id)
        if known is not None:
            slide = self._engine().open(known.source)
            if slide.version == known.version:
                return known, slide
        return self._look_up(actor, slide_id)

    def _look_up(self, actor: Actor, slide_id: int) -> tuple[_Remembered, OpenSlide]:
        # Before reading: what is committed meanwhile must make this entry old.
        generation = self._database.generation()
        token_id = None if actor.token is None else actor.token.id
        key = (actor.user.id, token_id, slide_id)

        def read(transaction: Transaction) -> tuple[Slide, Slide, bool, Stamp | None]:
            study, slide = transaction.slide(slide_id, Action.SLIDE_VIEW)
            return (
                slide,
                slide_as_seen(transaction, study, slide),
                transaction.may(Action.SLIDE_PRIVATE, study),
                slide_stamp(transaction.connection, *key),
            )

        row, seen, private, stamp = self._transactions.read(actor, read)
        slide = self._engine().open(row.source) if unmoved(row.source) else None
        # Looked at before, so that nothing elsewhere is opened, and after, because between the
        # two a link may have taken the file's place.
        if slide is None or slide.real_path != row.source:
            raise SlideMissing("The file of this slide was moved; add it again from its new place.")
        known = _Remembered(generation, stamp, row.source, shown(slide, seen, private=private))
        self._remember(key, known)
        return known, slide

    def _remember(self, key: _Key, known: _Remembered) -> None:
        while len(self._remembered) >= MOST_REMEMBERED:
            oldest = next(iter(self._remembered), None)
            if oldest is not None:
                self._remembered.pop(oldest, None)
        self._remembered[key] = known


def _check_bundle(tiles: Sequence[tuple[int, int]]) -> None:
    if len(tiles) > LARGEST_BUNDLE:
        raise TooLarge(f"At most {LARGEST_BUNDLE} tiles can be asked for at once.")
