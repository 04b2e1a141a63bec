"""Opens slides and keeps them open: the one door to pixels."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wsi_lab.errors import CutShort, SlideChanged, SlideMissing, UnsupportedSlide
from wsi_lab.model.source import is_address
from wsi_lab.slides.decoding import TileDecoder
from wsi_lab.slides.kept_indexes import KeptIndexes
from wsi_lab.slides.open_slide import OpenSlide
from wsi_lab.slides.patches import PatchReader
from wsi_lab.slides.pool import PoolSettings, WorkerPool
from wsi_lab.slides.preflight import preflight
from wsi_lab.slides.reader import Reader
from wsi_lab.slides.readers.tiff import TiffReader
from wsi_lab.slides.remote_opening import open_remote
from wsi_lab.slides.remote_source import RemoteSource
from wsi_lab.slides.renderings import Renderings
from wsi_lab.slides.source import ByteSource, Identity, SlideFile, current_identity
from wsi_lab.slides.tiff_index import IndexStore, TiffIndex, cut_short, native
from wsi_lab.slides.tiff_pages import read_index
from wsi_lab.slides.watch import Unchanged, Watch

if TYPE_CHECKING:
    from wsi_lab.slides.stores import Stores

__all__ = ["EngineSettings", "Limits", "OpenSlide", "SlideEngine", "Workers"]

UNSEEN_SECONDS = 0.001
"""For how long the replacing of a file may go unseen. Tiles come by the thousand a second."""
_DECODING_THREADS = 2
"""For tiles that were fetched without a thread and, against the custom, have to be decoded."""


class OpenedByOpenSlide(PatchReader, Protocol):
    """A slide that OpenSlide has opened."""

    @property
    def identity(self) -> Identity:
        """Which file that was."""


class Workers(TileDecoder, Protocol):
    """What the engine needs of `wsi_lab.slides.pool.WorkerPool`."""

    def open(self, path: str) -> Reader:
        """Return a slide that a library in a worker has opened."""

    def open_by_openslide(self, path: str) -> OpenedByOpenSlide:
        """Return a slide that OpenSlide has opened, whatever reader `open` would choose."""

    def close(self) -> None:
        """End the workers."""


class Limits(Protocol):
    """How much an engine may use; the settings of a lab are that too."""

    @property
    def workers(self) -> int:
        """Processes that decode what cannot be handed out as it is stored."""

    @property
    def worker_memory_bytes(self) -> int:
        """What one of them may hold."""

    @property
    def worker_seconds(self) -> float:
        """What one request to them may take."""

    @property
    def tile_cache_bytes(self) -> int:
        """Memory for tiles that are not stored as they are shown."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`Limits` for whoever has no lab."""

    workers: int = 2
    worker_memory_bytes: int = 1 << 30
    worker_seconds: float = 30.0
    tile_cache_bytes: int = 64 << 20


class _Kept:
    """An open slide, which file it was opened from, and until when nobody need look again."""

    __slots__ = ("cut_short", "file", "good_until", "not_tiled", "slide")

    def __init__(
        self,
        file: Identity | RemoteSource,
        slide: OpenSlide,
        *,
        not_tiled: str | None = None,
        cut_short: str | None = None,
    ) -> None:
        self.file = file
        self.slide = slide
        self.not_tiled = not_tiled
        self.cut_short = cut_short
        self.good_until = 0.0

    def is_of(self, identity: Identity | None) -> bool:
        """Return whether the file is still that one; `identity` is that of a local file now."""
        if isinstance(self.file, RemoteSource):
            return not self.file.is_outdated
        return self.file == identity

    def slide_for(self, *, tiled_only: bool) -> OpenSlide:
        """Return the slide, unless whoever asks must not have it."""
        if tiled_only and self.not_tiled is not None:
            raise _not_tiled(self.not_tiled)
        if not tiled_only and self.cut_short is not None:
            raise CutShort(self.cut_short)
        return self.slide


class SlideEngine:
    """Opens slides, keeps the ones used lately, and notices when their files change.

    Parameters
    ----------
    settings
        How much it may use.
    indexes
        Where indexes of TIFF slides are kept between runs; `None` makes them anew each time.
    workers
        Instead of those that `settings` describes.
    open_slides
        How many slides stay open; more are opened again when they are asked for.
    stores
        Where remote slides are; without, there are none. Whoever made them closes them.
    """

    def __init__(
        self,
        settings: Limits,
        indexes: IndexStore | None = None,
        *,
        workers: Workers | None = None,
        open_slides: int = 64,
        stores: Stores | None = None,
    ) -> None:
        self._indexes = KeptIndexes(indexes)
        self._stores = stores
        self._workers = workers if workers is not None else _pool(settings)
        self._renderings = Renderings(settings.tile_cache_bytes)
        self._most_open = open_slides
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Kept] = OrderedDict()
        self._opening: dict[tuple[str, Identity | None, bool], Future[_Kept]] = {}
        self._later = ThreadPoolExecutor(_DECODING_THREADS, thread_name_prefix="wsi-lab-later")

    def open_at_once(self, path: str) -> OpenSlide | None:
        """Return a slide that is open already and whose file is unchanged, else `None`.

        Costs one look at the file's directory entry, but not within `UNSEEN_SECONDS` of the
        last one. A slide that was replaced in the meantime still gives its old tiles, and only
        those: the file it was opened from is kept open. Of a remote slide nothing is asked here;
        each answer of the slide itself is of a version that was confirmed.

        Raises
        ------
        SlideMissing
            The file is gone, or may not be opened.
        """
        found = self._open.get(path)
        if found is None:
            return None
        now = time.monotonic()
        if now < found.good_until:
            return found.slide
        identity = None if found.slide.is_remote else current_identity(path)
        with self._lock:
            if self._open.get(path) is not found or not found.is_of(identity):
                return None
            self._open.move_to_end(path)
        found.good_until = now + UNSEEN_SECONDS
        return found.slide

    def open(self, path: str, *, tiled_only: bool = False) -> OpenSlide:
        """Return the slide at `path` as the file is now.

        A remote slide that is known from before is opened without asking its store; the first
        answer that needs it finds out whether it is still that version, and if not, raises
        `SlideChanged`. Then it is opened anew by the next call.

        Parameters
        ----------
        path
            Of a local file; or the address of a remote one, as `wsi_lab.model.source.Source`
            knows them.
        tiled_only
            Refuse slides whose tiles a library would have to read, without starting a worker
            for them; and leave it to each tile whether it is there, where a file was cut.

        Raises
        ------
        UnsupportedSlide, DamagedSlide, SlideMissing
            It is not a slide, it is broken or hostile, or it is gone.
        Busy
            All workers are taken, or the file is being written to (`SlideChanged`).
        SourceUnavailable, NotAllowed
            The store of a remote slide does not answer, or may not be asked.
        """
        identity = None if is_address(path) else current_identity(path)
        with self._lock:
            found = self._open.get(path)
            if found is not None and found.is_of(identity):
                self._open.move_to_end(path)
                return found.slide_for(tiled_only=tiled_only)
            key = (path, identity, tiled_only)
            opening = self._opening.get(key)
            if opening is None:
                mine: Future[_Kept] = Future()
                self._opening[key] = mine
        if opening is not None:
            return opening.result().slide
        try:
            if identity is None:
                kept = self._opened_far(path, tiled_only=tiled_only, anew=found is not None)
            else:
                kept = self._opened(path, tiled_only=tiled_only)
        except BaseException as error:
            with self._lock:
                del self._opening[key]
            mine.set_exception(error)
            del mine  # The error knows this frame, and must not be led back to from here.
            raise
        with self._lock:
            del self._opening[key]
            self._open[path] = kept
            self._open.move_to_end(path)
            while len(self._open) > self._most_open:
                self._open.popitem(last=False)
        mine.set_result(kept)
        return kept.slide

    def close(self) -> None:
        """Let go of all slides, and end the workers."""
        with self._lock:
            self._open.clear()
        self._renderings.clear()
        self._later.shutdown(wait=False, cancel_futures=True)
        self._workers.close()

    def _opened(self, path: str, *, tiled_only: bool) -> _Kept:
        source = SlideFile(path)
        try:
            index = self._index(source)
            lacking = None if index is None else _lacking(index, source, tiled_only=tiled_only)
            reason = _foreign(index, tiled_only=tiled_only)
        except BaseException:
            source.close()
            raise
        if index is not None and reason is None:
            reader: Reader = TiffReader(source, index, self._workers)
            watch = Watch(source.unchanged)
        else:
            source.close()
            reader = self._workers.open(path)
            # A worker opens the file by its name, perhaps again and again.
            watch = Watch(_is_still(path, source.identity))
            try:
                watch.require_unchanged()
            except SlideChanged:
                reader.close()
                raise
        slide = OpenSlide(
            reader,
            version=source.version,
            real_path=source.real_path,
            watch=watch,
            renderings=self._renderings,
            later=self._later,
            by_openslide=(
                (lambda: self._by_openslide(path, source.identity)) if reason is None else None
            ),
        )
        return _Kept(source.identity, slide, not_tiled=reason, cut_short=lacking)

    def _by_openslide(self, path: str, identity: Identity) -> PatchReader:
        reader = self._workers.open_by_openslide(path)
        # It was opened by its name, and may be the file that has taken the other's place.
        if reader.identity != identity:
            raise SlideChanged("The slide's file was replaced; ask again in a moment.")
        return reader

    def _opened_far(self, address: str, *, tiled_only: bool, anew: bool) -> _Kept:
        if self._stores is None:
            raise UnsupportedSlide("Slides can only be read from local disks here.")
        fetcher, key = self._stores.for_address(address)
        source, index = open_remote(fetcher, key, address, self._indexes, anew=anew)
        lacking = _lacking(index, source, tiled_only=tiled_only)
        slide = OpenSlide(
            TiffReader(source, index, self._workers),
            version=source.version,
            real_path=address,
            watch=Watch(source.unchanged),
            renderings=self._renderings,
            later=self._later,
            is_remote=True,
        )
        return _Kept(source, slide, cut_short=lacking)

    def _index(self, source: SlideFile) -> TiffIndex | None:
        """Return the index of a TIFF slide, `None` for files of other kinds."""
        kept = self._indexes.index(source)
        if kept is not None:
            return kept
        structure = preflight(source).structure
        if structure is None:
            return None
        index = read_index(source, structure)
        # Half of it may be of the file as it was before.
        Watch(source.unchanged).require_unchanged()
        self._indexes.keep_index(source, index)
        return index


def _pool(settings: Limits) -> Workers:
    return WorkerPool(
        PoolSettings(
            workers=settings.workers,
            memory_bytes=settings.worker_memory_bytes,
            seconds=settings.worker_seconds,
        )
    )


def _lacking(index: TiffIndex, source: ByteSource, *, tiled_only: bool) -> str | None:
    """Return what of a slide its file lacks; an error unless each tile is judged by itself."""
    lacking = cut_short(index, source.size)
    if lacking is not None and not tiled_only:
        raise CutShort(lacking)
    return lacking


def _foreign(index: TiffIndex | None, *, tiled_only: bool) -> str | None:
    """Return why a library has to read a slide; an error where none may."""
    reason = "it is no TIFF file" if index is None else native(index)
    if reason is not None and tiled_only:
        raise _not_tiled(reason)
    return reason


def _not_tiled(reason: str) -> UnsupportedSlide:
    return UnsupportedSlide(f"This file cannot be shown tile by tile: {reason}.")


def _is_still(path: str, identity: Identity) -> Unchanged:
    def unchanged(*, wait: bool = True) -> bool:  # noqa: ARG001 (one look never waits)
        try:
            return current_identity(path) == identity
        except SlideMissing:
            return False

    return unchanged
