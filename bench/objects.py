"""Topic *objects*: slides in an object store; a first tile and a view, by requests and time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.object_readers import (
    BLOCKS,
    FIRST,
    INDEXED,
    LIMIT,
    NEVER_SEEN,
    READERS,
    REOPENED,
    VIEW,
    VIEW_COLUMNS,
    VIEW_ROWS,
    Figures,
)
from bench.object_server import wait_before_answers
from bench.processes import NotStarted, ServerProcesses, free_port
from bench.report import Bound, Findings, Goal, Table, medians, ratios
from bench.slides import BenchSlides

STEPS = {
    FIRST: "first tile",
    REOPENED: "the same tile after closing everything",
    VIEW: f"view of {VIEW_COLUMNS} x {VIEW_ROWS} tiles",
}
FAR = 25
"""Milliseconds to the next town's data centre and back."""

NOTES = (
    "Each figure from a new process, its imports not counted; bytes cost next to nothing here.",
    "Blocks: the tiles of a view at the same time, the blocks of one tile one after another.",
)

REQUESTS_BESIDE_DIRECTORIES = 2
"""For one of the large tables in between, and for the tile."""

READING_SECONDS = 60


@dataclass(frozen=True)
class Effort:
    """How long is measured, and how many milliseconds every request waits."""

    rounds: int
    latencies: Sequence[int] = (0, FAR)


@dataclass(frozen=True)
class Case:
    """A slide, and what a first look at it may cost.

    Without more being said, that is a request per directory, and
    `REQUESTS_BESIDE_DIRECTORIES`.
    """

    name: str
    path: Path
    directories: int
    most_requests: int = 0
    most_kb: int = 0


def cases(slides: BenchSlides, middle: BenchSlides | None) -> list[Case]:
    found = [
        Case("Aperio slide", slides.aperio, directories=4),
        Case("pyramid of eight levels", slides.pyramid, directories=8),
    ]
    if middle is not None:
        budget = {"most_requests": 8, "most_kb": 500}
        found.append(Case("Aperio slide of 140 MB", middle.aperio, directories=4, **budget))
    return found


def measure(chosen: list[Case], effort: Effort, say: Callable[[str], None]) -> Findings:
    """Read every slide in every way from a store on this machine that lets requests wait."""
    findings = Findings("objects")
    for case in chosen:
        with tempfile.TemporaryDirectory(prefix="wsi-bench-") as folder, ExitStack() as stack:
            try:
                contest = _Contest(case, effort, Path(folder), findings, stack)
                for number in range(effort.rounds):
                    say(f"  objects: {case.name}, round {number + 1} of {effort.rounds}")
                    contest.round(number)
            except (NotStarted, _NotRead) as error:
                findings.failures.append(f"{case.name}: {error}")
            else:
                findings.tables += contest.tables()
                findings.goals += contest.goals()
    return findings


class _NotRead(Exception):
    """A reader gave no figures; the message ends with the last it said."""


class _Contest:
    """All readers of one slide, each time in new processes, at the same store."""

    def __init__(
        self, case: Case, effort: Effort, folder: Path, findings: Findings, stack: ExitStack
    ) -> None:
        self._case = case
        self._effort = effort
        self._far = max(effort.latencies)
        self._folder = folder
        self._findings = findings
        port = free_port()
        self._store = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "bench.object_server", str(case.path.parent)]
        server = ServerProcesses([[*command, "--port", str(port)]], log=folder / "store.log")
        stack.callback(server.stop)
        server.wait_for(f"{self._store}/-/sent", {})
        # What a server that saw the slide some other day starts with.
        self._indexes = folder / "stored.sqlite3"
        self._read(NEVER_SEEN, self._indexes)

    def round(self, number: int) -> None:
        """Measure everybody once at every distance, in an order of chance."""
        turns = [(latency, name) for latency in self._effort.latencies for name in READERS]
        for latency, name in random.Random(number).sample(turns, len(turns)):
            wait_before_answers(self._store, latency / 1000)
            new = self._folder / f"{number}-{latency}.sqlite3"
            figures = self._read(name, self._indexes if name == INDEXED else new)
            for step, found in figures.items():
                self._findings.rounds.setdefault(self._key(name, step, latency), []).append(found)

    def tables(self) -> list[Table]:
        return [self._table(step) for step in STEPS]

    def goals(self) -> list[Goal]:
        """Return what is promised of the farthest store."""

        def at_most(limit: float, what: str, measured: Sequence[float], unit: str = "×") -> Goal:
            what = f"{what}, {self._case.name}"
            return Goal(what, Bound.AT_MOST, limit, tuple(measured), unit)

        of = self._ratios
        case = self._case
        most_requests = case.most_requests or case.directories + REQUESTS_BESIDE_DIRECTORIES
        new, known = self._figures(NEVER_SEEN, FIRST), self._figures(INDEXED, FIRST)
        first, again, several = "first tile, never seen", "first tile, index stored", "view"
        requests = "requests"
        budget = [at_most(case.most_kb, first, new["kb"], "kB")] if case.most_kb else []
        return [
            *budget,
            at_most(most_requests, first, new[requests], requests),
            at_most(0.5, f"bytes / blocks: {first}", of(NEVER_SEEN, BLOCKS, FIRST, "kb")),
            at_most(1.1, f"time / blocks: {first}", of(NEVER_SEEN, BLOCKS, FIRST, "ms")),
            at_most(1, again, known[requests], requests),
            at_most(1.1, f"bytes / limit: {again}", of(INDEXED, LIMIT, FIRST, "kb")),
            at_most(1.5, f"time / limit: {again}", of(INDEXED, LIMIT, FIRST, "ms")),
            at_most(0.33, f"time / blocks: {again}", of(INDEXED, BLOCKS, FIRST, "ms")),
            at_most(6, several, self._figures(INDEXED, VIEW)[requests], requests),
            at_most(2, f"time / limit: {several}", of(INDEXED, LIMIT, VIEW, "ms")),
            at_most(1, f"time / blocks: {several}", of(INDEXED, BLOCKS, VIEW, "ms")),
            at_most(0.33, f"bytes / blocks: {several}", of(INDEXED, BLOCKS, VIEW, "kb")),
        ]

    def _figures(self, name: str, step: str) -> dict[str, tuple[float, ...]]:
        """Return all rounds of a reader at the farthest store, figure by figure."""
        rounds = self._findings.rounds[self._key(name, step, self._far)]
        return {key: tuple(one[key] for one in rounds) for key in rounds[0]}

    def _ratios(self, above: str, below: str, step: str, key: str) -> tuple[float, ...]:
        """Return a figure of one reader over another's at the farthest store, round by round."""
        keys = self._key(above, step, self._far), self._key(below, step, self._far)
        return ratios(self._findings.rounds, *keys, key)

    def _table(self, step: str) -> Table:
        rows = []
        for name in READERS:
            rounds = [
                self._findings.rounds[self._key(name, step, ms)] for ms in self._effort.latencies
            ]
            middle = [medians(measured) for measured in rounds]
            times = self._ratios(name, LIMIT, step, "ms")
            rows.append(
                [
                    name,
                    *(middle[-1][key] for key in ("requests", "kb")),
                    *(one["ms"] for one in middle),
                    median(times),
                    middle[-1]["cpu_ms"],
                ]
            )
        waits = [f"ms, {latency} ms away" for latency in self._effort.latencies]
        return Table(
            f"{STEPS[step]}: {self._case.name}",
            ("reader", "requests", "kB", *waits, f"× limit, {self._far} ms", "CPU ms"),
            rows,
            notes=[f"Medians of {self._effort.rounds} rounds in mixed order.", *NOTES],
        )

    def _key(self, name: str, step: str, latency: int) -> str:
        return f"{self._case.name}, {step}, {latency} ms: {name}"

    def _read(self, name: str, indexes: Path) -> dict[str, Figures]:
        command = [sys.executable, "-m", "bench.object_readers", name, "--store", self._store]
        command += ["--file", str(self._case.path), "--indexes", str(indexes)]
        try:
            finished = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=READING_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise _NotRead(f"{name}: no answer within {READING_SECONDS} s") from None
        if finished.returncode:
            last = finished.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise _NotRead(f"{name}: {last[0][:300]}")
        return json.loads(finished.stdout)
