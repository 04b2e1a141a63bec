"""A million shapes like nuclei: 12 to 20 vertices, six classes, dense where tissue is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

WIDTH, HEIGHT = 49152, 40960
CLASSES = ("neoplastic", "inflammatory", "connective", "dead", "epithelial", "other")
SHARES = (0.35, 0.25, 0.2, 0.02, 0.13, 0.05)
VIEW = (2560, 1440)
RECIPE = 1
"""Part of the file's name: raise it when other shapes are made."""


class Nuclei(NamedTuple):
    """Shapes as columns.

    Attributes
    ----------
    vertices
        ``(vertices, 2) float64`` level-0 pixels, on a grid of quarters.
    starts
        ``(shapes + 1,)``: where each shape begins.
    classes
        ``(shapes,) uint8``.
    scores
        ``(shapes,) float32``.
    """

    vertices: NDArray[np.float64]
    starts: NDArray[np.int64]
    classes: NDArray[np.uint8]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.classes)


def nuclei(folder: Path, count: int) -> Nuclei:
    """Return so many shapes, made once and kept."""
    path = folder / f"nuclei-{count}-{RECIPE}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, **_made(count)._asdict())
    with np.load(path) as kept:
        return Nuclei(**{name: kept[name] for name in Nuclei._fields})


def polygons(shapes: Nuclei) -> NDArray[np.object_]:
    """Return them as shapely has them."""
    counts = np.diff(shapes.starts)
    rings = shapely.linearrings(shapes.vertices, indices=np.repeat(np.arange(len(shapes)), counts))
    return np.asarray(shapely.polygons(rings))


def boxes(shapes: Nuclei) -> NDArray[np.float64]:
    """Return ``(shapes, 4)``: left, top, right, bottom."""
    least = np.minimum.reduceat(shapes.vertices, shapes.starts[:-1])
    most = np.maximum.reduceat(shapes.vertices, shapes.starts[:-1])
    return np.hstack((least, most))


def views(shapes: Nuclei, count: int = 60) -> list[tuple[float, float, float, float]]:
    """Return boxes as large as a screen, in tissue."""
    chance = np.random.default_rng(5)
    middles = shapes.vertices[shapes.starts[chance.integers(0, len(shapes), count)]]
    half = np.array(VIEW) / 2
    return [
        (float(x - half[0]), float(y - half[1]), float(x + half[0]), float(y + half[1]))
        for x, y in middles
    ]


def _made(count: int) -> Nuclei:
    chance = np.random.default_rng(3)
    middles = _middles(chance, count)
    counts = chance.integers(12, 21, count)
    starts = np.concatenate(([0], np.cumsum(counts)))
    which = np.repeat(np.arange(count), counts)
    angle = 2 * np.pi * (np.arange(starts[-1]) - starts[which]) / counts[which]
    long = chance.gamma(14, 0.62, count)
    short = long * chance.uniform(0.55, 1, count)
    turn = chance.uniform(0, np.pi, count)
    uneven = 1 + 0.08 * np.sin(3 * angle + 7 * turn[which]) + chance.normal(0, 0.02, len(angle))
    along, across = long[which] * np.cos(angle) * uneven, short[which] * np.sin(angle) * uneven
    cosine, sine = np.cos(turn)[which], np.sin(turn)[which]
    vertices = middles[which] + np.column_stack(
        (along * cosine - across * sine, along * sine + across * cosine)
    )
    quarters = np.rint(np.clip(vertices, 0, (WIDTH - 1, HEIGHT - 1)) * 4) / 4
    return Nuclei(
        quarters,
        starts.astype(np.int64),
        chance.choice(len(CLASSES), count, p=SHARES).astype(np.uint8),
        chance.random(count, np.float32),
    )


def _middles(chance: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return places that are more likely the more tissue there is: a smooth random field."""
    tried = chance.random((3 * count, 2)) * (WIDTH - 80, HEIGHT - 80) + 40
    field = chance.standard_normal((26, 31))
    across, down = tried[:, 0] / WIDTH * 29, tried[:, 1] / HEIGHT * 24
    column, row = across.astype(int), down.astype(int)
    right, below = across - column, down - row
    tissue = (
        field[row, column] * (1 - right) * (1 - below)
        + field[row, column + 1] * right * (1 - below)
        + field[row + 1, column] * (1 - right) * below
        + field[row + 1, column + 1] * right * below
    )
    kept = tried[chance.random(len(tried)) < 1 / (1 + np.exp(-4 * (tissue + 0.35)))]
    return kept[:count]
