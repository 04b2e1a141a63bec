"""Label masks as PNG: grey of 8 or 16 bits, or palettes, whose colours say nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument
from wsi_lab.formats.label_masks.values import (
    MOST_PIXELS,
    Placed,
    Shown,
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


def read(data: bytes, **placed: Unpack[Placed]) -> Document:
    """Return the areas of a mask; those of one value that touch are one."""
    return document_of_mask(read_columns(data, **placed))


def read_columns(data: bytes, **placed: Unpack[Placed]) -> BulkDocument:
    """As `read`, as columns."""
    return shapes_of(*_decoded(data), **placed)


def write(document: Document, **shown: Unpack[Shown]) -> bytes:
    """Return shapes as a mask of a rectangle, by default of all that they cover."""
    columns = columns_of_document(document)
    return _encoded(*mask_of(columns, document.colours, **shown))


def write_columns(
    parts: Iterable[ShapeColumns],
    *,
    colours: Mapping[str, str] | None = None,
    **shown: Unpack[Shown],
) -> Iterator[bytes]:
    """Yield a mask as `write` makes it."""
    yield _encoded(*mask_of(columns_of(parts), colours or {}, **shown))


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
