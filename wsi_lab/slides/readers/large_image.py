"""Whatever a tile source of large-image reads. Runs inside worker processes only.

The last resort: for files that OpenSlide and our own readers do not know, such as DICOM in
transfer syntaxes OpenSlide lacks. The sources are named one by one. large-image would try every
plug-in that happens to be installed, some of which start a Java machine or fetch addresses.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

import large_image
import numpy as np
from PIL import Image

from wsi_lab.errors import DamagedSlide, NotFound, UnsupportedSlide
from wsi_lab.model.slide import Level, SlideProperties, plausible_mpp
from wsi_lab.slides import deident
from wsi_lab.slides.colour import eight_bits, over_white, rgb_of_grey, white
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.sampling import LevelReader

SOURCES = {"dicom": ("large_image_source_dicom", "DICOMFileTileSource")}
"""Modules and classes of the tile sources in use, by large-image's names of them.

Left out on purpose: ``openslide``, ``tiff``, ``tifffile`` and ``pil``, whose files are read more
strictly elsewhere. (large-image 1.35 shows tiles that are cut short in grey, JPEG strips in
wrong colours, and TIFFs of orientations 6 and 8 wrongly, and opens no pyramid through tifffile
with zarr 3.)
"""

_FORMAT_NAMES = {"dicom": "DICOM"}
_CACHED_TILES_PORTION = 4096


class LargeImageReader(LevelReader):
    """One file as a tile source of large-image shows it, without colour correction.

    The levels are large-image's: powers of two down to a single tile, whatever the file stores.

    Parameters
    ----------
    path
        A local file; addresses are never opened.
    source
        A key of `SOURCES`.

    Raises
    ------
    UnsupportedSlide
        That source cannot open the file.
    """

    def __init__(self, path: str, source: str) -> None:
        large_image.config.setConfig("cache_backend", "python")
        large_image.config.setConfig("cache_python_memory_portion", _CACHED_TILES_PORTION)
        large_image.config.setConfig("icc_correction", False)  # noqa: FBT003 (its own signature)
        logging.getLogger("large_image").setLevel(logging.CRITICAL)
        module, name = SOURCES[source]
        try:
            tile_source = getattr(importlib.import_module(module), name)
            self._source = tile_source(path, noCache=True)
        except ImportError:
            raise UnsupportedSlide(
                f"Reading this kind of slide needs the package {module.replace('_', '-')}."
            ) from None
        except large_image.exceptions.TileSourceError:
            raise UnsupportedSlide("This is not a kind of slide that can be read.") from None
        self._properties = _properties_of(self._source, _FORMAT_NAMES[source])

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""
        return self._properties

    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        """Return stored pixels; see `LevelReader`."""
        shown, step = self._properties.levels[level], 1 << level
        left, top = round(x / shown.downsample), round(y / shown.downsample)
        first_column, last_column = max(left, 0), min(left + width, shown.width)
        first_row, last_row = max(top, 0), min(top + height, shown.height)
        result = white(height, width)
        if first_column >= last_column or first_row >= last_row:
            return result
        try:
            part, _ = self._source.getRegion(
                region={
                    "left": first_column * step,
                    "top": first_row * step,
                    "right": min(last_column * step, self._properties.width),
                    "bottom": min(last_row * step, self._properties.height),
                    "units": "base_pixels",
                },
                output={
                    "maxWidth": last_column - first_column,
                    "maxHeight": last_row - first_row,
                },
                format=large_image.constants.TILE_FORMAT_NUMPY,
            )
        except Exception as broken:  # sources let through whatever their libraries raise
            raise DamagedSlide(
                "This slide's file is broken, or was not copied completely; copy it again."
            ) from broken
        pixels = _rgb(part)
        # Odd sizes come back one pixel short or so; the picture is stretched, not cropped.
        wanted = (last_column - first_column, last_row - first_row)
        if pixels.shape[1::-1] != wanted:
            pixels = np.asarray(Image.fromarray(pixels).resize(wanted, Image.Resampling.BILINEAR))
        result[first_row - top : last_row - top, first_column - left : last_column - left] = pixels
        return result

    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another image beside the pyramid."""
        if name not in self._properties.associated:
            raise NotFound(f"This slide has no image called {name!r}.")
        picture, _ = self._source.getAssociatedImage(
            name, format=large_image.constants.TILE_FORMAT_NUMPY
        )
        return _rgb(picture)

    def close(self) -> None:
        """Give back the file."""
        del self._source


def _properties_of(source: Any, format_name: str) -> SlideProperties:
    width, height = int(source.sizeX), int(source.sizeY)
    scale = source.getNativeMagnification()
    power = scale.get("magnification")
    levels = []
    for number in range(int(source.levels)):
        level_width, level_height = -(-width >> number), -(-height >> number)
        levels.append(
            Level(
                width=-(-width // (1 << number)),
                height=-(-height // (1 << number)),
                tile_width=int(source.tileWidth),
                tile_height=int(source.tileHeight),
                downsample=(width / level_width + height / level_height) / 2,
            )
        )
    return SlideProperties(
        format=format_name,
        levels=tuple(levels),
        mpp_x=plausible_mpp(_um(scale.get("mm_x"))),
        mpp_y=plausible_mpp(_um(scale.get("mm_y"))),
        objective_power=float(power) if power and 0 < power <= 1000 else None,
        associated=deident.safe_associated(tuple(source.getAssociatedImagesList())),
    )


def _um(mm: float | None) -> float | None:
    return None if mm is None else mm * 1000


def _rgb(pixels: Any) -> Pixels:
    """Return large-image's ``(rows, columns, 1 to 4)`` as RGB over white."""
    whole = eight_bits(pixels, pixels.dtype.itemsize * 8)
    samples = whole.shape[2]
    colours = np.ascontiguousarray(whole[:, :, :3]) if samples >= 3 else rgb_of_grey(whole)
    return over_white(colours, whole[:, :, -1]) if samples in {2, 4} else colours
