"""Whole numbers side by side, in as few bytes as the largest of them needs."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid

_WIDTHS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.int64}
_CONSTANT, _FLOATS = 0, 9
_ALIGNMENT = 8


class Writer:
    """Puts columns one after the other."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def put(self, values: NDArray[Any]) -> None:
        """Add numbers: floats as they are, whole numbers from 0 on in as few bytes as they need."""
        if values.dtype.kind == "f":
            self._add(_FLOATS, values.tobytes())
            return
        most = int(values.max(initial=0))
        if most == int(values.min(initial=most)):
            self._add(_CONSTANT, struct.pack("<q", most))
            return
        width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4 if most < 1 << 32 else 8
        self._add(width, values.astype(_WIDTHS[width]).tobytes())

    def put_bytes(self, data: bytes) -> None:
        """Add bytes as they are."""
        self._pieces.append(data)

    def written(self) -> bytes:
        """Return all of it."""
        return b"".join(self._pieces)

    def _add(self, code: int, data: bytes) -> None:
        # What is read where it lies had better lie where the processor likes it.
        filling = -len(data) % _ALIGNMENT
        self._pieces += [struct.pack("<q", code), data, bytes(filling)]


class Reader:
    """Reads what `Writer` wrote, without copying it."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, count: int) -> NDArray[Any]:
        """Return the next column, which has so many numbers."""
        data, at = self._data, self._at
        (code,) = struct.unpack_from("<q", data, at) if at + 8 <= len(data) else (-1,)
        at += 8
        if code == _CONSTANT and at + 8 <= len(data):
            self._at = at + 8
            return np.full(count, struct.unpack_from("<q", data, at)[0], np.int64)
        kind = np.float64 if code == _FLOATS else _WIDTHS.get(code)
        if kind is None or at + count * np.dtype(kind).itemsize > len(data):
            raise damaged()
        values = np.frombuffer(data, kind, count, at)
        self._at = at + values.nbytes + (-values.nbytes % _ALIGNMENT)
        return values

    def rest(self) -> NDArray[np.uint8]:
        """Return what comes after the columns."""
        return np.frombuffer(self._data, np.uint8, offset=min(self._at, len(self._data)))


def damaged() -> Invalid:
    """Return what is raised when packed shapes cannot be read."""
    return Invalid("Packed shapes are damaged; load them anew.")
