"""How the numbers of a TIFF become a picture. Runs inside worker processes only.

Colours that are stored as such are shown as they are, at the upper 8 of their bits. Grey and
fluorescence of more than 8 bits rarely use the range their type has, so they are shown between
the 0.1 and 99.9 percent marks of the smallest stored resolution, each channel by itself; the
same for every region of a slide, whoever asks. Channels are added up in the colours that the
file names, or in `CHANNEL_COLOURS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wsi_lab.errors import UnsupportedSlide
from wsi_lab.slides import codecs, colour
from wsi_lab.slides.colour import Samples
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.tiff_planes import TiffPlanes

Showing = Callable[[Sequence[Samples]], Pixels]
"""Makes ``(rows, columns, 3) uint8`` out of one array of numbers per channel."""

Colour = tuple[int, int, int]

CHANNEL_COLOURS: tuple[Colour, ...] = (
    (0, 0, 255),
    (0, 255, 0),
    (255, 0, 0),
    (0, 255, 255),
    (255, 0, 255),
    (255, 255, 0),
    (255, 255, 255),
)
"""Blue first: the first channel of nearly every panel is DAPI."""

_PALETTE = 3
_PROBES = 12
_PROBE_SIDE = 128


def showing_of(smallest: TiffPlanes, colours: Sequence[Colour] = ()) -> Showing:
    """Return how pictures of that kind are shown.

    Parameters
    ----------
    smallest
        The smallest stored resolution, of which the range of brightness is taken.
    colours
        One per channel; may be shorter.

    Raises
    ------
    UnsupportedSlide
        Nobody here knows how such numbers are to be shown.
    """
    page: Any = smallest.page
    photometric, samples = int(page.photometric), int(page.samplesperpixel)
    kind, bits = page.dtype.kind, int(page.bitspersample)
    if smallest.channels > 1 and samples == 1:
        return _Channels(smallest, colours)
    if photometric == _PALETTE and samples == 1 and page.colormap is not None:
        return _palette(page.colormap)
    if photometric in {codecs.WHITE_IS_ZERO, codecs.BLACK_IS_ZERO}:
        return _Grey(smallest, inverted=photometric == codecs.WHITE_IS_ZERO)
    if kind != "u" or smallest.channels > 1:
        raise UnsupportedSlide("Colour TIFF files of signed or fractional numbers cannot be read.")
    if photometric == codecs.CMYK and samples >= 4:
        return lambda stored: colour.rgb_of_cmyk(colour.eight_bits(stored[0][:, :, :4], bits))
    if photometric == codecs.RGB and samples >= 3:
        return _rgb(bits, has_alpha=samples > 3 and _is_alpha(page))
    if photometric == codecs.YCBCR and samples == 3:
        if page.compression == codecs.JPEG:
            return _rgb(bits, has_alpha=False)
        return lambda stored: colour.rgb_of_ycbcr(colour.eight_bits(stored[0], bits))
    raise UnsupportedSlide(
        f"TIFF files with photometric interpretation {photometric} cannot be read."
    )


def _is_alpha(page: Any) -> bool:
    extra = page.extrasamples
    return bool(extra) and int(extra[0]) in {1, 2}


def _rgb(bits: int, *, has_alpha: bool) -> Showing:
    def show(stored: Sequence[Samples]) -> Pixels:
        colours = colour.eight_bits(stored[0][:, :, :3], bits)
        if not has_alpha:
            return colours
        return colour.over_white(colours, colour.eight_bits(stored[0][:, :, 3], bits))

    return show


def _palette(colormap: Samples) -> Showing:
    table = np.ascontiguousarray((colormap.astype(np.uint32) >> 8).astype(np.uint8).T)

    def show(stored: Sequence[Samples]) -> Pixels:
        index = np.minimum(stored[0][:, :, 0].astype(np.intp), len(table) - 1)
        return table[index]

    return show


class _Grey:
    """One brightness, with or without transparency."""

    def __init__(self, smallest: TiffPlanes, *, inverted: bool) -> None:
        page: Any = smallest.page
        self._inverted = inverted
        self._has_alpha = page.samplesperpixel == 2 and _is_alpha(page)
        self._bits = int(page.bitspersample)
        # Anything but small whole numbers has no brightness of its own.
        needs_window = self._bits > 8 or page.dtype.kind not in "ub"
        self._window = _window(smallest, 0) if needs_window else None

    def __call__(self, stored: Sequence[Samples]) -> Pixels:
        grey = _in_window(stored[0][:, :, 0], self._window, self._bits)
        shown = colour.rgb_of_grey(255 - grey if self._inverted else grey)
        if not self._has_alpha:
            return shown
        return colour.over_white(shown, colour.eight_bits(stored[0][:, :, 1], self._bits))


class _Channels:
    """Several brightnesses of the same place, each in its own colour, added up."""

    def __init__(self, smallest: TiffPlanes, colours: Sequence[Colour]) -> None:
        page: Any = smallest.page
        self._bits = int(page.bitspersample)
        shown = min(smallest.channels, len(CHANNEL_COLOURS))
        self._colours = [
            colours[channel] if channel < len(colours) else CHANNEL_COLOURS[channel]
            for channel in range(shown)
        ]
        needs_window = self._bits > 8 or page.dtype.kind not in "ub"
        self._windows = [
            _window(smallest, channel) if needs_window else None for channel in range(shown)
        ]

    def __call__(self, stored: Sequence[Samples]) -> Pixels:
        rows, columns = stored[0].shape[:2]
        light = np.zeros((rows, columns, 3), np.uint16)
        for samples, window, rgb in zip(stored, self._windows, self._colours, strict=False):
            grey = _in_window(samples[:, :, 0], window, self._bits)
            for band, strength in enumerate(rgb):
                if strength:
                    light[:, :, band] += (grey.astype(np.uint16) * strength + 127) // 255
        return np.minimum(light, 255).astype(np.uint8)


def _in_window(samples: Samples, window: tuple[float, float] | None, bits: int) -> Pixels:
    if window is None:
        return colour.eight_bits(samples, bits)
    return np.rint(colour.windowed(samples, *window) * 255).astype(np.uint8)


def _window(planes: TiffPlanes, channel: int) -> tuple[float, float]:
    """Return between which numbers nearly all of a channel lies."""
    probes = []
    for y in _spread(planes.height):
        for x in _spread(planes.width):
            width = min(_PROBE_SIDE, planes.width - x)
            height = min(_PROBE_SIDE, planes.height - y)
            probe = planes.read(channel, x, y, width, height)
            if probe is not None:
                probes.append(probe[:, :, 0].ravel().astype(np.float64))
    numbers = np.concatenate(probes) if probes else np.zeros(1)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return 0.0, 1.0
    low, high = (float(mark) for mark in np.percentile(numbers, (0.1, 99.9)))
    if high <= low:
        # Hardly anything is there; what there is must not vanish.
        low, high = float(numbers.min()), float(numbers.max())
    return low, high if high > low else low + 1.0


def _spread(extent: int) -> list[int]:
    """Return where probes start along one side: everywhere if it is short, else evenly spread."""
    if extent <= _PROBES * _PROBE_SIDE:
        return list(range(0, extent, _PROBE_SIDE))
    return [i * (extent - _PROBE_SIDE) // (_PROBES - 1) for i in range(_PROBES)]
