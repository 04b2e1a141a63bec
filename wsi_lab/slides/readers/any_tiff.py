"""TIFF files that no scanner's maker claims: plain, OME, ImageJ. Inside worker processes only.

OpenSlide would open the tiled ones, but through an interface that turns each tile by itself
when the picture is turned, shows the first channel only, takes signed numbers for unsigned
ones and leaves out smaller versions that are stored in sub-directories.
"""

from __future__ import annotations

import struct

import numpy as np
import tifffile

from wsi_lab.errors import DamagedSlide, NotFound, WsiLabError
from wsi_lab.model.slide import (
    FALLBACK_TILE_SIZE,
    Level,
    SlideProperties,
    plausible_mpp,
)
from wsi_lab.slides import deident, tiff_planes
from wsi_lab.slides.colour import white
from wsi_lab.slides.ome import OmeFacts, ome_facts
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers.oriented import UPRIGHT
from wsi_lab.slides.sampling import LevelReader
from wsi_lab.slides.tiff_planes import TiffPlanes
from wsi_lab.slides.tiff_showing import Showing, showing_of

_ROWS_AT_ONCE = 512
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}
_UNREADABLE = (
    tifffile.TiffFileError,
    struct.error,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What tifffile raises on files that contradict themselves."""


class AnyTiffReader(LevelReader):
    """The largest picture of a TIFF, as stored: the tag *Orientation* is not obeyed here.

    Attributes
    ----------
    orientation
        What the tag says, 1 to 8; `wsi_lab.slides.readers.oriented` makes use of it.

    Raises
    ------
    UnsupportedSlide
        The file holds numbers or a compression that nobody here knows.
    DamagedSlide
        The file is broken.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = tifffile.TiffFile(path)
        except _UNREADABLE as broken:
            raise _damaged() from broken
        try:
            self._load()
        except WsiLabError:
            self.close()
            raise
        except _UNREADABLE as broken:
            self.close()
            raise _damaged() from broken

    def _load(self) -> None:
        series = _largest(self._file)
        facts = ome_facts(self._file.ome_metadata) if self._file.is_ome else OmeFacts()
        self._levels = [TiffPlanes(self._file, level) for level in series.levels]
        self._show = showing_of(self._levels[-1], facts.colours)
        self._beside = _pictures_beside(self._file, series)
        stated = int(self._levels[0].page.tags.valueof("Orientation", UPRIGHT))
        self.orientation = stated if UPRIGHT <= stated <= 8 else UPRIGHT
        mpp_x, mpp_y = facts.mpp or _mpp_of_tags(self._levels[0].page)
        format_name = deident.FORMAT_NAMES["ome" if self._file.is_ome else "generic-tiff"]
        self._properties = SlideProperties(
            format=format_name,
            levels=tuple(_level(planes, self._levels[0]) for planes in self._levels),
            mpp_x=plausible_mpp(mpp_x),
            mpp_y=plausible_mpp(mpp_y),
            objective_power=facts.objective_power,
            associated=deident.safe_associated(tuple(self._beside)),
            metadata=deident.safe_metadata(
                format_name, facts.properties | _stated_by_tags(self._levels[0].page)
            ),
        )

    @property
    def properties(self) -> SlideProperties:
        """What the file says about itself; de-identified."""
        return self._properties

    def read_level(self, level: int, x: float, y: float, width: int, height: int) -> Pixels:
        """Return stored pixels; see `LevelReader`."""
        scale = self._properties.levels[level].downsample
        planes = self._levels[level]
        left, top = round(x / scale), round(y / scale)
        return _shown(planes, self._show, left=left, top=top, width=width, height=height)

    def read_associated(self, name: str) -> Pixels:
        """Return the label, macro or another picture beside the main one."""
        planes = self._beside.get(name)
        if planes is None or name not in self._properties.associated:
            raise NotFound(f"This slide has no image called {name!r}.")
        show = showing_of(planes)
        return _shown(planes, show, left=0, top=0, width=planes.width, height=planes.height)

    def close(self) -> None:
        """Give back the file."""
        tiff_planes.forget_pieces(self._file)
        self._file.close()


def _largest(file: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    best, most = None, 0
    for series in file.series:
        size = dict(zip(series.axes, series.shape, strict=True))
        if size.get("X", 0) * size.get("Y", 0) > most:
            best, most = series, size["X"] * size["Y"]
    if best is None:
        raise DamagedSlide("There is no picture in this TIFF file.")
    return best


def _pictures_beside(
    file: tifffile.TiffFile, main: tifffile.TiffPageSeries
) -> dict[str, TiffPlanes]:
    found: dict[str, TiffPlanes] = {}
    for series in file.series:
        # Bio-Formats calls them "label image" and "macro image".
        name = series.name.lower().removesuffix(" image")
        if series is not main and name in deident.ASSOCIATED_NAMES:
            found[name] = TiffPlanes(file, series)
    return found


def _level(planes: TiffPlanes, full: TiffPlanes) -> Level:
    is_tiled = planes.page.is_tiled
    return Level(
        width=planes.width,
        height=planes.height,
        # Strips are no grid to show a slide in.
        tile_width=planes.tile_width if is_tiled else FALLBACK_TILE_SIZE,
        tile_height=planes.tile_height if is_tiled else FALLBACK_TILE_SIZE,
        downsample=(full.width / planes.width + full.height / planes.height) / 2,
    )


def _shown(
    planes: TiffPlanes, show: Showing, *, left: int, top: int, width: int, height: int
) -> Pixels:
    result = white(height, width)
    first, last = max(left, 0), min(left + width, planes.width)
    if first >= last:
        return result
    # Many bits and channels need many times the memory of the result: a few rows at a time.
    for y in range(max(top, 0), min(top + height, planes.height), _ROWS_AT_ONCE):
        rows = min(_ROWS_AT_ONCE, top + height - y, planes.height - y)
        stored = [
            planes.read(channel, first, y, last - first, rows) for channel in range(planes.channels)
        ]
        present = [samples for samples in stored if samples is not None]
        if present:
            empty = np.zeros_like(present[0])
            stored_or_dark = [empty if samples is None else samples for samples in stored]
            shown = show(stored_or_dark)
            result[y - top : y - top + rows, first - left : last - left] = shown
    return result


def _mpp_of_tags(page: tifffile.TiffPage) -> tuple[float | None, float | None]:
    unit = _UM_PER_UNIT.get(int(page.tags.valueof("ResolutionUnit", 0)))
    sides = []
    for name in ("XResolution", "YResolution"):
        dots = _ratio(page.tags.valueof(name))
        sides.append(unit / dots if unit and dots else None)
    return sides[0], sides[1]


def _ratio(stated: object) -> float | None:
    if not isinstance(stated, tuple) or len(stated) != 2 or not all(stated):
        return None
    return float(stated[0]) / float(stated[1])


def _stated_by_tags(page: tifffile.TiffPage) -> dict[str, str]:
    return {
        f"tiff.{name}": str(page.tags.valueof(name))
        for name in ("Make", "Model")
        if name in page.tags
    }


def _damaged() -> DamagedSlide:
    return DamagedSlide("This TIFF file is broken, or was not copied completely.")
