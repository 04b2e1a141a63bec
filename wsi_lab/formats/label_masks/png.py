"""Label masks as PNG: grey of 8 or 16 bits, or palettes, whose colours say nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument
from wsi_lab.formats.label_masks.values import (
    MOST_PIXELS,
    Box,
    Names,
    Words,
    columns_of,
    columns_of_document,
    document_of_mask,
    mask_of,
    shapes_of,
    text_of,
    words_of,
)
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.feature import Document

KEYWORD = "wsi-lab"
"""Of the text in a file that says what its values mean."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_STEPS = {1: 255, 2: 85, 4: 17}


def read(
    data: bytes,
    *,
    left: float | None = None,
    top: float | None = None,
    downsample: float | None = None,
    label_names: Names | None = None,
) -> Document:
    """Return the areas of a mask; those of one value that touch are one.

    Parameters
    ----------
    left, top, downsample
        Where its first pixel lies, in level-0 pixels, and how wide its pixels are.
    label_names
        What its values mean: a mapping, or the names of 1, 2, …; else they are called by number.
    """
    found = read_columns(data, left=left, top=top, downsample=downsample, label_names=label_names)
    return document_of_mask(found)


def read_columns(
    data: bytes,
    *,
    left: float | None = None,
    top: float | None = None,
    downsample: float | None = None,
    label_names: Names | None = None,
) -> BulkDocument:
    """As `read`, as columns."""
    mask, words = _decoded(data)
    return shapes_of(
        mask, words, left=left, top=top, downsample=downsample, label_names=label_names
    )


def write(
    document: Document,
    *,
    box: Box | None = None,
    left: float | None = None,
    top: float | None = None,
    downsample: float = 1.0,
    label_names: Names | None = None,
) -> bytes:
    """Return shapes as a mask of a rectangle, by default of all that they cover."""
    columns = columns_of_document(document)
    mask, words = mask_of(
        columns, document.colours,
        box=box, left=left, top=top, downsample=downsample, label_names=label_names,
    )  # fmt: skip
    return _encoded(mask, words)


def write_columns(
    parts: Iterable[ShapeColumns],
    *,
    colours: Mapping[str, str] | None = None,
    box: Box | None = None,
    left: float | None = None,
    top: float | None = None,
    downsample: float = 1.0,
    label_names: Names | None = None,
) -> Iterator[bytes]:
    """Yield a mask as `write` makes it."""
    mask, words = mask_of(
        columns_of(parts), colours or {},
        box=box, left=left, top=top, downsample=downsample, label_names=label_names,
    )  # fmt: skip
    yield _encoded(mask, words)


def _encoded(mask: NDArray[np.uint8] | NDArray[np.uint16], words: Words) -> bytes:
    from PIL import Image  # noqa: PLC0415 (only who reads or writes pictures waits for it)
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 (as above)

    info = PngInfo()
    info.add_itxt(KEYWORD, text_of(words))
    file = BytesIO()
    Image.fromarray(mask).save(file, "PNG", compress_level=3, pnginfo=info)
    return file.getvalue()


def _decoded(data: bytes) -> tuple[NDArray[np.generic], Words]:
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415 (as above)

    depth = _checked(data)
    try:
        # Not by Image.open, whose own limit is lower and is the same for all of the process.
        with PngImageFile(BytesIO(data)) as picture:
            picture.load()
            text = str(picture.text.get(KEYWORD, ""))
            mask = np.asarray(picture)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise Invalid(f"This PNG is damaged: {str(error)[:100]}") from None
    if mask.dtype == np.bool_:
        mask = mask.astype(np.uint8)
    elif depth in _STEPS and picture.mode == "L":
        mask = (mask // _STEPS[depth]).astype(np.uint8)
    elif mask.dtype == np.int32:
        mask = mask.astype(np.uint16)
    return mask, words_of(text)


def _checked(data: bytes) -> int:
    """Return how many bits a pixel has; the size is told before anything is unpacked."""
    if len(data) < 33 or not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR":
        raise Invalid("This is no PNG, or it is damaged.")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    if not width or not height:
        raise Invalid("This PNG has no pixels.")
    if width * height > MOST_PIXELS:
        raise TooLarge(f"A mask may have at most {MOST_PIXELS:,} pixels.")
    if kind not in {_GREY, _PALETTE}:
        raise Invalid("A label mask is a PNG in grey or with a palette, not one in colours.")
    return int(depth)
