"""What pathologists ask a tile server for: views of a screen that pans and zooms."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count

from bench.stored import StoredLevel

VIEW_WIDTH, VIEW_HEIGHT = 1920, 1080
STEPS_PER_READER = 60
MOST_TILES_OF_A_BUNDLE = 256


@dataclass(frozen=True, order=True)
class Tile:
    """A stored tile; level 0 is the full resolution."""

    level: int
    column: int
    row: int


View = tuple[Tile, ...]
"""The tiles of one level that a view shows for the first time."""


def views(levels: list[StoredLevel], *, tiles: int, seed: int) -> list[View]:
    """Return the views of as many readers as it takes to see about that many tiles.

    Their order is shuffled, so that a slow server, which gets through fewer of them in its
    time, is asked for the same mixture of levels as a fast one.
    """
    found: list[View] = []
    seen = 0
    for reader in count(seed):
        for view in _reader(levels, random.Random(reader)):
            found.append(view)
            seen += len(view)
        if seen >= tiles:
            break
    random.Random(seed).shuffle(found)
    return found


def _reader(levels: list[StoredLevel], chance: random.Random) -> list[View]:
    """One reader starts from an overview, zooms in and out and pans by 0.2 to 0.9 of a view."""
    overview = len(levels) - 1
    while overview > 0 and levels[overview].width < VIEW_WIDTH / 2:
        overview -= 1
    level = overview
    x, y = levels[0].width / 2, levels[0].height / 2
    seen: set[Tile] = set()
    found: list[View] = []
    for _ in range(STEPS_PER_READER):
        act = chance.random()
        if act < 0.25 and level > 0:
            level -= 1
        elif act < 0.35 and level < overview:
            level += 1
        else:
            part = chance.uniform(0.2, 0.9) * levels[level].downsample
            x += chance.choice((-1, 0, 1)) * part * VIEW_WIDTH
            y += chance.choice((-1, 0, 1)) * part * VIEW_HEIGHT
        x = min(max(x, 0), levels[0].width - 1)
        y = min(max(y, 0), levels[0].height - 1)
        new = tuple(tile for tile in _shown(levels, level, x, y) if tile not in seen)
        if new:
            seen.update(new)
            found.append(new[:MOST_TILES_OF_A_BUNDLE])
    return found


def _shown(levels: list[StoredLevel], level: int, x: float, y: float) -> list[Tile]:
    """Return the tiles under a view centred on a level-0 pixel; never those over the edge.

    A tile that reaches over the edge of the slide is painted anew by servers that show white
    there, so it says nothing about handing out stored ones.
    """
    here = levels[level]
    centre_x, centre_y = x / here.downsample, y / here.downsample
    left, right = centre_x - VIEW_WIDTH / 2, centre_x + VIEW_WIDTH / 2
    top, bottom = centre_y - VIEW_HEIGHT / 2, centre_y + VIEW_HEIGHT / 2
    columns = range(max(int(left // here.tile), 0), min(int(right // here.tile) + 1, here.columns))
    rows = range(max(int(top // here.tile), 0), min(int(bottom // here.tile) + 1, here.rows))
    return [
        Tile(level, column, row)
        for row in rows
        for column in columns
        if (column + 1) * here.tile <= here.width and (row + 1) * here.tile <= here.height
    ]
