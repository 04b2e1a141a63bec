"""What every kind of slide file must offer, so that nothing above knows which kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from wsi_lab.model.slide import Region, SlideProperties

Pixels = npt.NDArray[np.uint8]
"""``(rows, columns, 3) uint8`` RGB."""


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image as it goes to a viewer.

    Attributes
    ----------
    data
        A whole file of that type.
    media_type
        ``"image/jpeg"`` or ``"image/png"``.
    """

    data: bytes
    media_type: str = "image/jpeg"


class Reader(Protocol):
    """One open slide file. Every method may be called from several threads at once."""

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""

    def stored_tile(
        self, level: int, column: int, row: int, *, wait: bool = True
    ) -> EncodedImage | None:
        """Return a tile exactly as the file holds it.

        `None` when it cannot be shown as it is (not baseline JPEG, sparse, reaches over the edge
        of the slide), or when `wait` is false and reading it might block.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        DamagedSlide, SlideMissing
            The file is broken, or gone.
        """

    def read_region(self, region: Region) -> Pixels:
        """Return the pixels of a region, white where it lies outside the slide.

        Raises
        ------
        DamagedSlide, SlideMissing, TooLarge, Busy
            The file is broken, gone, needs too much work, or all workers are taken.
        """

    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another image beside the pyramid.

        Raises
        ------
        NotFound
            The slide has no image of that name.
        """

    def close(self) -> None:
        """Give back the file; later calls of other methods are errors of the caller."""
