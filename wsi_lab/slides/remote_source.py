"""The bytes of a slide in a store of objects."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, ClassVar

from wsi_lab.errors import CutShort, SlideChanged, SlideMissing
from wsi_lab.slides.fetching import Fetcher

if TYPE_CHECKING:
    from wsi_lab.slides.stores.objects import ObjectFacts

FRESH_SECONDS = 5.0
"""How long an object counts as unchanged after its store has said so."""


class RemoteSource:
    """One version of one object, read by range. A `ByteSource`.

    Every read is conditional: bytes of another version are never returned. A source that has
    once met another version, or nothing, `is_outdated` for ever.

    Parameters
    ----------
    fetcher, key
        Who reads it, and what it is called there.
    facts
        Of the version to read.
    address
        What it was opened by.
    head
        Its first bytes, if they have been fetched already.
    """

    is_remote: ClassVar[bool] = True

    def __init__(
        self,
        fetcher: Fetcher,
        key: str,
        facts: ObjectFacts,
        *,
        address: str,
        head: bytes = b"",
    ) -> None:
        self.name = address
        self.key = key
        self.facts = facts
        self.size = facts.size
        self.version = facts.version
        self.is_outdated = False
        self._fetcher = fetcher
        self._head = head
        # Bytes that were just fetched tell that the object is there.
        self._confirmed = time.monotonic() if head else float("-inf")
        self._closed = False
        self._lock = threading.Lock()
        self._asking: Future[bool] | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset` on.

        Raises
        ------
        CutShort
            The object ends before that.
        SlideChanged, SlideMissing
            It was replaced, or removed.
        SourceUnavailable
            Its store does not answer, or answers with an error.
        """
        known = self._known(offset, size)
        if known is not None:
            return known
        try:
            data = self._fetcher.read(self.key, offset, size, self.facts)
        except (SlideChanged, SlideMissing):
            self.is_outdated = True
            raise
        self._confirmed = time.monotonic()
        return data

    def read_several(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return what `read` gives for each ``(offset, size)``, fetched all at once."""
        found = [self._known(offset, size) for offset, size in ranges]
        asked = [each for each, data in zip(ranges, found, strict=True) if data is None]
        if not asked:
            return [data for data in found if data is not None]
        try:
            fetched = iter(self._fetcher.read_several(self.key, asked, self.facts))
        except (SlideChanged, SlideMissing):
            self.is_outdated = True
            raise
        self._confirmed = time.monotonic()
        return [next(fetched) if data is None else data for data in found]

    def read_soon(self, offset: int, size: int) -> Future[bytes]:
        """Return what `read` gives, later, fetched with what is asked for at the same time."""
        known = self._known(offset, size)
        soon: Future[bytes] = Future()
        # Nobody can cancel it, as nobody can what it waits for.
        soon.set_running_or_notify_cancel()
        if known is not None:
            soon.set_result(known)
            return soon

        def arrive(fetched: Future[bytes]) -> None:
            # What is learnt is known before whoever waits goes on.
            error = fetched.exception()
            if error is None:
                self._confirmed = time.monotonic()
                soon.set_result(fetched.result())
            else:
                self.is_outdated |= isinstance(error, SlideChanged | SlideMissing)
                soon.set_exception(error)

        self._fetcher.read_soon(self.key, offset, size, self.facts).add_done_callback(arrive)
        return soon

    def read_at_once(self, offset: int, size: int) -> None:
        """Return `None`: the store is far away."""

    def unchanged(self, *, wait: bool = True) -> bool:
        """Return whether the store has said so a moment ago, or says so now.

        Raises
        ------
        SourceUnavailable
            It does not answer.
        """
        if self.is_outdated:
            return False
        if time.monotonic() - self._confirmed <= FRESH_SECONDS:
            return True
        if not wait:
            return False
        with self._lock:
            if self.is_outdated or time.monotonic() - self._confirmed <= FRESH_SECONDS:
                return not self.is_outdated
            asking = self._asking
            if asking is None:
                mine: Future[bool] = Future()
                self._asking = mine
        if asking is not None:
            # One after the other, many would wait long for a store that does not answer.
            return asking.result()
        try:
            is_unchanged = self._ask()
        except BaseException as error:
            with self._lock:
                self._asking = None
            mine.set_exception(error)
            del mine  # The error knows this frame, and must not be led back to from here.
            raise
        with self._lock:
            self._asking = None
        mine.set_result(is_unchanged)
        return is_unchanged

    def close(self) -> None:
        """Forget what is kept. Reads that are under way still end well."""
        self._closed = True
        self._head = b""

    def _ask(self) -> bool:
        try:
            facts = self._fetcher.store.facts(self.key)
        except SlideMissing:
            self.is_outdated = True
            return False
        if facts.version != self.version:
            self.is_outdated = True
            return False
        self._confirmed = time.monotonic()
        return True

    def _known(self, offset: int, size: int) -> bytes | None:
        if self._closed:
            raise ValueError("this slide is closed")
        if offset < 0 or size < 0 or offset + size > self.size:
            raise CutShort("The slide ends too early; it was probably not copied completely.")
        if offset + size <= len(self._head):
            return self._head[offset : offset + size]
        return b"" if size == 0 else None
