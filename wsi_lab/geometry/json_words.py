# ruff: noqa: C901, PLR0912, PLR0915 - kernels take their arguments by place, and calls within them cost
"""The words and numbers of JSON, compiled.

The text does not end with a digit: where a number may go on there is always another byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import inlined, part

WORDS = (
    b'"type"', b'"geometry"', b'"properties"', b'"id"', b'"coordinates"', b'"classification"',
    b'"measurements"', b'"name"', b'"value"', b'"Feature"', b'"Point"', b'"MultiPoint"',
    b'"LineString"', b'"MultiLineString"', b'"Polygon"', b'"MultiPolygon"', b"null",
)  # fmt: skip
WORD_COUNT = len(WORDS)
TYPE, GEOMETRY, PROPERTIES, ID, COORDINATES, CLASSIFICATION = range(6)
MEASUREMENTS, NAME, VALUE, FEATURE, POINT, MULTI_POINT, LINE = range(6, 13)
MULTI_LINE, POLYGON, MULTI_POLYGON, NULL = range(13, 17)

TABLE = 1 << 17
"""Places for texts; half of them are used at most."""
_MOST_STEPS = 64
_DEEPEST = 64
QUOTE, COMMA, COLON, _BACKSLASH = 34, 44, 58, 92
OPEN_LIST, CLOSE_LIST, OPEN, CLOSE = 91, 93, 123, 125

NONE = np.int64(-1)
"""What is returned when something is not there; of one type with what is returned when it is."""

_POWERS = np.array([10.0**place for place in range(23)])
"""All powers of ten that are floats without rounding."""
_LONGEST = 18
_WHOLE = 1 << 53
_HALVES = 134217729.0


@part
def space_end(data: Any, at: Any) -> Any:
    """Return where the space that begins here ends."""
    while at < len(data) and (data[at] in (32, 10, 13, 9)):
        at += 1
    return at


@part
def byte_at(data: Any, at: Any) -> Any:
    """Return the byte here, or -1 where there is none."""
    return np.int64(data[at]) if 0 <= at < len(data) else NONE


@part
def string_end(data: Any, at: Any) -> Any:
    """Return where the string that begins here ends, or -1."""
    if byte_at(data, at) != QUOTE:
        return NONE
    at += 1
    while at < len(data):
        byte = data[at]
        if byte == QUOTE:
            return at + 1
        at += 2 if byte == _BACKSLASH else 1
    return NONE


@part
def value_end(data: Any, at: Any) -> Any:
    """Return where the value that begins here ends, or -1; what is in it is not looked at."""
    depth = 0
    while at < len(data):
        byte = data[at]
        if byte == QUOTE:
            at = string_end(data, at)
            if at < 0:
                return NONE
        elif byte in (OPEN, OPEN_LIST):
            depth += 1
            if depth > _DEEPEST:
                return NONE
            at += 1
            continue
        elif byte in (CLOSE, CLOSE_LIST):
            depth -= 1
            at += 1
        elif depth == 0:
            start = at
            while at < len(data) and data[at] not in (COMMA, CLOSE, CLOSE_LIST, 32, 10, 13, 9):
                at += 1
            return at if at > start else NONE
        else:
            at += 1
            continue
        if depth <= 0:
            return at if depth == 0 else NONE
    return NONE


@part
def is_same(one: Any, at: Any, other: Any, other_at: Any, size: Any) -> Any:
    """Return whether the same is written in two places."""
    for place in range(size):  # noqa: SIM110 - numba has no all()
        if one[at + place] != other[other_at + place]:
            return False
    return True


@part
def text_number(data: Any, start: Any, end: Any, known: Any, totals: Any) -> Any:
    """Return the number of a text, a new one if it was not met before; -1 if they are too many.

    `known` are the words that have the first numbers, the table, and where each text is: those
    of `words` in there, the others in the data. `totals[3]` is how many there are.
    """
    words, table, texts = known
    if end < 0:
        return NONE
    key = np.uint64(14695981039346656037)
    for at in range(start, end):
        key = (key ^ np.uint64(data[at])) * np.uint64(1099511628211)
    place = np.int64((key ^ (key >> np.uint64(32))) & np.uint64(len(table) - 1))
    for _ in range(_MOST_STEPS):
        met = table[place]
        if met < 0:
            if totals[3] >= len(texts):
                return NONE
            met = totals[3]
            texts[met, 0], texts[met, 1] = start, end
            table[place] = met
            totals[3] += 1
            return met
        first, size = texts[met, 0], texts[met, 1] - texts[met, 0]
        if size == end - start:
            source = words if met < WORD_COUNT else data
            if is_same(source, first, data, start, size):
                return met
        place = (place + 1) & (len(table) - 1)
    return NONE


@part
def key_at(data: Any, at: Any, known: Any, totals: Any) -> Any:
    """Return the number of a key (-1: there is none, or no colon after it) and where that ends."""
    end = string_end(data, at)
    key = text_number(data, at, end, known, totals)
    at = space_end(data, end)
    if byte_at(data, at) != COLON:
        return NONE, at
    return key, space_end(data, at + 1)


@inlined
def number_at(data: Any, at: Any) -> Any:
    """Return where a number ends (-1: there is none), its value, and whether that is sure."""
    if at >= len(data):
        return NONE, 0.0, False
    is_negative = data[at] == 45
    at += is_negative
    first = at
    digits, exponent = np.int64(0), np.int64(0)
    digit = np.int64(data[at]) - 48
    while 0 <= digit <= 9:
        digits = digits * 10 + digit
        at += 1
        digit = np.int64(data[at]) - 48
    if at == first or (data[first] == 48 and at - first > 1):
        return NONE, 0.0, False
    count = at - first
    if digit == -2:
        at += 1
        point = at
        digit = np.int64(data[at]) - 48
        while 0 <= digit <= 9:
            digits = digits * 10 + digit
            at += 1
            digit = np.int64(data[at]) - 48
        exponent = point - at
        if exponent == 0:
            return NONE, 0.0, False
        count -= exponent
    # More digits than these may be more than a whole number holds.
    is_sure = count <= _LONGEST
    if not is_sure:
        while data[first] in (46, 48):
            count -= data[first] == 48
            first += 1
        is_sure = count <= _LONGEST
    if byte_at(data, at) in (69, 101):
        at += 1
        sign = -1 if byte_at(data, at) == 45 else 1
        if byte_at(data, at) in (43, 45):
            at += 1
        first = at
        written: Any = np.int64(0)
        while 48 <= byte_at(data, at) <= 57:
            written = min(written * 10 + (np.int64(data[at]) - 48), 9999)
            at += 1
        if at == first:
            return NONE, 0.0, False
        exponent += sign * written
    value = float(digits)
    if not is_sure or abs(exponent) > 22:
        is_sure = is_sure and digits == 0
    elif digits <= _WHOLE:
        # Both are floats without rounding, so that one operation rounds once.
        value = value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]
    elif exponent > 0:
        is_sure = False
    elif exponent < 0:
        value, is_sure = _quotient(digits, _POWERS[-exponent])
    return at, -value if is_negative else value, is_sure


@part
def _quotient(digits: Any, power: Any) -> Any:
    """Divide a whole number that is no float, and tell whether the result is surely rounded well.

    What is left of the first quotient is known exactly (after Dekker), and divided again.
    """
    high = float(digits)
    low = float(digits - np.int64(high))
    first = high / power
    product = first * power
    large = first * _HALVES
    first_high = large - (large - first)
    first_low = first - first_high
    large = power * _HALVES
    power_high = large - (large - power)
    power_low = power - power_high
    lost = ((first_high * power_high - product) + first_high * power_low) + first_low * power_high
    lost += first_low * power_low
    second = (((high - product) - lost) + low) / power
    doubt = abs(second) * 2.0**-50
    value = first + (second + doubt)
    return value, value == first + (second - doubt)
