"""Small PNG pictures, fast."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED, _RGBA = 3, 6


def indexed_png(canvas: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """Return a canvas of palette places as a PNG of as few bits a pixel as the palette needs.

    Parameters
    ----------
    canvas
        ``(rows, columns) uint8``, each less than the palette is long.
    palette
        ``(colours, 4) uint8`` red, green, blue, alpha; at most 256.
    """
    if not 0 < len(palette) <= 256 or int(canvas.max(initial=0)) >= len(palette):
        raise Invalid("A picture has colours that its palette lacks.")
    bits = next(bits for bits in (1, 2, 4, 8) if len(palette) <= 1 << bits)
    colours = np.ascontiguousarray(palette, np.uint8)
    opaque = np.flatnonzero(colours[:, 3] != 255)
    # What comes after the last colour that lets something through is opaque by itself.
    alpha = colours[: opaque[-1] + 1, 3].tobytes() if len(opaque) else b""
    return _png(
        canvas.shape,
        _packed(np.ascontiguousarray(canvas, np.uint8), bits),
        bits,
        _INDEXED,
        _piece(b"PLTE", colours[:, :3].tobytes()) + (_piece(b"tRNS", alpha) if alpha else b""),
    )


def rgba_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return ``(rows, columns, 4) uint8`` pixels as a PNG."""
    rows, columns = pixels.shape[:2]
    lines = np.ascontiguousarray(pixels, np.uint8).reshape(rows, columns * 4)
    return _png((rows, columns), lines, 8, _RGBA)


def _png(
    shape: tuple[int, ...], lines: NDArray[np.uint8], bits: int, kind: int, pieces: bytes = b""
) -> bytes:
    # A third faster than zlib, and smaller; half of what a tile costs.
    import imagecodecs  # noqa: PLC0415 (only for those who make pictures)

    rows, columns = shape
    filtered = np.zeros((rows, lines.shape[1] + 1), np.uint8)
    filtered[:, 1:] = lines
    header = struct.pack(">IIBBBBB", columns, rows, bits, kind, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _piece(b"IHDR", header),
            pieces,
            _piece(b"IDAT", bytes(imagecodecs.deflate_encode(filtered.tobytes(), level=1))),
            _piece(b"IEND", b""),
        )
    )


def _packed(canvas: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Return rows with several pixels in a byte, the first in the highest bits."""
    if bits == 8:
        return canvas
    each = 8 // bits
    filling = -canvas.shape[1] % each
    if filling:
        canvas = np.pad(canvas, ((0, 0), (0, filling)))
    packed: NDArray[Any] = canvas[:, ::each] << (8 - bits)
    for place in range(1, each):
        packed |= canvas[:, place::each] << (8 - bits - place * bits)
    return packed


def _piece(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
