"""Slides as large as real ones on paper: all directories, and pixels only where a test looks."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TILE = 240
SPACING = 7_400
"""Bytes from one tile to the next, so that the lists are to the pixels as in a real slide."""
STRIP_ROWS, STRIP_BYTES = 16, 4_000

_TYPES = {2: "s", 3: "H", 4: "I", 7: "s", 16: "Q"}
Value = bytes | Sequence[int]


@dataclass(frozen=True)
class Picture:
    """One image of a slide: tiled, or in strips as labels are."""

    width: int
    height: int
    description: str
    is_tiled: bool = True

    @property
    def pieces(self) -> int:
        if not self.is_tiled:
            return -(-self.height // STRIP_ROWS)
        return -(-self.width // TILE) * -(-self.height // TILE)


LIKE_A_SCANNER = (
    Picture(31_200, 32_400, "Aperio Image Library v12\r\n31200x32400|AppMag = 20|MPP = 0.5"),
    Picture(740, 768, "Aperio Image Library v12\r\n31200x32400 -> 740x768", is_tiled=False),
    Picture(7_800, 8_100, "Aperio Image Library v12\r\n31200x32400 -> 7800x8100"),
    Picture(1_950, 2_025, "Aperio Image Library v12\r\n31200x32400 -> 1950x2025"),
    Picture(387, 463, "Aperio Image Library v12\r\nlabel 387x463", is_tiled=False),
    Picture(1_280, 431, "Aperio Image Library v12\r\nmacro 1280x431", is_tiled=False),
)
"""17,550 tiles in the largest level, 130 MB."""


def write_large_slide(
    path: Path, tables: bytes, tile: bytes, *, directory_first: bool
) -> tuple[int, int]:
    """Write a slide of 130 MB, of which the disk holds 1 MB.

    Parameters
    ----------
    tables, tile
        Of a JPEG of `TILE` x `TILE` pixels; `tile` lies at the first place of each level, and at
        one in the middle of the largest.
    directory_first
        As libtiff writes (BigTIFF, directories before their pixels); else as scanners do
        (classic, directories behind their pixels).

    Returns
    -------
    tuple[int, int]
        Column and row of the tile in the middle.
    """
    big = directory_first
    columns = -(-LIKE_A_SCANNER[0].width // TILE)
    middle = LIKE_A_SCANNER[0].pieces // 2
    with path.open("wb") as file:
        head = (
            struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)
            if big
            else struct.pack("<2sHI", b"II", 42, 0)
        )
        file.write(head)
        link, at = (8, 16) if big else (4, 8)
        for picture in LIKE_A_SCANNER:
            step = SPACING if picture.is_tiled else STRIP_BYTES
            length = picture.pieces * step
            entries = _entries(picture, tables, len(tile), 0)
            start = at if directory_first else at + length
            size = len(_directory(entries, start, big=big)[0])
            first = at + size if directory_first else at
            raw, next_link = _directory(_entries(picture, tables, len(tile), first), start, big=big)
            file.seek(link)
            file.write(struct.pack("<Q" if big else "<I", start))
            file.seek(start)
            file.write(raw)
            if picture.is_tiled:
                for piece in (0, middle if picture is LIKE_A_SCANNER[0] else 0):
                    file.seek(first + piece * step)
                    file.write(tile)
            link, at = next_link, at + size + length
        file.truncate(at)
    return middle % columns, middle // columns


def _entries(
    picture: Picture, tables: bytes, tile: int, first: int
) -> dict[int, tuple[int, Value]]:
    step, count = (SPACING, tile) if picture.is_tiled else (STRIP_BYTES, STRIP_BYTES)
    places = [first + piece * step for piece in range(picture.pieces)]
    counts = [count] * picture.pieces
    entries: dict[int, tuple[int, Value]] = {
        256: (4, [picture.width]),
        257: (4, [picture.height]),
        258: (3, [8, 8, 8]),
        259: (3, [7]),
        262: (3, [6]),
        270: (2, picture.description.encode() + b"\0"),
        277: (3, [3]),
        347: (7, tables),
        530: (3, [2, 2]),
    }
    if picture.is_tiled:
        entries |= {322: (3, [TILE]), 323: (3, [TILE]), 324: (4, places), 325: (4, counts)}
    else:
        entries |= {273: (4, places), 278: (3, [STRIP_ROWS]), 279: (4, counts)}
    return dict(sorted(entries.items()))


def _directory(
    entries: Mapping[int, tuple[int, Value]], start: int, *, big: bool
) -> tuple[bytes, int]:
    """Return a directory with its values, and where the offset of the next one belongs."""
    number, inline = ("Q", 8) if big else ("I", 4)
    table = struct.pack("<Q" if big else "<H", len(entries))
    entry_bytes = struct.calcsize(f"<HH{number}{number}")
    behind = start + len(table) + entry_bytes * len(entries) + inline
    values = b""
    for tag, (kind, given) in entries.items():
        packed = (
            given
            if isinstance(given, bytes)
            else struct.pack(f"<{len(given)}{_TYPES[kind]}", *given)
        )
        table += struct.pack(f"<HH{number}", tag, kind, len(given))
        if len(packed) <= inline:
            table += packed.ljust(inline, b"\0")
        else:
            table += struct.pack(f"<{number}", behind + len(values))
            values += packed
    return table + bytes(inline) + values, start + len(table)
