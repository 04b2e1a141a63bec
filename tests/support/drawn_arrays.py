"""Pictures of tissue microarrays that nobody stained, with where their cores are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

STAINS = np.array([[196, 120, 170], [165, 110, 75], [176, 186, 214], [150, 90, 150]], np.float64)
"""Eosin, DAB, pale haematoxylin, H&E."""


@dataclass(frozen=True, slots=True)
class DrawnArray:
    """A picture, and what is drawn on it.

    Attributes
    ----------
    centres
        ``(rows, columns, 2)``: x and y of each core, or of the place where one lacks, with the
        corner of the picture at 0, 0.
    has_core
        ``(rows, columns)``
    """

    picture: NDArray[np.uint8]
    centres: NDArray[np.float64]
    has_core: NDArray[np.bool_]
    radius: float


def drawn_array(
    seed: int,
    *,
    rows: int | None = None,
    columns: int | None = None,
    longest: int = 1200,
    missing: float = 0.2,
    steepest: float = 5.0,
    debris: int | None = None,
    merged: int = 2,
    lane: bool = False,
) -> DrawnArray:
    """Draw a microarray: turned, gradients in stain and light, cores missing, torn, merged."""
    chance = np.random.default_rng(seed)
    rows = int(chance.integers(4, 13)) if rows is None else rows
    columns = int(chance.integers(4, 17)) if columns is None else columns
    angle = np.radians(chance.uniform(-steepest, steepest))
    aspect = chance.uniform(0.9, 1.15)
    margin = chance.uniform(0.8, 2.5, 4)
    gap = 0.6 if lane else 0.0
    u = np.arange(columns) + gap * (np.arange(columns) >= columns // 2)
    v = np.arange(rows) * aspect
    wide, high = u[-1] + margin[0] + margin[1], v[-1] + margin[2] + margin[3]
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    room = np.abs(turned) @ np.array([wide, high])
    pitch = longest / room.max()
    width, height = (int(each) for each in np.ceil(room * pitch))
    radius = pitch * min(1, aspect) * chance.uniform(0.28, 0.4)
    middle = np.array([wide, high]) / 2
    places = np.stack(np.meshgrid(u + margin[0], v + margin[2]), axis=-1) - middle
    centres = places @ turned.T * pitch + np.array([width, height]) / 2
    # A section is stretched here and there.
    bend = np.sin(np.linspace(0, np.pi, rows))[:, None, None] * chance.normal(0, 0.05 * pitch, 2)
    centres = centres + bend * np.linspace(-1, 1, columns)[None, :, None]
    has_core = chance.random((rows, columns)) >= missing
    for line in (has_core[0], has_core[-1], has_core[:, 0], has_core[:, -1]):
        # What lacks as a whole at a side cannot be seen.
        line[chance.integers(len(line))] = True
    shown = centres + chance.normal(0, 0.03 * pitch, centres.shape)
    density = np.zeros((height, width))
    # Pairs that lie against each other, with a bridge of tissue between.
    bridges = []
    for row, column in chance.permutation(np.argwhere(has_core[:, :-1] & has_core[:, 1:]))[:merged]:
        step = shown[row, column + 1] - shown[row, column]
        shown[row, column] += 0.08 * step
        shown[row, column + 1] -= 0.08 * step
        bridges.append(shown[row, column] + 0.42 * step)
    for at in shown[has_core]:
        _core(density, chance, at, radius * chance.uniform(0.92, 1.06))
    for at in bridges:
        _blot(density, at, 0.6 * radius, 1.0)
    centres[has_core] = shown[has_core]
    for _ in range(int(chance.integers(5, 60)) if debris is None else debris):
        at = chance.random(2) * (width, height)
        _blot(density, at, chance.uniform(0.05, 0.45) * radius, chance.uniform(0.4, 2.0))
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    slope = chance.uniform(-1, 1, 2)
    density *= 1 + 0.5 * (slope[0] * x + slope[1] * y) / max(1.0, np.abs(slope).sum())
    light = 242 * (1 - chance.uniform(0, 0.22) * (x * x + y * y) / 2)
    stain = STAINS[chance.integers(len(STAINS))]
    absorbed = -np.log(stain / 245)
    seen = light[..., None] * np.exp(-density[..., None] * absorbed)
    seen += chance.normal(0, 3, seen.shape)
    return DrawnArray(np.clip(seen, 0, 255).astype(np.uint8), centres, has_core, radius)


def blots(
    chance: np.random.Generator, shape: tuple[int, int], count: int, radius: float
) -> NDArray[np.uint8]:
    """Draw pieces of tissue like cores, in no order at all."""
    density = np.zeros(shape)
    for _ in range(count):
        _core(density, chance, chance.random(2) * shape[::-1], radius)
    grey = (240 * np.exp(-0.5 * density)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _core(
    density: NDArray[np.float64],
    chance: np.random.Generator,
    at: NDArray[np.float64],
    radius: float,
) -> None:
    reach = int(radius * 1.5) + 2
    top, left = int(at[1]) - reach, int(at[0]) - reach
    y, x = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    dx, dy = x + 0.5 - at[0], y + 0.5 - at[1]
    around = np.arctan2(dy, dx)
    edge = radius * (1 + 0.05 * np.sin(3 * around + chance.uniform(0, 6)))
    core = np.clip(edge - np.hypot(dx, dy) + 0.5, 0, 1)
    grain = ndimage.gaussian_filter(chance.normal(size=core.shape), max(1.0, radius / 12))
    grain /= max(1e-9, grain.std())
    # Glands and fat leave holes.
    core *= np.clip(1 + 0.35 * grain, 0.1, 2) * (grain > chance.uniform(-3.0, -0.8))
    kind = chance.random()
    if kind < 0.08:
        # Folded over, or torn off, along a line through it.
        side = np.cos(around - chance.uniform(0, 6.3)) * np.hypot(dx, dy)
        core *= np.where(side > chance.uniform(0.0, 0.6) * radius, 0, 1)
    _add(density, core * chance.uniform(0.7, 1.2), top, left)


def _blot(
    density: NDArray[np.float64], at: NDArray[np.float64], radius: float, dark: float
) -> None:
    reach = int(radius) + 2
    top, left = int(at[1]) - reach, int(at[0]) - reach
    y, x = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    blot = np.clip(radius - np.hypot(x + 0.5 - at[0], y + 0.5 - at[1]) + 0.5, 0, 1)
    _add(density, blot * dark, top, left)


def _add(density: NDArray[np.float64], part: NDArray[np.float64], top: int, left: int) -> None:
    height, width = density.shape
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(height, top + part.shape[0]), min(width, left + part.shape[1])
    if y1 > y0 and x1 > x0:
        density[y0:y1, x0:x1] = np.maximum(
            density[y0:y1, x0:x1], part[y0 - top : y1 - top, x0 - left : x1 - left]
        )
