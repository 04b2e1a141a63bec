"""The lab behind a server, and the threads in which its handlers wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from wsi_lab.errors import Busy, HomeUnusable, NotIdentified, WsiLabError
from wsi_lab.model.people import Actor
from wsi_lab.service.lab import Lab
from wsi_lab.service.sources import SourceSlides

P = ParamSpec("P")
T = TypeVar("T")

LOG = logging.getLogger("wsi_lab.server")

ROW_THREADS = 4
PIXEL_THREADS = 8
STORE_THREADS = 64
PREVIEW_THREADS = 2
RECODING_THREADS = 3
LISTING_THREADS = 2
TRANSFER_THREADS = 4
LONGEST_QUEUE = 512
LONGEST_QUEUE_OF_LISTINGS = 16
SECONDS_UNTIL_NEXT_TRY = 5.0
MOST_BYTES_UNDER_WAY = 1 << 30
"""Of large bodies that are being received or worked on, all together."""

_NO_LAB = "There is no lab behind this server, only the slides of a source."


class Lane:
    """Threads for one kind of blocking work, and a queue before them that cannot grow forever.

    Rows and pixels have a lane each, so that many slow regions hold up nobody's list; and so has
    what waits for a store far away, which takes hardly anything but time. What anybody may ask
    for and takes long (previews, tiles of another quality, lists of a whole source) has few
    threads; files that are sent or fetched have their own, too.
    """

    def __init__(self, name: str, threads: int, longest_queue: int = LONGEST_QUEUE) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"wsi-lab-{name}")
        self._most = threads + longest_queue
        self._under_way = 0
        self._lock = threading.Lock()
        self._all_started = threads <= PIXEL_THREADS

    def submit(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Return a future of the running loop for `work`; cancelling it takes it off the queue.

        Raises
        ------
        Busy
            Too much is queued already, or the server is stopping.
        """
        with self._lock:
            if self._under_way >= self._most:
                raise Busy("The lab has more requests than it can queue; ask again in a moment.")
            self._under_way += 1
            is_first, self._all_started = not self._all_started, True
        if is_first:
            # Whoever starts a thread waits until it runs. The loop must not, for dozens of them.
            # They take after this one, and `end_process` looks for those that are no daemons.
            threading.Thread(target=self._start_all).start()
        try:
            future = self._executor.submit(work, *args, **kwargs)
        except RuntimeError as error:
            self._done()
            raise Busy("The server is stopping; ask again when it is back.") from error
        future.add_done_callback(self._done)
        return asyncio.wrap_future(future)

    def close(self) -> None:
        """Take everything off the queue; what runs already is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start_all(self) -> None:
        go_on = threading.Event()
        with contextlib.suppress(RuntimeError):  # It is being closed.
            for _ in range(self.threads):
                self._executor.submit(go_on.wait)
        go_on.set()

    def _done(self, _future: Future[T] | None = None) -> None:
        with self._lock:
            self._under_way -= 1


class Site:
    """One lab as handlers see it: opened when first needed, closed once.

    Parameters
    ----------
    open_lab
        Opens the lab; called in a thread. `None`: there is no lab, only a source.
    source
        The slides of a source that is not the lab's own; closed with the site.
    owner_name
        What to call the owner of the lab's home; see `wsi_lab.service.people.People.owner`.
    opened
        Called with the lab and its owner when it has been opened, in that thread.

    Attributes
    ----------
    lab
        The open lab, or `None` as long as it could not be opened.
    owner
        Whoever runs the lab; set together with `lab`.
    in_flight
        Requests that are being answered.
    bytes_under_way
        Of large bodies; see `room_for`.
    """

    def __init__(
        self,
        open_lab: Callable[[], Lab] | None,
        *,
        source: SourceSlides | None = None,
        owner_name: str | None = None,
        opened: Callable[[Lab, Actor], None] | None = None,
    ) -> None:
        self.lab: Lab | None = None
        self.owner: Actor | None = None
        self.in_flight = 0
        self.bytes_under_way = 0
        self.rows = Lane("rows", ROW_THREADS)
        self.pixels = Lane("pixels", PIXEL_THREADS)
        self.stores = Lane("stores", STORE_THREADS)
        self.previews = Lane("previews", PREVIEW_THREADS)
        self.recoding = Lane("recoding", RECODING_THREADS)
        self.listings = Lane("listings", LISTING_THREADS, LONGEST_QUEUE_OF_LISTINGS)
        self.transfers = Lane("transfers", TRANSFER_THREADS)
        self._open_lab = open_lab
        self._source = source
        self._owner_name = owner_name
        self._opened = opened
        self._opening = asyncio.Lock()
        self._failed: WsiLabError | None = None
        self._next_try = 0.0
        self._stopping = False
        self._empty = asyncio.Event()

    @property
    def has_lab(self) -> bool:
        """Whether there is a lab, be it open or not."""
        return self._open_lab is not None

    @property
    def source(self) -> SourceSlides | None:
        """The slides of the declared source; `None` without one, or as long as the lab is shut."""
        if self._source is not None:
            return self._source
        return None if self.lab is None else self.lab.source

    @property
    def is_stopping(self) -> bool:
        """Whether nobody is admitted any more."""
        return self._stopping

    async def ready(self) -> Lab:
        """Return the lab, opening it if need be.

        Raises
        ------
        HomeUnusable
            It cannot be opened. It is tried again after `SECONDS_UNTIL_NEXT_TRY`, so that a home
            that was put right needs no restart. Or there is none.
        """
        if self._open_lab is None:
            raise HomeUnusable(_NO_LAB)
        async with self._opening:
            return self.lab or await self._try_to_open(self._open_lab)

    def admit(self) -> None:
        """Count one more request.

        Raises
        ------
        Busy
            The server is stopping.
        """
        self._refuse_when_stopping()
        self.in_flight += 1

    def leave(self) -> None:
        """Count one request less."""
        self.in_flight -= 1
        if self._stopping and not self.in_flight:
            self._empty.set()

    @contextlib.contextmanager
    def room_for(self, byte_count: int) -> Iterator[None]:
        """Count a large body as long as it is being received or worked on.

        Raises
        ------
        Busy
            There are as many of them as memory is meant for.
        """
        if self.bytes_under_way and self.bytes_under_way + byte_count > MOST_BYTES_UNDER_WAY:
            raise Busy("The lab is taking in as much as it can hold; send this again in a moment.")
        self.bytes_under_way += byte_count
        try:
            yield
        finally:
            self.bytes_under_way -= byte_count

    async def actor_for_token(self, text: str, *, door: str) -> Actor:
        """Return who a bearer token of the lab stands for.

        Raises
        ------
        NotIdentified
            The token is unknown, expired or revoked.
        HomeUnusable
            There is no lab to ask.
        """
        if not self.has_lab:
            raise NotIdentified(_NO_LAB)
        lab = self.lab or await self.ready()
        return lab.people.actor_for_token(text, door=door)

    async def drain(self, seconds: float) -> bool:
        """Admit nobody any more and return whether all who were in were answered in time."""
        self._stopping = True
        if self.in_flight:
            try:
                await asyncio.wait_for(self._empty.wait(), seconds)
            except TimeoutError:
                return False
        return True

    def close(self) -> None:
        """Close the lab and let the threads go. May block for as long as the last writes take."""
        self._stopping = True
        self.close_lanes()
        source, self._source = self._source, None
        lab, self.lab = self.lab, None
        if source is not None:
            source.close()
        if lab is not None:
            lab.close()

    def close_lanes(self) -> None:
        """Let the threads go, and leave open what they were busy with."""
        self.rows.close()
        self.pixels.close()
        self.stores.close()
        self.previews.close()
        self.recoding.close()
        self.listings.close()
        self.transfers.close()

    async def _try_to_open(self, open_lab: Callable[[], Lab]) -> Lab:
        if self._failed is not None and time.monotonic() < self._next_try:
            raise self._failed
        try:
            lab, owner = await self.rows.submit(self._open, open_lab)
        except Busy:
            # Says nothing about the home.
            raise
        except WsiLabError as error:
            self._remember(error)
            raise
        except Exception as error:
            LOG.exception("The lab could not be opened.")
            unusable = HomeUnusable(
                "The lab could not be opened; the server's log says why. "
                "`wsi-lab doctor` looks for the cause."
            )
            self._remember(unusable)
            raise unusable from error
        self._failed = None
        self.lab, self.owner = lab, owner
        return lab

    def _refuse_when_stopping(self) -> None:
        if self._stopping:
            raise Busy("The server is stopping; ask again when it is back.")

    def _remember(self, error: WsiLabError) -> None:
        if self._failed is None or self._failed.message != error.message:
            LOG.error("The lab could not be opened: %s", error.message)
        self._failed = error
        self._next_try = time.monotonic() + SECONDS_UNTIL_NEXT_TRY

    def _open(self, open_lab: Callable[[], Lab]) -> tuple[Lab, Actor]:
        lab = open_lab()
        try:
            self._refuse_when_stopping()
            owner = lab.people.owner(door="v1", name=self._owner_name)
            if self._opened is not None:
                self._opened(lab, owner)
        except BaseException:
            lab.close()
            raise
        return lab, owner


def site_of(lab: Lab, *, owner_name: str | None = None) -> Site:
    """Return the site of a lab that is open already."""
    return Site(functools.partial(_same, lab), owner_name=owner_name)


def _same(lab: Lab) -> Lab:
    return lab
