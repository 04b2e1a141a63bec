"""Elias-omega codes: whole numbers from 1, small ones in few bits.

Read fast: what a code of up to 16 bits says, and where it ends, is looked up for all bits of a
block at once, so that only the hopping from code to code is left to Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid

_WINDOW = 16
_PIECE = 1 << 17
"""Bytes looked up at once; they take up to four hundred times as much memory."""
_LONGEST = 16
"""Bytes of a code, and more."""
LARGEST = 1 << 32
"""A larger number is neither a count nor a distance on a slide."""


def encoded(numbers: Iterable[int]) -> bytes:
    """Return the codes of numbers from 1 up, the last byte filled up with zeros.

    Examples
    --------
    >>> encoded([1, 2, 17]).hex()
    '4a44'
    """
    bits = "".join(map(_code, numbers))
    return np.packbits(np.frombuffer(bits.encode(), np.uint8) - ord("0")).tobytes()


def decoded(data: bytes, most: int) -> NDArray[np.int64]:
    """Return the numbers of a block, at most so many; what fills its last byte counts as ones.

    Raises
    ------
    Invalid
        A code is cut short, or larger than `LARGEST`.
    """
    found = [np.zeros(0, np.int64)]
    count = position = 0
    for start in range(0, len(data), _PIECE):
        if count >= most:
            break
        end = 8 * min(_PIECE, len(data) - start)
        bits = np.unpackbits(np.frombuffer(data[start : start + _PIECE + _LONGEST], np.uint8))
        numbers, position = _numbers(bits, position - 8 * start, end, most - count)
        position += 8 * start
        found.append(numbers)
        count += len(numbers)
    if position > 8 * len(data):
        raise _cut_short()
    return np.concatenate(found)


def _numbers(
    bits: NDArray[np.uint8], position: int, end: int, most: int
) -> tuple[NDArray[np.int64], int]:
    """Return the numbers that begin from one bit to before another, and where the last ends."""
    windows = _windows(bits)
    values, lengths = _table()
    hops = lengths[windows].tobytes()
    starts: list[int] = []
    longer: dict[int, int] = {}
    while position < end and len(starts) < most:
        hop = hops[position]
        starts.append(position)
        if hop:
            position += hop
        else:
            longer[len(starts) - 1], position = _one(bits, position)
    numbers = values[windows[np.array(starts, np.int64)]]
    for index, value in longer.items():
        numbers[index] = value
    return numbers, position


def _windows(bits: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return, for every bit, the number that it and the 15 after it make."""
    ahead = np.concatenate((bits, np.zeros(_WINDOW, np.uint8)))
    found = np.zeros(len(bits), np.uint16)
    for step in range(_WINDOW):
        found <<= 1
        found |= ahead[step : step + len(bits)]
    return found


@cache
def _table() -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return what each 16 bits begin with, and how many bits that takes; 0 if more than 16."""
    values = np.zeros(1 << _WINDOW, np.int64)
    lengths = np.zeros(1 << _WINDOW, np.uint8)
    number = 1
    while len(code := _code(number)) <= _WINDOW:
        free = _WINDOW - len(code)
        first = int(code, 2) << free
        values[first : first + (1 << free)] = number
        lengths[first : first + (1 << free)] = len(code)
        number += 1
    return values, lengths


@lru_cache(1 << 12)
def _code(number: int) -> str:
    code = "0"
    while number > 1:
        group = f"{number:b}"
        code = group + code
        number = len(group) - 1
    return code


def _one(bits: NDArray[np.uint8], position: int) -> tuple[int, int]:
    """Return one number, and where its code ends."""
    number = 1
    while position < len(bits) and bits[position]:
        group = bits[position : position + number + 1]
        position += number + 1
        number = int("".join(map(str, group.tolist())), 2)
        if position >= len(bits) or number > LARGEST:
            raise _cut_short()
    return number, position + 1


def _cut_short() -> Invalid:
    return Invalid("A list of numbers in the annotation file is cut short or damaged.")
