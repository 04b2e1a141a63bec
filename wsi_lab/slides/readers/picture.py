"""Ordinary pictures (PNG, JPEG, …) shown as slides. Runs inside worker processes only."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from wsi_lab.errors import DamagedSlide, NotFound, UnsupportedSlide
from wsi_lab.model.slide import FALLBACK_TILE_SIZE, Level, SlideProperties
from wsi_lab.slides.colour import rgb_of_grey, white, windowed
from wsi_lab.slides.file_kinds import FileKind
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.sampling import LevelReader

PILLOW_FORMATS = {
    FileKind.PNG: "PNG",
    FileKind.JPEG: "JPEG",
    FileKind.JPEG2000: "JPEG2000",
    FileKind.GIF: "GIF",
    FileKind.BMP: "BMP",
    FileKind.WEBP: "WEBP",
}
"""The only decoders of Pillow that may touch a file; it has forty more."""

LARGEST_PICTURE_PIXELS = 89_000_000
_STEP = 4
_SMALL_ENOUGH = 1024


class PictureReader(LevelReader):
    """A picture file, decoded once and kept, with smaller versions made from it.

    Turned upright as its EXIF says; transparent pictures are laid over white. Colours of 16 bits
    keep the upper 8; grey of more than 8 bits is shown between its 0.1 and 99.9 percent marks.

    Raises
    ------
    UnsupportedSlide
        Not a picture of that kind.
    DamagedSlide
        The picture is broken, or too large to be decoded at once.
    """

    def __init__(self, path: str, kind: FileKind) -> None:
        try:
            with Image.open(path, formats=[PILLOW_FORMATS[kind]]) as picture:
                if picture.width * picture.height > LARGEST_PICTURE_PIXELS:
                    raise DamagedSlide(
                        f"A picture of {picture.width} x {picture.height} pixels cannot be "
                        "decoded at once. If it is real, convert it to a tiled pyramid."
                    )
                upright = _rgb(ImageOps.exif_transpose(picture))
        except UnidentifiedImageError:
            raise UnsupportedSlide("This is not a kind of picture that can be read.") from None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as broken:
            raise DamagedSlide("This picture is broken, or was not copied completely.") from broken
        self._levels = [np.asarray(upright)]
        while max(upright.size) > _SMALL_ENOUGH:
            upright = upright.reduce(_STEP)
            self._levels.append(np.asarray(upright))
        self._properties = SlideProperties(
            format=f"{PILLOW_FORMATS[kind]} picture",
            levels=tuple(_level(pixels, self._levels[0]) for pixels in self._levels),
        )

    @property
    def properties(self) -> SlideProperties:
        """Size and kind; pictures say nothing reliable about their scale."""
        return self._properties

    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        """Return stored pixels; see `LevelReader`."""
        stored = self._levels[level]
        scale = self._properties.levels[level].downsample
        left, top = round(x / scale), round(y / scale)
        first_column, first_row = max(left, 0), max(top, 0)
        part = stored[
            first_row : max(top + height, 0),
            first_column : max(left + width, 0),
        ]
        if part.shape[:2] == (height, width):
            return part
        result = white(height, width)
        result[
            first_row - top : first_row - top + part.shape[0],
            first_column - left : first_column - left + part.shape[1],
        ] = part
        return result

    def read_associated(self, name: str) -> Pixels:
        """Raise `NotFound`: a picture has nothing beside it."""
        raise NotFound(f"This slide has no image called {name!r}.")

    def close(self) -> None:
        """Give back the memory."""
        self._levels = []


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;"):
        grey = np.asarray(picture)
        low, high = np.percentile(grey, (0.1, 99.9))
        shown = np.rint(windowed(grey, float(low), float(high)) * 255).astype(np.uint8)
        return Image.fromarray(rgb_of_grey(shown))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    straight = picture.convert("RGBA")
    laid = Image.new("RGB", straight.size, "white")
    laid.paste(straight, mask=straight.getchannel("A"))
    return laid


def _level(pixels: Pixels, full: Pixels) -> Level:
    rows, columns = pixels.shape[:2]
    return Level(
        width=columns,
        height=rows,
        tile_width=FALLBACK_TILE_SIZE,
        tile_height=FALLBACK_TILE_SIZE,
        downsample=(full.shape[1] / columns + full.shape[0] / rows) / 2,
    )
