"""Which slides a source holds, by their keys, and where each of them lies."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wsi_lab.errors import Invalid, NotFound, SlideMissing, SourceTimeout
from wsi_lab.model.source import Source

if TYPE_CHECKING:
    from wsi_lab.slides.stores import ObjectStore

SLIDE_ENDINGS = (".svs", ".tif", ".tiff")
"""Of the keys that are listed, in any case; a slide is opened whatever its key ends with."""
LONGEST_LOOK_SECONDS = 5.0
"""For one page. What is found until then is a page, too, and the next goes on from there."""
_KEYS_BETWEEN_LOOKS_AT_THE_CLOCK = 512


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some of the keys of a source, in the order of their bytes.

    Attributes
    ----------
    next_cursor
        Leads to the page after this one; `None` at the end.
    """

    keys: tuple[str, ...]
    next_cursor: str | None


class Place(Protocol):
    """Where the slides of a source lie.

    Attributes
    ----------
    root
        What the paths or addresses of all slides begin with; the key follows, unless links
        lead elsewhere.
    """

    root: str

    def address_of(self, key: str) -> str:
        """Return the path or address of a slide as the engine opens it.

        Raises
        ------
        NotFound
            No slide may have this key, or (in a folder) none has it.
        """

    def keys(self, prefix: str, after: str) -> Iterator[str | None]:
        """Return all keys that begin with `prefix` and come after `after`, in order.

        `None` stands for anything that takes its time and has none of them.
        """

    def size_of(self, key: str) -> int:
        """Return how many bytes the file of a key has."""

    def close(self) -> None:
        """Give back what was opened to look."""


def place_of(source: Source) -> Place:
    """Return where the slides of a source lie. Nothing is looked up."""
    return _Store(source) if source.is_remote else _Folder(source)


def not_found(key: str) -> NotFound:
    """Return the one answer for what is absent, hidden, or outside of the source."""
    return NotFound(f"There is no slide '{key}' here.")


def always() -> bool:
    """Return that what is asked for is still wanted."""
    return True


def page(
    place: Place,
    *,
    limit: int,
    cursor: str | None,
    prefix: str,
    search: str,
    is_wanted: Callable[[], bool] = always,
) -> KeyPage:
    """Return up to `limit` keys of slides.

    Parameters
    ----------
    cursor
        Of the page before; `None` begins.
    prefix
        What the keys begin with, letter for letter.
    search
        What the keys hold, in any case.
    is_wanted
        Asked now and then. Once it says no, the walk ends, and any page will do.

    Raises
    ------
    Invalid
        The cursor is not one of ours.
    SourceUnavailable
        The source cannot be listed, or (`SourceTimeout`) in all the time that a page may take
        not one key came by.
    """
    wanted = search.casefold()
    until = time.monotonic() + LONGEST_LOOK_SECONDS
    found: list[str] = []
    after = "" if cursor is None else _key_after(cursor)
    last: str | None = None
    for number, key in enumerate(place.keys(prefix, after), 1):
        if key is not None:
            if _is_listed(key) and wanted in key.casefold():
                if len(found) == limit:
                    return KeyPage(tuple(found), _cursor(found[-1]))
                found.append(key)
            last = key
        if key is None or number % _KEYS_BETWEEN_LOOKS_AT_THE_CLOCK == 0:
            if not is_wanted():
                return KeyPage(tuple(found), None)
            if time.monotonic() > until:
                if last is None:
                    # A cursor would lead to the same place again, and so on for ever.
                    raise SourceTimeout("The slides take too long to list.")
                return KeyPage(tuple(found), _cursor(last))
    return KeyPage(tuple(found), None)


class _Folder:
    """A folder of this machine."""

    def __init__(self, source: Source) -> None:
        self._folder = os.path.realpath(source.address)
        self.root = f"{self._folder.rstrip('/')}/"

    def address_of(self, key: str) -> str:
        from wsi_lab.slides.stores.folder import resolve  # noqa: PLC0415 (few labs have a source)

        path = resolve(self._folder, key)
        if path is None:
            raise not_found(key)
        return path

    def keys(self, prefix: str, after: str) -> Iterator[str | None]:
        from wsi_lab.slides.stores.folder import keys  # noqa: PLC0415 (as above)

        return keys(self._folder, prefix=prefix, after=after)

    def size_of(self, key: str) -> int:
        try:
            return os.stat(self.address_of(key)).st_size  # noqa: PTH116 (text in, text out)
        except OSError:
            raise not_found(key) from None

    def close(self) -> None:
        """Nothing is open."""


class _Store:
    """A bucket, or a folder of a web server."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.root = source.address
        self._lock = threading.Lock()
        self._store: ObjectStore | None = None

    def address_of(self, key: str) -> str:
        if not _may_be_named(key):
            raise not_found(key)
        return self.root + key

    def keys(self, prefix: str, after: str) -> Iterator[str | None]:
        keys = self._opened().keys(prefix=prefix, after=after)
        return (key if key is not None and _may_be_named(key) else None for key in keys)

    def size_of(self, key: str) -> int:
        if not _may_be_named(key):
            raise not_found(key)
        try:
            return self._opened().facts(key).size
        except SlideMissing:
            raise not_found(key) from None

    def close(self) -> None:
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self) -> ObjectStore:
        with self._lock:
            if self._store is None:
                from wsi_lab.slides.stores import open_store  # noqa: PLC0415 (as above)

                self._store = open_store(self._source)
            return self._store


def _may_be_named(key: str) -> bool:
    """Return whether no program on the way to a store could take a key for another one.

    Stores take ``a/../b`` for a name like any other, but what builds addresses may not.
    """
    return bool(key) and "\0" not in key and not {".", ".."} & set(key.split("/"))


def _is_listed(key: str) -> bool:
    return key[-5:].lower().endswith(SLIDE_ENDINGS)


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key_after(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        key = "\0"
    if "\0" in key:
        raise Invalid("This cursor is not one that a page of this list ended with.")
    return key
