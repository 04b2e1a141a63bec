"""Servers that all run at the same time and are asked in turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import simplejpeg

from bench import load
from bench.processes import NotStarted, ServerProcesses, fetch, free_port
from bench.report import Bound, Findings, Goal, Table, medians
from bench.stored import StoredTiles
from bench.subjects import Server, Subject
from bench.walk import View

SAMPLE_SEED = 7
COMPARED_TILES = 200
PAYLOAD_LIMIT = 1.005
"""1.00 as printed: the marker that says which colours these are takes 16 bytes."""

FIGURES = {
    "tiles_per_second": "tiles/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_us_per_tile": "CPU µs/tile",
    "kb_per_tile": "kB/tile",
    "rss_mib": "RSS MiB",
}
"""What is measured of every subject in every round, and what it is called in tables."""


@dataclass(frozen=True)
class Effort:
    """How long is measured."""

    rounds: int
    seconds: int
    warming_seconds: int
    tiles: int


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


def payload_goals(payload: Payload | None) -> list[Goal]:
    """Return what is promised about the bytes served: that they are those of the file."""
    return [
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
    ]


@dataclass
class Entrant:
    """A subject whose server runs and has answered."""

    subject: Subject
    processes: ServerProcesses
    address: str
    headers: dict[str, str]
    requests: list[load.Request]

    def turn(self, answered: int) -> None:
        """Let the next round begin where this one ended."""
        start = answered % len(self.requests)
        self.requests = self.requests[start:] + self.requests[:start]


def in_turn(entrants: list[Entrant], seed: int) -> list[Entrant]:
    """Return all in an order of chance, those that belong beside each other together."""
    chance = random.Random(seed)
    groups: dict[str, list[Entrant]] = {}
    for one in entrants:
        groups.setdefault(one.subject.beside or one.subject.name, []).append(one)
    shuffled = chance.sample(list(groups.values()), len(groups))
    return [one for group in shuffled for one in chance.sample(group, len(group))]


class Race:
    """Takes subjects in, measures them round by round, and ends their servers.

    Parameters
    ----------
    walk
        What everybody is asked for.
    connections
        How many requests are under way at a time.
    """

    def __init__(
        self,
        walk: list[View],
        folder: Path,
        wrk: str,
        findings: Findings,
        *,
        connections: int = load.CONNECTIONS,
    ) -> None:
        self._walk = walk
        self._folder = folder
        self._wrk = wrk
        self._findings = findings
        self._connections = connections
        self._servers: dict[str, tuple[ServerProcesses, str]] = {}
        self._entrants: list[Entrant] = []

    def run(self, subjects: Sequence[Subject], effort: Effort, say: Callable[[str], None]) -> None:
        """Let all subjects that start take part in all rounds."""
        topic = self._findings.topic
        for subject in subjects:
            say(f"  {topic}: starting {subject.name}")
            self.enter(subject)
        self.round(effort.warming_seconds)
        for one in self._entrants:
            self._findings.rounds.pop(one.subject.name, None)
        for number in range(effort.rounds):
            say(f"  {topic}: round {number + 1} of {effort.rounds}")
            self.round(effort.seconds, seed=number)

    def table(
        self, title: str, effort: Effort, yardsticks: Mapping[str, str], *notes: str
    ) -> Table:
        """Return the middle of all rounds, the cheapest server first.

        Parameters
        ----------
        yardsticks
            The titles of further columns, in which processor time is divided by a subject's.
        """
        names = [one.subject.name for one in self._entrants]
        middle = {name: medians(self._findings.rounds[name]) for name in names}

        def times(one: dict[str, float], yardstick: str) -> float | None:
            spent = middle.get(yardstick, {}).get("cpu_us_per_tile")
            return one["cpu_us_per_tile"] / spent if spent else None

        rows = [
            [name, *one.values(), *(times(one, yardstick) for yardstick in yardsticks.values())]
            for name, one in sorted(middle.items(), key=lambda item: item[1]["cpu_us_per_tile"])
        ]
        sizes = sorted(map(len, self._walk))
        asked = f"{self._connections} connections; {sum(sizes):,} tiles in {len(sizes):,} views"
        new = f"median {sizes[len(sizes) // 2]} and at most {sizes[-1]} new tiles a view."
        return Table(
            title,
            ("server", *FIGURES.values(), *yardsticks),
            rows,
            notes=[
                f"{asked}, {new}",
                f"Medians of {effort.rounds} rounds of {effort.seconds} s, in mixed order.",
                *notes,
            ],
        )

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
        self._entrants.append(Entrant(subject, processes, address, headers, requests))

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
        """Compare a sample of the tiles that a subject serves with what the file holds."""
        one = next((one for one in self._entrants if one.subject.name == name), None)
        if one is None:
            return None
        tiles = sorted({tile for view in self._walk for tile in view})
        sample = random.Random(SAMPLE_SEED).sample(tiles, min(COMPARED_TILES, len(tiles)))
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

    def _figures(self, one: Entrant, seconds: int) -> dict[str, float]:
        """Ask for the tiles that follow those of the last round.

        A browser keeps what it was given, so tiles that nobody asked for yet are what a server
        mostly sees; starting over each round would only measure the caches of those that have
        some.
        """
        before = one.processes.cpu_seconds()
        answered = load.run(
            one.address,
            one.requests,
            headers=one.headers,
            seconds=seconds,
            wrk=self._wrk,
            connections=self._connections,
        )
        one.turn(answered.requests)
        figures = (
            answered.tiles / answered.seconds,
            answered.p50_ms,
            answered.p99_ms,
            (one.processes.cpu_seconds() - before) / answered.tiles * 1e6,
            answered.kilobytes / answered.tiles,
            one.processes.rss_mib(),
        )
        return dict(zip(FIGURES, figures, strict=True))
