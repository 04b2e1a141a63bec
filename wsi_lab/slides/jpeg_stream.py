"""Stored JPEG tiles made into JPEG files, without decoding them.

Scanners store the tables all tiles share once per level, and leave out the marker that says
which colours the components are. A stored tile becomes a file by putting both in front of it;
the image data is handed on untouched, so that the pixels are exactly the scanner's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import simplejpeg

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides.tiff_index import YCBCR

_START, _END = b"\xff\xd8", b"\xff\xd9"
_TABLES_OF_HUFFMAN, QUANTISATION, _RESTART_INTERVAL = 0xC4, 0xDB, 0xDD
_SCAN, _COMMENT = 0xDA, 0xFE
_BASELINE = frozenset({0xC0, 0xC1})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MOST_SEGMENTS = 64
"""Before the image data; real tiles have a dozen at most."""
_MOST_FILL_BYTES = 64
_MOST_PADDING_BYTES = 4096
_TABLES = frozenset({_TABLES_OF_HUFFMAN, QUANTISATION, _RESTART_INTERVAL})


def jpeg_prefix(tables: bytes, *, photometric: int, samples: int) -> bytes:
    """Return what belongs in front of every stored JPEG tile of a level.

    It starts the image, says by an Adobe segment whether the three components are RGB or YCbCr
    (as viewers cannot read the TIFF's tag), and holds the shared tables, if there are any.

    Raises
    ------
    DamagedSlide
        The tables are not a JPEG stream of tables.

    Examples
    --------
    >>> jpeg_prefix(b"", photometric=2, samples=3).hex()
    'ffd8ffee000e41646f626500640000000000'
    """
    kept = b""
    if tables:
        body = tables.rstrip(b"\0")
        if not (body.startswith(_START) and body.endswith(_END)):
            raise DamagedSlide("The JPEG tables of this slide are broken.")
        for marker, start, end in segments(body[:-2]):
            if marker in _TABLES:
                kept += body[start:end]
    if samples != 3:
        return _START + kept
    transform = bytes([photometric == YCBCR])
    return _START + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + transform + kept


def ends_whole(stored: bytes | bytearray) -> bool:
    """Return whether a tile ends as it should, so that nothing has to be decoded to tell.

    The end marker cannot occur within image data, so that a tile that was cut does not have it.
    A few zeros may follow it.
    """
    return stored.endswith(_END) or (stored[-_MOST_PADDING_BYTES:].rstrip(b"\0").endswith(_END))


class TileSplicer:
    """Makes the stored tiles of one level into JPEG files. Safe to share between threads.

    Parameters
    ----------
    prefix
        What `jpeg_prefix` gave for the level.
    rows, columns, samples
        What every tile has to be according to the file.
    """

    __slots__ = ("_columns", "_has_tables", "_known_header", "_prefix", "_rows", "_samples")

    def __init__(self, prefix: bytes, *, rows: int, columns: int, samples: int) -> None:
        self._prefix = prefix
        self._rows, self._columns, self._samples = rows, columns, samples
        self._has_tables = {marker for marker, _, _ in segments(prefix)}
        # Most tiles of a level begin with the same bytes: those of the last one that was
        # checked segment by segment. Empty as long as there was none.
        self._known_header = b""

    def spliced(self, stored: bytes | bytearray, *, may_decode: bool = True) -> bytes | None:
        """Return a stored tile as a JPEG file, or `None` if not everybody can show that kind.

        Only baseline JPEG is handed out: decoding progressive or arithmetic JPEG can cost a
        viewer any amount of work.

        Parameters
        ----------
        may_decode
            Where only decoding tells whether the tile is whole, decode it; `None` otherwise.

        Raises
        ------
        DamagedSlide
            The tile is cut short, is of another size than the file says, or has no tables.
        """
        known = self._known_header
        is_known = bool(known) and stored.startswith(known)
        if not (is_known or stored.startswith(_START)):
            raise DamagedSlide("A tile of this slide is not the JPEG image it should be.")
        is_whole = ends_whole(stored)
        if not (is_whole or may_decode):
            return None
        if is_known:
            # The only copy of the tile that is made.
            spliced: bytes | None = self._prefix + memoryview(stored)[2:]
        else:
            spliced = self._with_checked_header(stored)
        return spliced if is_whole or spliced is None else self._mended(spliced)

    def _with_checked_header(self, stored: bytes | bytearray) -> bytes | None:
        """Return the spliced tile once its header has been checked segment by segment."""
        frames = 0
        found = set(self._has_tables)
        kept = []
        at = 0
        for marker, start, at in segments(stored):
            if marker in _FRAMES:
                if marker not in _BASELINE:
                    return None
                self._check_frame(stored[start + 4 : at])
                frames += 1
            # Whatever else a tile says of itself (its colours, its orientation, who made it) is
            # wrong or nobody's business: the TIFF has said it.
            if not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
                kept.append((start, at))
                found.add(marker)
        needed = {_TABLES_OF_HUFFMAN, QUANTISATION, _SCAN}
        if frames != 1 or not needed <= found:
            raise DamagedSlide("A tile of this slide has an incomplete JPEG header.")
        if sum(end - start for start, end in kept) == at - 2:
            self._known_header = bytes(stored[:at])
        header = b"".join(stored[start:end] for start, end in kept)
        return b"".join((self._prefix, header, memoryview(stored)[at:]))

    def _check_frame(self, frame: bytes | bytearray) -> None:
        stated = (
            int.from_bytes(frame[1:3]),
            int.from_bytes(frame[3:5]),
            int.from_bytes(frame[5:6]),
        )
        if stated != (self._rows, self._columns, self._samples):
            raise DamagedSlide(
                f"A tile of this slide says that it is {stated[1]} x {stated[0]} pixels large; "
                f"the file says {self._columns} x {self._rows}."
            )
        if frame[:1] != b"\x08":
            raise UnsupportedSlide("Only JPEG tiles of 8 bits can be read.")

    def _mended(self, spliced: bytes) -> bytes:
        """Return a tile that does not end as JPEG images do, if all its pixels are there.

        Some writers forget the end marker or put other bytes behind it; a tile that was cut
        looks the same, and only decoding tells.
        """
        if _decodes(spliced, self._rows, self._columns):
            return spliced
        if _decodes(spliced + _END, self._rows, self._columns):
            return spliced + _END
        raise DamagedSlide("A tile of this slide is cut short.")


def _decodes(data: bytes, rows: int, columns: int) -> bool:
    try:
        simplejpeg.decode_jpeg(data, "RGB", buffer=np.empty((rows, columns, 3), np.uint8))
    except ValueError:
        return False
    return True


def segments(data: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of a header, the start of a scan included.

    Raises
    ------
    DamagedSlide
        The header is broken, or longer than any real one.
    """
    at = 2
    for _ in range(MOST_SEGMENTS):
        if at >= len(data):
            return
        start = at
        while data[start : start + 2] == b"\xff\xff" and start - at < _MOST_FILL_BYTES:
            start += 1
        length = int.from_bytes(data[start + 2 : start + 4])
        end = start + 2 + length
        if data[start : start + 1] != b"\xff" or length < 2 or end > len(data):
            break
        yield data[start + 1], start, end
        if data[start + 1] == _SCAN:
            return
        at = end
    raise DamagedSlide("A JPEG header in this slide is broken.")
