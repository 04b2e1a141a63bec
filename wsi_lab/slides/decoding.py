"""How tiles become pixels when they are not plain JPEG: the seam to the worker processes."""

from __future__ import annotations

from typing import Protocol

from wsi_lab.slides.reader import Pixels


class TileDecoder(Protocol):
    """Decodes one stored tile somewhere a crash does no harm.

    Codecs other than baseline JPEG are large, old C libraries; a hostile tile may kill the
    process they run in, so the server only speaks to them through this.
    """

    def decode_tile(
        self,
        data: bytes,
        *,
        compression: int,
        photometric: int,
        predictor: int,
        rows: int,
        columns: int,
        samples: int,
    ) -> Pixels:
        """Return the pixels of one whole tile, ``(rows, columns, 3) uint8`` RGB.

        Parameters
        ----------
        data
            The tile as the file holds it; JPEG with the level's shared tables spliced in.
        compression, photometric, predictor
            The numbers of the TIFF tags 259, 262 and 317.
        rows, columns
            Size of a whole tile as the file states it; anything else in the data is damage.
        samples
            Samples per pixel as the file states it, 1 or 3; one sample is grey.

        Raises
        ------
        DamagedSlide
            The data does not decode to a whole tile of that size.
        UnsupportedSlide
            Nobody here knows that compression or photometric interpretation.
        Busy
            All workers are taken.
        """
