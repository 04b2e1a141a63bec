"""Images that were made lately."""

from __future__ import annotations

from wsi_lab.slides.kept import Kept
from wsi_lab.slides.reader import EncodedImage

_BYTES_BESIDES = 512
"""What key and bookkeeping of an image take."""


class Renderings(Kept[EncodedImage]):
    """Remembers encoded images up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes, lambda image: len(image.data) + _BYTES_BESIDES)
