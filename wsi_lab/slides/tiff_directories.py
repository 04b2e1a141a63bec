"""Walks the directories of a TIFF file without trusting any number in it.

It runs before any library opens the file. What it lets through ends: no loops, no chains longer
than `MOST_DIRECTORIES`, no lists that do not fit the file, no pictures that would fill the
memory. Facts about the format: TIFF 6.0, the BigTIFF proposal, and OpenSlide's notes on NDPI.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from wsi_lab.errors import DamagedSlide
from wsi_lab.slides.read_ahead import ReadAhead

MOST_DIRECTORIES = 1024
MOST_ENTRIES = 4096
"""In one directory."""
MOST_ENTRIES_IN_ALL = 32_768
MOST_TILES = 2_000_000
"""A slide of 360,000 x 360,000 pixels in 256-pixel tiles."""
LARGEST_SIDE = 10_000_000
MOST_SAMPLES = 64
LARGEST_PIECE_BYTES = 400_000_000
"""Of what has to be unpacked in one go: a tile, or a picture that is not tiled."""

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _PLANAR = 273, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTE_COUNTS = 322, 323, 324, 325
_OLD_JPEG, _SUB_DIRECTORIES, _EXIF, _NDPI = 513, 330, 34665, 65420
_FIRST_PRIVATE_TAG = 32768
_KNOWN_PRIVATE = frozenset({_EXIF, _NDPI})
_SINGLE = frozenset(
    {_WIDTH, _HEIGHT, _COMPRESSION, _SAMPLES, _ROWS_PER_STRIP, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT}
)
_STRUCTURE = _SINGLE | {
    _BITS,
    _STRIP_OFFSETS,
    279,  # StripByteCounts
    _TILE_OFFSETS,
    _TILE_BYTE_COUNTS,
    _SUB_DIRECTORIES,
    347,  # JPEGTables
}
_LISTS = frozenset({_STRIP_OFFSETS, 279, _TILE_OFFSETS, _TILE_BYTE_COUNTS})
# With image description, resolution, software, sample format and colour subsampling.
_NEEDED = _STRUCTURE | {270, 282, 283, 305, 338, 339, 530}
_LONGEST_TEXT = 65_536
_JPEG = 7
_CLASSIC_LIMIT = 2**32


@dataclass(frozen=True, slots=True)
class TiffStructure:
    """Where the directories of a TIFF file are.

    Attributes
    ----------
    pages
        Offsets of the directories that hold images: those of the main chain in its order, then
        those that hang below them; never empty.
    is_ndpi
        Whether it is Hamamatsu's variant, whose offsets are longer than TIFF allows.
    """

    pages: tuple[int, ...]
    is_ndpi: bool = False


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    count: struct.Struct
    entry: struct.Struct
    pointer: struct.Struct
    inline_bytes: int
    is_ndpi: bool = False


class _Entry(NamedTuple):
    kind: int
    length: int
    offset: int
    """Where the value lies in the file, also when it lies within the entry."""


_Edge = tuple[int, bool]
"""Where a directory is said to be, and whether as an image's or as a list of facts."""


@dataclass(slots=True)
class _Walk:
    reader: ReadAhead
    layout: _Layout
    chained: set[int] = field(default_factory=set)
    seen: int = 0
    entries_seen: int = 0

    def main_chain(self, start: int) -> tuple[list[int], list[_Edge]]:
        """Return the offsets of the main chain, and what hangs below its directories."""
        offsets: list[int] = []
        below: list[_Edge] = []
        following = start
        while following:
            if following in self.chained:
                raise _loop()
            self.chained.add(following)
            offsets.append(following)
            following, more = self._checked(following, is_image=True)
            below += more
        return offsets, below

    def below(self, roots: list[_Edge]) -> list[int]:
        """Return the offsets of the images in a graph of sub-directories, each once.

        Two ways to one directory are honest: writers list all sub-directories and link them
        with each other too. A way back is not.
        """
        offsets: list[int] = []
        path: list[tuple[int, Iterator[_Edge]]] = []
        on_path: set[int] = set()
        known: set[_Edge] = set()
        todo = iter(roots)
        while True:
            edge = next(todo, None)
            if edge is None:
                if not path:
                    return offsets
                offset, todo = path.pop()
                on_path.discard(offset)
                continue
            offset, is_image = edge
            if offset in on_path or offset in self.chained:
                raise _loop()
            if edge in known:
                continue
            known.add(edge)
            following, edges = self._checked(offset, is_image=is_image)
            if is_image:
                offsets.append(offset)
            if following:
                edges.append((following, is_image))
            path.append((offset, todo))
            on_path.add(offset)
            todo = iter(edges)

    def _checked(self, offset: int, *, is_image: bool) -> tuple[int, list[_Edge]]:
        """Return what follows a directory, and what hangs below it."""
        self.seen += 1
        if self.seen > MOST_DIRECTORIES:
            raise DamagedSlide(
                f"This file holds more than {MOST_DIRECTORIES:,} images; no slide has so many."
            )
        entries, following = self._directory(offset)
        if is_image:
            self._check_image(entries, self.seen)
        self.reader.expect(self._needed(entries), following)
        images = self._values(entries, _SUB_DIRECTORIES)
        if len(set(images)) < len(images):
            raise DamagedSlide("A directory of this slide lists the same image twice.")
        edges = [(sub, True) for sub in images if sub]
        edges += [(sub, False) for sub in self._values(entries, _EXIF) if sub]
        return following, edges

    def _directory(self, offset: int) -> tuple[dict[int, _Entry], int]:
        layout = self.layout
        (count,) = layout.count.unpack(self.reader.read(offset, layout.count.size))
        if not 1 <= count <= MOST_ENTRIES:
            raise DamagedSlide(f"A directory of this slide claims to hold {count:,} entries.")
        self.entries_seen += count
        if self.entries_seen > MOST_ENTRIES_IN_ALL:
            raise DamagedSlide("The directories of this slide hold more entries than any real one.")
        first = offset + layout.count.size
        table_bytes = count * layout.entry.size
        high_bytes = 4 * count if layout.is_ndpi else 0
        raw = self.reader.read(first, table_bytes + layout.pointer.size + high_bytes)
        (following,) = layout.pointer.unpack_from(raw, table_bytes)
        high = raw[table_bytes + layout.pointer.size :]
        entries = {}
        # Not of a view: an error below keeps the iterator in a cycle, and collecting a view that
        # is still exported ends Python 3.11 by a segmentation fault.
        fields = layout.entry.iter_unpack(raw[:table_bytes])
        for number, (tag, kind, values, value) in enumerate(fields):
            # Private tags are left to whoever knows them; many writers are careless there.
            if tag >= _FIRST_PRIVATE_TAG and tag not in _KNOWN_PRIVATE:
                continue
            if tag in _STRUCTURE:
                _check_entry(tag, kind, values, is_new=tag not in entries)
            size = _TYPE_BYTES.get(kind, 0) * values
            if size <= layout.inline_bytes:
                where = first + (number + 1) * layout.entry.size - layout.inline_bytes
            else:
                where = value
                if layout.is_ndpi:
                    where |= int.from_bytes(high[4 * number : 4 * number + 4], "little") << 32
            if where + size > self.reader.size:
                raise DamagedSlide(
                    f"Tag {tag} points beyond the end of the file; "
                    "it was probably not copied completely."
                )
            entries[tag] = _Entry(kind, values, where)
        return entries, following

    def _needed(self, entries: dict[int, _Entry]) -> list[tuple[int, int]]:
        """Return where the values lie that an index is made of, and that are not in the table."""
        sized = [
            (tag, entry.offset, _TYPE_BYTES.get(entry.kind, 0) * entry.length)
            for tag, entry in entries.items()
            if tag in _NEEDED
        ]
        return [
            (offset, size)
            for tag, offset, size in sized
            if size > self.layout.inline_bytes and (tag in _LISTS or size <= _LONGEST_TEXT)
        ]

    def _values(self, entries: dict[int, _Entry], tag: int) -> tuple[int, ...]:
        """Return the whole numbers of a tag, none if it is absent."""
        entry = entries.get(tag)
        if entry is None:
            return ()
        letter = _INTEGERS.get(entry.kind)
        if letter is None or entry.length > MOST_ENTRIES:
            raise DamagedSlide(f"Tag {tag} in a directory of this slide makes no sense.")
        size = _TYPE_BYTES[entry.kind] * entry.length
        raw = self.reader.read(entry.offset, size)
        return struct.unpack(f"{self.layout.order}{entry.length}{letter}", raw)

    def _value(self, entries: dict[int, _Entry], tag: int, default: int) -> int:
        values = self._values(entries, tag)
        return values[0] if values else default

    def _check_image(self, entries: dict[int, _Entry], number: int) -> None:
        width, height = self._value(entries, _WIDTH, 0), self._value(entries, _HEIGHT, 0)
        samples = self._value(entries, _SAMPLES, 1)
        bits = max(self._values(entries, _BITS) or (1,))
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
            raise DamagedSlide(f"Image {number} of this slide is {width} x {height} pixels large.")
        if not (0 < samples <= MOST_SAMPLES and 0 < bits <= 64):
            raise DamagedSlide(
                f"Image {number} of this slide claims {samples} samples of {bits} bits per pixel."
            )
        pixel_bits = samples * bits
        if _TILE_WIDTH in entries or _TILE_HEIGHT in entries:
            across = self._value(entries, _TILE_WIDTH, 0)
            down = self._value(entries, _TILE_HEIGHT, 0)
            lists: tuple[int, ...] = (_TILE_OFFSETS, _TILE_BYTE_COUNTS)
            at_once = across * down
        else:
            across, down = width, min(height, self._value(entries, _ROWS_PER_STRIP, height))
            lists = (_OLD_JPEG,) if _OLD_JPEG in entries else (_STRIP_OFFSETS,)
            # Hamamatsu keeps whole slides in one strip, which its readers take apart.
            at_once = 1 if self._is_ndpi_strip(entries) else width * height
        if across < 1 or down < 1:
            raise DamagedSlide(f"The tiles of image {number} are {across} x {down} pixels large.")
        pieces = -(-width // across) * -(-height // down)
        if self._value(entries, _PLANAR, 1) == 2:
            pieces *= samples
        _check_piece(number, at_once * pixel_bits // 8)
        self._check_lists(entries, lists, number, pieces)

    def _is_ndpi_strip(self, entries: dict[int, _Entry]) -> bool:
        return _NDPI in entries and self._value(entries, _COMPRESSION, 1) == _JPEG

    def _check_lists(
        self, entries: dict[int, _Entry], lists: tuple[int, ...], number: int, pieces: int
    ) -> None:
        if pieces > MOST_TILES:
            raise DamagedSlide(
                f"Image {number} claims to hold {pieces:,} tiles; at most {MOST_TILES:,} are read."
            )
        for tag in lists:
            found = entries[tag].length if tag in entries else 0
            if found < pieces and tag != _OLD_JPEG:
                raise DamagedSlide(
                    f"Image {number} should hold {pieces:,} tiles or strips; "
                    f"the file lists {found:,}."
                )


def _loop() -> DamagedSlide:
    return DamagedSlide("The directories of this slide form a loop.")


def _check_entry(tag: int, kind: int, values: int, *, is_new: bool) -> None:
    if not is_new:
        raise DamagedSlide(f"A directory of this slide states tag {tag} twice.")
    if values == 0 or kind not in _TYPE_BYTES or (tag in _SINGLE and values != 1):
        raise DamagedSlide(f"Tag {tag} in a directory of this slide makes no sense.")


def _check_piece(number: int, size: int) -> None:
    if size > LARGEST_PIECE_BYTES:
        raise DamagedSlide(
            f"Image {number} of this file would need {size / 1e9:.1f} GB at once when unpacked, "
            "more than is safe. If it is a real picture, convert it to a tiled pyramid."
        )


def tiff_structure(reader: ReadAhead) -> TiffStructure:
    """Return where the directories of a TIFF file are, after checking every one of them.

    Raises
    ------
    DamagedSlide
        Loops, chains without end, numbers that contradict each other or the size of the file,
        pictures that would fill the memory.
    """
    layout, start = _header(reader)
    walk = _Walk(reader, layout)
    pages, roots = walk.main_chain(start)
    pages += walk.below(roots)
    return TiffStructure(pages=tuple(pages), is_ndpi=layout.is_ndpi)


def _header(reader: ReadAhead) -> tuple[_Layout, int]:
    head = reader.read(0, min(16, reader.size))
    order = "<" if head[:2] == b"II" else ">"
    if len(head) < 8:
        raise DamagedSlide("The slide's file ends within its first line.")
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    is_big = version == 43
    if is_big:
        if len(head) < 16 or struct.unpack_from(f"{order}HH", head, 4) != (8, 0):
            raise DamagedSlide("The header of this BigTIFF file makes no sense.")
        layout = _layout(order, count="Q", value="Q", pointer="Q")
        (start,) = struct.unpack_from(f"{order}Q", head, 8)
    else:
        layout = _layout(order, count="H", value="I", pointer="I")
        (start,) = struct.unpack_from(f"{order}I", head, 4)
        if order == "<" and reader.size > _CLASSIC_LIMIT and len(head) >= 12:
            (long_start,) = struct.unpack_from("<Q", head, 4)
            if _starts_ndpi(reader, long_start):
                layout = _layout("<", count="H", value="I", pointer="Q", is_ndpi=True)
                start = long_start
    if start == 0:
        raise DamagedSlide("This TIFF file holds no image.")
    return layout, start


def _layout(order: str, *, count: str, value: str, pointer: str, is_ndpi: bool = False) -> _Layout:
    return _Layout(
        order,
        struct.Struct(order + count),
        struct.Struct(f"{order}HH{value}{value}"),
        struct.Struct(order + pointer),
        struct.calcsize(f"{order}{value}"),
        is_ndpi,
    )


def _starts_ndpi(reader: ReadAhead, start: int) -> bool:
    """Return whether the directory at `start` holds Hamamatsu's own tag."""
    if not 8 <= start <= reader.size - 2:
        return False
    (count,) = struct.unpack("<H", reader.read(start, 2))
    if not 1 <= count <= MOST_ENTRIES or start + 2 + 12 * count > reader.size:
        return False
    raw = reader.read(start + 2, 12 * count)
    return any(raw[12 * n : 12 * n + 2] == _NDPI.to_bytes(2, "little") for n in range(count))
