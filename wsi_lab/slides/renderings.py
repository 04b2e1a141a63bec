"""Images that were made lately, kept as long as they fit; nobody makes the same one twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from wsi_lab.slides.reader import EncodedImage

_BYTES_BESIDES = 512
"""What key and bookkeeping of an image take."""


class Renderings:
    """Remembers encoded images up to a number of bytes; the least lately used ones go first.

    Safe to use from several threads.

    Examples
    --------
    >>> renderings = Renderings(most_bytes=10_000)
    >>> renderings.make("a", lambda: EncodedImage(b"made")).data
    b'made'
    >>> renderings.get("a").data, renderings.get("b")
    (b'made', None)
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, EncodedImage] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[Hashable, Future[EncodedImage]] = {}

    def get(self, key: Hashable) -> EncodedImage | None:
        """Return the image made for `key` if it is still there."""
        with self._lock:
            image = self._kept.get(key)
            if image is not None:
                self._kept.move_to_end(key)
            return image

    def make(self, key: Hashable, render: Callable[[], EncodedImage]) -> EncodedImage:
        """Return the image of `key`, made by `render` unless it is there or being made.

        What `render` raises is raised for everybody who waits for it, and not remembered.
        """
        with self._lock:
            image = self._kept.get(key)
            if image is not None:
                self._kept.move_to_end(key)
                return image
            under_way = self._under_way.get(key)
            if under_way is None:
                mine: Future[EncodedImage] = Future()
                self._under_way[key] = mine
        if under_way is not None:
            return under_way.result()
        try:
            image = render()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            mine.set_exception(error)
            # The error knows this frame; it must not lead back to the error from here, or what
            # the frames hold stays open until the garbage is collected.
            del mine
            raise
        with self._lock:
            del self._under_way[key]
            self._keep(key, image)
        mine.set_result(image)
        return image

    def keep(self, key: Hashable, image: EncodedImage) -> None:
        """Remember an image that somebody made or fetched without `make`."""
        with self._lock:
            if key not in self._kept:
                self._keep(key, image)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _keep(self, key: Hashable, image: EncodedImage) -> None:
        size = len(image.data) + _BYTES_BESIDES
        if size > self._most_bytes:
            return
        self._kept[key] = image
        self._bytes += size
        while self._bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.data) + _BYTES_BESIDES
