"""Rows and columns of a lattice: which points lie on one line, and which line is which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal, spatial

from wsi_lab.model.tma import LARGEST_SIDE

Floats = NDArray[np.float64]

_STEEPEST = np.radians(20)
"""Of a row that lies on the slide; beyond it, what is a row and what a column is a guess."""
_FARTHEST_LINE = 6
"""Pitches between two lines that follow each other."""
_MOST_POINTS = 4000


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one direction.

    Attributes
    ----------
    angle
        Of the lines' normal against its axis, in radians.
    places
        Where each line lies along the normal, in pixels, also those on which nothing was found;
        of lines that lack as many at either end as lack in all.
    pitch
        What two neighbours are apart, most often.
    count
        How many there are.
    begin
        The first of them, by the room that the slide has.
    """

    angle: float
    places: Floats
    pitch: float
    count: int
    begin: int

    def beginning(self, begin: int) -> Lines:
        """Return these lines alone, if they begin there."""
        there = self.places[begin : begin + self.count]
        return Lines(self.angle, there, self.pitch, self.count, 0)


def pitch_along(points: Floats, axis: int, radius: float) -> tuple[float, float] | None:
    """Return how far neighbours along an axis are apart, and at which angle to it.

    Returns `None` where no two are neighbours along it.
    """
    steps = _steps(points, axis, radius)
    if len(steps) == 0:
        return None
    tree = spatial.cKDTree(steps)
    near = np.array([len(each) for each in tree.query_ball_point(steps, 0.35 * radius)])
    # Two lines on which every second core lacks would tell twice the pitch as often.
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    best = int(np.argmax(near / np.sqrt(lengths)))
    same = steps[tree.query_ball_point(steps[best], 0.6 * radius)]
    along, across = np.median(same[:, axis]), np.median(same[:, 1 - axis])
    return float(np.hypot(along, across)), float(np.arctan2(across, along))


def best_angle(points: Floats, axis: int, about: float, reach: float, blur: float) -> float:
    """Return the angle at which the points, seen along the lines, crowd most.

    Parameters
    ----------
    axis
        The one that is about perpendicular to the lines: 1 (y) for rows.
    about, reach
        Angles from ``about - reach`` to ``about + reach`` are tried.
    blur
        Pixels that points may lie off their line.
    """
    for step in (reach / 20, reach / 200):
        tried = about + np.arange(-20, 21) * step
        crowds = [_crowding(along(points, axis, angle), blur) for angle in tried]
        about = float(tried[int(np.argmax(crowds))])
    return about


def along(points: Floats, axis: int, angle: float) -> Floats:
    """Return where points lie along the normal of lines."""
    sine, cosine = np.sin(angle), np.cos(angle)
    x, y = points[:, 0], points[:, 1]
    return np.asarray(x * cosine + y * sine if axis == 0 else y * cosine - x * sine)


def find_lines(  # noqa: PLR0917 (each is a number of its own)
    points: Floats,
    weights: Floats,
    axis: int,
    angle: float,
    pitch: float,
    room: tuple[float, float],
    count: int | None,
) -> Lines:
    """Return the lines on which points lie, those between them and beyond them included.

    Parameters
    ----------
    weights
        How much each point is to be believed.
    room
        From where to where the slide goes along the normal; lines on which nothing was found
        are added where there is more of it.
    count
        How many lines there are, where that is known.
    """
    where = along(points, axis, angle)
    places, support = _crowds(where, weights, pitch)
    chosen = _sequence(places, support, pitch, count)
    indices = np.array([index for _, index in chosen])
    known = places[[place for place, _ in chosen]]
    if len(chosen) > 1:
        steps = np.diff(known) / np.diff(indices)
        pitch = float(np.median(steps))
    span = int(indices[-1]) + 1
    lacking = 0 if count is None else count - span
    before = _before(float(known[0]), float(known[-1]), pitch, lacking, room)
    wanted = np.arange(-lacking, span + lacking)
    found = np.interp(wanted, indices, known)
    found = np.where(wanted < 0, known[0] + wanted * pitch, found)
    found = np.where(wanted > span - 1, known[-1] + (wanted - span + 1) * pitch, found)
    return Lines(angle, found, pitch, span + lacking, lacking - before)


def _steps(points: Floats, axis: int, radius: float) -> Floats:
    """Return from each point the step to the next one along an axis."""
    if len(points) < 2:
        return np.zeros((0, 2))
    if len(points) > _MOST_POINTS:
        middle = np.median(points, axis=0)
        order = np.argsort(np.abs(points - middle).max(axis=1))
        points = points[order[:_MOST_POINTS]]
    tree = spatial.cKDTree(points)
    _, near = tree.query(points, k=min(len(points), 13))
    steps = points[near[:, 1:]] - points[:, None, :]
    ahead, aside = steps[..., axis], np.abs(steps[..., 1 - axis])
    fits = (ahead > 1.2 * radius) & (aside <= np.tan(_STEEPEST) * ahead)
    lengths = np.where(fits, ahead, np.inf)
    nearest = lengths.argmin(axis=1)
    each = np.arange(len(points))
    has = np.isfinite(lengths[each, nearest])
    return np.asarray(steps[each, nearest][has])


def _crowding(where: Floats, blur: float) -> float:
    # Room at both ends: what is smoothed over them would be lost, and turning would regain it.
    places = ((where - where.min()) / (blur / 3)).astype(int) + 12
    counts = np.bincount(places, minlength=places.max() + 13).astype(np.float64)
    return float((ndimage.gaussian_filter1d(counts, 3.0, mode="constant") ** 2).sum())


def _crowds(where: Floats, weights: Floats, pitch: float) -> tuple[Floats, Floats]:
    """Return where points crowd, in order, and how many do."""
    fine = pitch / 40
    first = where.min() - pitch
    bins = int((np.ptp(where) + 2 * pitch) / fine) + 1
    counts = np.bincount(((where - first) / fine).astype(int), weights, bins)
    smooth = ndimage.gaussian_filter1d(counts, 5.0, mode="constant")
    peaks, _ = signal.find_peaks(smooth, distance=22)
    middles = first + (peaks + 0.5) * fine
    order = np.argsort(where)
    ends = np.searchsorted(where[order], middles + np.array([[-0.3], [0.3]]) * pitch)
    masses = np.append(0.0, np.cumsum(weights[order]))
    moments = np.append(0.0, np.cumsum((weights * where)[order]))
    support = masses[ends[1]] - masses[ends[0]]
    kept = support > 0
    return (moments[ends[1]] - moments[ends[0]])[kept] / support[kept], support[kept]


def _sequence(
    places: Floats, support: Floats, pitch: float, count: int | None
) -> list[tuple[int, int]]:
    """Return which crowds are lines, and the number of each, from 0.

    Of all ways to number them the one is taken that keeps most points, where steps are whole
    pitches: blocks of cores with a lane between them cost something, and a crowd in the wrong
    place costs more than it brings.
    """
    full = float(np.sort(support)[-max(1, len(support) // 3) :].mean())
    least = (0.12 if count is None else 0.05) * full
    most = LARGEST_SIDE if count is None else count
    gains = support - least
    best = np.full((len(places), most), -np.inf)
    came = np.full((len(places), most, 2), -1)
    for here in range(len(places)):
        best[here, 0] = gains[here]
        for there in range(here - 1, -1, -1):
            gap = (places[here] - places[there]) / pitch
            if gap > _FARTHEST_LINE:
                break
            for step in {max(1, int(gap)), max(1, int(np.ceil(gap))), 1}:
                if step >= most:
                    continue
                cost = 0.8 * full * min(1.0, ((gap - step) / 0.35) ** 2) + 0.1 * full * (step - 1)
                reached = best[there, : most - step] + gains[here] - cost
                better = reached > best[here, step:]
                best[here, step:][better] = reached[better]
                came[here, step:][better] = there, step
    here, index = (int(each) for each in np.unravel_index(int(best.argmax()), best.shape))
    found = [(here, index)]
    while came[here, index, 0] >= 0:
        there, step = (int(each) for each in came[here, index])
        here, index = there, index - step
        found.append((here, index))
    return [(place, number - index) for place, number in reversed(found)]


def _before(
    first: float, last: float, pitch: float, lacking: int, room: tuple[float, float]
) -> int:
    """Return how many of the lines that lack lie before the first that was found."""
    above, below = (first - room[0]) / pitch, (room[1] - last) / pitch
    return int(np.clip(round((lacking + above - below) / 2), 0, lacking))
