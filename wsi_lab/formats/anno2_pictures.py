"""The pictures of an annotation file: masks, of which set pixels are points, and heat maps."""

from __future__ import annotations

import io
import re
import struct
import tarfile
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_lab.errors import Invalid

MASK_SIDE = 256
MOST_MASKS = 200_000
LARGEST_MASKS = 1 << 29
"""Bytes of all masks together, unpacked: each takes 1,024 at least."""
LARGEST_PICTURE = 1 << 20
"""Bytes of one mask."""
_FARTHEST_TILE = 1 << 22
_NAME = re.compile(r"(?:\./)?tile_x(\d{1,7})_y(\d{1,7})\.png")


def points_of_masks(data: bytes, most_points: int) -> NDArray[np.int64] | None:
    """Return the points ``(count, 2)`` of ``masks.tar.gz``, or `None` where they are too many.

    Raises
    ------
    Invalid
        It is damaged, or unpacks to too much.
    """
    found: list[NDArray[np.int64]] = []
    count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(inflated(data, LARGEST_MASKS)), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= MOST_MASKS:
                    raise Invalid(f"The annotation file has more than {MOST_MASKS:,} masks.")
                name = _NAME.fullmatch(member.name)
                if not member.isreg() or name is None or member.size > LARGEST_PICTURE:
                    raise _damaged()
                file = archive.extractfile(member)
                content = b"" if file is None else file.read()
                column, row = int(name[1]), int(name[2])
                if max(column, row) > _FARTHEST_TILE:
                    raise _damaged()
                mask = picture(content, MASK_SIDE * MASK_SIDE)
                y, x = np.nonzero(mask)
                side = mask.shape[1]
                found.append(np.column_stack((column * side + x, row * side + y)))
                count += len(x)
                if count > most_points:
                    return None
    except (tarfile.TarError, ValueError, EOFError, OverflowError):
        raise _damaged() from None
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def picture(data: bytes, most_pixels: int) -> NDArray[np.uint8]:
    """Return the values of a grey PNG of at most so many pixels.

    Raises
    ------
    Invalid
        It is none, is larger, or is broken.
    """
    if len(data) < 33 or not data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"):
        raise _damaged()
    # Before a library sees it, which would set aside memory for what it claims.
    width, height, depth, colours = struct.unpack(">IIBB", data[16:26])
    if not 0 < width * height <= most_pixels or depth > 8 or colours != 0:
        raise Invalid("A picture in the annotation file is too large, or is not grey.")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.asarray(image.convert("L"))
    except (
        OSError,
        ValueError,
        SyntaxError,
        zlib.error,
        struct.error,
        Image.DecompressionBombError,
    ):
        raise _damaged() from None


def png(values: NDArray[np.uint8]) -> bytes:
    """Return values as a grey PNG."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def inflated(data: bytes, most_bytes: int) -> bytes:
    """Return what a gzip file holds.

    Raises
    ------
    Invalid
        It is damaged, or unpacks to more.
    """
    engine = zlib.decompressobj(wbits=31)
    try:
        content = engine.decompress(data, most_bytes + 1)
    except zlib.error:
        raise _damaged() from None
    if len(content) > most_bytes:
        raise Invalid(f"The annotation file unpacks to more than {most_bytes:,} bytes.")
    if not engine.eof:
        raise _damaged()
    return content


def _damaged() -> Invalid:
    return Invalid("The annotation file is damaged or cut short.")
