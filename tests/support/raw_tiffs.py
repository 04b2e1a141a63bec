"""TIFF files byte by byte, however little sense they make."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

Entry = tuple[int, Any]
"""Type code and values of a TIFF tag; a value ``("directory", 1)`` is that directory's offset."""

_LETTERS = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}


def build_tiff(
    directories: Sequence[Mapping[int, Entry]],
    *,
    following: Sequence[int] | None = None,
    big: bool = False,
    order: str = "<",
    after: bytes = b"",
) -> bytes:
    """Return a TIFF file of exactly these directories, however little sense they make.

    Parameters
    ----------
    following
        For each directory, the number of the next one, -1 for none; the default is the list's
        own order.
    after
        Bytes behind the last directory.
    """
    nexts = following or [*range(1, len(directories)), -1]
    value, count = ("Q", "Q") if big else ("I", "H")
    inline = 8 if big else 4
    entry_size = 20 if big else 12

    def resolved(values: Any) -> list[int]:
        raw = list(values) if isinstance(values, (bytes, list, tuple)) else [values]
        if raw[:1] == ["directory"]:
            raw = [("directory", raw[1])]
        return [starts[v[1]] if isinstance(v, tuple) else v for v in raw]

    starts = [0] * len(directories)
    content = bytearray()
    for _ in range(2):  # The first round finds out where everything comes to lie.
        content = bytearray(b"II" if order == "<" else b"MM")
        content += struct.pack(order + ("HHH" if big else "H"), *((43, 8, 0) if big else (42,)))
        content += struct.pack(order + value, starts[0] if starts[0] else 8 + 8 * big)
        for number, entries in enumerate(directories):
            starts[number] = len(content)
            table = b""
            values_at = (
                len(content)
                + struct.calcsize(order + count)
                + entry_size * len(entries)
                + struct.calcsize(order + value)
            )
            values = b""
            for tag, (kind, given) in entries.items():
                if isinstance(given, dict):  # A lying entry: count and offset as given.
                    table += struct.pack(
                        f"{order}HH{value}{value}", tag, kind, given["count"], given["offset"]
                    )
                    continue
                numbers = resolved(given)
                packed = struct.pack(f"{order}{len(numbers)}{_LETTERS[kind]}", *numbers)
                table += struct.pack(f"{order}HH{value}", tag, kind, len(numbers))
                if len(packed) <= inline:
                    table += packed.ljust(inline, b"\0")
                else:
                    table += struct.pack(order + value, values_at + len(values))
                    values += packed
            next_number = nexts[number]
            content += struct.pack(order + count, len(entries)) + table
            content += struct.pack(order + value, starts[next_number] if next_number >= 0 else 0)
            content += values
    return bytes(content) + after


def tiled_directory(**changes: Entry) -> dict[int, Entry]:
    """Return a directory of 32 x 32 grey pixels in four 16 x 16 tiles, with some tags changed.

    Changes are named ``tag_256=(4, 100)``; `None` leaves the tag out.
    """
    entries: dict[int, Entry] = {
        256: (4, 32),
        257: (4, 32),
        258: (3, 8),
        259: (3, 1),
        262: (3, 1),
        277: (3, 1),
        322: (3, 16),
        323: (3, 16),
        324: (4, [8, 8, 8, 8]),
        325: (4, [16, 16, 16, 16]),
    }
    for name, entry in changes.items():
        entries.pop(int(name.removeprefix("tag_")), None)
        if entry is not None:
            entries[int(name.removeprefix("tag_"))] = entry
    return dict(sorted(entries.items()))
