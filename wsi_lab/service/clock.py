"""The time of day, as far as rights hang on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime


def system_time() -> datetime:
    """Return what the machine's clock says, in UTC."""
    return datetime.now(UTC)


class Clock:
    """A clock that never goes back.

    When the machine's clock is set back, time stands still here until it has caught up, so
    that no token that has expired comes to life again.

    Examples
    --------
    >>> said = iter([datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
    >>> clock = Clock(lambda: next(said))
    >>> clock.now() == clock.now()
    True
    """

    def __init__(self, system: Callable[[], datetime] = system_time) -> None:
        self._system = system
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the time in UTC, never earlier than before."""
        with self._lock:
            self._latest = max(self._latest, self._system())
            return self._latest
