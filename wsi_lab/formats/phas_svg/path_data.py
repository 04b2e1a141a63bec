"""The ``d`` of SVG's paths: commands and numbers, as curves."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.repairing import flattened
from wsi_lab.model.annotation import FARTHEST

MOST_NUMBERS = 1_000_000
MOST_COMMANDS = 20_000
"""Of all paths of a document."""
_COMMAND = re.compile(r"([MmZzLlHhVvCcSsQqTtAa])([^MmZzLlHhVvCcSsQqTtAa]*)")
_LETTER = re.compile("[A-DF-Za-df-z]")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_BETWEEN = re.compile(r"[^\s,]")
_SIZES = {"M": 2, "L": 2, "T": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "A": 7, "Z": 0}

Curves = NDArray[np.float64]
"""``(curves, 4, 2)``."""


@dataclass(slots=True)
class Subpath:
    """A path without a break: where it starts, its curves, and whether it is closed."""

    start: NDArray[np.float64]
    curves: list[Curves] = field(default_factory=list)
    is_closed: bool = False

    def corners(self) -> NDArray[np.float64]:
        """Return it as a chain of lines; closed ones do not repeat their first corner."""
        if not self.curves:
            return self.start[None]
        found = flattened(np.concatenate(self.curves))
        if self.is_closed and len(found) > 1 and np.array_equal(found[0], found[-1]):
            return found[:-1]
        return found


def commands_in(data: str) -> int:
    """Return how many commands a path has."""
    return len(_LETTER.findall(data))


def subpaths_of(data: str) -> list[Subpath]:
    """Return the subpaths of a path.

    Raises
    ------
    Invalid
        It is not written as paths are.
    TooLarge
        It has more commands or numbers than anybody draws.

    Examples
    --------
    >>> subpaths_of("M1 1h3v3z")[0].corners().tolist()
    [[1.0, 1.0], [4.0, 1.0], [4.0, 4.0]]
    """
    drawing = _Drawing()
    end = numbers = 0
    for command in _COMMAND.finditer(data):
        if command.start() != end and _NOT_BETWEEN.search(data, end, command.start()):
            raise _not_understood()
        end = command.end()
        said = _numbers(command[2], command[1].upper())
        numbers += len(said)
        if numbers > MOST_NUMBERS:
            raise TooLarge(f"A path may have at most {MOST_NUMBERS:,} numbers.")
        drawing.draw(command[1], said)
    if _NOT_BETWEEN.search(data, end):
        raise _not_understood()
    return drawing.subpaths


def numbers_of(text: str) -> NDArray[np.float64]:
    """Return a list of numbers, divided by blanks or commas or not at all."""
    found = np.fromiter(map(float, _number_texts(text)), np.float64)
    if not np.all(np.abs(found) <= FARTHEST):
        raise Invalid("Its places are not finite, or lie farther out than any slide.")
    return found


def _number_texts(text: str) -> Iterator[str]:
    end = 0
    for count, number in enumerate(islice(_NUMBER.finditer(text), MOST_NUMBERS + 1)):
        if count == MOST_NUMBERS:
            raise TooLarge(f"A path may have at most {MOST_NUMBERS:,} numbers.")
        if number.start() != end and _NOT_BETWEEN.search(text, end, number.start()):
            raise _not_understood()
        end = number.end()
        yield number[0]
    if _NOT_BETWEEN.search(text, end):
        raise _not_understood()


def _numbers(text: str, command: str) -> NDArray[np.float64]:
    found = _arcs(text) if command == "A" else numbers_of(text)
    size = _SIZES[command]
    if (len(found) == 0) != (size == 0) or (size and len(found) % size):
        raise _not_understood()
    return found


def _arcs(text: str) -> NDArray[np.float64]:
    """Return the numbers of arcs, whose two flags need nothing between them and what follows."""
    found = numbers_of(text)
    if len(found) % 7 == 0 and np.all(np.isin(found.reshape(-1, 7)[:, 3:5], (0, 1))):
        return found
    pieces = re.sub(
        r"([-+.\deE]+[\s,]+[-+.\deE]+[\s,]+[-+.\deE]+[\s,]+)([01])[\s,]*([01])", r"\1\2 \3 ", text
    )
    return numbers_of(pieces)


class _Drawing:
    """A pen that follows commands."""

    def __init__(self) -> None:
        self.subpaths: list[Subpath] = []
        self._place = np.zeros(2)
        self._before = ""
        self._handle = np.zeros(2)

    def draw(self, command: str, numbers: NDArray[np.float64]) -> None:
        """Follow one command, as often as it has numbers."""
        name, is_relative = command.upper(), command.islower()
        if name == "M":
            self._move(numbers.reshape(-1, 2), is_relative=is_relative)
        elif not self.subpaths:
            raise _not_understood()
        elif name == "Z":
            self._close()
        elif name in "LHV":
            self._lines(name, numbers, is_relative=is_relative)
        elif name == "C":
            self._cubics(numbers.reshape(-1, 3, 2), is_relative=is_relative)
        else:
            for row in numbers.reshape(-1, _SIZES[name]):
                self._curve(name, row, is_relative=is_relative)
                self._before = name
        self._before = name

    def _move(self, places: NDArray[np.float64], *, is_relative: bool) -> None:
        first = places[0] + self._place if is_relative else places[0]
        self.subpaths.append(Subpath(first))
        self._place = first
        if len(places) > 1:
            self._lines("L", places[1:].reshape(-1), is_relative=is_relative)

    def _close(self) -> None:
        last = self.subpaths[-1]
        if last.curves and not np.array_equal(self._place, last.start):
            self._add(_straight(np.stack((self._place, last.start))))
        last.is_closed = True
        self._place = last.start

    def _lines(self, name: str, numbers: NDArray[np.float64], *, is_relative: bool) -> None:
        if name == "L":
            places = numbers.reshape(-1, 2)
        else:
            axis = "HV".index(name)
            rest = np.zeros(2) if is_relative else self._place
            places = np.tile(rest, (len(numbers), 1))
            places[:, axis] = numbers
        if is_relative:
            places = self._place + np.cumsum(places, axis=0)
        self._add(_straight(np.concatenate((self._place[None], places))))

    def _cubics(self, places: NDArray[np.float64], *, is_relative: bool) -> None:
        if is_relative:
            ends = self._place + np.cumsum(places[:, 2], axis=0)
            starts = np.concatenate((self._place[None], ends[:-1]))
            places = places + starts[:, None]
        starts = np.concatenate((self._place[None], places[:-1, 2]))
        self._add(np.concatenate((starts[:, None], places), axis=1))
        self._handle = places[-1, 1]

    def _curve(self, name: str, row: NDArray[np.float64], *, is_relative: bool) -> None:
        here = self._place
        if name == "A":
            end = row[5:] + here if is_relative else row[5:]
            self._add(_arc(here, row[:5], end))
            return
        places = row.reshape(-1, 2) + (here if is_relative else 0)
        follows = self._before in ("CS" if name == "S" else "QT")
        mirrored = 2 * here - self._handle if follows else here
        if name == "S":
            self._handle = places[0]
            self._add(np.stack((here, mirrored, places[0], places[1]))[None])
            return
        middle = mirrored if name == "T" else places[0]
        end = places[-1]
        self._handle = middle
        first, second = here + (middle - here) * 2 / 3, end + (middle - end) * 2 / 3
        self._add(np.stack((here, first, second, end))[None])

    def _add(self, curves: Curves) -> None:
        last = self.subpaths[-1]
        if last.is_closed:
            last = Subpath(self._place)
            self.subpaths.append(last)
        last.curves.append(curves)
        self._place = curves[-1, 3]


def _straight(places: NDArray[np.float64]) -> Curves:
    starts, ends = places[:-1], places[1:]
    third = (ends - starts) / 3
    return np.stack((starts, starts + third, ends - third, ends), axis=1)


def _arc(start: NDArray[np.float64], said: NDArray[np.float64], end: NDArray[np.float64]) -> Curves:
    """Return an arc of an ellipse as curves, each of a quarter turn at most."""
    rx, ry = abs(said[0]), abs(said[1])
    if rx == 0 or ry == 0 or np.array_equal(start, end):
        return _straight(np.stack((start, end)))
    turn = math.radians(said[2])
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    # On the unit circle the centre lies where both ends are as far from it as they must be.
    scale = np.array([rx, ry])
    half = (rotation.T @ ((start - end) / 2)) / scale
    distance = float(half @ half)
    if distance > 1:
        scale = scale * math.sqrt(distance)
        half = half / math.sqrt(distance)
        distance = 1.0
    side = -1.0 if bool(said[3]) == bool(said[4]) else 1.0
    centre = side * math.sqrt(max(0.0, 1 / distance - 1)) * np.array([half[1], -half[0]])
    from_angle = math.atan2(*(half - centre)[::-1])
    to_angle = math.atan2(*(-half - centre)[::-1])
    sweep = to_angle - from_angle
    if said[4] and sweep < 0:
        sweep += 2 * math.pi
    elif not said[4] and sweep > 0:
        sweep -= 2 * math.pi
    pieces = max(1, math.ceil(abs(sweep) / (math.pi / 2) - 1e-9))
    angles = from_angle + np.arange(pieces + 1) * sweep / pieces
    reach = 4 / 3 * math.tan(sweep / pieces / 4)
    on = np.column_stack((np.cos(angles), np.sin(angles)))
    along = reach * np.column_stack((-np.sin(angles), np.cos(angles)))
    unit = np.stack((on[:-1], on[:-1] + along[:-1], on[1:] - along[1:], on[1:]), axis=1)
    curves = ((unit + centre) * scale) @ rotation.T + (start + end) / 2
    curves[0, 0], curves[-1, 3] = start, end
    return np.asarray(curves)


def _not_understood() -> Invalid:
    return Invalid("Its path is not written as paths of SVG are.")
