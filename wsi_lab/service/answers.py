"""Images as they go to a viewer, and the ETags that name their bytes."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from wsi_lab.errors import Invalid
from wsi_lab.model.slide import SlideProperties, TileGrid, deepzoom_grid, map_grid
from wsi_lab.model.study import Slide

if TYPE_CHECKING:
    from wsi_lab.slides.engine import OpenSlide
    from wsi_lab.slides.reader import EncodedImage, Pixels

GridKind = Literal["map", "deepzoom"]
"""Which pyramid of tiles: see `wsi_lab.model.slide.map_grid` and `deepzoom_grid`."""

RegionFormat = Literal["png", "jpg", "npy"]

RENDERING = 1
"""Part of every ETag; raised when the same file gives other bytes."""


class TileAnswer(NamedTuple):
    """An image as it goes to a viewer.

    Attributes
    ----------
    data
        A whole file of that type.
    media_type
        ``"image/jpeg"`` or ``"image/png"``.
    etag
        Strong and quoted, as the header wants it; another one when any byte may differ.
    """

    data: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A slide as a viewer needs it.

    Attributes
    ----------
    properties
        What the file says, with the mpp somebody stated; ``associated`` only with the right.
    version
        Changes whenever the file changes.
    ending
        How the name of the file ends, for example ``".svs"``.
    """

    slide: Slide
    properties: SlideProperties
    grids: Mapping[GridKind, TileGrid]
    version: str
    ending: str


def shown(slide: OpenSlide, row: Slide, *, private: bool) -> Shown:
    """Return an open slide as a viewer needs it.

    Parameters
    ----------
    row
        What the asker may know of it.
    private
        Whether they may see images that may tell who the patient is.
    """
    said = slide.properties
    properties = dataclasses.replace(
        said,
        mpp_x=said.mpp_x if row.stated_mpp_x is None else row.stated_mpp_x,
        mpp_y=said.mpp_y if row.stated_mpp_y is None else row.stated_mpp_y,
        associated=said.associated if private else (),
    )
    grids: dict[GridKind, TileGrid] = {
        "map": map_grid(properties),
        "deepzoom": deepzoom_grid(properties),
    }
    return Shown(row, properties, grids, slide.version, PurePosixPath(slide.real_path).suffix)


def tile_answer(
    image: EncodedImage, etag_stem: str, zoom: int, column: int, row: int
) -> TileAnswer:
    """Return a tile with the ETag of its file, grid and place; see `etag_stems`."""
    return TileAnswer(image.data, image.media_type, f'{etag_stem}{zoom}-{column}-{row}"')


def etag_stems(shown: Shown) -> Mapping[GridKind, str]:
    """Return how the ETags of all tiles of a grid of a slide begin."""
    return {kind: f'"{shown.version}-{RENDERING}-{kind}-' for kind in shown.grids}


def answer(image: EncodedImage, version: str, what: str) -> TileAnswer:
    """Return an image with the ETag of its file and of what it shows."""
    return TileAnswer(image.data, image.media_type, f'"{version}-{RENDERING}-{what}"')


def encoded(
    pixels: Pixels, file_format: RegionFormat, *, quality: int | None = None
) -> tuple[bytes, str]:
    """Return pixels as a file of that format, and its media type.

    Raises
    ------
    Invalid
        It is not one of `RegionFormat`.
    """
    if file_format == "npy":
        import numpy as np  # noqa: PLC0415 (whoever opens a lab to list users needs none of it)

        file = io.BytesIO()
        np.save(file, pixels, allow_pickle=False)
        return file.getvalue(), "application/octet-stream"
    from wsi_lab.slides import render  # noqa: PLC0415 (as above)

    if file_format == "jpg":
        image = render.jpeg(pixels, quality or render.DEFAULT_QUALITY)
    elif file_format == "png":
        image = render.png(pixels)
    else:
        raise Invalid("A region comes as png, jpg or npy.")
    return image.data, image.media_type
