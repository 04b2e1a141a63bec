"""Opens slides and keeps them open: the one door to pixels."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from wsi_lab.errors import Busy, SlideMissing
from wsi_lab.slides.decoding import TileDecoder
from wsi_lab.slides.open_slide import OpenSlide
from wsi_lab.slides.pool import PoolSettings, WorkerPool
from wsi_lab.slides.preflight import preflight
from wsi_lab.slides.reader import Reader
from wsi_lab.slides.readers.tiff import TiffReader
from wsi_lab.slides.renderings import Renderings
from wsi_lab.slides.source import Identity, SlideFile, current_identity
from wsi_lab.slides.tiff_directories import TiffStructure
from wsi_lab.slides.tiff_index import STORED_VERSION, IndexStore, TiffIndex, native
from wsi_lab.slides.tiff_pages import read_index

__all__ = ["EngineSettings", "Limits", "OpenSlide", "SlideEngine", "Workers"]

UNSEEN_SECONDS = 0.001
"""For how long the replacing of a file may go unseen. Tiles come by the thousand a second."""


class Workers(TileDecoder, Protocol):
    """What the engine needs of `wsi_lab.slides.pool.WorkerPool`."""

    def open(self, path: str) -> Reader:
        """Return a slide that a library in a worker has opened."""

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
    """An open slide, who its file was then, and until when nobody need look again."""

    __slots__ = ("good_until", "identity", "slide")

    def __init__(self, identity: Identity, slide: OpenSlide) -> None:
        self.identity = identity
        self.slide = slide
        self.good_until = 0.0


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
    """

    def __init__(
        self,
        settings: Limits,
        indexes: IndexStore | None = None,
        *,
        workers: Workers | None = None,
        open_slides: int = 64,
    ) -> None:
        self._indexes = indexes
        self._workers = workers if workers is not None else _pool(settings)
        self._renderings = Renderings(settings.tile_cache_bytes)
        self._most_open = open_slides
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Kept] = OrderedDict()
        self._opening: dict[tuple[str, Identity], Future[OpenSlide]] = {}

    def open_at_once(self, path: str) -> OpenSlide | None:
        """Return a slide that is open already and whose file is unchanged, else `None`.

        Costs one look at the file's directory entry, but not within `UNSEEN_SECONDS` of the
        last one. A slide that was replaced in the meantime still gives its old tiles, and only
        those: the file it was opened from is kept open.

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
        identity = current_identity(path)
        with self._lock:
            if self._open.get(path) is not found or found.identity != identity:
                return None
            self._open.move_to_end(path)
        found.good_until = now + UNSEEN_SECONDS
        return found.slide

    def open(self, path: str) -> OpenSlide:
        """Return the slide at `path` as the file is now.

        Raises
        ------
        UnsupportedSlide, DamagedSlide, SlideMissing
            It is not a slide, it is broken or hostile, or it is gone.
        Busy
            All workers are taken, or the file is being written to.
        """
        identity = current_identity(path)
        with self._lock:
            found = self._open.get(path)
            if found is not None and found.identity == identity:
                self._open.move_to_end(path)
                return found.slide
            key = (path, identity)
            opening = self._opening.get(key)
            if opening is None:
                mine: Future[OpenSlide] = Future()
                self._opening[key] = mine
        if opening is not None:
            return opening.result()
        try:
            opened_as, slide = self._opened(path)
        except BaseException as error:
            with self._lock:
                del self._opening[key]
            mine.set_exception(error)
            del mine  # The error knows this frame, and must not be led back to from here.
            raise
        with self._lock:
            del self._opening[key]
            self._open[path] = _Kept(opened_as, slide)
            self._open.move_to_end(path)
            while len(self._open) > self._most_open:
                self._open.popitem(last=False)
        mine.set_result(slide)
        return slide

    def close(self) -> None:
        """Let go of all slides, and end the workers."""
        with self._lock:
            self._open.clear()
        self._renderings.clear()
        self._workers.close()

    def _opened(self, path: str) -> tuple[Identity, OpenSlide]:
        source = SlideFile(path)
        try:
            index = self._index(source)
        except BaseException:
            source.close()
            raise
        if index is not None and native(index) is None:
            reader: Reader = TiffReader(source, index, self._workers)
            unchanged = source.unchanged
        else:
            source.close()
            reader = self._workers.open(path)
            # A worker opens the file by its name, perhaps again and again.
            unchanged = _is_still(path, source.identity)
            if not unchanged():
                reader.close()
                raise _being_changed()
        return source.identity, OpenSlide(
            reader,
            version=source.version,
            real_path=source.real_path,
            unchanged=unchanged,
            renderings=self._renderings,
        )

    def _index(self, source: SlideFile) -> TiffIndex | None:
        """Return the index of a TIFF slide, `None` for files of other kinds."""
        kept = self._kept_index(source)
        if kept is not None:
            return kept
        found = preflight(source)
        return None if found.structure is None else self._made_index(source, found.structure)

    def _kept_index(self, source: SlideFile) -> TiffIndex | None:
        if self._indexes is None:
            return None
        data = self._indexes.get(_index_key(source))
        if data is None:
            return None
        # One that cannot be read is simply made anew.
        with contextlib.suppress(ValueError):
            return TiffIndex.from_bytes(data)
        return None

    def _made_index(self, source: SlideFile, structure: TiffStructure) -> TiffIndex:
        index = read_index(source, structure)
        if not source.unchanged():
            # Half of it may be of the file as it was before.
            raise _being_changed()
        if self._indexes is not None and native(index) is None:
            self._indexes.put(_index_key(source), index.to_bytes())
        return index


def _pool(settings: Limits) -> Workers:
    return WorkerPool(
        PoolSettings(
            workers=settings.workers,
            memory_bytes=settings.worker_memory_bytes,
            seconds=settings.worker_seconds,
        )
    )


def _being_changed() -> Busy:
    return Busy("The slide's file is being changed right now; ask again in a moment.")


def _index_key(source: SlideFile) -> str:
    return f"tiff-{STORED_VERSION}-{source.version}"


def _is_still(path: str, identity: Identity) -> Callable[[], bool]:
    def unchanged() -> bool:
        try:
            return current_identity(path) == identity
        except SlideMissing:
            return False

    return unchanged
