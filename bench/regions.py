"""Topic *regions*: patches at random, unaligned positions, as training code reads them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from bench import readers
from bench.cpu import cpu_seconds
from bench.readers import DECODING, LARGE_IMAGE, OPENSLIDE, WSI_LAB, PatchReader
from bench.report import Bound, Findings, Goal, Table, medians, ratios
from bench.slides import BenchSlides
from bench.stored import StoredLevel, StoredTiles

SIDE = 512
THREADS = {1: "1 thread", 2: "2 threads"}
COMPARED_PATCHES = 4

Corner = tuple[int, int]
Maker = Callable[[Path], PatchReader]


@dataclass(frozen=True)
class Effort:
    """How long is measured."""

    rounds: int
    patches: int


@dataclass(frozen=True)
class Case:
    """A slide, and the stored level patches are read from."""

    name: str
    path: Path
    level: int = 0


def cases(slides: BenchSlides) -> list[Case]:
    return [
        Case("4:2:0, level 0", slides.pyramid),
        Case("4:2:0, level 1", slides.pyramid, 1),
        Case("Aperio 4:2:2, level 0", slides.aperio),
    ]


def measure(chosen: list[Case], effort: Effort, say: Callable[[str], None]) -> Findings:
    """Let all libraries read the same patches in turn."""
    findings = Findings("regions")
    with ExitStack() as stack:
        makers: dict[str, Maker] = {
            DECODING: readers.decoding_patches,
            OPENSLIDE: readers.openslide_patches,
            LARGE_IMAGE: readers.large_image_patches,
        }
        try:
            engine = stack.enter_context(readers.wsi_lab_engine())
            makers[WSI_LAB] = partial(readers.wsi_lab_patches, engine=engine)
        except ImportError as error:
            findings.failures.append(f"{WSI_LAB}: {error}")
        for case in chosen:
            say(f"  regions: {case.name}, {effort.rounds} rounds")
            contest = _Contest(case, makers, findings)
            for number in range(effort.rounds):
                contest.round(number, effort.patches)
            findings.tables.append(contest.table(effort))
            findings.goals += contest.goals()
    return findings


def positions(level: StoredLevel, count: int, seed: int) -> list[Corner]:
    """Return corners in level-0 pixels: whole pixels of the level, patches inside the slide."""
    chance = random.Random(seed)
    step = level.downsample
    return [
        (
            chance.randrange(level.width - SIDE) * step,
            chance.randrange(level.height - SIDE) * step,
        )
        for _ in range(count)
    ]


class _Contest:
    """All libraries that can open a slide, reading it in turn."""

    def __init__(self, case: Case, makers: dict[str, Maker], findings: Findings) -> None:
        self._case = case
        self._findings = findings
        stored = StoredTiles(case.path)
        stored.warm()
        stored.close()
        self._level = stored.levels[case.level]
        self._readers: dict[str, PatchReader] = {}
        for name, make in makers.items():
            try:
                reader = make(case.path)
                self._read(reader, positions(self._level, 1, seed=-1)[0])
            except Exception as error:  # noqa: BLE001 (whatever one library raises, others go on)
                findings.failures.append(f"{name}, {case.name}: {error!r}"[:300])
            else:
                self._readers[name] = reader

    def round(self, number: int, patches: int) -> None:
        """Measure everybody once, each time in another order.

        The positions are new, so that no library's cache helps, and the same for everybody.
        """
        for threads in THREADS:
            corners = positions(self._level, patches, seed=number * 10 + threads)
            for name in random.Random(number).sample(sorted(self._readers), len(self._readers)):
                figures = self._figures(self._readers[name], corners, threads)
                self._findings.rounds.setdefault(self._key(name, threads), []).append(figures)

    def table(self, effort: Effort) -> Table:
        rows = []
        for name in self._readers:
            rounds = [self._findings.rounds[self._key(name, threads)] for threads in THREADS]
            one, two = map(medians, rounds)
            openslide = self._key(OPENSLIDE, 1), self._key(name, 1)
            times = ratios(self._findings.rounds, *openslide, "cpu_ms_per_patch")
            rows.append(
                [
                    name,
                    one["patches_per_second"],
                    two["patches_per_second"],
                    one["cpu_ms_per_patch"],
                    two["cpu_ms_per_patch"],
                    median(times) if times else None,
                    self._difference_to_openslide(name),
                ]
            )
        positions_read = f"{effort.rounds} rounds of {effort.patches} new positions"
        return Table(
            f"Patches of {SIDE} x {SIDE} pixels: {self._case.name}",
            (
                "library",
                "patches/s, 1 thread",
                "2 threads",
                "CPU ms/patch, 1 thread",
                "2 threads",
                "OpenSlide / this",
                "difference to it",
            ),
            sorted(rows, key=lambda row: row[3]),
            notes=[f"Medians of {positions_read}; difference: mean, of 256 grey levels."],
        )

    def goals(self) -> list[Goal]:
        rounds, found = self._findings.rounds, []
        for threads, words in THREADS.items():
            ours = self._key(WSI_LAB, threads)
            openslide, decoding = self._key(OPENSLIDE, threads), self._key(DECODING, threads)
            over = ratios(rounds, ours, decoding, "cpu_ms_per_patch")
            under = ratios(rounds, openslide, ours, "cpu_ms_per_patch")
            which = f"{self._case.name}, {words}"
            found += [
                Goal(f"CPU of a patch / bare decoding: {which}", Bound.AT_MOST, 1.2, over),
                Goal(f"CPU of OpenSlide / a patch: {which}", Bound.AT_LEAST, 4, under),
            ]
        return found

    def _key(self, name: str, threads: int) -> str:
        return f"{self._case.name}, {name}, {THREADS[threads]}"

    def _read(self, reader: PatchReader, corner: Corner) -> np.ndarray:
        return reader(*corner, self._case.level, SIDE)

    def _figures(
        self, reader: PatchReader, corners: list[Corner], threads: int
    ) -> dict[str, float]:
        cpu, clock = cpu_seconds(), time.perf_counter()
        if threads == 1:
            for corner in corners:
                self._read(reader, corner)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(partial(self._read, reader), corners):
                    pass
        return {
            "patches_per_second": len(corners) / (time.perf_counter() - clock),
            "cpu_ms_per_patch": (cpu_seconds() - cpu) / len(corners) * 1e3,
        }

    def _difference_to_openslide(self, name: str) -> float | None:
        if name == DECODING or OPENSLIDE not in self._readers:
            return None
        corners = positions(self._level, COMPARED_PATCHES, seed=1_000_003)
        found = [
            np.abs(
                self._read(self._readers[name], corner).astype(int)
                - self._read(self._readers[OPENSLIDE], corner)
            ).mean()
            for corner in corners
        ]
        return float(np.mean(found))
