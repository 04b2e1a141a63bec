"""What a writer of streams writes, taken piece by piece while it writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Pieces:
    """A file for writers, of what was written and not taken yet.

    Examples
    --------
    >>> pieces = Pieces()
    >>> pieces.write(b"a"), pieces.write(b"bc")
    (1, 2)
    >>> list(pieces.taken()), list(pieces.taken())
    ([b'abc'], [])
    """

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        """Write bytes, or what lies in memory like bytes."""
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def flush(self) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Have nothing to do."""

    def taken(self) -> Iterator[bytes]:
        """Yield what was written since this was asked last, if there is anything."""
        pieces, self._pieces = self._pieces, []
        if pieces:
            yield b"".join(pieces)
