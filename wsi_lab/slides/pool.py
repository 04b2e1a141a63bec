"""Worker processes, in which the large decoders run.

A slide may crash, block or bloat a decoder; here that costs one process and one request. The
server itself never imports OpenSlide or large-image.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

from wsi_lab.errors import Busy, DamagedSlide, Invalid, TooLarge
from wsi_lab.model.slide import LARGEST_REGION_PIXELS, Patch, Region, SlideProperties
from wsi_lab.slides.frames import (
    AnyAnswer,
    AnyRequest,
    DecodeTile,
    Opened,
    OpenFile,
    ReadAssociated,
    ReadPatch,
    ReadRegion,
)
from wsi_lab.slides.process import WorkerLost, WorkerProcess
from wsi_lab.slides.quarantine import Quarantine
from wsi_lab.slides.reader import EncodedImage, Pixels, tile_region
from wsi_lab.slides.seats import Seats
from wsi_lab.slides.source import Identity, current_identity

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many worker processes there are, and what each may use.

    Attributes
    ----------
    workers
        Processes at most. They start when they are needed.
    memory_bytes
        All the memory of one process, its libraries (about 200 MB) included.
    seconds
        The longest that reading a region may take.
    open_seconds, tile_seconds
        The same for opening a slide and for decoding one tile.
    idle_seconds
        After that time without a request a process ends.
    queue
        Requests that may wait for a process; more are told to come back.
    open_slides
        Slides that each process keeps open.
    deaths, pause_seconds
        A slide that ends so many processes in a row is refused for so long.
    """

    workers: int = 2
    memory_bytes: int = 1 << 30
    seconds: float = 20.0
    open_seconds: float = 5.0
    tile_seconds: float = 5.0
    idle_seconds: float = 120.0
    queue: int = 128
    open_slides: int = 8
    deaths: int = 3
    pause_seconds: float = 60.0

    @property
    def longest_seconds(self) -> float:
        """The longest that any request may take."""
        return max(self.seconds, self.open_seconds, self.tile_seconds)


class WorkerPool:
    """Reads slides and decodes tiles in worker processes. Every method is safe in any thread.

    Parameters
    ----------
    settings
        How many processes, and what each may use.

    Examples
    --------
    >>> with WorkerPool() as pool:
    ...     slide = pool.open("wsi_lab/demo/CMU-1-Small-Region.svs")
    ...     slide.read_region(Region(x=0, y=0, width=64, height=32, downsample=1.0)).shape
    (32, 64, 3)
    """

    def __init__(self, settings: PoolSettings | None = None) -> None:
        self._settings = settings if settings is not None else PoolSettings()
        self._quarantine = Quarantine(
            deaths=self._settings.deaths, seconds=self._settings.pause_seconds
        )
        self._seats = Seats(
            self._started,
            workers=self._settings.workers,
            queue=self._settings.queue,
            wait_seconds=self._settings.longest_seconds,
            idle_seconds=self._settings.idle_seconds,
        )

    def open(self, path: str) -> RemoteReader:
        """Return a slide that a worker has opened.

        Raises
        ------
        UnsupportedSlide
            Not a kind of slide that can be read.
        DamagedSlide
            It is broken, or opening it took too long or too much memory.
        SlideMissing
            There is no such file, or it may not be read.
        Busy
            Too many requests are waiting.
        """
        return self._opened(OpenFile(path=path))

    def open_by_openslide(self, path: str) -> RemoteReader:
        """Return a slide as OpenSlide reads it, whatever reader `open` would choose.

        Raises
        ------
        UnsupportedSlide, DamagedSlide, SlideMissing, Busy
            As for `open`.
        """
        return self._opened(OpenFile(path=path, by_openslide=True))

    def decode_tile(
        self,
        data: bytes,
        *,
        compression: int,
        photometric: int,
        predictor: int,
        rows: int,
        columns: int,
        samples: int,
    ) -> Pixels:
        """Return one stored tile as pixels; see `wsi_lab.slides.decoding.TileDecoder`."""
        request = DecodeTile(
            compression=compression,
            photometric=photometric,
            predictor=predictor,
            rows=rows,
            columns=columns,
            samples=samples,
        )
        _, pixels = self._ask(
            request, data, seconds=self._settings.tile_seconds, size=(rows, columns)
        )
        return _present(pixels)

    def read(
        self, reader: RemoteReader, request: ReadRegion | ReadPatch | ReadAssociated
    ) -> Pixels:
        """Return pixels of a slide that `open` gave; what `RemoteReader` calls."""
        size = None
        if isinstance(request, ReadRegion):
            size = request.region.height, request.region.width
        elif isinstance(request, ReadPatch):
            size = request.patch.height, request.patch.width
        _, pixels = self._ask(
            request,
            key=(reader.path, reader.identity),
            path=reader.path,
            seconds=self._settings.seconds,
            size=size,
        )
        return _present(pixels)

    def let_go(self, reader: RemoteReader) -> None:
        """Let workers close a slide when they next have something to do, or end."""
        self._seats.forget(reader.path)

    def pids(self) -> list[int]:
        """Return the system's numbers of the worker processes that run now."""
        return self._seats.pids()

    def close(self) -> None:
        """End all worker processes; later requests raise `Busy`."""
        self._seats.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _opened(self, request: OpenFile) -> RemoteReader:
        answer, _ = self._ask(
            request,
            key=(request.path, current_identity(request.path)),
            path=request.path,
            seconds=self._settings.open_seconds,
        )
        if not isinstance(answer, Opened):
            raise _nonsense()
        return RemoteReader(
            self,
            request.path,
            answer.identity,
            answer.properties,
            by_openslide=request.by_openslide,
        )

    def _started(self) -> WorkerProcess:
        return WorkerProcess(
            memory_bytes=self._settings.memory_bytes,
            seconds=self._settings.longest_seconds,
            open_slides=self._settings.open_slides,
        )

    def _ask(
        self,
        request: AnyRequest,
        body: bytes = b"",
        *,
        seconds: float,
        key: Hashable | None = None,
        path: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> tuple[AnyAnswer, Pixels | None]:
        """Have a worker do something; `key` is what it is to be known by if that kills it.

        If somebody kills the worker meanwhile, another one is asked, once.
        """
        if key is None and not self._quarantine.is_empty():
            key = _tile_key(body)
        if key is not None:
            self._quarantine.check(key)
        again = True
        while True:
            try:
                with self._seats.worker(path) as worker:
                    answer = worker.ask(request, body, seconds=seconds, path=path, size=size)
                break
            except WorkerLost as lost:
                if self._seats.is_closed():
                    raise Busy("The server is shutting down.") from None
                _log.warning("A slide worker was %s; another one takes its place.", lost.how)
                if lost.by_somebody_else and again:
                    again = False
                    continue
                self._quarantine.died(_tile_key(body) if key is None else key)
                raise DamagedSlide(
                    f"Reading this {'tile' if path is None else 'slide'} {lost.why}. "
                    "Its file is probably broken."
                ) from None
        if key is not None:
            self._quarantine.survived(key)
        return answer


class RemoteReader:
    """A slide that is open in a worker; a `wsi_lab.slides.reader.Reader`.

    It stays usable when the worker dies or closes the slide: the next one opens it again, as
    long as the file is the one that was opened first.

    Attributes
    ----------
    path, identity
        The file it was opened from, and which one that was.
    """

    def __init__(
        self,
        pool: WorkerPool,
        path: str,
        identity: Identity,
        properties: SlideProperties,
        *,
        by_openslide: bool = False,
    ) -> None:
        self._pool = pool
        self._by_openslide = by_openslide
        self._properties = properties
        self.path = path
        self.identity = identity

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself, de-identified. Its `version` is left empty."""
        return self._properties

    @property
    def has_coarse_colour(self) -> bool:
        """Return `False`: nobody knows."""
        return False

    @property
    def compression(self) -> str:
        """Return ``""``: the library knows."""
        return ""

    def stored_quality(self, level: int) -> None:
        """Return `None`: nobody knows."""

    def stored_tile(
        self, level: int, column: int, row: int, *, whole: bool = False, wait: bool = True
    ) -> EncodedImage | None:
        """Return `None`: workers give pixels, not tiles as they are stored."""
        del level, column, row, whole, wait
        return None

    def stored_tiles(
        self, level: int, places: Sequence[tuple[int, int]], *, whole: bool = False
    ) -> list[EncodedImage | None]:
        """Return `None` for each place, as `stored_tile` does."""
        del level, whole
        return [None] * len(places)

    def stored_tile_soon(self, level: int, column: int, row: int, *, whole: bool = False) -> None:
        """Return `None`, as `stored_tile` does."""

    def read_tile(self, level: int, column: int, row: int) -> Pixels:
        """Return the pixels of a whole tile, white beyond the edge; see `read_region`."""
        return self.read_region(tile_region(self._properties, level, column, row))

    def read_region(self, region: Region) -> Pixels:
        """Return the pixels of a region, white where it lies outside the slide.

        Raises
        ------
        DamagedSlide
            The file is broken, or reading it took too long or too much memory.
        TooLarge
            The region has more pixels than one request may have.
        Busy
            All workers are taken, or the file is being replaced.
        SlideMissing
            The file is gone.
        """
        numbers = region.x, region.y, region.downsample
        if not all(map(math.isfinite, numbers)) or region.downsample <= 0:
            raise Invalid("This region cannot be read: its place or scale is no number.")
        if region.width < 1 or region.height < 1:
            raise Invalid("This region cannot be read: it has no size.")
        if region.width * region.height > LARGEST_REGION_PIXELS:
            raise TooLarge(f"At most {LARGEST_REGION_PIXELS:,} pixels are read at once.")
        request = ReadRegion(path=self.path, identity=self.identity, region=region)
        return self._pool.read(self, request)

    def read_patch(self, patch: Patch) -> Pixels:
        """Return the pixels of a patch with their opacity, clear outside the slide.

        Raises
        ------
        DamagedSlide, TooLarge, Busy, SlideMissing
            As for `read_region`.
        """
        request = ReadPatch(
            path=self.path,
            identity=self.identity,
            patch=patch,
            by_openslide=self._by_openslide,
        )
        return self._pool.read(self, request)

    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another image beside the pyramid.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        """
        request = ReadAssociated(path=self.path, identity=self.identity, name=name)
        return self._pool.read(self, request)

    def close(self) -> None:
        """Let the workers close the file; they do with their next request, or when they end."""
        self._pool.let_go(self)

    def __del__(self) -> None:
        self.close()


def _tile_key(data: bytes) -> bytes:
    # Nobody says whose tile it is, so a deadly one is known by its bytes.
    return hashlib.blake2b(data, digest_size=16).digest()


def _present(pixels: Pixels | None) -> Pixels:
    if pixels is None:
        raise _nonsense()
    return pixels


def _nonsense() -> DamagedSlide:
    return DamagedSlide("This slide cannot be read.")
