"""Slides that killed the workers they were read in, kept away for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from wsi_lab.errors import DamagedSlide

_MOST_REMEMBERED = 256
_LONGEST_FACTOR = 16


@dataclass(slots=True)
class _Record:
    deaths: int = 0
    refused_until: float = 0.0


class Quarantine:
    """Counts deaths in a row, and refuses what has caused too many.

    After `deaths` in a row a slide is refused for `seconds`; then it may try again, and each
    further death doubles the time. One success clears it.

    Parameters
    ----------
    deaths
        How many in a row are too many.
    seconds
        How long the first refusal lasts.
    clock
        What time it is, in seconds.

    Examples
    --------
    >>> now = 0.0
    >>> quarantine = Quarantine(deaths=2, seconds=60, clock=lambda: now)
    >>> quarantine.died("a"); quarantine.check("a"); quarantine.died("a")
    >>> quarantine.check("a")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    wsi_lab.errors.DamagedSlide: Reading this slide ...
    >>> now = 61.0
    >>> quarantine.check("a")
    """

    def __init__(
        self, *, deaths: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._deaths = deaths
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def is_empty(self) -> bool:
        """Return whether nothing has caused a death lately."""
        return not self._records

    def check(self, key: Hashable) -> None:
        """Raise `DamagedSlide` if `key` is refused now."""
        record = self._records.get(key)
        if record is not None and self._clock() < record.refused_until:
            raise DamagedSlide(
                "Reading this slide has crashed or blocked the decoder several times in a row. "
                "It is left alone for a while; check the file before trying again."
            )

    def died(self, key: Hashable) -> None:
        """Note that a worker did not survive `key`."""
        with self._lock:
            record = self._records.setdefault(key, _Record())
            self._records.move_to_end(key)
            record.deaths += 1
            too_many = record.deaths - self._deaths
            if too_many >= 0:
                factor = min(2**too_many, _LONGEST_FACTOR)
                record.refused_until = self._clock() + self._seconds * factor
            while len(self._records) > _MOST_REMEMBERED:
                self._records.popitem(last=False)

    def survived(self, key: Hashable) -> None:
        """Note that `key` was read."""
        if self._records:
            with self._lock:
                self._records.pop(key, None)
