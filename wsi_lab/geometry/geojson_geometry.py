# ruff: noqa: C901, PLR0912, PLR0917 - kernels take their arguments by place, and calls within them cost
"""The geometries of GeoJSON, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import inlined, part
from wsi_lab.geometry.json_words import (
    CLOSE,
    CLOSE_LIST,
    COMMA,
    COORDINATES,
    LINE,
    MULTI_LINE,
    MULTI_POINT,
    MULTI_POLYGON,
    NONE,
    OPEN_LIST,
    POINT,
    POLYGON,
    TYPE,
    byte_at,
    key_at,
    number_at,
    space_end,
    string_end,
    text_number,
)


@inlined
def _position(data: Any, at: Any, coordinates: Any, vertex: Any) -> Any:
    """Read the numbers of a position after its bracket; return where it ends, or -1."""
    count = 0
    while True:
        at, value, is_sure = number_at(data, at)
        if at < 0 or not is_sure or count > 3:
            return NONE
        if count < 2:
            coordinates[vertex, count] = value
        count += 1
        at = space_end(data, at)
        byte = byte_at(data, at)
        at = space_end(data, at + 1)
        if byte == CLOSE_LIST:
            return at if count > 1 else NONE
        if byte != COMMA:
            return NONE


@part
def _coordinates(
    data: Any,
    at: Any,
    coordinates: Any,
    ring_offsets: Any,
    ring_roles: Any,
    totals: Any,
    shape: Any,
) -> Any:
    """Read coordinates; return where they end, or -1.

    `shape` gets how deep positions are, and how many rings were closed.
    """
    level: Any = np.int64(0)
    deepest: Any = np.int64(0)
    ring_level: Any = np.int64(0)
    is_first = True
    shape[0] = shape[1] = 0
    while True:
        if byte_at(data, at) != OPEN_LIST:
            return NONE
        level += 1
        at = space_end(data, at + 1)
        byte = byte_at(data, at)
        if byte == OPEN_LIST and level < 4:
            continue
        if byte == CLOSE_LIST:
            # Nothing at all is plain; nothing somewhere inside is not.
            return space_end(data, at + 1) if level == 1 else NONE
        if deepest not in (0, level):
            return NONE
        deepest, ring_level = level, max(level - 1, 1)
        at = _position(data, at, coordinates, totals[0])
        if at < 0:
            return NONE
        totals[0] += 1
        while True:
            # Here the list at this level has ended.
            if level == ring_level:
                begin, last = ring_offsets[totals[1]], totals[0] - 1
                is_closed = coordinates[begin, 0] == coordinates[last, 0]
                is_closed = is_closed and coordinates[begin, 1] == coordinates[last, 1]
                if deepest > 2 and is_closed and last - begin > 2:
                    totals[0] -= 1
                    shape[1] += 1
                ring_roles[totals[1]] = not is_first
                is_first = False
                totals[1] += 1
                ring_offsets[totals[1]] = totals[0]
            elif level == ring_level - 1:
                is_first = True
            level -= 1
            if level == 0:
                shape[0] = deepest
                return at
            byte = byte_at(data, at)
            at = space_end(data, at + 1)
            if byte == COMMA:
                break
            if byte != CLOSE_LIST:
                return NONE


@part
def geometry_end(
    data: Any,
    at: Any,
    known: Any,
    rings: Any,
    totals: Any,
    shape: Any,
) -> Any:
    """Read a geometry after its brace; return where it ends, or -1.

    `shape` gets of what dimension it is: 1, 2, 3 as points, lines and areas.
    """
    coordinates, ring_offsets, ring_roles = rings
    first_ring, first_vertex = totals[1], totals[0]
    kind = NONE
    has_coordinates = False
    while True:
        key, at = key_at(data, at, known, totals)
        if key == TYPE and kind < 0:
            end = string_end(data, at)
            kind = text_number(data, at, end, known, totals)
            at = space_end(data, end)
        elif key == COORDINATES and not has_coordinates:
            has_coordinates = True
            at = _coordinates(data, at, coordinates, ring_offsets, ring_roles, totals, shape)
        else:
            return NONE
        if at < 0 or (kind < 0 and not has_coordinates):
            return NONE
        byte = byte_at(data, at)
        at = space_end(data, at + 1)
        if byte == CLOSE:
            break
        if byte != COMMA:
            return NONE
    count = totals[1] - first_ring
    if not has_coordinates or kind < POINT or kind > MULTI_POLYGON:
        return NONE
    depth = 1 if kind == POINT else 2 if kind <= LINE else 4 if kind == MULTI_POLYGON else 3
    is_area = kind >= POLYGON
    if shape[0] not in (0, depth) or shape[1] != (count if is_area else 0):
        return NONE
    shape[0] = 3 if is_area else 2 if kind >= LINE else 1
    if kind == MULTI_LINE:
        ring_roles[first_ring : totals[1]] = 0
    if kind == MULTI_POINT:
        for vertex in range(first_vertex, totals[0]):
            ring_roles[first_ring] = 0
            first_ring += 1
            ring_offsets[first_ring] = vertex + 1
        totals[1] = first_ring
    return at
