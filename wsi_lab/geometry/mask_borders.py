# ruff: noqa: C901, PLR0912, PLR0917 - kernels take their arguments by place, and calls within them cost
"""The borders of the areas of a mask, compiled.

A mask is read as rows of bytes, one or two to a pixel. A run is pixels of one value side by side;
runs that touch from row to row are a group. A border is followed with its area on the right hand;
each goes up along the left side of some run, and each left side is part of one border.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wsi_lab.geometry.compiled import compiled, part


@part
def _value(mask: Any, depth: Any, row: Any, column: Any) -> Any:
    """Return the value of a pixel, 0 outside."""
    if row < 0 or column < 0 or row >= mask.shape[0] or (column + 1) * depth > mask.shape[1]:
        return 0
    if depth == 1:
        return np.int64(mask[row, column])
    return np.int64(mask[row, column * 2]) | np.int64(mask[row, column * 2 + 1]) << 8


@compiled("u1[,] i8")
def count_runs(mask: Any, depth: Any) -> Any:
    """Return how many runs there are."""
    count = 0
    for row in range(mask.shape[0]):
        before = 0
        for column in range(mask.shape[1] // depth):
            value = _value(mask, depth, row, column)
            if value not in (0, before):
                count += 1
            before = value
    return count


@part
def _root(groups: Any, run: Any) -> Any:
    while groups[run] != run:
        groups[run] = groups[groups[run]]
        run = groups[run]
    return run


@compiled("u1[,] i8 !i8[] !i4[] !i4[] !i8[]")
def find_runs(mask: Any, depth: Any, row_starts: Any, starts: Any, ends: Any, groups: Any) -> None:
    """Write where runs begin and end, and the first run of the group that each is in."""
    count = previous = 0
    for row in range(mask.shape[0]):
        row_starts[row] = count
        before = 0
        for column in range(mask.shape[1] // depth):
            value = _value(mask, depth, row, column)
            if value != before:
                if before:
                    ends[count - 1] = column
                if value:
                    starts[count] = column
                    groups[count] = count
                    count += 1
                before = value
        if before:
            ends[count - 1] = mask.shape[1] // depth
        above = previous
        previous = row_starts[row]
        for run in range(previous, count):
            while above < previous and ends[above] <= starts[run]:
                above += 1
            touching = above
            value = _value(mask, depth, row, starts[run])
            while touching < previous and starts[touching] < ends[run]:
                if _value(mask, depth, row - 1, starts[touching]) == value:
                    one, other = _root(groups, run), _root(groups, touching)
                    groups[max(one, other)] = min(one, other)
                touching += 1
    row_starts[mask.shape[0]] = count
    for run in range(count):
        groups[run] = _root(groups, run)


@part
def _run_at(starts: Any, first: Any, end: Any, column: Any) -> Any:
    """Return the first run of a row that begins at a column or after it."""
    while first < end:
        middle = (first + end) // 2
        if starts[middle] < column:
            first = middle + 1
        else:
            end = middle
    return first


@compiled("u1[,] i8 i8[] i4[] i8[] !u1[] !i4[,] !i8[] !i8[]")
def follow_borders(
    mask: Any,
    depth: Any,
    row_starts: Any,
    starts: Any,
    groups: Any,
    seen: Any,
    corners: Any,
    border_ends: Any,
    border_runs: Any,
) -> Any:
    """Write the corners of all borders, and with which run each begins; return how many."""
    borders = corner = 0
    for first_row in range(mask.shape[0]):
        for run in range(row_starts[first_row], row_starts[first_row + 1]):
            if seen[run]:
                continue
            value = _value(mask, depth, first_row, starts[run])
            x, y = starts[run], first_row + 1
            # How far x and y go with a step; first up.
            step_x, step_y = 0, -1
            while True:
                if step_y == -1:
                    place = _run_at(starts, row_starts[y - 1], row_starts[y], x)
                    if seen[place]:
                        break
                    seen[place] = 1
                x += step_x
                y += step_y
                # The pixels that meet ahead, right and left of the way.
                right_x, right_y = x, y
                left_x, left_y = x, y
                if step_y == -1:
                    right_y, left_x, left_y = y - 1, x - 1, y - 1
                elif step_x == 1:
                    left_y = y - 1
                elif step_y == 1:
                    right_x = x - 1
                else:
                    right_x, right_y, left_x = x - 1, y - 1, x - 1
                is_right = _value(mask, depth, right_y, right_x) == value
                is_left = _value(mask, depth, left_y, left_x) == value
                if is_left and not is_right:
                    # Two pixels meet at a corner only. Where they are of one group the border
                    # goes on along the other, or else it would touch itself here.
                    met = _run_at(starts, row_starts[left_y], row_starts[left_y + 1], left_x + 1)
                    is_left = is_right = groups[met - 1] == groups[run]
                if not is_right:
                    step_x, step_y = -step_y, step_x
                elif is_left:
                    step_x, step_y = step_y, -step_x
                else:
                    continue
                corners[corner, 0], corners[corner, 1] = x, y
                corner += 1
            border_ends[borders], border_runs[borders] = corner, run
            borders += 1
    return borders
