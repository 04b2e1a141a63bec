"""The numbers in a TIFF, whatever way it stores them: strips or tiles, planes, any bit depth.

Everything that OpenSlide and the tile server leave aside ends here, so it reads strictly: a
piece that is cut short is an error, and a piece that would need too much memory is not tried.
Runs inside worker processes only.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

import numpy as np
import tifffile

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides import codecs
from wsi_lab.slides.colour import Samples
from wsi_lab.slides.jpeg_stream import jpeg_prefix

LARGEST_PIECE_BYTES = 256 * 1024 * 1024
SHARED_CACHE_BYTES = 96 * 1024 * 1024
_ROWS_AT_ONCE_BYTES = 1024 * 1024


class _PieceCache:
    """Decoded strips and tiles of all open files of this process, the latest ones."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._bytes = 0
        self._pieces: OrderedDict[tuple[object, ...], Samples | None] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> Samples | None:
        self._pieces.move_to_end(key)
        return self._pieces[key]

    def __contains__(self, key: tuple[object, ...]) -> bool:
        return key in self._pieces

    def put(self, key: tuple[object, ...], piece: Samples | None) -> None:
        self._pieces[key] = piece
        self._bytes += 0 if piece is None else piece.nbytes
        while self._bytes > self._capacity:
            _, oldest = self._pieces.popitem(last=False)
            self._bytes -= 0 if oldest is None else oldest.nbytes

    def forget(self, owner: object) -> None:
        """Drop what belongs to a file that is closed."""
        for key in [key for key in self._pieces if key[0] is owner]:
            piece = self._pieces.pop(key)
            self._bytes -= 0 if piece is None else piece.nbytes


@functools.cache
def _shared_cache() -> _PieceCache:
    return _PieceCache(SHARED_CACHE_BYTES)


def forget_pieces(file: tifffile.TiffFile) -> None:
    """Drop every decoded piece of a file that is about to be closed."""
    _shared_cache().forget(file)


class TiffPlanes:
    """One stored resolution of one picture of a TIFF: the same size once per channel.

    Attributes
    ----------
    width, height
        In pixels of this resolution.
    tile_width, tile_height
        Of the stored pieces; strips are as wide as the picture.
    channels
        How many pictures of one colour each belong together; 1 for ordinary ones.
    page
        The directory of the first channel, which speaks for all.
    """

    def __init__(self, file: tifffile.TiffFile, level: tifffile.TiffPageSeries) -> None:
        page: Any = level.keyframe
        if page.imagedepth != 1 or page.dtype is None:
            raise UnsupportedSlide("TIFF files with stacks inside one page cannot be read.")
        self._file = file
        self._level = level
        self.page = page
        self.width, self.height = int(page.imagewidth), int(page.imagelength)
        self.channels, self._pages = _pages_by_channel(level)
        if page.is_tiled:
            self.tile_width, self.tile_height = int(page.tilewidth), int(page.tilelength)
        else:
            self.tile_width = self.width
            self.tile_height = min(int(page.rowsperstrip), self.height)
        if min(self.width, self.height, self.tile_width, self.tile_height) < 1:
            raise DamagedSlide("This picture has no size.")
        self._samples_in_piece = int(page.samplesperpixel) if page.planarconfig == 1 else 1
        self._row_bytes = self.tile_width * self._samples_in_piece * page.dtype.itemsize
        self._stored_strip_rows = self.tile_height
        self._rows_as_stored = _rows_as_stored(page)
        if self._rows_as_stored:
            # Strips without compression may be as large as the file; any few rows will do.
            self.tile_height = max(1, min(self.height, _ROWS_AT_ONCE_BYTES // self._row_bytes))
        if self._row_bytes * self.tile_height > LARGEST_PIECE_BYTES:
            raise DamagedSlide(
                "This picture is stored in pieces that would need more memory than is safe. "
                "If it is real, convert it to a tiled pyramid."
            )

    def read(self, channel: int, x: int, y: int, width: int, height: int) -> Samples | None:
        """Return stored numbers, ``(height, width, samples)``, in native byte order.

        The rectangle lies inside the picture. `None` when nothing is stored there.

        Raises
        ------
        DamagedSlide
            A piece of the picture is broken or missing.
        UnsupportedSlide
            It is stored in a way nobody here can decode.
        """
        samples = int(self.page.samplesperpixel)
        result: Samples | None = None
        for plane in range(samples // self._samples_in_piece):
            for row in range(y // self.tile_height, -(-(y + height) // self.tile_height)):
                for column in range(x // self.tile_width, -(-(x + width) // self.tile_width)):
                    piece = self._piece(channel, plane, row, column)
                    if piece is None:
                        continue
                    if result is None:
                        result = np.full((height, width, samples), self._blank(), piece.dtype)
                    first = plane * self._samples_in_piece
                    _paste(
                        result[:, :, first : first + self._samples_in_piece],
                        piece,
                        column * self.tile_width - x,
                        row * self.tile_height - y,
                    )
        return result

    def _blank(self) -> int:
        """Return the number of white for pieces that were left out among others."""
        is_black = self.channels > 1 or self.page.photometric in {codecs.WHITE_IS_ZERO, 3}
        return 0 if is_black or self.page.dtype.kind != "u" else (1 << self.page.bitspersample) - 1

    def _piece(self, channel: int, plane: int, row: int, column: int) -> Samples | None:
        key = (self._file, self, channel, plane, row, column)
        cache = _shared_cache()
        if key in cache:
            return cache.get(key)
        page = self._page(channel)
        if self._rows_as_stored:
            piece: Samples | None = self._stored_rows(page, plane, row)
        else:
            across = -(-self.width // self.tile_width)
            down = -(-self.height // self.tile_height)
            piece = self._decoded(page, (plane * down + row) * across + column, row)
        cache.put(key, piece)
        return piece

    def _page(self, channel: int) -> Any:
        page = self._level.pages[self._pages[channel]]
        if page is None:
            raise DamagedSlide("A channel of this picture is missing from the file.")
        return page

    def _stored_rows(self, page: Any, plane: int, row: int) -> Samples:
        first = row * self.tile_height
        last = min(first + self.tile_height, self.height)
        strips = -(-self.height // self._stored_strip_rows)
        stored = bytearray()
        while first < last:
            strip, inside = divmod(first, self._stored_strip_rows)
            count = min(last - first, self._stored_strip_rows - inside)
            offset, size = self._place(page, plane * strips + strip)
            if (inside + count) * self._row_bytes > size:
                raise _cut_short()
            stored += self._read(offset + inside * self._row_bytes, count * self._row_bytes)
            first += count
        dtype = self.page.dtype.newbyteorder(self._file.byteorder)
        rows = np.frombuffer(bytes(stored), dtype).astype(self.page.dtype, copy=False)
        return rows.reshape(-1, self.width, self._samples_in_piece)

    def _decoded(self, page: Any, index: int, row: int) -> Samples | None:
        offset, size = self._place(page, index)
        if size == 0:
            return None
        data = self._read(offset, size)
        rows = self.tile_height
        if not self.page.is_tiled:
            rows = min(rows, self.height - row * rows)
        try:
            return self._decode(data, index, rows)
        except (ValueError, RuntimeError, NotImplementedError, tifffile.TiffFileError) as broken:
            if _is_unknown(broken):
                raise UnsupportedSlide(
                    "This TIFF file is stored in a way that cannot be decoded here."
                ) from broken
            raise _cut_short() from broken

    def _decode(self, data: bytes, index: int, rows: int) -> Samples | None:
        page = self.page
        if page.compression == codecs.JPEG:
            prefix = jpeg_prefix(
                page.jpegtables or b"",
                photometric=page.photometric,
                samples=self._samples_in_piece,
            )
            stream = prefix + data[2:]
            frame = codecs.jpeg_frame(stream)
            # The last strip may be as high as the others, or end where the picture ends.
            height = frame.rows if frame.rows in {rows, self.tile_height} else rows
            if self._samples_in_piece != 2:
                return codecs.decode_jpeg(
                    stream, page.photometric, height, self.tile_width, self._samples_in_piece
                )
            codecs.check_jpeg(stream, height, self.tile_width, self._samples_in_piece)
        if page.compression in {codecs.APERIO_YCBCR, codecs.APERIO_RGB, codecs.JPEG_2000}:
            codecs.check_jpeg2000(data, rows, self.tile_width, self._samples_in_piece)
        decoded, _, _ = page.decode(data, index, jpegtables=page.jpegtables)
        return None if decoded is None else decoded[0]

    def _place(self, page: Any, index: int) -> tuple[int, int]:
        try:
            return int(page.dataoffsets[index]), int(page.databytecounts[index])
        except IndexError:
            raise _cut_short() from None

    def _read(self, offset: int, size: int) -> bytes:
        if size > LARGEST_PIECE_BYTES:
            raise _cut_short()
        handle = self._file.filehandle
        handle.seek(offset)
        data: bytes = handle.read(size)
        if len(data) < size:
            raise _cut_short()
        return data


def _rows_as_stored(page: Any) -> bool:
    """Return whether the bytes of a row lie in the file as they will lie in memory."""
    return bool(
        page.compression == codecs.NONE
        and not page.is_tiled
        and page.bitspersample == page.dtype.itemsize * 8
        and page.predictor == 1
        and page.fillorder == 1
        and not page.is_subsampled
    )


def _pages_by_channel(level: tifffile.TiffPageSeries) -> tuple[int, list[int]]:
    """Return the number of channels, and the page of each in the first slice and moment."""
    outer = [
        (axis, length)
        for axis, length in zip(level.axes, level.shape, strict=True)
        if axis not in "YXS"
    ]
    channels = dict(outer).get("C", 1)
    pages, stride = [0] * channels, 1
    for axis, length in reversed(outer):
        if axis == "C":
            pages = [channel * stride for channel in range(channels)]
        stride *= length
    if len(level.pages) <= max(pages):
        raise UnsupportedSlide("TIFF files with several pictures in one page cannot be read.")
    return channels, pages


def _paste(target: Samples, piece: Samples, x: int, y: int) -> None:
    """Copy what fits of a piece whose corner lies at (x, y) of the target."""
    top, left = max(0, y), max(0, x)
    part = piece[top - y : target.shape[0] - y, left - x : target.shape[1] - x]
    target[top : top + part.shape[0], left : left + part.shape[1]] = part


def _is_unknown(error: Exception) -> bool:
    return isinstance(error, NotImplementedError) or "not supported" in str(error)


def _cut_short() -> DamagedSlide:
    return DamagedSlide("A piece of this picture is broken, or the file was not copied completely.")
