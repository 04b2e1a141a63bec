"""Work that takes long: it tells how far it is, and can be stopped."""

from __future__ import annotations


class Jobs:
    """What is being worked on, and what was a while ago."""

    def close(self) -> None:
        """Stop all of it."""
