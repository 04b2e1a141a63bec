"""JSON of very many small lists, of which only little is ever held as objects of Python."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import TooLarge
from wsi_lab.formats.json_rings import rings_of
from wsi_lab.formats.safe import json_by

LARGEST = 32 << 20
LARGEST_VALUE = 4 << 20
"""Bytes of one value that is held as objects of Python: they take ten times the memory."""
_SHORT = 1 << 14

Members = dict[str, msgspec.Raw]

_raw = msgspec.json.Decoder(msgspec.Raw)
_members = msgspec.json.Decoder(Members)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_pairs = msgspec.json.Decoder(list[tuple[float, float]])
_any = msgspec.json.Decoder()


def read_raw(data: bytes) -> msgspec.Raw:
    """Return a JSON text that was looked at, but not taken apart.

    Raises
    ------
    Invalid
        It is no JSON, or too deep.
    TooLarge
        It is longer than anybody's drawing.
    """
    if len(data) > LARGEST:
        raise TooLarge(f"A document of hand-drawn shapes may have at most {LARGEST:,} bytes.")
    return json_by(_raw, data, most_bytes=LARGEST)


def members_of(raw: msgspec.Raw) -> Members | None:
    """Return the members of an object; `None` where it is none."""
    try:
        return _members.decode(raw)
    except msgspec.MsgspecError:
        return None


def items_of(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """Return the items of a list; `None` where it is none."""
    try:
        return None if raw is None else _items.decode(raw)
    except msgspec.MsgspecError:
        return None


def value_of(raw: msgspec.Raw | None) -> Any:
    """Return what a short text says; `None` where it holds a number that is none.

    Raises
    ------
    TooLarge
        It is longer than what is held as objects.
    """
    if raw is None:
        return None
    if len(memoryview(raw)) > LARGEST_VALUE:
        raise TooLarge(f"A value of more than {LARGEST_VALUE:,} bytes is not read.")
    try:
        return _any.decode(raw)
    except msgspec.MsgspecError:
        return None


def positions_of(raw: msgspec.Raw) -> NDArray[np.float64] | None:
    """Return a list of pairs of numbers; `None` where it is not one all through.

    Examples
    --------
    >>> positions_of(msgspec.Raw(b"[[1, 2], [3, 4.5]]")).tolist()
    [[1.0, 2.0], [3.0, 4.5]]
    """
    text = memoryview(raw)
    if len(text) < _SHORT:
        try:
            return np.array(_pairs.decode(text), np.float64).reshape(-1, 2)
        except msgspec.MsgspecError:
            return None
    found = rings_of(["LineString"], [raw])
    if found.troubles or found.extra:
        return None
    return found.positions
