# ruff: noqa: C901, PLR0911, PLR0912, PLR0917 - kernels take their arguments by place, and calls within them cost
"""The walk through the text of very many features, compiled.

Every key and every word is known by its number in a table of texts that were met; those of
`WORDS` are in it from the beginning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import compiled, part
from wsi_lab.geometry.geojson_geometry import geometry_end
from wsi_lab.geometry.json_words import (
    CLASSIFICATION,
    CLOSE,
    CLOSE_LIST,
    COMMA,
    FEATURE,
    GEOMETRY,
    ID,
    MEASUREMENTS,
    NAME,
    NONE,
    NULL,
    OPEN,
    OPEN_LIST,
    PROPERTIES,
    TYPE,
    VALUE,
    WORD_COUNT,
    byte_at,
    key_at,
    number_at,
    space_end,
    string_end,
    text_number,
    value_end,
)


@part
def _property(
    data: Any,
    at: Any,
    key: Any,
    known: Any,
    said: Any,
    totals: Any,
) -> Any:
    """Read what a property is; return where that ends, or -1."""
    values, numbers, doubtful = said
    row = totals[4]
    totals[4] += 1
    values[row, 0], values[row, 1], values[row, 2] = totals[2], key, -1
    end, number, is_sure = number_at(data, at)
    if end > 0:
        numbers[row] = number
        if not is_sure:
            doubtful[totals[5], 0], doubtful[totals[5], 1], doubtful[totals[5], 2] = row, at, end
            totals[5] += 1
    else:
        end = value_end(data, at)
        values[row, 2] = text_number(data, at, end, known, totals)
        if values[row, 2] < 0:
            return NONE
    return space_end(data, end)


@part
def _named_values(
    data: Any,
    at: Any,
    known: Any,
    said: Any,
    totals: Any,
) -> Any:
    """Read a list of measurements after its bracket: each with a name and a value."""
    if byte_at(data, at) == CLOSE_LIST:
        return space_end(data, at + 1)
    while True:
        if byte_at(data, at) != OPEN:
            return NONE
        at = space_end(data, at + 1)
        name, value_at = NONE, NONE
        for member in range(2):
            key, at = key_at(data, at, known, totals)
            if key not in (NAME, VALUE):
                return NONE
            if key == NAME:
                end = string_end(data, at)
                name = text_number(data, at, end, known, totals)
            else:
                value_at = at
                end = value_end(data, at)
            at = space_end(data, end)
            if end < 0 or byte_at(data, at) != (COMMA if member == 0 else CLOSE):
                return NONE
            at = space_end(data, at + 1)
        if name < 0 or value_at < 0:
            return NONE
        if _property(data, value_at, name, known, said, totals) < 0:
            return NONE
        byte = byte_at(data, at)
        at = space_end(data, at + 1)
        if byte == CLOSE_LIST:
            return at
        if byte != COMMA:
            return NONE


@part
def _properties(
    data: Any,
    at: Any,
    known: Any,
    classes: Any,
    said: Any,
    totals: Any,
) -> Any:
    """Read properties after their brace, or measurements that are in them."""
    if byte_at(data, at) == CLOSE:
        return space_end(data, at + 1)
    # Measurements are one level down; what they hold is read like the rest, by the same loop.
    depth = 0
    has_measurements = False
    while True:
        key, at = key_at(data, at, known, totals)
        if key < 0:
            return NONE
        byte = byte_at(data, at)
        if depth == 0 and key == CLASSIFICATION:
            end = value_end(data, at)
            if classes[totals[2]] >= 0:
                return NONE
            classes[totals[2]] = text_number(data, at, end, known, totals)
            if classes[totals[2]] < 0:
                return NONE
            at = space_end(data, end)
        elif depth == 0 and key == MEASUREMENTS and byte in (OPEN, OPEN_LIST):
            if has_measurements:
                return NONE
            has_measurements = True
            at = space_end(data, at + 1)
            if byte == OPEN_LIST:
                at = _named_values(data, at, known, said, totals)
            elif byte_at(data, at) == CLOSE:
                at = space_end(data, at + 1)
            else:
                depth = 1
                continue
        else:
            at = _property(data, at, key, known, said, totals)
        if at < 0:
            return NONE
        byte = byte_at(data, at)
        at = space_end(data, at + 1)
        if byte == CLOSE and depth == 1:
            depth = 0
            byte = byte_at(data, at)
            at = space_end(data, at + 1)
        if byte == CLOSE:
            return at
        if byte != COMMA:
            return NONE


@compiled(
    "u1[] i8 u1[] !i4[] !i8[,] !f8[,] !i8[] !u1[] !i8[] !u1[] !i8[,] !i8[] "
    "!i8[,] !f8[] !i8[,] !i8[]"
)
def walk(
    data: Any,
    at: Any,
    words: Any,
    table: Any,
    texts: Any,
    coordinates: Any,
    ring_offsets: Any,
    ring_roles: Any,
    shape_offsets: Any,
    dimensions: Any,
    ids: Any,
    classes: Any,
    values: Any,
    numbers: Any,
    doubtful: Any,
    totals: Any,
) -> Any:
    """Read a list of features after its bracket; return where it ends, or -1 if it is not plain.

    The text does not end with a digit.

    `totals` counts vertices, rings, features, texts, properties and doubtful numbers; a property
    is its feature, its key, and its text or -1 for a number.
    """
    if len(data) == 0 or 48 <= data[len(data) - 1] <= 57:
        return NONE
    known, said = (words, table, texts), (values, numbers, doubtful)
    rings = (coordinates, ring_offsets, ring_roles)
    for word in range(WORD_COUNT):
        text_number(words, texts[word, 0], texts[word, 1], known, totals)
    shape = np.zeros(2, np.int64)
    at = space_end(data, at)
    if byte_at(data, at) == CLOSE_LIST:
        return at + 1
    while True:
        if byte_at(data, at) != OPEN:
            return NONE
        at = space_end(data, at + 1)
        feature = totals[2]
        classes[feature] = -1
        ids[feature, 0] = ids[feature, 1] = 0
        dimensions[feature] = 0
        met = 0
        while True:
            key, at = key_at(data, at, known, totals)
            if key < 0 or key > ID or met >> key & 1:
                return NONE
            met |= 1 << key
            byte = byte_at(data, at)
            if key in (GEOMETRY, PROPERTIES) and byte == OPEN:
                at = space_end(data, at + 1)
                if key == GEOMETRY:
                    at = geometry_end(data, at, known, rings, totals, shape)
                    dimensions[feature] = shape[0]
                else:
                    at = _properties(data, at, known, classes, said, totals)
            else:
                end = value_end(data, at)
                if key == ID:
                    ids[feature, 0], ids[feature, 1] = at, end
                else:
                    word = text_number(data, at, end, known, totals)
                    if word != (FEATURE if key == TYPE else NULL):
                        return NONE
                at = space_end(data, end) if end > 0 else NONE
            if at < 0:
                return NONE
            byte = byte_at(data, at)
            at = space_end(data, at + 1)
            if byte == CLOSE:
                break
            if byte != COMMA:
                return NONE
        if not met & 1:
            return NONE
        totals[2] += 1
        shape_offsets[totals[2]] = totals[1]
        byte = byte_at(data, at)
        at = space_end(data, at + 1)
        if byte == CLOSE_LIST:
            return at
        if byte != COMMA:
            return NONE
