"""Slides of a declared source by their keys there: no study, no rights, only the files."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeVar

from wsi_lab.errors import (
    DamagedSlide,
    OutOfRange,
    SlideChanged,
    SlideMissing,
    UnsupportedSlide,
    WsiLabError,
)
from wsi_lab.model.slide import SlideProperties
from wsi_lab.model.source import Source
from wsi_lab.service import source_keys
from wsi_lab.service.source_keys import KeyPage, always, not_found, place_of

if TYPE_CHECKING:
    from wsi_lab.slides.engine import OpenSlide, SlideEngine
    from wsi_lab.slides.open_slide import LevelTile

T = TypeVar("T")

__all__ = ["KeyPage", "SourceImage", "SourceSlides"]

MOST_REMEMBERED = 4096
GENERIC = "Generic Pyramidal TIFF"
COMPRESSIONS = frozenset({"JPEG", "JPEG 2000"})
RENDERING = 1
"""Part of every ETag; raised when the same file gives other bytes."""
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


class SourceImage(NamedTuple):
    """A JPEG image as it goes to a viewer.

    Attributes
    ----------
    was_kept
        Whether it was in memory already.
    etag
        Strong and quoted; another one when any byte may differ.
    """

    data: bytes
    was_kept: bool
    etag: str


class _Known:
    """A slide that was opened and found fit, as of a version of its file."""

    __slots__ = ("address", "etag_stem", "grids", "is_link", "version")

    def __init__(self, slide: OpenSlide, address: str, *, is_link: bool) -> None:
        self.address = address
        self.version = slide.version
        self.is_link = is_link
        self.grids = tuple((level.columns, level.rows) for level in slide.properties.levels)
        self.etag_stem = f'"{slide.version}-{RENDERING}-'

    def check(self, level: int, column: int, row: int) -> None:
        """Raise `OutOfRange` if the slide has no such tile."""
        last = len(self.grids) - 1
        if not 0 <= level <= last:
            raise _no_level(str(level), last)
        columns, rows = self.grids[level]
        if not (0 <= column < columns and 0 <= row < rows):
            raise _no_tile(str(column), str(row), level, (columns - 1, rows - 1))

    def image(self, tile: LevelTile, name: str) -> SourceImage:
        """Return a tile of this version with its ETag."""
        return SourceImage(tile.image.data, tile.was_kept, f'{self.etag_stem}{name}"')


class SourceSlides:
    """What can be asked about the slides of one source.

    The verbs ``…_at_once`` and ``…_soon`` never wait for a disk, a store or a worker; they
    answer `None` where that would be needed. Whatever key it is that no slide may be had by
    (absent, hidden, outside of the source), the refusal is the same.

    Parameters
    ----------
    engine
        Returns what opens slides.
    source
        Where they lie. It stays shut until somebody asks for something.

    Attributes
    ----------
    source
        The same.
    """

    def __init__(self, engine: Callable[[], SlideEngine], source: Source) -> None:
        self.source = source
        self._engine = engine
        self._place = place_of(source)
        self._known: dict[str, _Known] = {}

    def keys(
        self,
        *,
        limit: int = 100,
        cursor: str | None = None,
        prefix: str = "",
        search: str = "",
        is_wanted: Callable[[], bool] = always,
    ) -> KeyPage:
        """Return a page of the keys of all slides; see `wsi_lab.service.source_keys.page`.

        Raises
        ------
        Invalid
            The cursor is not one of ours.
        SourceUnavailable
            The source cannot be listed.
        """
        return source_keys.page(
            self._place,
            limit=limit,
            cursor=cursor,
            prefix=prefix,
            search=search,
            is_wanted=is_wanted,
        )

    def size_of(self, key: str) -> int:
        """Return how many bytes the file of a slide has. It need not be a slide.

        Raises
        ------
        NotFound, SourceUnavailable
            There is no such file, or the store does not answer.
        """
        return self._place.size_of(key)

    def describe(self, key: str) -> SlideProperties:
        """Return what a slide says about itself.

        Raises
        ------
        NotFound
            There is no such slide.
        UnsupportedSlide
            It is no tiled pyramid, broken, or compressed in another way than by JPEG.
        SourceUnavailable, Busy
            The store does not answer, or the file is being changed.
        """
        return self._twice(key, _properties)

    def tile_at_once(
        self, key: str, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> SourceImage | None:
        """Return a tile if that needs no waiting, else `None`; see `tile`."""
        found = self._open_at_once(key)
        if found is None:
            return None
        known, slide = found
        known.check(level, column, row)
        tile = slide.level_tile_at_once(level, column, row, quality=quality, recode=recode)
        if tile is None:
            return None
        return known.image(tile, _name(level, column, row, quality, recode=recode))

    def tile_soon(
        self, key: str, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> Future[SourceImage] | None:
        """Return a tile that is fetched together with others, if there is a way to; see `tile`.

        Cancelling the future spares nobody else who waits for the same tile.
        """
        found = self._open_at_once(key)
        if found is None:
            return None
        return _soon(*found, (level, column, row), quality, recode=recode)

    def tile_or_soon(
        self, key: str, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> SourceImage | Future[SourceImage]:
        """Return what `tile` does; or, once the slide is open, what `tile_soon` does.

        May block, but not for a tile that comes together with others: where many ask for a
        slide that nobody has opened yet, their tiles share trips to its store.
        """
        place = level, column, row

        def read(known: _Known, slide: OpenSlide) -> SourceImage | Future[SourceImage]:
            soon = _soon(known, slide, place, quality, recode=recode)
            return _now(known, slide, place, quality, recode=recode) if soon is None else soon

        return self._twice(key, read)

    def tile(
        self, key: str, level: int, column: int, row: int, *, quality: int, recode: bool
    ) -> SourceImage:
        """Return a whole tile of the file's own grid; may block.

        Parameters
        ----------
        level, column, row
            As the file numbers them, level 0 being the full resolution.
        quality
            1 to 100: of what has to be encoded.
        recode
            Whether stored bytes of a higher quality have to be.

        Raises
        ------
        NotFound, UnsupportedSlide, SourceUnavailable, Busy
            As for `describe`.
        OutOfRange
            The slide has no such tile. The detail ``reason`` says whether it lacks the level.
        DamagedSlide
            The tile cannot be decoded, or (`CutShort`) its bytes are not there.
        """
        place = level, column, row
        return self._twice(
            key, lambda known, slide: _now(known, slide, place, quality, recode=recode)
        )

    def thumbnail(self, key: str, max_size: int, quality: int) -> SourceImage:
        """Return the whole slide with neither side above `max_size`; may block.

        Raises
        ------
        NotFound, UnsupportedSlide, SourceUnavailable, Busy, DamagedSlide
            As for `tile`.
        TooLarge
            The slide has no small levels, and this would take too much decoding.
        """

        def read(known: _Known, slide: OpenSlide) -> SourceImage:
            tile = slide.thumbnail_tile(max_size, max_size, quality=quality)
            return known.image(tile, f"thumbnail-{max_size}-{quality}")

        return self._twice(key, read)

    def refuse_tile(self, key: str, level: str, column: str, row: str) -> NoReturn:
        """Say which tiles there are instead of one whose address is not made of numbers.

        Raises
        ------
        OutOfRange
            Always. The slide need not be there.
        """
        try:
            grids = self._open(key)[0].grids
        except WsiLabError:
            grids = ()
        last = len(grids) - 1
        if _WHOLE_NUMBER.fullmatch(level) is None or (grids and int(level) > last):
            raise _no_level(level, last if grids else None)
        ends = (grids[int(level)][0] - 1, grids[int(level)][1] - 1) if grids else None
        raise _no_tile(column, row, int(level), ends)

    def close(self) -> None:
        """Let go of the source. Closing twice is closing once."""
        self._place.close()

    def _twice(self, key: str, read: Callable[[_Known, OpenSlide], T]) -> T:
        try:
            try:
                return read(*self._open(key))
            except SlideChanged:
                # Opened again, it is the new one.
                return read(*self._open(key))
        except SlideMissing:
            raise not_found(key) from None

    def _open_at_once(self, key: str) -> tuple[_Known, OpenSlide] | None:
        known = self._known.get(key)
        if known is None or known.is_link:
            # Where a link leads is looked up each time, and that may wait.
            return None
        try:
            slide = self._engine().open_at_once(known.address)
        except SlideMissing:
            raise not_found(key) from None
        return None if slide is None or slide.version != known.version else (known, slide)

    def _open(self, key: str) -> tuple[_Known, OpenSlide]:
        address = self._place.address_of(key)
        try:
            slide = self._engine().open(address, tiled_only=True)
        except DamagedSlide as error:
            # Nothing of it can be shown, so that to the viewer it is no slide.
            raise UnsupportedSlide(error.message) from error
        if not slide.is_remote and slide.real_path != address:
            # Between looking and opening, a link took its place.
            raise not_found(key)
        known = self._known.get(key)
        if known is None or known.version != slide.version or known.address != address:
            _require_fit(slide)
            known = _Known(slide, address, is_link=address != self._place.root + key)
            self._remember(key, known)
        return known, slide

    def _remember(self, key: str, known: _Known) -> None:
        while len(self._known) >= MOST_REMEMBERED:
            oldest = next(iter(self._known), None)
            if oldest is not None:
                self._known.pop(oldest, None)
        self._known[key] = known


_Place = tuple[int, int, int]
"""Level, column and row."""


def _now(
    known: _Known, slide: OpenSlide, place: _Place, quality: int, *, recode: bool
) -> SourceImage:
    known.check(*place)
    tile = slide.level_tile(*place, quality=quality, recode=recode)
    return known.image(tile, _name(*place, quality, recode=recode))


def _soon(
    known: _Known, slide: OpenSlide, place: _Place, quality: int, *, recode: bool
) -> Future[SourceImage] | None:
    known.check(*place)
    fetched = slide.level_tile_soon(*place, quality=quality, recode=recode)
    if fetched is None:
        return None
    # Known to be there, since the slide is.
    from wsi_lab.slides.futures import after  # noqa: PLC0415 (whoever has no source needs none)

    name = _name(*place, quality, recode=recode)
    return after(fetched, lambda tile: known.image(tile, name))


def _properties(_known: _Known, slide: OpenSlide) -> SlideProperties:
    # They are in memory, and may be of a version that the store has no more.
    slide.require_unchanged()
    return slide.properties


def _name(level: int, column: int, row: int, quality: int, *, recode: bool) -> str:
    return f"{level}-{column}-{row}-{quality}{'-recoded' if recode else ''}"


def _require_fit(slide: OpenSlide) -> None:
    """Raise `UnsupportedSlide` for what the engine reads but a viewer of pyramids does not."""
    if slide.compression not in COMPRESSIONS:
        how = f"compressed by {slide.compression}" if slide.compression else "not stored as JPEG"
        raise UnsupportedSlide(f"The tiles of this slide are {how}; JPEG and JPEG 2000 are shown.")
    properties = slide.properties
    if properties.format == GENERIC and len(properties.levels) == 1:
        raise UnsupportedSlide(
            "This TIFF file has a single resolution; convert it to a pyramid of several."
        )


def _no_level(level: str, last: int | None) -> OutOfRange:
    levels = "1 level" if last == 0 else f"{(last or 0) + 1} levels"
    valid = "" if last is None else f" The slide has {levels}, 0-{last}."
    return OutOfRange(f"There is no level {_shown(level)}.{valid}", reason="invalid_level")


def _no_tile(column: str, row: str, level: int, ends: tuple[int, int] | None) -> OutOfRange:
    valid = "" if ends is None else f" x goes from 0 to {ends[0]}, y from 0 to {ends[1]}."
    return OutOfRange(
        f"There is no tile x={_shown(column)}, y={_shown(row)} in level {level}.{valid}",
        reason="tile_out_of_bounds",
    )


def _shown(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}…"
