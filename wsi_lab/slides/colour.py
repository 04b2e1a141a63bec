"""Whatever a file stores, as 8-bit RGB. Arithmetic only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wsi_lab.slides.reader import Pixels

_SMALLEST_SPAN = 1e-30

Samples = npt.NDArray[np.generic]
"""``(rows, columns, samples)`` of any number type."""


def white(rows: int, columns: int) -> Pixels:
    """Return a white picture, which is what lies outside every slide."""
    return np.full((rows, columns, 3), 255, np.uint8)


def rgb_of_grey(grey: Pixels) -> Pixels:
    """Return ``(rows, columns)`` or ``(rows, columns, 1)`` grey as ``(rows, columns, 3)``."""
    plane = grey if grey.ndim == 2 else grey[:, :, 0]
    return np.repeat(plane[:, :, np.newaxis], 3, axis=2)


def over_white(colours: Pixels, alpha: Pixels) -> Pixels:
    """Lay straight (not premultiplied) colours over white.

    Parameters
    ----------
    colours
        ``(rows, columns, 3)``.
    alpha
        ``(rows, columns)``; 255 is opaque.

    Examples
    --------
    >>> red = np.array([[[200, 0, 0], [200, 0, 0]]], np.uint8)
    >>> over_white(red, np.array([[255, 0]], np.uint8)).tolist()
    [[[200, 0, 0], [255, 255, 255]]]
    """
    weight = alpha[:, :, np.newaxis].astype(np.uint16)
    blended = colours * weight + 255 * (255 - weight)
    laid: Pixels = ((blended + 127) // 255).astype(np.uint8)
    return laid


def rgb_of_ycbcr(ycbcr: Pixels) -> Pixels:
    """Return full-range YCbCr (JFIF: ITU-R BT.601, all 256 steps) as RGB.

    Examples
    --------
    >>> rgb_of_ycbcr(np.array([[[76, 85, 255]]], np.uint8)).tolist()
    [[[254, 0, 0]]]
    """
    luma, blue, red = (ycbcr[:, :, i].astype(np.float32) for i in range(3))
    blue -= 128
    red -= 128
    rgb = np.stack(
        (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue), axis=2
    )
    rounded: Pixels = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return rounded


def rgb_of_cmyk(cmyk: Pixels) -> Pixels:
    """Return CMYK (0 is no ink) as RGB by multiplying what each ink lets through.

    No ink profile is applied: slides are not printed, and viewers agree on this reading.
    """
    passes = 255 - cmyk.astype(np.uint16)
    return ((passes[:, :, :3] * passes[:, :, 3:4] + 127) // 255).astype(np.uint8)


def eight_bits(samples: Samples, bits: int) -> Pixels:
    """Return unsigned whole numbers of `bits` bits at the brightness they were stored with.

    More than 8 bits keep the upper 8; fewer are spread over the whole range.

    Examples
    --------
    >>> eight_bits(np.array([0, 4095], np.uint16), 12).tolist()
    [0, 255]
    >>> eight_bits(np.array([0, 1], np.uint8), 1).tolist()
    [0, 255]
    """
    if bits == 8:
        as_is: Pixels = samples.astype(np.uint8, copy=False)
        return as_is
    if bits > 8:
        unsigned = samples.astype(np.dtype(f"u{samples.dtype.itemsize}"), copy=False)
        upper: Pixels = (unsigned >> unsigned.dtype.type(bits - 8)).astype(np.uint8)
        return upper
    spread: Pixels = (samples.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    return spread


def windowed(samples: Samples, low: float, high: float) -> npt.NDArray[np.float32]:
    """Return samples as brightness from 0 (`low` and below) to 1 (`high` and above)."""
    span = np.float32(max(high - low, _SMALLEST_SPAN))
    brightness = (samples.astype(np.float32) - np.float32(low)) / span
    clipped: npt.NDArray[np.float32] = np.clip(np.nan_to_num(brightness, nan=0.0), 0.0, 1.0)
    return clipped
