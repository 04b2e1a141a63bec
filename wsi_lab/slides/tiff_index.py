"""What has to be known of a TIFF slide to read its tiles: geometry, and where each tile lies.

The index is made once per version of a file (`wsi_lab.slides.tiff_pages`) and can be kept in an
`IndexStore`, so that opening the slide again reads nothing but tiles.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

APERIO = "Aperio SVS"
GENERIC = "Generic Pyramidal TIFF"

NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE = 1, 5, 7, 8, 32946
APERIO_YCBCR, APERIO_RGB, JPEG_2000 = 33003, 33005, 34712
_NAMES = {
    NONE: "none",
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
    LZW: "LZW",
    6: "old-style JPEG",
    JPEG: "JPEG",
    DEFLATE: "Deflate",
    32773: "PackBits",
    OLD_DEFLATE: "Deflate",
    APERIO_YCBCR: "JPEG 2000",
    APERIO_RGB: "JPEG 2000",
    34677: "SGI Log",
    JPEG_2000: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_DECODABLE = {NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, APERIO_YCBCR, APERIO_RGB, JPEG_2000}
_WITH_OWN_COLOUR = {JPEG, APERIO_YCBCR, APERIO_RGB, JPEG_2000}
_WITH_PREDICTOR = {LZW, DEFLATE, OLD_DEFLATE}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, YCBCR = 0, 1, 2, 6

LARGEST_NATIVE_TILE_PIXELS = 4096 * 4096

Offsets = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint32]


class IndexStore(Protocol):
    """Where indexes are kept between runs. The engine chooses the keys."""

    def get(self, key: str) -> bytes | None:
        """Return what was put under `key`, or `None`."""

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`."""


@dataclass(frozen=True, slots=True, eq=False)
class TiffImage:
    """One image of a TIFF file: a level of the pyramid, or a label or macro beside it.

    Attributes
    ----------
    width, height
        In pixels of this image.
    tile_width, tile_height
        Of the pieces it is stored in. Strips are pieces as wide as the image.
    is_tiled
        Whether the pieces are tiles, which are all whole; the last strip ends with the image.
    is_subsampled
        Whether the colours are stored at half the resolution of the brightness, or less.
    compression, photometric, predictor, samples, bits, planar, orientation, sample_format
        The numbers of the TIFF tags of these names.
    prefix
        For JPEG: what goes before every stored piece, from the start-of-image marker on; the
        piece follows without its own.
    offsets, counts
        Where each piece lies and how many bytes it has, row by row; a count of 0 means that the
        piece was left out because it is empty.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    is_tiled: bool
    is_subsampled: bool
    compression: int
    photometric: int
    predictor: int
    samples: int
    bits: int
    planar: int
    orientation: int
    sample_format: int
    prefix: bytes
    offsets: Offsets
    counts: Counts

    @property
    def columns(self) -> int:
        """Number of pieces from left to right."""
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        """Number of pieces from top to bottom."""
        return -(-self.height // self.tile_height)


@dataclass(frozen=True, slots=True, eq=False)
class TiffIndex:
    """Everything about a TIFF slide but its pixels.

    Attributes
    ----------
    format
        For people: ``"Aperio SVS"`` or ``"Generic Pyramidal TIFF"``.
    levels
        From the full resolution down; empty when the file has no tiled image.
    associated
        Images beside the pyramid by their names.
    mpp_x, mpp_y, objective_power
        What the file says, as far as it can be true.
    metadata
        Properties that name nobody.
    foreign
        Which vendor's arrangement of images it is, when it is one that takes more than TIFF to
        understand, else ``""``.
    """

    format: str
    levels: tuple[TiffImage, ...]
    associated: Mapping[str, TiffImage] = field(default_factory=dict)
    mpp_x: float | None = None
    mpp_y: float | None = None
    objective_power: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    foreign: str = ""

    def to_bytes(self) -> bytes:
        """Return the index as bytes that `from_bytes` understands: about 2 bytes per tile."""
        stored = _StoredIndex(
            version=STORED_VERSION,
            format=self.format,
            levels=[_stored(level) for level in self.levels],
            associated={name: _stored(image) for name, image in self.associated.items()},
            mpp_x=self.mpp_x,
            mpp_y=self.mpp_y,
            objective_power=self.objective_power,
            metadata=dict(self.metadata),
            foreign=self.foreign,
        )
        return msgspec.msgpack.encode(stored)

    @classmethod
    def from_bytes(cls, data: bytes) -> TiffIndex:
        """Return the index that `to_bytes` turned into bytes.

        Raises
        ------
        ValueError
            The bytes are damaged or of another version of this format: make the index anew.
        """
        try:
            stored = msgspec.msgpack.decode(data, type=_StoredIndex)
            if stored.version != STORED_VERSION:
                raise ValueError("index of another version")
            return cls(
                format=stored.format,
                levels=tuple(_restored(level) for level in stored.levels),
                associated={name: _restored(image) for name, image in stored.associated.items()},
                mpp_x=stored.mpp_x,
                mpp_y=stored.mpp_y,
                objective_power=stored.objective_power,
                metadata=stored.metadata,
                foreign=stored.foreign,
            )
        except (msgspec.MsgspecError, zlib.error) as error:
            raise ValueError(f"damaged index: {error}") from None


def cut_short(index: TiffIndex, size: int) -> str | None:
    """Return what of a slide lies beyond the end of a file of `size` bytes, `None` if nothing."""
    for level in index.levels:
        stored = level.counts > 0
        if (level.offsets[stored] + level.counts[stored] > size).any():
            return (
                f"Tiles of the {level.width} x {level.height} level lie beyond the end of the "
                "file; it was probably not copied completely."
            )
    return None


def compression_name(number: int) -> str:
    """Return what people call a compression.

    Examples
    --------
    >>> compression_name(5), compression_name(33005), compression_name(4711)
    ('LZW', 'JPEG 2000', 'method 4711')
    """
    return _NAMES.get(number, f"method {number}")


def native(index: TiffIndex) -> str | None:
    """Return why the slide has to be read by a library in a worker, or `None` if it need not be.

    Examples
    --------
    >>> native(TiffIndex(format="TIFF", levels=(), foreign="OME-TIFF"))
    'it is OME-TIFF'
    >>> native(TiffIndex(format="TIFF", levels=()))
    'it is not stored in tiles'
    """
    if index.foreign:
        return f"it is {index.foreign}"
    if not index.levels:
        return "it is not stored in tiles"
    return next((reason for level in index.levels if (reason := unreadable(level))), None)


def unreadable(image: TiffImage) -> str | None:
    """Return why an image cannot be read natively, or `None`."""
    reasons = (
        (image.bits != 8 or image.sample_format != 1, "its samples are not 8-bit whole numbers"),
        (image.planar != 1, "its colours are stored apart"),
        (image.orientation > 1, "it is stored turned or mirrored"),
        (
            image.compression not in _DECODABLE,
            f"it is compressed by {compression_name(image.compression)}",
        ),
        (not _plain_colour(image), "its colours are neither grey nor RGB"),
        (
            image.predictor > (2 if image.compression in _WITH_PREDICTOR else 1),
            f"it is stored with predictor {image.predictor}",
        ),
        (image.tile_width * image.tile_height > LARGEST_NATIVE_TILE_PIXELS, "its tiles are huge"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _plain_colour(image: TiffImage) -> bool:
    if image.samples == 1:
        return image.photometric == BLACK_IS_ZERO
    if image.samples != 3:
        return False
    if image.photometric == YCBCR:
        return image.compression in _WITH_OWN_COLOUR
    return image.photometric == RGB


STORED_VERSION = 1
"""Goes up when the form below or the meaning of a field changes."""


class _StoredImage(msgspec.Struct, array_like=True):
    # The same as in TiffImage, in the same order.
    numbers: list[int]
    prefix: bytes
    gaps: bytes
    counts: bytes


class _StoredIndex(msgspec.Struct, array_like=True):
    version: int
    format: str
    levels: list[_StoredImage]
    associated: dict[str, _StoredImage]
    mpp_x: float | None
    mpp_y: float | None
    objective_power: float | None
    metadata: dict[str, str]
    foreign: str


_NUMBERS = (
    *("width", "height", "tile_width", "tile_height", "is_tiled", "is_subsampled"),
    *("compression", "photometric"),
    *("predictor", "samples", "bits", "planar", "orientation", "sample_format"),
)


def _stored(image: TiffImage) -> _StoredImage:
    # Tiles mostly follow each other without gaps, so that the gaps compress to nothing; the
    # upper bytes of the counts are mostly 0, so that they do when they are put together.
    ends = image.offsets + image.counts
    gaps = np.diff(image.offsets, prepend=0)
    gaps[1:] = image.offsets[1:] - ends[:-1]
    planes = np.ascontiguousarray(image.counts, "<u4").view(np.uint8).reshape(-1, 4).T
    return _StoredImage(
        numbers=[int(getattr(image, name)) for name in _NUMBERS],
        prefix=image.prefix,
        gaps=zlib.compress(gaps.astype("<i8").tobytes(), 1),
        counts=zlib.compress(np.ascontiguousarray(planes).tobytes(), 1),
    )


def _restored(stored: _StoredImage) -> TiffImage:
    if len(stored.numbers) != len(_NUMBERS):
        raise ValueError("damaged index: wrong number of fields")
    numbers = dict(zip(_NUMBERS, stored.numbers, strict=True))
    if min(stored.numbers[:4]) < 1:
        raise ValueError("damaged index: sizes below 1")
    across = -(-numbers["width"] // numbers["tile_width"])
    pieces = across * -(-numbers["height"] // numbers["tile_height"])
    planes = _unpacked(stored.counts, 4 * pieces, np.dtype(np.uint8)).reshape(4, pieces)
    counts = np.ascontiguousarray(planes.T).view("<u4").reshape(pieces).astype(np.uint32)
    steps = _unpacked(stored.gaps, 8 * pieces, np.dtype("<i8")).astype(np.int64)
    steps[1:] += counts[:-1]
    is_tiled, is_subsampled = numbers.pop("is_tiled"), numbers.pop("is_subsampled")
    return TiffImage(
        **numbers,
        is_tiled=bool(is_tiled),
        is_subsampled=bool(is_subsampled),
        prefix=stored.prefix,
        offsets=np.cumsum(steps),
        counts=counts,
    )


def _unpacked(data: bytes, size: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(data, size)
    if len(raw) != size or unpacker.decompress(unpacker.unconsumed_tail, 1):
        raise ValueError("damaged index: wrong number of tiles")
    return np.frombuffer(raw, kind)
