"""Nothing is given away that could be of another version of a slide's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from wsi_lab.errors import DamagedSlide, SlideChanged

T = TypeVar("T")


class Unchanged(Protocol):
    """Tells whether a file is still the one that was opened, as `ByteSource.unchanged` does."""

    def __call__(self, *, wait: bool = True) -> bool:
        """Return whether it is."""


class Watch:
    """Looks after each read whether the file is still the one that was opened.

    Examples
    --------
    >>> watch = Watch(lambda *, wait=True: True)
    >>> watch.reading(lambda: "a tile")
    'a tile'
    """

    __slots__ = ("unchanged",)

    def __init__(self, unchanged: Unchanged) -> None:
        self.unchanged = unchanged

    def require_unchanged(self) -> None:
        """Raise `SlideChanged` unless the file is still the one that was opened."""
        if not self.unchanged():
            raise SlideChanged(
                "The slide's file was changed while it was read; ask again in a moment."
            )

    def reading(self, read: Callable[[], T]) -> T:
        """Return what `read` returns, if the file did not change meanwhile.

        Raises
        ------
        SlideChanged
            It did; what looked like damage may have been parts of two versions.
        """
        try:
            found = read()
        except DamagedSlide:
            self.require_unchanged()
            raise
        self.require_unchanged()
        return found
