"""Stored tiles into pixels, strictly: a tile is whole, or it is an error, never grey.

Runs inside worker processes. What a codec's own header claims is compared with what the file
claims before the codec may allocate anything, so that a small tile cannot ask for gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import numpy as np
import numpy.typing as npt
import simplejpeg

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides import colour
from wsi_lab.slides.reader import Pixels

NONE, LZW, JPEG, DEFLATE = 1, 5, 7, 8
OLD_DEFLATE, PACKBITS = 32946, 32773
APERIO_YCBCR, APERIO_RGB, JPEG_2000 = 33003, 33005, 34712

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, YCBCR = 0, 1, 2, 5, 6

LARGEST_TILE_SIDE = 16_384
MOST_CODESTREAM_TILES = 4_096
"""A JPEG 2000 picture may be cut into tiles of its own; a pyramid's tile has one, or a few."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the header of a JPEG or JPEG 2000 stream says about its picture."""

    rows: int
    columns: int
    samples: int
    bits: int
    subsampled: bool = False


def decode_tile(
    data: bytes,
    *,
    compression: int,
    photometric: int,
    predictor: int,
    rows: int,
    columns: int,
    samples: int,
) -> Pixels:
    """Return one stored 8-bit tile as ``(rows, columns, 3) uint8`` RGB.

    Parameters
    ----------
    data
        The tile as the file holds it; JPEG with its tables spliced in.
    compression, photometric, predictor
        The numbers of the TIFF tags 259, 262 and 317.
    rows, columns, samples
        What the file says a whole tile is.

    Raises
    ------
    DamagedSlide
        The data does not decode to exactly such a tile.
    UnsupportedSlide
        Nobody here knows that compression or photometric interpretation.
    """
    if not (0 < rows <= LARGEST_TILE_SIDE and 0 < columns <= LARGEST_TILE_SIDE):
        raise DamagedSlide(f"A tile of {columns} x {rows} pixels cannot be right.")
    if compression == JPEG:
        stored = decode_jpeg(data, photometric, rows, columns, samples)
        return stored if samples == 3 else _in_rgb(stored, photometric)
    if compression in {APERIO_YCBCR, APERIO_RGB, JPEG_2000}:
        return _jpeg2000_tile(data, compression, rows, columns, samples)
    stored = unpack(data, compression, rows * columns * samples).reshape(rows, columns, samples)
    if predictor == 2:
        # Each sample is stored as its difference from the one to the left.
        stored = np.cumsum(stored, axis=1, dtype=np.uint8)
    elif predictor not in {0, 1}:
        raise UnsupportedSlide(f"Tiles stored with predictor {predictor} cannot be read.")
    return _in_rgb(stored, photometric)


def unpack(data: bytes, compression: int, size: int) -> npt.NDArray[np.uint8]:
    """Return exactly `size` bytes out of a byte-wise compression.

    Raises
    ------
    DamagedSlide
        The data is broken or holds less.
    UnsupportedSlide
        Nobody here knows that compression.
    """
    decompress = _BYTE_CODECS.get(compression)
    if decompress is None:
        raise UnsupportedSlide(f"Tiles stored with compression {compression} cannot be read.")
    try:
        unpacked = np.frombuffer(decompress(data, size), np.uint8)
    except (ValueError, RuntimeError) as broken:
        raise _damaged("is broken") from broken
    if unpacked.size < size:
        raise _damaged("ends too early")
    return unpacked[:size]


_BYTE_CODECS: dict[int, Callable[[bytes, int], bytes | bytearray]] = {
    NONE: lambda data, _size: data,
    LZW: lambda data, size: imagecodecs.lzw_decode(data, out=size),
    DEFLATE: lambda data, size: imagecodecs.deflate_decode(data, out=size),
    OLD_DEFLATE: lambda data, size: imagecodecs.deflate_decode(data, out=size),
    PACKBITS: lambda data, size: imagecodecs.packbits_decode(data, out=size),
}


def decode_jpeg(data: bytes, photometric: int, rows: int, columns: int, samples: int) -> Pixels:
    """Return a baseline or progressive 8-bit JPEG as ``(rows, columns, samples)``.

    YCbCr comes out as RGB. The TIFF's photometric interpretation decides whether colours are
    converted, not the markers in the stream, which scanners leave out or get wrong.
    """
    frame = jpeg_frame(data)
    if frame.bits != 8:
        raise UnsupportedSlide(f"JPEG tiles of {frame.bits} bits cannot be read.")
    _check_frame(frame, rows, columns, samples)
    spaces = {1: "GRAY", 3: "RGB", 4: "CMYK"}
    if samples not in spaces:
        raise UnsupportedSlide(f"JPEG tiles with {samples} samples per pixel cannot be read.")
    if samples == 3:
        data = _with_colour_transform(data, ycbcr=photometric == YCBCR)
    try:
        decoded: Pixels = simplejpeg.decode_jpeg(data, colorspace=spaces[samples], strict=True)
    except ValueError as broken:
        raise _damaged("is broken or ends too early") from broken
    return decoded.reshape(rows, columns, samples)


def check_jpeg(data: bytes, rows: int, columns: int, samples: int) -> Frame:
    """Return the header of a JPEG stream that has an end and that size, or raise."""
    frame = jpeg_frame(data)
    _check_frame(frame, rows, columns, samples)
    if not data.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise _damaged("ends too early")
    return frame


def check_jpeg2000(data: bytes, rows: int, columns: int, samples: int) -> Frame:
    """Return the header of a JPEG 2000 stream that is whole and of that size, or raise."""
    frame = jpeg2000_frame(data)
    _check_frame(frame, rows, columns, samples)
    if not data.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise _damaged("ends too early")
    return frame


def _jpeg2000_tile(data: bytes, compression: int, rows: int, columns: int, samples: int) -> Pixels:
    frame = check_jpeg2000(data, rows, columns, samples)
    if frame.bits != 8:
        raise UnsupportedSlide(f"JPEG 2000 tiles of {frame.bits} bits cannot be read.")
    try:
        decoded: Pixels = imagecodecs.jpeg2k_decode(data, numthreads=1)
    except (ValueError, RuntimeError) as broken:
        raise _damaged("is broken") from broken
    decoded = decoded.reshape(rows, columns, -1)
    if decoded.dtype != np.uint8 or decoded.shape[2] != samples:
        raise _damaged("is not what its header says")
    # The codec converts subsampled streams itself (half-width chroma can be nothing but YCbCr)
    # and leaves the others alone.
    if compression == APERIO_YCBCR and not frame.subsampled:
        return colour.rgb_of_ycbcr(decoded)
    return _in_rgb(decoded, RGB if samples == 3 else BLACK_IS_ZERO)


def _in_rgb(stored: Pixels, photometric: int) -> Pixels:
    samples = stored.shape[2]
    if samples == 1 and photometric in {WHITE_IS_ZERO, BLACK_IS_ZERO}:
        return colour.rgb_of_grey(255 - stored if photometric == WHITE_IS_ZERO else stored)
    if samples == 3 and photometric == RGB:
        return np.ascontiguousarray(stored)
    if samples == 3 and photometric == YCBCR:
        return colour.rgb_of_ycbcr(stored)
    if samples == 4 and photometric == CMYK:
        return colour.rgb_of_cmyk(stored)
    raise UnsupportedSlide(
        f"Tiles with photometric interpretation {photometric} and {samples} samples per pixel "
        "cannot be read."
    )


def jpeg_frame(data: bytes) -> Frame:
    """Return what the start-of-frame segment of a JPEG says, without decoding anything."""
    for marker, start, end in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            if end - start < 6:
                break
            if marker not in {0xC0, 0xC1, 0xC2}:
                raise UnsupportedSlide("Only baseline and progressive JPEG tiles can be read.")
            return Frame(
                rows=int.from_bytes(data[start + 1 : start + 3]),
                columns=int.from_bytes(data[start + 3 : start + 5]),
                samples=data[start + 5],
                bits=data[start],
            )
    raise _damaged("has no JPEG header")


_NO_MORE_HEADER = frozenset({0xD9, 0xDA})


def _jpeg_segments(data: bytes) -> list[tuple[int, int, int]]:
    """Return marker, start and end of the content of each segment before the first scan."""
    segments: list[tuple[int, int, int]] = []
    if data[:2] != b"\xff\xd8":
        return segments
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _NO_MORE_HEADER:
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if length < 2 or at + 2 + length > len(data):
            break
        segments.append((marker, at + 4, at + 2 + length))
        at += 2 + length
    return segments


def _with_colour_transform(data: bytes, *, ycbcr: bool) -> bytes:
    """Return the JPEG with one Adobe segment that states the colour transform, and no other."""
    kept = bytearray(b"\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00")
    kept.append(int(ycbcr))
    at = 2
    for marker, start, end in _jpeg_segments(data):
        if marker in {0xE0, 0xEE}:
            kept += data[at : start - 4]
            at = end
    return bytes(kept + data[at:])


_START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
_END_OF_IMAGE = b"\xff\xd9"
_BOXED = b"\x00\x00\x00\x0cjP  \r\n\x87\n"


def jpeg2000_frame(data: bytes) -> Frame:
    """Return what the size segment of a JPEG 2000 stream says, without decoding anything."""
    at = data.find(_START_OF_CODESTREAM, 0, 65_536) if data.startswith(_BOXED) else 0
    size = data[at + 6 : at + 42]
    if at < 0 or not data.startswith(_START_OF_CODESTREAM, at) or len(size) < 36:
        raise _damaged("has no JPEG 2000 header")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(size[i : i + 4]) for i in range(2, 34, 4)
    )
    samples = int.from_bytes(size[34:36])
    parts = data[at + 42 : at + 42 + 3 * samples]
    if not 0 < samples <= 4 or len(parts) < 3 * samples:
        raise _damaged("has a broken JPEG 2000 header")
    if not (left < right and top < bottom and tile_width and tile_height):
        raise _damaged("has a broken JPEG 2000 header")
    across = -(-(right - tile_left) // tile_width)
    down = -(-(bottom - tile_top) // tile_height)
    if across * down > MOST_CODESTREAM_TILES:
        raise _damaged("is cut into far too many parts")
    return Frame(
        rows=bottom - top,
        columns=right - left,
        samples=samples,
        bits=max((depth & 0x7F) + 1 for depth in parts[::3]),
        subsampled=any(step != 1 for step in parts[1::3] + parts[2::3]),
    )


def _check_frame(frame: Frame, rows: int, columns: int, samples: int) -> None:
    if (frame.rows, frame.columns, frame.samples) != (rows, columns, samples):
        raise DamagedSlide(
            f"A tile of this slide says that it has {frame.columns} x {frame.rows} pixels of "
            f"{frame.samples} samples; the file says {columns} x {rows} of {samples}."
        )


def _damaged(what: str) -> DamagedSlide:
    return DamagedSlide(f"A tile of this slide {what}.")
