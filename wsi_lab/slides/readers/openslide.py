"""Slides of scanner makers, read by OpenSlide. Runs inside worker processes only."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import openslide
from PIL import Image

from wsi_lab.errors import DamagedSlide, NotFound, UnsupportedSlide
from wsi_lab.model.slide import (
    FALLBACK_TILE_SIZE,
    Level,
    Patch,
    SlideProperties,
    plausible_mpp,
)
from wsi_lab.slides import deident
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.sampling import LevelReader

SHARED_CACHE_BYTES = 64 * 1024 * 1024
LARGEST_ASSOCIATED_PIXELS = 64_000_000
LARGEST_TILE_SIDE = 4096

Number = TypeVar("Number", int, float)


@functools.cache
def _shared_cache() -> openslide.OpenSlideCache:
    """One cache for all slides of this process; by default each open slide has 32 MiB."""
    return openslide.OpenSlideCache(SHARED_CACHE_BYTES)


def vendor_of(path: str) -> str | None:
    """Return OpenSlide's name of the maker, or `None` if it does not know the file."""
    vendor: str | None = openslide.OpenSlide.detect_format(path)
    return vendor


class OpenSlideReader(LevelReader):
    """One slide as OpenSlide shows it, laid over white.

    Level reads equal ``read_region`` of openslide-python pixel by pixel. Colour profiles are
    not applied.

    Raises
    ------
    UnsupportedSlide
        OpenSlide does not know the file.
    DamagedSlide
        It knows the file and finds it broken.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._slide = self._opened()
        self._properties = _properties_of(self._slide)

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""
        return self._properties

    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        """Return stored pixels; see `LevelReader`."""
        return _on_white(self._read(Patch(level, round(x), round(y), width, height)))

    def read_patch(self, patch: Patch) -> Pixels:
        """Return exactly what OpenSlide gives, between the stored pixels too."""
        return np.asarray(self._read(patch))

    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another image beside the pyramid."""
        if name not in self._properties.associated:
            raise NotFound(f"This slide has no image called {name!r}.")
        stated = self._slide.properties
        size = [
            _number(int, stated.get(f"openslide.associated.{name}.{side}")) or 0
            for side in ("width", "height")
        ]
        if size[0] * size[1] > LARGEST_ASSOCIATED_PIXELS:
            raise DamagedSlide("This image beside the slide is far too large to be one.")
        try:
            picture = self._slide.associated_images[name]
        except openslide.OpenSlideError as broken:
            self._reopen()
            raise _damaged() from broken
        return _on_white(picture)

    def close(self) -> None:
        """Give back the file."""
        self._slide.close()

    def _read(self, patch: Patch) -> Image.Image:
        try:
            return self._slide.read_region(
                (patch.x, patch.y), patch.level, (patch.width, patch.height)
            )
        except openslide.OpenSlideError as broken:
            self._reopen()
            raise _damaged() from broken

    def _reopen(self) -> None:
        # After one error OpenSlide refuses everything, also tiles that are whole.
        self._slide.close()
        self._slide = self._opened()

    def _opened(self) -> openslide.OpenSlide:
        try:
            slide = openslide.OpenSlide(self._path)
        except openslide.OpenSlideUnsupportedFormatError:
            raise UnsupportedSlide("This is not a kind of slide that can be read.") from None
        except openslide.OpenSlideError as refusal:
            # It has one class of error, and says in words when nothing is broken.
            if "support" in str(refusal).lower():
                raise UnsupportedSlide(
                    "This slide is stored in a way that cannot be read here."
                ) from refusal
            raise _damaged() from refusal
        slide.set_cache(_shared_cache())
        return slide


def _properties_of(slide: openslide.OpenSlide) -> SlideProperties:
    stated = dict(slide.properties)
    vendor = stated.get("openslide.vendor", "")
    format_name = deident.FORMAT_NAMES.get(vendor, vendor)
    power = _number(float, stated.get("openslide.objective-power"))
    levels = tuple(
        Level(
            width=width,
            height=height,
            **_tile_size(stated, number),
            downsample=float(slide.level_downsamples[number]),
        )
        for number, (width, height) in enumerate(slide.level_dimensions)
    )
    if not levels or any(level.width < 1 or level.height < 1 for level in levels):
        raise DamagedSlide("This slide has no picture in it.")
    return SlideProperties(
        format=format_name,
        levels=levels,
        mpp_x=plausible_mpp(_number(float, stated.get("openslide.mpp-x"))),
        mpp_y=plausible_mpp(_number(float, stated.get("openslide.mpp-y"))),
        objective_power=power if power and 0 < power <= 1000 else None,
        associated=deident.safe_associated(tuple(slide.associated_images)),
        metadata=deident.safe_metadata(format_name, stated),
    )


def _tile_size(stated: Mapping[str, str], level: int) -> dict[str, int]:
    """Return the size of a level's stored tiles, or a usual one where they are no tiles."""
    width, height = (
        _number(int, stated.get(f"openslide.level[{level}].tile-{side}")) or 0
        for side in ("width", "height")
    )
    # NDPI files are stored in strips of 8 rows, others in single pictures.
    if not (0 < width <= LARGEST_TILE_SIDE and width / 4 <= height <= width * 4):
        width = height = FALLBACK_TILE_SIZE
    return {"tile_width": width, "tile_height": height}


def _number(kind: type[Number], text: str | None) -> Number | None:
    try:
        return None if text is None else kind(text)
    except ValueError:
        return None


def _on_white(picture: Image.Image) -> Pixels:
    alpha = picture.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return np.asarray(picture.convert("RGB"))
    laid = Image.new("RGB", picture.size, "white")
    laid.paste(picture, mask=alpha)
    return np.asarray(laid)


def _damaged() -> DamagedSlide:
    return DamagedSlide("This slide's file is broken, or was not copied completely; copy it again.")
