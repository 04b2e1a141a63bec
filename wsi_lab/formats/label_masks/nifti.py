"""Label masks as NIfTI, as ITK-SNAP and PHAS use them: the first axis runs to the right."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Unpack

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

_COMMENT = 6
"""The code of an extension that is a text."""
_PREFIX = b"wsi-lab "
_LARGEST_HEADER = 1 << 21
_MOST_BYTES = 2 * MOST_PIXELS
"""As many as 16 bits for each pixel of the largest mask."""
_DEFAULT_MPP = 1.0


def read(data: bytes, **placed: Unpack[Placed]) -> Document:
    """Return the areas of a mask; those of one value that touch are one.

    What the file says in millimetres is not used.
    """
    return document_of_mask(read_columns(data, **placed))


def read_columns(data: bytes, **placed: Unpack[Placed]) -> BulkDocument:
    """As `read`, as columns."""
    return shapes_of(*_decoded(data), **placed)


def write(document: Document, *, mpp: float = _DEFAULT_MPP, **shown: Unpack[Shown]) -> bytes:
    """Return shapes as a mask of a rectangle, by default of all that they cover, packed by gzip.

    Parameters
    ----------
    mpp
        Micrometres of a level-0 pixel: the file is in millimetres.
    """
    columns = columns_of_document(document)
    return _encoded(*mask_of(columns, document.colours, **shown), mpp)


def write_columns(
    parts: Iterable[ShapeColumns],
    *,
    colours: Mapping[str, str] | None = None,
    mpp: float = _DEFAULT_MPP,
    **shown: Unpack[Shown],
) -> Iterator[bytes]:
    """Yield a mask as `write` makes it."""
    yield _encoded(*mask_of(columns_of(parts), colours or {}, **shown), mpp)


def _encoded(mask: NDArray[np.uint8] | NDArray[np.uint16], words: Words, mpp: float) -> bytes:
    import nibabel as nib  # noqa: PLC0415 (only who reads or writes such files waits for it)
    from nibabel.nifti1 import Nifti1Extension  # noqa: PLC0415 (as above)

    pixel = words.downsample * mpp / 1000
    # x to the left and y to the back, as ITK has a picture that is seen from its front.
    affine = np.diag([-pixel, -pixel, 1.0, 1.0])
    affine[:2, 3] = [-words.left * mpp / 1000, -words.top * mpp / 1000]
    made: Any = nib.Nifti1Image
    image = made(mask.T[:, :, np.newaxis], affine)
    image.header.set_xyzt_units("mm")
    text = _PREFIX + text_of(words).encode()
    image.header.extensions.append(Nifti1Extension(_COMMENT, text))
    return gzip.compress(image.to_bytes(), compresslevel=3, mtime=0)


def _decoded(data: bytes) -> tuple[NDArray[np.generic], Words]:
    import nibabel as nib  # noqa: PLC0415 (as above)
    from nibabel.filebasedimages import ImageFileError  # noqa: PLC0415 (as above)
    from nibabel.spatialimages import HeaderDataError  # noqa: PLC0415 (as above)

    raw = _unpacked(data)
    kind = nib.Nifti2Image if raw[4:8] == b"n+2\0" else nib.Nifti1Image
    try:
        image: Any = kind.from_bytes(raw)
        shape = _flat(image.shape)
        values = np.asanyarray(image.dataobj)
        extensions = [each.get_content() for each in image.header.extensions]
    except (ImageFileError, HeaderDataError, OSError, ValueError, TypeError, KeyError) as error:
        raise Invalid(f"This NIfTI file is damaged: {str(error)[:100]}") from None
    if values.dtype.names or values.dtype.kind not in "uif":
        raise Invalid("The values of a mask are whole numbers from 0 on.")
    return np.ascontiguousarray(values.reshape(shape).T), _words(extensions)


def _unpacked(data: bytes) -> bytes:
    """Return what is in a gzip file, as much as its own header says there is."""
    if not data.startswith(b"\x1f\x8b"):
        _checked(data[:544])
        return data
    inflating = zlib.decompressobj(wbits=31)
    try:
        start = inflating.decompress(data, 544)
        most = _checked(start)
        rest = inflating.decompress(inflating.unconsumed_tail, most)
    except zlib.error:
        raise Invalid("This gzip file is damaged.") from None
    return start + rest


def _checked(start: bytes) -> int:
    """Return how many bytes a file has, told by its header, before any is unpacked."""
    import nibabel as nib  # noqa: PLC0415 (as above)
    from nibabel.spatialimages import HeaderDataError  # noqa: PLC0415 (as above)

    is_second = start[4:8] == b"n+2\0"
    kind: Any = nib.Nifti2Header if is_second else nib.Nifti1Header
    size = 540 if is_second else 348
    try:
        header = kind(start[:size], check=False)
        shape = header.get_data_shape()
        item = int(header.get_data_dtype().itemsize)
    except (HeaderDataError, nib.wrapstruct.WrapStructError, ValueError, KeyError) as error:
        raise Invalid(f"This is no NIfTI file, or it is damaged: {str(error)[:100]}") from None
    width, height = _flat(shape)
    if width * height > MOST_PIXELS:
        raise TooLarge(f"A mask may have at most {MOST_PIXELS:,} pixels.")
    if width * height * item > _MOST_BYTES:
        raise TooLarge(f"A mask may have at most {_MOST_BYTES:,} bytes; whole numbers need few.")
    return width * height * item + _LARGEST_HEADER


def _flat(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2 or any(length != 1 for length in shape[2:]) or min(shape) < 1:
        raise Invalid("A mask of a slide is flat: it has two axes that are longer than 1.")
    return int(shape[0]), int(shape[1])


def _words(extensions: Iterable[Any]) -> Words:
    for content in extensions:
        text = content if isinstance(content, bytes) else str(content).encode()
        if text.startswith(_PREFIX):
            return words_of(text.removeprefix(_PREFIX).rstrip(b"\0"))
    return Words()
