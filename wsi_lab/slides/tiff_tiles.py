"""The stored pieces (tiles or strips) of one image of a TIFF file, as bytes and as pixels."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import numpy as np
import simplejpeg

from wsi_lab.errors import DamagedSlide
from wsi_lab.slides import render
from wsi_lab.slides.decoding import TileDecoder
from wsi_lab.slides.futures import after
from wsi_lab.slides.jpeg_stream import TileSplicer
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.source import ByteSource
from wsi_lab.slides.tiff_index import JPEG, NONE, TiffImage

_SCALES = (8, 4, 2)
"""What libjpeg can shrink by while decoding, which saves most of the work."""

_LARGEST_KEPT_SCRATCH = 4 * 1024 * 1024
_MOST_FETCHED_BYTES = 32 * 1024 * 1024
"""Of stored pieces that are fetched from far away in one go, and held until they are decoded."""
_LARGEST_AT_ONCE_BYTES = 1024 * 1024
"""Of a stored piece that is read where others wait; larger ones take a while even from memory."""
_FAR_DECODERS = 4
_scratch = threading.local()
_far_decoding = threading.BoundedSemaphore(_FAR_DECODERS)


class StoredTiles:
    """Reads and decodes the pieces of one image. Safe to share between threads.

    Parameters
    ----------
    source
        The file.
    image
        One that `tiff_index.unreadable` has nothing against.
    decoder
        For everything that is not baseline JPEG.
    """

    __slots__ = (
        *("_counts", "_decoder", "_offsets", "_source", "_splicer", "_whole_columns"),
        *("_whole_rows", "columns", "image", "is_jpeg", "rows"),
    )

    def __init__(self, source: ByteSource, image: TiffImage, decoder: TileDecoder) -> None:
        self.image = image
        self.is_jpeg = image.compression == JPEG
        # What every stored tile needs is kept as it is used: to divide, and to have numpy make
        # a scalar and a whole number of it, takes longer than to read the tile.
        self.columns, self.rows = image.columns, image.rows
        self._whole_columns = image.width // image.tile_width
        self._whole_rows = image.height // image.tile_height
        self._offsets, self._counts = image.offsets.data, image.counts.data
        self._source = source
        self._decoder = decoder
        self._splicer = self._splicer_of(image.tile_height) if self.is_jpeg else None

    def is_empty(self, piece: int) -> bool:
        """Return whether the file left this piece out."""
        return not self._counts[piece]

    def is_inside(self, column: int, row: int) -> bool:
        """Return whether no pixel of this piece lies beyond the edge of the image."""
        return column < self._whole_columns and row < self._whole_rows

    def jpeg_file(self, column: int, row: int, *, wait: bool) -> bytes | None:
        """Return a piece as a JPEG file made of the bytes that are stored.

        `None` if it is not stored as baseline JPEG or not stored at all, or if it would have to
        be waited for (as large ones always have to be), or decoded to see whether it is whole, and
        `wait` is false.

        Raises
        ------
        DamagedSlide
            It is not the whole tile it should be.
        """
        piece = row * self.columns + column
        count = self._counts[piece]
        if self._splicer is None or count == 0:
            return None
        if wait:
            return self._splicer.spliced(self._stored(piece))
        if count > _LARGEST_AT_ONCE_BYTES:
            return None
        stored = self._source.read_at_once(self._offsets[piece], count)
        return None if stored is None else self._splicer.spliced(stored, may_decode=False)

    def jpeg_files(self, places: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """Return what `jpeg_file` gives for each ``(column, row)``, read in few trips."""
        files: list[bytes | None] = [None] * len(places)
        splicer = self._splicer
        if splicer is None:
            return files
        pieces = [row * self.columns + column for column, row in places]
        present = [number for number, piece in enumerate(pieces) if self._counts[piece]]
        stored = self._source.read_several([self._range(pieces[number]) for number in present])
        for number, data in zip(present, stored, strict=True):
            files[number] = splicer.spliced(data)
        return files

    def jpeg_file_soon(self, column: int, row: int) -> Future[bytes | None] | None:
        """Return what `jpeg_file` gives, fetched together with what else is asked for now.

        `None` where reading waits for no network, and where there is no JPEG to hand out.
        """
        splicer, piece = self._splicer, row * self.columns + column
        if splicer is None or self.is_empty(piece):
            return None
        fetched = self._source.read_soon(*self._range(piece))
        return None if fetched is None else after(fetched, splicer.spliced)

    def pieces(
        self, columns: range, rows: range, shrink: int = 1
    ) -> Iterator[tuple[int, int, Pixels]]:
        """Yield column, row and `pixels` of each piece; each is good until the next is asked for.

        From far away they are fetched many at a time.
        """
        places = [(column, row) for row in rows for column in columns]
        if not self._source.is_remote:
            for column, row in places:
                yield column, row, self.pixels(column, row, shrink)
            return
        for batch in self._batches(places):
            ranges = [self._range(row * self.columns + column) for column, row in batch]
            fetched = self._source.read_several([each for each in ranges if each[1]])
            following = iter(fetched)
            for (column, row), (_, count) in zip(batch, ranges, strict=True):
                stored = next(following) if count else None
                # Many threads may wait for stores, but all of them together must not decode.
                with _far_decoding:
                    pixels = self.pixels(column, row, shrink, stored)
                yield column, row, pixels

    def shrink_for(self, scale: float) -> int:
        """Return by how much to shrink while decoding when `scale` is wanted: 1, 2, 4 or 8."""
        width, height = self.image.tile_width, self.image.tile_height
        for factor in _SCALES:
            # What is to be resampled afterwards must be at least twice as fine: means of means
            # that do not line up are 5 of 255 off on H&E. Pieces must stay whole pixels large,
            # so that they still fit together.
            is_fine = abs(factor - scale) < 1e-3 or 2 * factor <= scale
            if is_fine and width % factor == 0 and height % factor == 0:
                return factor
        return 1

    def pixels(self, column: int, row: int, shrink: int = 1, stored: bytes | None = None) -> Pixels:
        """Return a piece as far as it lies on the image, smaller by a factor of `shrink_for`.

        The answer is good until the same thread asks for another piece.

        Parameters
        ----------
        stored
            The bytes of the piece, if somebody has read them already.

        Raises
        ------
        DamagedSlide
            It does not decode to a whole piece.
        """
        if shrink == 1 or self.is_inside(column, row):
            whole = self.whole_pixels(column, row, shrink, stored)
            return self._on_image(whole, column, row, shrink)
        # What lies beyond the edge is whatever the scanner left there, and must not mix in.
        piece = self._on_image(self.whole_pixels(column, row, 1, stored), column, row, 1)
        return render.reduced(piece, shrink)

    def whole_pixels(
        self, column: int, row: int, shrink: int = 1, stored: bytes | None = None
    ) -> Pixels:
        """Return a piece as stored, with what lies beyond the edge of the image."""
        image = self.image
        piece = row * self.columns + column
        rows, columns = self._stored_rows(row) // shrink, image.tile_width // shrink
        if self.is_empty(piece):
            return np.full((rows, columns, 3), render.WHITE, np.uint8)
        if stored is None:
            stored = self._stored(piece)
        if self._splicer is not None:
            spliced = self._splicer_for(row).spliced(stored)
            if spliced is not None:
                return _decode_jpeg(spliced, rows, columns, shrink)
            stored = image.prefix + stored[2:]
        elif image.compression == NONE and image.predictor <= 1:
            return self._shrunk(self._uncompressed(stored, self._stored_rows(row)), shrink)
        pixels = self._decoder.decode_tile(
            stored,
            compression=image.compression,
            photometric=image.photometric,
            predictor=image.predictor,
            rows=self._stored_rows(row),
            columns=image.tile_width,
            samples=image.samples,
        )
        return self._shrunk(pixels, shrink)

    def _range(self, piece: int) -> tuple[int, int]:
        return self._offsets[piece], self._counts[piece]

    def _stored(self, piece: int) -> bytes:
        # Threads that ask for neighbours at the same time share the trip to a store.
        offset, count = self._range(piece)
        soon = self._source.read_soon(offset, count)
        return self._source.read(offset, count) if soon is None else soon.result()

    def _batches(self, places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        batch: list[tuple[int, int]] = []
        size = 0
        for column, row in places:
            count = self._counts[row * self.columns + column]
            if batch and size + count > _MOST_FETCHED_BYTES:
                yield batch
                batch, size = [], 0
            batch.append((column, row))
            size += count
        if batch:
            yield batch

    def _on_image(self, piece: Pixels, column: int, row: int, shrink: int) -> Pixels:
        image = self.image
        width = (image.width - column * image.tile_width) // shrink
        height = (image.height - row * image.tile_height) // shrink
        return piece[:height, :width]

    def _stored_rows(self, row: int) -> int:
        """Return how many rows a piece is stored with: the last strip ends with the image."""
        image = self.image
        if image.is_tiled:
            return image.tile_height
        return min(image.tile_height, image.height - row * image.tile_height)

    def _splicer_for(self, row: int) -> TileSplicer:
        rows = self._stored_rows(row)
        if self._splicer is None or rows != self.image.tile_height:
            return self._splicer_of(rows)
        return self._splicer

    def _splicer_of(self, rows: int) -> TileSplicer:
        image = self.image
        return TileSplicer(image.prefix, rows=rows, columns=image.tile_width, samples=image.samples)

    def _uncompressed(self, stored: bytes, rows: int) -> Pixels:
        image = self.image
        size = rows * image.tile_width * image.samples
        if len(stored) < size:
            raise DamagedSlide("A tile of this slide is cut short.")
        pixels = np.frombuffer(stored, np.uint8, size).reshape(rows, image.tile_width, -1)
        return np.repeat(pixels, 3, axis=2) if image.samples == 1 else pixels

    @staticmethod
    def _shrunk(pixels: Pixels, shrink: int) -> Pixels:
        return pixels if shrink == 1 else render.reduced(pixels, shrink)


def _decode_jpeg(data: bytes, rows: int, columns: int, shrink: int) -> Pixels:
    """Return a JPEG file as pixels, in a buffer that the next call in this thread uses again."""
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            "RGB",
            min_height=rows,
            min_width=columns,
            min_factor=shrink,
            buffer=_scratch_bytes(rows * columns * 3),
        )
    except ValueError as error:
        raise DamagedSlide("A tile of this slide is broken or cut short.") from error
    if pixels.shape != (rows, columns, 3):
        raise DamagedSlide("A tile of this slide is not of the size that the file says.")
    return pixels


def _scratch_bytes(size: int) -> Pixels:
    # Fresh memory for every tile costs as much as a fifth of its decoding.
    kept: Pixels | None = getattr(_scratch, "memory", None)
    if kept is not None and kept.size >= size:
        return kept
    memory = np.empty(size, np.uint8)
    if size <= _LARGEST_KEPT_SCRATCH:
        _scratch.memory = memory
    return memory
