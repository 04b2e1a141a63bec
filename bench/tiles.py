"""Topic *tiles*: tiles over HTTP, walks through a slide, all servers side by side."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import simplejpeg

from bench import load, wsi_lab_subjects
from bench.machine import program
from bench.processes import NotStarted, ServerProcesses, fetch, free_port
from bench.report import Bound, Findings, Goal, Table, medians, ratios
from bench.slides import BenchSlides
from bench.stored import StoredTiles
from bench.subjects import JUPYTER, LARGE_IMAGE, NGINX, Server, Subject, peers, typical_tile
from bench.walk import View, views

WALK_SEED = 7
COMPARED_TILES = 200
PAYLOAD_LIMIT = 1.005
"""1.00 as printed: the marker that says which colours these are takes 16 bytes."""

NEEDS_WRK = "tiles over HTTP: apt-get install wrk (Debian, Ubuntu), brew install wrk (macOS)."


@dataclass(frozen=True)
class Effort:
    """How long is measured."""

    rounds: int
    seconds: int
    warming_seconds: int
    tiles: int


def measure(
    slides: BenchSlides, effort: Effort, say: Callable[[str], None], *, only: str = ""
) -> Findings:
    """Run all servers side by side and compare them.

    Parameters
    ----------
    only
        A part of the names of those that take part.
    """
    findings = Findings("tiles")
    wrk = program("wrk")
    if wrk is None:
        findings.left_out.append(NEEDS_WRK)
        return findings
    with ExitStack() as stack:
        stored = StoredTiles(slides.pyramid)
        stack.callback(stored.close)
        stored.warm()
        walk = views(stored.levels, tiles=effort.tiles, seed=WALK_SEED)
        folder = Path(tempfile.mkdtemp(prefix="wsi-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        body = folder / "body.jpg"
        body.write_bytes(typical_tile(stored, walk))
        subjects, findings.left_out = peers(slides.pyramid, stored, walk, body=body, folder=folder)
        try:
            subjects += wsi_lab_subjects.subjects(slides.pyramid, stored.levels, body, folder)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with us, peers can be run)
            findings.failures.append(f"wsi-lab: {error!r}"[:300])
        race = _Race(walk, folder, wrk, findings)
        stack.callback(race.stop)
        for subject in (subject for subject in subjects if only in subject.name):
            say(f"  tiles: starting {subject.name}")
            race.enter(subject)
        race.round(effort.warming_seconds)
        findings.rounds.clear()
        for number in range(effort.rounds):
            say(f"  tiles: round {number + 1} of {effort.rounds}")
            race.round(effort.seconds, seed=number)
        payload = race.payload(wsi_lab_subjects.ALONE, stored)
    findings.tables = [_table(findings, walk, effort)]
    findings.goals = _goals(findings, payload)
    return findings


@dataclass(frozen=True)
class Payload:
    """How the answers compare with the file.

    Attributes
    ----------
    untouched
        The share of tiles that end with exactly the bytes the file holds of them.
    ratio
        Bytes served over bytes of the same tiles with their level's tables in front, which is
        the least that makes an image file of them.
    """

    untouched: float
    ratio: float


@dataclass
class _Entrant:
    subject: Subject
    processes: ServerProcesses
    address: str
    headers: dict[str, str]
    requests: list[load.Request]

    def turn(self, answered: int) -> None:
        """Let the next round begin where this one ended."""
        start = answered % len(self.requests)
        self.requests = self.requests[start:] + self.requests[:start]


def in_turn(entrants: list[_Entrant], seed: int) -> list[_Entrant]:
    """Return all in an order of chance, those that belong beside each other together."""
    chance = random.Random(seed)
    groups: dict[str, list[_Entrant]] = {}
    for one in entrants:
        groups.setdefault(one.subject.beside or one.subject.name, []).append(one)
    shuffled = chance.sample(list(groups.values()), len(groups))
    return [one for group in shuffled for one in chance.sample(group, len(group))]


class _Race:
    """Servers that all run at the same time and are asked in turn."""

    def __init__(self, walk: list[View], folder: Path, wrk: str, findings: Findings) -> None:
        self._walk = walk
        self._folder = folder
        self._wrk = wrk
        self._findings = findings
        self._servers: dict[str, tuple[ServerProcesses, str]] = {}
        self._entrants: list[_Entrant] = []

    def enter(self, subject: Subject) -> None:
        """Start the server of a subject, unless it runs already, and look at its first answer."""
        processes, address = self._server(subject.server)
        requests = subject.requests(self._walk)
        headers = dict(subject.headers)
        try:
            if subject.login:
                cookies = processes.wait_for(address + subject.login, headers).cookies
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
            answer = processes.wait_for(address + requests[0].path, headers)
            if not subject.bundles:
                simplejpeg.decode_jpeg_header(answer.body)
        except (NotStarted, ValueError) as error:
            self._findings.failures.append(f"{subject.name}: {error}")
            return
        self._entrants.append(_Entrant(subject, processes, address, headers, requests))

    def round(self, seconds: int, *, seed: int = 0) -> None:
        """Measure everybody once, each time in another order.

        A server that fails takes no part in further rounds and has no figures.
        """
        for one in in_turn(self._entrants, seed):
            name = one.subject.name
            try:
                figures = self._figures(one, seconds)
            except load.NotServed as error:
                self._findings.failures.append(f"{name}: {error}")
                self._findings.rounds.pop(name, None)
                self._entrants.remove(one)
            else:
                self._findings.rounds.setdefault(name, []).append(figures)

    def payload(self, name: str, stored: StoredTiles) -> Payload | None:
        """Compare a sample of the tiles served with what the file holds."""
        one = next((one for one in self._entrants if one.subject.name == name), None)
        if one is None:
            return None
        tiles = sorted({tile for view in self._walk for tile in view})
        sample = random.Random(WALK_SEED).sample(tiles, min(COMPARED_TILES, len(tiles)))
        untouched = served_bytes = stored_bytes = 0
        for tile in sample:
            served = fetch(one.address + one.subject.path((tile,)), one.headers).body
            kept = stored.tile(tile.level, tile.column, tile.row)
            untouched += served.endswith(kept)
            served_bytes += len(served)
            stored_bytes += len(stored.jpeg(tile.level, tile.column, tile.row))
        return Payload(untouched / len(sample), served_bytes / stored_bytes)

    def stop(self) -> None:
        for processes, _ in self._servers.values():
            processes.stop()

    def _server(self, server: Server) -> tuple[ServerProcesses, str]:
        if server.name not in self._servers:
            port = free_port()
            log = self._folder / f"{server.name}.log"
            processes = ServerProcesses(server.commands(port), log=log, env=server.env)
            self._servers[server.name] = processes, f"http://127.0.0.1:{port}"
        return self._servers[server.name]

    def _figures(self, one: _Entrant, seconds: int) -> dict[str, float]:
        """Ask for the tiles that follow those of the last round.

        A browser keeps what it was given, so tiles that nobody asked for yet are what a server
        mostly sees; starting over each round would only measure the caches of those that have
        some.
        """
        before = one.processes.cpu_seconds()
        answered = load.run(
            one.address, one.requests, headers=one.headers, seconds=seconds, wrk=self._wrk
        )
        one.turn(answered.requests)
        return {
            "tiles_per_second": answered.tiles / answered.seconds,
            "p50_ms": answered.p50_ms,
            "p99_ms": answered.p99_ms,
            "cpu_us_per_tile": (one.processes.cpu_seconds() - before) / answered.tiles * 1e6,
            "kb_per_tile": answered.kilobytes / answered.tiles,
            "rss_mib": one.processes.rss_mib(),
        }


def _table(findings: Findings, walk: list[View], effort: Effort) -> Table:
    middle = {name: medians(rounds) for name, rounds in findings.rounds.items()}

    def times(one: dict[str, float], yardstick: str) -> float | None:
        if yardstick not in middle:
            return None
        return one["cpu_us_per_tile"] / middle[yardstick]["cpu_us_per_tile"]

    rows = [
        [name, *one.values(), times(one, NGINX), times(one, LARGE_IMAGE)]
        for name, one in sorted(middle.items(), key=lambda item: item[1]["cpu_us_per_tile"])
    ]
    sizes = sorted(map(len, walk))
    asked = f"{load.CONNECTIONS} connections; {sum(sizes):,} tiles in {len(sizes):,} views"
    return Table(
        "Tiles over HTTP",
        (
            "server",
            "tiles/s",
            "p50 ms",
            "p99 ms",
            "CPU µs/tile",
            "kB/tile",
            "RSS MiB",
            "CPU × nginx",
            "× large_image",
        ),
        rows,
        notes=[
            f"{asked}, median {sizes[len(sizes) // 2]} and at most {sizes[-1]} new tiles a view.",
            f"Medians of {effort.rounds} rounds of {effort.seconds} s, in mixed order.",
            "CPU of all processes of a server; p50 and p99 of a request (a whole view in bundles).",
        ],
    )


def _goals(findings: Findings, payload: Payload | None) -> list[Goal]:
    def cpu(what: str, bound: Bound, limit: float, above: str, below: str) -> Goal:
        measured = ratios(findings.rounds, above, below, "cpu_us_per_tile")
        missing = [name for name in (above, below) if name not in findings.rounds]
        return Goal(what, bound, limit, measured, why_not=f"no {missing[0]}" if missing else "")

    fixed = wsi_lab_subjects.fixed
    bundle = wsi_lab_subjects.JUPYTER_BUNDLE
    ours = findings.rounds.get(wsi_lab_subjects.JUPYTER_COOKIE, [])
    jupyters = findings.rounds.get(JUPYTER, [])
    added = tuple(a["rss_mib"] - b["rss_mib"] for a, b in zip(ours, jupyters, strict=False))
    return [
        *(
            cpu(f"CPU of a tile / of fixed bytes: {name}", Bound.AT_MOST, 1.10, name, fixed(name))
            for name in wsi_lab_subjects.SINGLE_TILES
        ),
        cpu("CPU of a bundled tile / nginx static", Bound.AT_MOST, 2, bundle, NGINX),
        cpu("CPU of large_image / a bundled tile", Bound.AT_LEAST, 18, LARGE_IMAGE, bundle),
        Goal(
            "tiles whose stored bytes are served untouched",
            Bound.AT_LEAST,
            1.0,
            (payload.untouched,) if payload else (),
            unit="of 1",
            why_not="no wsi-lab",
        ),
        Goal(
            "bytes served / stored",
            Bound.AT_MOST,
            PAYLOAD_LIMIT,
            (payload.ratio,) if payload else (),
            why_not="no wsi-lab",
        ),
        Goal(
            "memory added to jupyter_server",
            Bound.AT_MOST,
            40,
            added,
            unit="MiB",
            why_not="needs both",
        ),
    ]
