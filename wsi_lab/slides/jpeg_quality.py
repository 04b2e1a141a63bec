"""How finely a JPEG image was quantised, on the scale that encoders are asked on."""

from __future__ import annotations

import functools

from wsi_lab.slides.jpeg_stream import QUANTISATION, segments

# The tables of ITU-T T.81, annex K.1, in the order in which files hold them. Nearly every encoder
# multiplies them by a factor that stands for a quality.
_BRIGHTNESS = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
_COLOUR = (
    *(17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99),
    *(99,) * 48,
)
_LARGEST_BYTE, _LARGEST_WORD = 255, 32_767

_Table = tuple[int, ...]


def jpeg_quality(data: bytes) -> int | None:
    """Return the quality, 1 to 100, that a JPEG stream was made with.

    `None` where it has no tables, or tables that no quality gives: then nobody can say.

    Parameters
    ----------
    data
        A JPEG file, or the beginning of one.

    Raises
    ------
    DamagedSlide
        Its header is broken.

    Examples
    --------
    >>> import numpy, simplejpeg
    >>> grey = numpy.full((8, 8, 3), 128, numpy.uint8)
    >>> jpeg_quality(simplejpeg.encode_jpeg(grey, 70, "RGB", "444"))
    70
    """
    tables: dict[int, _Table] = {}
    for marker, start, end in segments(data):
        if marker == QUANTISATION:
            tables.update(_tables(data[start + 4 : end]))
    qualities = [_qualities().get(table) for table in tables.values()]
    known = [quality for quality in qualities if quality is not None]
    return max(known) if known and len(known) == len(qualities) else None


def _tables(content: bytes) -> dict[int, _Table]:
    """Return the tables of one segment by their numbers, as far as they are whole."""
    found: dict[int, _Table] = {}
    at = 0
    while at < len(content):
        width, number = 1 + (content[at] >> 4), content[at] & 15
        values = content[at + 1 : at + 1 + 64 * width]
        found[number] = tuple(
            int.from_bytes(values[each : each + width]) for each in range(0, len(values), width)
        )
        at += 1 + 64 * width
    return found


@functools.cache
def _qualities() -> dict[_Table, int]:
    """Return which quality gives a table; the lowest where several give the same."""
    found: dict[_Table, int] = {}
    for quality in range(1, 101):
        percent = 5000 // quality if quality < 50 else 200 - 2 * quality
        for standard in (_BRIGHTNESS, _COLOUR):
            scaled = [(value * percent + 50) // 100 for value in standard]
            for largest in (_LARGEST_BYTE, _LARGEST_WORD):
                table = tuple(min(max(value, 1), largest) for value in scaled)
                found.setdefault(table, quality)
    return found
