"""What every kind of slide file must offer, so that nothing above knows which kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from wsi_lab.model.slide import Patch, Region, SlideProperties

Pixels = npt.NDArray[np.uint8]
"""``(rows, columns, 3) uint8`` RGB; of patches ``(rows, columns, 4)``, RGB and opacity."""


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

    @property
    def has_coarse_colour(self) -> bool:
        """Whether the file itself keeps colours at less than the resolution of the brightness."""

    @property
    def compression(self) -> str:
        """How the tiles of its levels are stored; ``""`` where that is a library's business.

        ``"JPEG"``, ``"JPEG 2000"``, ``"LZW"``, ``"Deflate"`` or ``"none"``; several, if levels
        differ, with commas between them.
        """

    def stored_quality(self, level: int) -> int | None:
        """Return the quality of the JPEG tables that all tiles of a level share, if it is known.

        Raises
        ------
        OutOfRange
            The slide has no such level.
        """

    def stored_tile(
        self, level: int, column: int, row: int, *, whole: bool = False, wait: bool = True
    ) -> EncodedImage | None:
        """Return a tile exactly as the file holds it.

        `None` when it cannot be shown as it is: it is not baseline JPEG, or sparse.

        Parameters
        ----------
        whole
            Also where the tile reaches over the edge of the slide, with whatever the file holds
            there; `None` otherwise.
        wait
            Whether reading may block; `None` if it may not and might.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        DamagedSlide, SlideMissing
            The file is broken, or gone.
        """

    def stored_tiles(
        self, level: int, places: Sequence[tuple[int, int]], *, whole: bool = False
    ) -> list[EncodedImage | None]:
        """Return what `stored_tile` gives for each ``(column, row)``, read in few trips."""

    def stored_tile_soon(
        self, level: int, column: int, row: int, *, whole: bool = False
    ) -> Future[EncodedImage | None] | None:
        """Return what `stored_tile` gives, fetched together with what else is asked for now.

        `None` where reading waits for no network, or where it is clear beforehand that there is
        nothing to hand out.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        """

    def read_tile(self, level: int, column: int, row: int) -> Pixels:
        """Return the pixels of a whole tile; beyond the edge what the file holds there, or white.

        Raises
        ------
        OutOfRange
            The slide has no such tile.
        DamagedSlide, SlideMissing, Busy
            As for `read_region`.
        """

    def read_region(self, region: Region) -> Pixels:
        """Return the pixels of a region, white where it lies outside the slide.

        Raises
        ------
        DamagedSlide, SlideMissing, TooLarge, Busy
            The file is broken, gone, needs too much work, or all workers are taken.
        """

    def read_patch(self, patch: Patch) -> Pixels:
        """Return the pixels of a patch with their opacity, clear outside the slide.

        Raises
        ------
        DamagedSlide, SlideMissing, TooLarge, Busy
            As for `read_region`.
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


def tile_region(properties: SlideProperties, level: int, column: int, row: int) -> Region:
    """Return the region that a tile of the file's own grid covers.

    Examples
    --------
    >>> from wsi_lab.model.slide import Level
    >>> slide = SlideProperties("", (Level(512, 512, 256, 256, 1.0), Level(128, 128, 64, 64, 4.0)))
    >>> tile_region(slide, 1, 1, 0)
    Region(x=256.0, y=0.0, width=64, height=64, downsample=4.0)
    """
    stored = properties.level(level)
    return Region(
        x=column * stored.tile_width * stored.downsample,
        y=row * stored.tile_height * stored.downsample,
        width=stored.tile_width,
        height=stored.tile_height,
        downsample=stored.downsample,
    )
