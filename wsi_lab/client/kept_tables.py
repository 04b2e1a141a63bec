"""Tables that a lab need not send again as long as nothing in them has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 256 << 20
"""Of all tables that are kept; one that is larger by itself is not."""


class KeptTable(NamedTuple):
    """A table, and the lab's own name for just this one."""

    tag: str
    frame: pd.DataFrame
    byte_count: int


class KeptTables:
    """The tables asked for most recently. Any thread may ask."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, KeptTable] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> KeptTable | None:
        """Return what was kept last under a key."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Hashable, tag: str, frame: pd.DataFrame) -> None:
        """Keep a table, and let go of those that nobody asked for the longest."""
        byte_count = int(frame.memory_usage().sum())
        with self._lock:
            self._kept.pop(key, None)
            if byte_count > self._most_bytes:
                return
            self._kept[key] = KeptTable(tag, frame, byte_count)
            while sum(each.byte_count for each in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._kept.clear()
