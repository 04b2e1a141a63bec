"""What looks like cores in a picture of a tissue microarray: round pieces of about one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

RADIUS = 8.0
"""Pixels: cores are looked for in a mask that is made so small that this is their radius."""

_BLOCKS = 48
"""Along the longer side, in each of which the background is looked for."""
_LEAST_CONTRAST = 0.03
"""Between tissue and background, as optical density. JPEG and dust make less."""
_DARK = 64
"""Of 255: a picture whose middle value is below glows on a dark ground."""
_SMALLEST = 5.0
"""Pixels of the picture: nothing can be said of the shape of what is smaller across."""
_LARGEST_SHARE = 0.5
"""Of the shorter side; a core that is larger has no others beside it."""
_MOST_CORES = 60_000


@dataclass(frozen=True, slots=True)
class Cores:
    """What may be cores, debris and parts of cores included.

    Attributes
    ----------
    centres
        ``(count, 2)``: x and y in pixels of the picture.
    likeness
        How much each is like a whole round core, up to 1.
    radius
        Of a core, in pixels of the picture.
    """

    centres: NDArray[np.float64]
    likeness: NDArray[np.float64]
    radius: float


def tissue(picture: NDArray[np.uint8]) -> Mask | None:
    """Return where tissue is, or `None` where nothing stands out from the background.

    The background may be brighter in some parts than in others.
    """
    seen = picture.astype(np.float32)
    if np.median(seen) < _DARK:
        seen = 255 - seen
    ground = _ground(seen)
    # The colour that is absorbed most: pale stains of any colour, and no bias for dark ones.
    density = np.log((ground + 1) / (seen + 1)).max(axis=2)
    density = ndimage.gaussian_filter(density, 1.0)
    top = float(np.percentile(density, 99.5))
    if not top > _LEAST_CONTRAST:
        return None
    threshold = otsu(np.clip(density, 0, top))
    below = density[density < threshold]
    above = density[density >= threshold]
    if not below.size or not above.size:
        return None
    level = float(np.median(below))
    noise = 1.4826 * float(np.median(np.abs(below - level)))
    if float(np.median(above)) - level < max(_LEAST_CONTRAST, 3 * noise):
        return None
    # Cores at the pale end of a gradient lie below a threshold that is one for all.
    low = level + max(0.45 * (threshold - level), 4 * noise, _LEAST_CONTRAST / 2)
    return np.asarray(density > min(low, threshold))


def otsu(values: Floats) -> float:
    """Return the value that parts two groups best.

    Examples
    --------
    >>> 1 < otsu(np.array([0.0, 1.0, 1.0, 8.0, 9.0])) < 8
    True
    """
    counts, edges = np.histogram(values, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    apart = np.nan_to_num(apart[:-1], nan=0.0, posinf=0.0)
    # Between two groups that are far apart anything parts them alike: take the middle.
    best = np.flatnonzero(apart >= apart.max() * (1 - 1e-9))
    return float((edges[best[0] + 1] + edges[best[-1] + 1]) / 2)


def likely_radii(mask: Mask, most: int = 3) -> list[float]:
    """Return the radii that cores may have, in pixels, the likeliest first.

    That is what most of the tissue that is in round pieces is made of; specks are many but
    small, and what is torn or merged is not round.
    """
    labels, count = ndimage.label(ndimage.binary_opening(mask))
    if not count:
        return []
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64)
    sides = np.array(
        [(part[0].stop - part[0].start, part[1].stop - part[1].start)
         for part in ndimage.find_objects(labels)],
        np.float64,
    )  # fmt: skip
    long, short = sides.max(axis=1), sides.min(axis=1)
    filled = areas / (np.pi / 4 * long * short)
    fits = (short >= _SMALLEST) & (long <= _LARGEST_SHARE * min(mask.shape))
    is_round = fits & (long < 1.5 * short) & (filled > 0.5)
    if not is_round.any():
        return []
    # The sides tell the size of a core that has holes better than its area does.
    across = np.sqrt(long * short)[is_round]
    step = 0.06
    places = np.log(across) / step
    first = np.floor(places.min()) - 4
    weights = np.bincount((places - first).astype(int), areas[is_round])
    smooth = ndimage.gaussian_filter1d(np.append(weights, np.zeros(8)), 2.0)
    peaks, _ = signal.find_peaks(np.concatenate([[0.0], smooth, [0.0]]))
    peaks = peaks - 1
    best = peaks[np.argsort(smooth[peaks])[::-1]][:most]
    return [
        float(np.exp((place + first + 0.5) * step)) / 2
        for place in best
        if smooth[place] > 0.1 * smooth[best[0]]
    ]


def find_cores(mask: Mask, radius: float) -> Cores:
    """Return what may be cores of a radius, merged ones apart."""
    scale = max(1.0, radius / RADIUS)
    small = _reduced(mask, scale)
    own = radius / scale
    disc, ring = _disc(own), _disc(1.5 * own)
    inner = disc / disc.sum()
    padded = np.pad(inner, (len(ring) - len(disc)) // 2)
    outer = ring * (padded == 0)
    inside = signal.fftconvolve(small, inner, mode="same")
    around = signal.fftconvolve(small, outer / outer.sum(), mode="same")
    # Neighbours that touch fill a part of what is around.
    answer = ndimage.gaussian_filter(inside - 0.6 * around, own / 6)
    # A square of the same reach takes a fiftieth of the time that a disc takes.
    highest = ndimage.maximum_filter(answer, 2 * round(0.85 * own) + 1)
    found = np.argwhere((answer == highest) & (answer > 0.2))[:_MOST_CORES]
    likeness = answer[found[:, 0], found[:, 1]]
    centres = np.column_stack([_summits(answer, found, 1), _summits(answer, found, 0)])
    likeness = np.minimum(likeness, 1.0).astype(np.float64)
    return Cores(np.asarray((centres + 0.5) * scale - 0.5, np.float64), likeness, radius)


def share_of_tissue(mask: Mask, centres: NDArray[np.float64], radius: float) -> Floats:
    """Return how much of each disc of a radius is tissue, from 0 to 1."""
    scale = max(1.0, radius / RADIUS)
    small = _reduced(mask, scale)
    disc = _disc(radius / scale)
    shares = signal.fftconvolve(small, disc / disc.sum(), mode="same")
    places = np.round((centres + 0.5) / scale - 0.5).astype(int)
    rows = np.clip(places[:, 1], 0, small.shape[0] - 1)
    columns = np.clip(places[:, 0], 0, small.shape[1] - 1)
    return np.asarray(np.clip(shares[rows, columns], 0, 1))


def _ground(seen: Floats) -> Floats:
    """Return what the picture would be without tissue: a smooth surface for each colour."""
    height, width = seen.shape[:2]
    side = min(max(4, -(-max(height, width) // _BLOCKS)), height, width)
    rows, columns = height // side, width // side
    blocks = seen[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    bright = np.percentile(blocks[:, ::2, :, ::2], 90, axis=(1, 3)).reshape(-1, 3)
    y, x = np.mgrid[:rows, :columns]
    terms = _terms((x.ravel() + 0.5) * side / width, (y.ravel() + 0.5) * side / height)
    surface = np.empty_like(seen)
    ys, xs = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    for colour in range(3):
        values = bright[:, colour]
        kept = np.ones(len(values), bool)
        weights: Floats = np.zeros(terms.shape[1])
        for _ in range(8):
            weights = np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
            missed = values - terms @ weights
            # Blocks that are full of tissue are darker; none are brighter but by noise.
            spread = max(2.0, 1.4826 * float(np.median(np.abs(missed[kept]))))
            then = missed > -2 * spread
            if then.sum() < 2 * terms.shape[1] or (then == kept).all():
                break
            kept = then
        surface[..., colour] = _surface(weights, xs, ys)
    return np.asarray(np.clip(surface, 1, 255))


def _terms(x: Floats, y: Floats) -> Floats:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _surface(weights: Floats, xs: Floats, ys: Floats) -> Floats:
    one, x, y, xx, xy, yy = (float(each) for each in weights)
    along = (one + x * xs + xx * xs * xs)[None, :]
    down = (y * ys + yy * ys * ys)[:, None]
    return (along + down + xy * ys[:, None] * xs[None, :]).astype(np.float32)


def _reduced(mask: Mask, scale: float) -> Floats:
    if scale <= 1:
        return mask.astype(np.float32)
    smooth = ndimage.uniform_filter(mask.astype(np.float32), max(1, round(scale)))
    rows = max(1, round(mask.shape[0] / scale))
    columns = max(1, round(mask.shape[1] / scale))
    ys = (np.arange(rows) + 0.5) * scale - 0.5
    xs = (np.arange(columns) + 0.5) * scale - 0.5
    at = np.meshgrid(ys, xs, indexing="ij")
    return np.asarray(ndimage.map_coordinates(smooth, at, order=1, mode="nearest"))


def _disc(radius: float) -> Floats:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(np.clip(radius + 0.5 - np.hypot(x, y), 0, 1), np.float32)


def _summits(answer: Floats, found: NDArray[np.intp], axis: int) -> Floats:
    """Return where highest points are along an axis, between pixels."""
    step = np.eye(2, dtype=int)[axis]
    last = np.array(answer.shape) - 1
    before, after = (
        answer[tuple(np.clip(found + way * step, 0, last).T)].astype(np.float64) for way in (-1, 1)
    )
    bend = before + after - 2 * answer[tuple(found.T)]
    moved = 0.5 * (before - after) / np.minimum(bend, -1e-6)
    return np.asarray(found[:, axis] + np.clip(moved, -0.5, 0.5))
