"""Topic *levels*: tiles between the stored levels of an Aperio slide, which have to be drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg

from bench import readers
from bench.cpu import cpu_seconds
from bench.readers import DRAWN_TILE, LARGE_IMAGE, OPENSLIDE, WSI_LAB, TileDrawer
from bench.report import Bound, Findings, Goal, Table, medians, ratios
from bench.slides import BenchSlides
from bench.stored import StoredTiles

DOWNSAMPLES = (2, 8)
COMPARED_TILES = 3
MARGIN = 2
"""Tiles this near to the edge of the slide are left alone: they are cut or padded."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Effort:
    """How long is measured."""

    rounds: int
    tiles: int


def measure(slides: BenchSlides, effort: Effort, say: Callable[[str], None]) -> Findings:
    """Let all libraries draw the same tiles in turn."""
    findings = Findings("levels")
    with ExitStack() as stack:
        makers = {OPENSLIDE: readers.openslide_tiles, LARGE_IMAGE: readers.large_image_tiles}
        try:
            engine = stack.enter_context(readers.wsi_lab_engine())
            makers[WSI_LAB] = partial(readers.wsi_lab_tiles, engine=engine)
        except ImportError as error:
            findings.failures.append(f"{WSI_LAB}: {error}")
        drawers = {name: make(slides.aperio) for name, make in makers.items()}
        for downsample in DOWNSAMPLES:
            say(f"  levels: downsample {downsample}, {effort.rounds} rounds")
            contest = _Contest(slides.aperio, downsample, drawers, findings)
            for number in range(effort.rounds):
                contest.round(number, effort.tiles)
            findings.tables.append(contest.table(effort))
            findings.goals.append(contest.goal())
    return findings


class _Contest:
    """All libraries, drawing the same tiles of one zoom in turn."""

    def __init__(
        self, path: Path, downsample: int, drawers: dict[str, TileDrawer], findings: Findings
    ) -> None:
        self._path = path
        self._downsample = downsample
        self._drawers = drawers
        self._findings = findings
        stored = StoredTiles(path)
        stored.warm()
        stored.close()
        side = DRAWN_TILE * downsample
        self._columns = stored.levels[0].width // side
        self._rows = stored.levels[0].height // side

    def round(self, number: int, tiles: int) -> None:
        """Measure everybody once, each time other tiles and another order."""
        places = self._places(tiles, seed=number)
        for name in random.Random(number).sample(sorted(self._drawers), len(self._drawers)):
            draw = self._drawers[name]
            cpu = cpu_seconds()
            size = sum(len(draw(self._downsample, *place)) for place in places)
            figures = {
                "cpu_ms_per_tile": (cpu_seconds() - cpu) / tiles * 1e3,
                "kb_per_tile": size / tiles / 1000,
            }
            self._findings.rounds.setdefault(self._key(name), []).append(figures)

    def table(self, effort: Effort) -> Table:
        places = self._places(COMPARED_TILES, seed=1_000_003)
        exact = [area_mean(self._path, self._downsample, *place) for place in places]
        drawn = {
            name: [simplejpeg.decode_jpeg(draw(self._downsample, *place)) for place in places]
            for name, draw in self._drawers.items()
        }
        rows = [
            [
                name,
                *medians(self._findings.rounds[self._key(name)]).values(),
                mean_difference(drawn[name], exact),
                mean_difference(drawn[name], drawn[OPENSLIDE]),
            ]
            for name in self._drawers
        ]
        return Table(
            f"Tiles between stored levels: Aperio (1, 4, 16), downsample {self._downsample}",
            ("library", "CPU ms/tile", "kB/tile", "difference to area mean", "to OpenSlide"),
            sorted(rows, key=lambda row: row[1]),
            notes=[
                f"Medians of {effort.rounds} rounds of {effort.tiles} new tiles.",
                "Difference: mean, of 256 grey levels; OpenSlide is its DeepZoom generator.",
            ],
        )

    def goal(self) -> Goal:
        what = f"CPU of OpenSlide DeepZoom / a tile, downsample {self._downsample}"
        pair = self._key(OPENSLIDE), self._key(WSI_LAB)
        measured = ratios(self._findings.rounds, *pair, "cpu_ms_per_tile")
        return Goal(what, Bound.AT_LEAST, 12, measured)

    def _key(self, name: str) -> str:
        return f"downsample {self._downsample}, {name}"

    def _places(self, count: int, seed: int) -> list[Place]:
        chance = random.Random(seed)
        return [
            (
                chance.randrange(MARGIN, self._columns - MARGIN),
                chance.randrange(MARGIN, self._rows - MARGIN),
            )
            for _ in range(count)
        ]


def area_mean(path: Path, downsample: int, column: int, row: int) -> np.ndarray:
    """Return the tile that averaging level 0 gives: what a tile in between should look like."""
    side = DRAWN_TILE * downsample
    pixels = readers.openslide_patches(path)(column * side, row * side, 0, side)
    return pixels.reshape(DRAWN_TILE, downsample, DRAWN_TILE, downsample, 3).mean(axis=(1, 3))


def mean_difference(images: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Return how many grey levels pixels differ by on average.

    >>> mean_difference([np.zeros((1, 2))], [np.array([[1, 3]])])
    2.0
    """
    pairs = zip(images, others, strict=True)
    return float(np.mean([np.abs(one.astype(float) - other).mean() for one, other in pairs]))
