"""What is remembered of slides from run to run, so that opening them again reads nothing."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import msgspec

from wsi_lab.slides.source import ByteSource
from wsi_lab.slides.tiff_index import STORED_VERSION, IndexStore, TiffIndex, native

if TYPE_CHECKING:
    from wsi_lab.slides.stores import ObjectFacts

_FACTS_VERSION = 1
"""Goes up when the meaning of a field of `ObjectFacts` changes."""


class KeptIndexes:
    """The indexes of TIFF slides by the version of their files, and facts of remote objects.

    What is kept of remote objects is kept by their addresses, and by the ``origin`` of their
    stores: the same bucket's name and key may mean another object elsewhere.

    Parameters
    ----------
    store
        Where they are kept; `None` keeps nothing.
    """

    def __init__(self, store: IndexStore | None) -> None:
        self._store = store

    def index(self, source: ByteSource, origin: str = "") -> TiffIndex | None:
        """Return the index of exactly this version of a file."""
        data = None if self._store is None else self._store.get(_index_key(source, origin))
        if data is None:
            return None
        # One that cannot be read is simply made anew.
        with contextlib.suppress(ValueError):
            return TiffIndex.from_bytes(data)
        return None

    def keep_index(self, source: ByteSource, index: TiffIndex, origin: str = "") -> None:
        """Remember the index of a file, if it spares anything."""
        if self._store is not None and native(index) is None:
            self._store.put(_index_key(source, origin), index.to_bytes())

    def facts(self, address: str, origin: str) -> ObjectFacts | None:
        """Return what the store said last of the object at an address."""
        data = None if self._store is None else self._store.get(_facts_key(address, origin))
        if data is None:
            return None
        # Whoever has no store needs none of what talks to one.
        from wsi_lab.slides.stores import ObjectFacts  # noqa: PLC0415 (see above)

        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.msgpack.decode(data, type=ObjectFacts)
        return None

    def keep_facts(self, address: str, origin: str, facts: ObjectFacts) -> None:
        """Remember what a store says of an object."""
        if self._store is not None:
            self._store.put(_facts_key(address, origin), msgspec.msgpack.encode(facts))


def _index_key(source: ByteSource, origin: str) -> str:
    if not source.is_remote:
        return f"tiff-{STORED_VERSION}-{source.version}"
    # Some stores make ETags of size and time only, which two files may share.
    return f"tiff-{STORED_VERSION}-{_hash(origin, source.name, source.version)}"


def _facts_key(address: str, origin: str) -> str:
    return f"facts-{_FACTS_VERSION}-{_hash(origin, address)}"


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
