"""Makes a `TiffIndex` out of the directories of a TIFF slide: tifffile reads, rules decide.

Which image is a level and which a label: OpenSlide's notes on the Aperio and generic tiled TIFF
formats, and what libvips and QuPath write.
"""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from wsi_lab.errors import DamagedSlide
from wsi_lab.model.slide import plausible_mpp
from wsi_lab.slides.deident import safe_metadata
from wsi_lab.slides.jpeg_stream import jpeg_prefix
from wsi_lab.slides.read_ahead import ReadAhead, ReadAheadFile
from wsi_lab.slides.source import ByteSource
from wsi_lab.slides.tiff_directories import TiffStructure
from wsi_lab.slides.tiff_index import APERIO, GENERIC, JPEG, YCBCR, TiffImage, TiffIndex, unreadable

MOST_PAGES = 128
"""Slides hold a dozen images; files with more are stacks, and read by a library."""

_FOREIGN = {
    "ome": "OME-TIFF",
    "ndpi": "Hamamatsu NDPI",
    "philips": "Philips TIFF",
    "scn": "Leica SCN",
    "bif": "Ventana BIF",
    "qpi": "PerkinElmer QPI",
    "lsm": "Zeiss LSM",
    "indica": "Indica Labs TIFF",
}
_LONGEST_DESCRIPTION = 65_536
_MASK = 4
_LABEL, _MACRO = 1, 9
_ASSOCIATED = ("label", "macro", "thumbnail")
_LARGEST_ASSOCIATED_PIXELS = 32_000_000
_UNITS_UM = {2: 25_400.0, 3: 10_000.0}
_MOST_POWER = 400.0


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """One directory: its image as far as it has one we could read, and what it says of itself."""

    image: TiffImage | None
    is_tiled: bool
    subfile_type: int
    description: str
    software: str
    mpp: tuple[float | None, float | None]
    flags: frozenset[str]

    @property
    def area(self) -> int:
        return self.image.width * self.image.height if self.image else 0


def read_index(source: ByteSource, structure: TiffStructure) -> TiffIndex:
    """Return the index of a TIFF file that `preflight` has let through.

    Raises
    ------
    DamagedSlide
        The directories cannot be understood.
    """
    if structure.is_ndpi:
        return TiffIndex(format="TIFF", levels=(), foreign=_FOREIGN["ndpi"])
    if len(structure.pages) > MOST_PAGES:
        stack = f"a stack of {len(structure.pages):,} images"
        return TiffIndex(format="TIFF", levels=(), foreign=stack)
    pages = _pages(ReadAhead(source), structure)
    first = pages[0]
    foreign = _foreign(first)
    if foreign:
        return TiffIndex(format=foreign, levels=(), foreign=foreign)
    is_aperio = first.description.startswith("Aperio")
    named = {name: page for page in pages if (name := _name(page, is_aperio=is_aperio))}
    levels = _levels([page for page in pages if page.is_tiled and page not in named.values()])
    fields = _aperio_fields(first.description) if is_aperio else {}
    mpp_x, mpp_y = (_number(fields.get("MPP")),) * 2 if is_aperio else first.mpp
    format_name = APERIO if is_aperio else GENERIC
    return TiffIndex(
        format=format_name,
        levels=levels,
        associated={
            name: page.image
            for name, page in named.items()
            if page.image is not None
            and unreadable(page.image) is None
            and page.area <= _LARGEST_ASSOCIATED_PIXELS
        },
        mpp_x=plausible_mpp(mpp_x),
        mpp_y=plausible_mpp(mpp_y),
        objective_power=_power(fields.get("AppMag")),
        metadata=safe_metadata(
            format_name, {f"aperio.{name}": value for name, value in fields.items()}
        ),
    )


def _pages(reader: ReadAhead, structure: TiffStructure) -> list[_Page]:
    import tifffile  # noqa: PLC0415  20 ms, and not needed when the index is stored

    # What tifffile grumbles about a hostile file is no news for the log of a server.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        # Nothing but the header and the listed directories is read: the flags keep tifffile from
        # walking the chain by itself.
        file = tifffile.TiffFile(
            cast("IO[bytes]", ReadAheadFile(reader)),
            is_lsm=False,
            is_scanimage=False,
            is_ndpi=False,
        )
        pages = []
        for number, offset in enumerate(structure.pages):
            file.filehandle.seek(offset)
            pages.append(_page(tifffile.TiffPage(file, index=number)))
            if _foreign(pages[0]):
                break
    except DamagedSlide:
        raise
    except Exception as error:
        # A parser may fail in any way on hostile bytes.
        raise DamagedSlide(
            "The directories of this slide cannot be understood; the file is damaged."
        ) from error
    return pages


def _page(page: Any) -> _Page:
    flags = frozenset(name for name in _FOREIGN if getattr(page, f"is_{name}"))
    return _Page(
        image=None if flags else _image(page),
        is_tiled=bool(page.is_tiled),
        subfile_type=int(page.subfiletype),
        description=page.description[:_LONGEST_DESCRIPTION],
        software=page.software[:_LONGEST_DESCRIPTION],
        mpp=_resolution(page),
        flags=flags,
    )


def _image(page: Any) -> TiffImage | None:
    """Return the image of a directory, or `None` where its lists make no sense."""
    width, height = int(page.imagewidth), int(page.imagelength)
    if page.is_tiled:
        tile_width, tile_height = int(page.tilewidth), int(page.tilelength)
    else:
        tile_width, tile_height = width, min(height, max(1, int(page.rowsperstrip)))
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    formats = np.atleast_1d(page.sampleformat)
    samples, photometric = int(page.samplesperpixel), int(page.photometric)
    pieces = -(-width // tile_width) * -(-height // tile_height)
    offsets, counts = _list(page.dataoffsets), _list(page.databytecounts)
    if min(len(offsets), len(counts)) < pieces:
        return None
    is_jpeg = int(page.compression) == JPEG
    tables = page.jpegtables if is_jpeg and isinstance(page.jpegtables, bytes) else b""
    return TiffImage(
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        is_tiled=bool(page.is_tiled),
        is_subsampled=photometric == YCBCR and page.tags.valueof(530, (2, 2)) != (1, 1),
        compression=int(page.compression),
        photometric=photometric,
        predictor=int(page.predictor),
        samples=samples,
        bits=int(bits),
        planar=int(page.planarconfig),
        orientation=int(page.tags.valueof(274, 1)),
        sample_format=int(formats[0]) if (formats == formats[0]).all() else 0,
        prefix=jpeg_prefix(tables, photometric=photometric, samples=samples) if is_jpeg else b"",
        offsets=offsets[:pieces],
        counts=_counts(
            counts[:pieces], tile_width * tile_height * samples * -(-int(bits) // 8), len(tables)
        ),
    )


def _list(values: Any) -> npt.NDArray[np.int64]:
    found = np.asarray(values)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        return np.zeros(0, np.int64)
    if found.size and (int(found.min()) < 0 or int(found.max()) > np.iinfo(np.int64).max):
        raise DamagedSlide("The list of tiles in this slide points beyond any file.")
    return found.astype(np.int64)


def _counts(counts: npt.NDArray[np.int64], raw: int, tables: int) -> npt.NDArray[np.uint32]:
    # No codec used on slides makes pixels more than twice as large as they are.
    largest = 2 * raw + tables + 65_536
    if counts.size and counts.max() > min(largest, np.iinfo(np.uint32).max):
        raise DamagedSlide("A tile of this slide has more bytes than its pixels can need.")
    return counts.astype(np.uint32)


def _levels(pages: list[_Page]) -> tuple[TiffImage, ...]:
    """Return the levels among tiled pages: same scene, each smaller than the one before."""
    levels: list[TiffImage] = []
    # Sorting is stable: of pages of one size, the first in the file counts.
    for page in sorted(pages, key=lambda page: -page.area):
        image = page.image
        if image is None or page.subfile_type & _MASK:
            continue
        if not levels or (_same_scene(levels[0], image) and image.width < levels[-1].width):
            levels.append(image)
    return tuple(levels)


def _same_scene(largest: TiffImage, image: TiffImage) -> bool:
    expected = largest.height * image.width / largest.width
    # Writers round each step of a pyramid up or down.
    return abs(image.height - expected) <= max(2.0, 0.01 * image.height)


def _name(page: _Page, *, is_aperio: bool) -> str:
    """Return what an image beside the pyramid is called, ``""`` for one that is none."""
    if not is_aperio:
        return ""
    lines = page.description.splitlines()
    word = lines[1].split(maxsplit=1)[0].lower() if len(lines) > 1 and lines[1].split() else ""
    if word in _ASSOCIATED:
        return word
    if page.is_tiled:
        return ""
    if page.subfile_type == _LABEL:
        return "label"
    if page.subfile_type == _MACRO:
        return "macro"
    return "thumbnail"


def _foreign(page: _Page) -> str:
    if page.flags:
        return _FOREIGN[min(page.flags)]
    if page.software.startswith("MedScan"):
        return "Trestle TIFF"
    return ""


def _aperio_fields(description: str) -> dict[str, str]:
    """Return the ``name = value`` parts of an Aperio image description."""
    parts = (part.partition("=") for part in description.split("|")[1:])
    return {name.strip(): value.strip() for name, separator, value in parts if separator}


def _resolution(page: Any) -> tuple[float | None, float | None]:
    """Return micrometres per pixel as far as the resolution tags give them."""
    unit_um = _UNITS_UM.get(int(page.tags.valueof(296, 2)))
    return _micrometres(page, 282, unit_um), _micrometres(page, 283, unit_um)


def _micrometres(page: Any, tag: int, unit_um: float | None) -> float | None:
    value = page.tags.valueof(tag)
    if unit_um is None or not isinstance(value, tuple) or len(value) != 2 or 0 in value:
        return None
    return unit_um * float(value[1]) / float(value[0])


_DECIMAL = re.compile(r"[0-9]+([.,][0-9]*)?")


def _number(text: str | None) -> float | None:
    """Return a number as Aperio writes it: some systems use a decimal comma."""
    if text is None or not _DECIMAL.fullmatch(text.strip()):
        return None
    return float(text.strip().replace(",", "."))


def _power(text: str | None) -> float | None:
    power = _number(text)
    return (
        power if power is not None and math.isfinite(power) and 0 < power <= _MOST_POWER else None
    )
