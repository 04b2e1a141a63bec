"""A synthetic H&E section, so that everybody measures the same slide without downloading one.

What matters to a tile server is that JPEG tiles have the size and the variety of real ones:
cloudy eosin, fibres, about one nucleus per thousand pixels, sensor noise, and a third of bare
glass. The same seed paints the same slide everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

BLOCK = 3840
"""Painted piece by piece: a multiple of both tile sizes, 240 and 256."""

MASK_CELL = 64
GLASS_SHARE = 0.35
STAINS = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]], np.float32)
"""Optical density of haematoxylin and eosin in red, green, blue (Ruifrok and Johnston, 2001)."""


@dataclass(frozen=True)
class Painting:
    """A slide as large as wanted, of which one block is in memory at a time."""

    width: int
    height: int
    tissue: np.ndarray
    glass: np.ndarray
    mask: Image.Image

    @classmethod
    def of_size(cls, width: int, height: int, *, texture_side: int) -> Painting:
        rng = np.random.default_rng(20261125)
        noise = rng.normal(243, 1.2, (texture_side, texture_side, 3))
        return cls(
            width=width,
            height=height,
            tissue=_tissue(texture_side, rng),
            glass=noise.clip(0, 255).astype(np.uint8),
            mask=_mask(width, height, rng),
        )

    def block(self, column: int, row: int) -> np.ndarray:
        """Return ``(rows, columns, 3) uint8``, cut off where the slide ends."""
        left, top = column * BLOCK, row * BLOCK
        width, height = min(BLOCK, self.width - left), min(BLOCK, self.height - top)
        # Every block starts elsewhere in the texture, which has no seam: no two tiles are alike.
        rng = np.random.default_rng((column, row))
        side = len(self.tissue)
        rows = (np.arange(height) + rng.integers(side)) % side
        columns = (np.arange(width) + rng.integers(side)) % side
        box = tuple(edge / MASK_CELL for edge in (left, top, left + width, top + height))
        shore = np.asarray(self.mask.resize((width, height), Image.Resampling.BILINEAR, box=box))
        out = np.empty((height, width, 3), np.uint8)
        for start in range(0, height, 256):
            here = slice(start, start + 256)
            weight = (np.clip(shore[here] * 60 + 0.5, 0, 1) * 256).astype(np.uint16)[..., None]
            if weight.min() == 256:
                out[here] = self.tissue[rows[here]][:, columns]
            elif weight.max() == 0:
                out[here] = self.glass[rows[here]][:, columns]
            else:
                tissue = self.tissue[rows[here]][:, columns] * weight
                out[here] = (tissue + self.glass[rows[here]][:, columns] * (256 - weight)) >> 8
        return out


def _tissue(side: int, rng: np.random.Generator) -> np.ndarray:
    def octave(cell: int) -> np.ndarray:
        return _smooth_noise(side, side, cell, rng, wrap=True)

    weights = {1024: 0.5, 256: 0.35, 64: 0.28, 16: 0.30, 8: 0.34, 4: 0.30, 2: 0.10}
    cloud = sum(octave(cell) * weight for cell, weight in weights.items())
    fibre = np.sin(octave(512) * 9 + octave(64) * 1.6) * 0.35 + octave(8) * 0.06
    nuclei = _nuclei(side, octave(512), rng)
    chromatin = np.clip(1 + 0.30 * octave(4) + 0.15 * octave(8), 0.4, 1.7)
    eosin = np.clip(0.55 + 0.22 * cloud + 0.18 * fibre, 0.03, 1.5)
    eosin *= 1 - 0.35 * np.minimum(nuclei, 1)
    haematoxylin = np.clip(0.10 + 0.05 * cloud, 0, 1) + nuclei * chromatin
    out = np.empty((side, side, 3), np.uint8)
    for channel in range(3):
        density = haematoxylin * STAINS[0, channel] + eosin * STAINS[1, channel] * 0.62
        grain = rng.standard_normal((side, side), np.float32) * 2.5
        out[..., channel] = np.clip(250 * np.exp(-density) + grain, 0, 255)
    return out


def _nuclei(side: int, crowding: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw soft-edged ellipses, denser where `crowding` is high; they wrap around the edges."""
    out = np.zeros((side, side), np.float32)
    wanted = side * side // 1100
    xs, ys = rng.integers(0, side, wanted), rng.integers(0, side, wanted)
    kept = rng.random(wanted) < 1 / (1 + np.exp(-1.6 * crowding[ys, xs]))
    reach = np.arange(-24, 25)
    dy, dx = np.meshgrid(reach, reach, indexing="ij")
    for x, y in zip(xs[kept], ys[kept], strict=True):
        long = min(float(rng.gamma(14, 0.62)), 22.0)
        short = long * rng.uniform(0.55, 1)
        turn = rng.uniform(0, np.pi)
        along = dx * np.cos(turn) + dy * np.sin(turn)
        across = dy * np.cos(turn) - dx * np.sin(turn)
        inside = (1 - np.hypot(along / long, across / short)) * short
        drawn = np.clip(inside / 2.2 + 0.5, 0, 1) * rng.uniform(0.55, 1.1)
        place = np.ix_((y + reach) % side, (x + reach) % side)
        out[place] = np.maximum(out[place], drawn)
    return out


def _mask(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Return where tissue lies: above 0 tissue, below glass, one pixel per `MASK_CELL`."""
    columns, rows = -(-width // MASK_CELL), -(-height // MASK_CELL)
    shape = _smooth_noise(columns, rows, max(columns, rows) // 12, rng)
    shape += 0.25 * _smooth_noise(columns, rows, max(columns, rows) // 96 or 1, rng)
    return Image.fromarray(shape - np.float32(np.quantile(shape, GLASS_SHARE)))


def _smooth_noise(
    width: int, height: int, cell: int, rng: np.random.Generator, *, wrap: bool = False
) -> np.ndarray:
    """Return ``(height, width) float32`` that varies smoothly over about `cell` pixels."""
    columns, rows = -(-width // cell), -(-height // cell)
    coarse = rng.standard_normal((rows, columns), np.float32)
    margin = 2
    padded = np.pad(coarse, margin, mode="wrap" if wrap else "edge")
    size = (padded.shape[1] * cell, padded.shape[0] * cell)
    fine = np.asarray(Image.fromarray(padded).resize(size, Image.Resampling.BICUBIC))
    start = margin * cell
    return fine[start : start + height, start : start + width].copy()
