"""What a store of objects gives: the facts and the bytes of what has a key there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wsi_lab.model.source import Source

HIGHEST_KEY_BYTES = 1024
"""Of a key, encoded; no store allows longer ones."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How long a store may take, and how often it is asked again.

    Attributes
    ----------
    connect_seconds
        For a connection.
    silence_seconds
        Without a single byte.
    call_seconds
        For one call of `ObjectStore` with everything that belongs to it.
    most_tries
        For one call, while there is time.
    first_wait_seconds
        Before the second try; it doubles from try to try.
    """

    connect_seconds: float = 3.0
    silence_seconds: float = 4.0
    call_seconds: float = 8.0
    most_tries: int = 5
    first_wait_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a store says of an object.

    Attributes
    ----------
    size
        In bytes.
    etag
        As the store writes it, quotes included.
    modified
        When it was written, to the second.

    Examples
    --------
    >>> ObjectFacts(2, '"a"').version == ObjectFacts(2, '"b"').version
    False
    """

    size: int
    etag: str | None = None
    modified: datetime | None = None

    @property
    def version(self) -> str:
        """Differs as soon as the object is another one, as far as its store can tell."""
        text = self.etag or (self.modified.isoformat() if self.modified else "")
        return hashlib.blake2b(f"{text}\n{self.size}".encode(), digest_size=9).hexdigest()

    @property
    def strong_etag(self) -> str | None:
        """The ETag if it can be a condition: one of the same bytes, not of something alike."""
        return None if self.etag is None or self.etag.startswith("W/") else self.etag

    def is_of(self, other: ObjectFacts) -> bool:
        """Return whether `other` can be of the same object, where an answer leaves facts out."""
        if self.size != other.size:
            return False
        if self.etag is not None and other.etag is not None:
            return self.etag == other.etag
        if self.modified is not None and other.modified is not None:
            return self.modified == other.modified
        return True


class ObjectStore(Protocol):
    """A source with slides in it, asked over a network. Safe to use from several threads.

    Keys are relative to the source. Every call waits, but never longer than its limits allow,
    and raises `SourceUnavailable` where the store cannot be reached, `SourceTimeout` where it
    takes too long, and `SourceRefused` where it answers that it will not.
    """

    @property
    def source(self) -> Source:
        """What is asked."""

    @property
    def origin(self) -> str:
        """Tells it from other stores that may hold other objects at the same addresses.

        ``""`` where the addresses say it all, and for the store that everybody means by them.
        """

    def facts(self, key: str) -> ObjectFacts:
        """Return what the store says of an object, by one request without a body.

        Raises
        ------
        SlideMissing
            Nothing has that key.
        """

    def head(self, key: str, size: int) -> tuple[bytes, ObjectFacts]:
        """Return the first bytes of an object, at most `size`, and its facts, by one request.

        Raises
        ------
        SlideMissing
            Nothing has that key.
        """

    def read(
        self, key: str, offset: int, size: int, facts: ObjectFacts, *, within: float | None = None
    ) -> bytes:
        """Return exactly `size` bytes from `offset` on of the version that `facts` tell of.

        Parameters
        ----------
        within
            Seconds, when there are fewer left than the limits give.

        Raises
        ------
        SlideChanged
            It is of another version by now.
        SlideMissing
            It is gone.
        """

    def keys(self, *, prefix: str = "", after: str = "") -> Iterator[str | None]:
        """Yield all keys that begin with `prefix` and come after `after`, by their UTF-8 bytes.

        `None` stands for a page of the store's list without any of them: a chance to look at
        the clock, because there may be any number of such pages. No key is held back by it.

        Raises
        ------
        SourceRefused
            The store cannot be listed.
        """

    def close(self) -> None:
        """Give back all connections."""
