"""Load from wrk: some connections, the requests of the walk in order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

CONNECTIONS = 6
"""As many as a browser opens to one server."""
REPLAY = Path(__file__).with_name("replay.lua")


class NotServed(Exception):
    """Requests failed: figures of errors are no figures."""


@dataclass(frozen=True)
class Request:
    """A path, and how many tiles its answer holds."""

    path: str
    tiles: int = 1


@dataclass(frozen=True)
class Load:
    """What came back."""

    requests: int
    tiles: int
    seconds: float
    kilobytes: float
    p50_ms: float
    p99_ms: float


def run(
    address: str,
    requests: list[Request],
    *,
    headers: dict[str, str],
    seconds: int,
    wrk: str,
    connections: int = CONNECTIONS,
) -> Load:
    """Ask for the requests, over and over, for some seconds.

    Raises
    ------
    NotServed
        Not every request was answered well.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as paths:
        paths.write("\n".join(request.path for request in requests) + "\n")
        paths.flush()
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
        command += ["-s", str(REPLAY)]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        finished = subprocess.run(
            [*command, address],
            env={**os.environ, "WSI_BENCH_PATHS": paths.name},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
        )
    found = re.search(r"JSON(\{.*\})", finished.stdout)
    if found is None:
        raise NotServed(f"wrk failed: {(finished.stderr or finished.stdout).strip()[:300]}")
    told = json.loads(found[1])
    if told["errors"] or not told["requests"]:
        raise NotServed(f"{told['errors']} of {told['requests']} requests failed")
    return Load(
        requests=told["requests"],
        tiles=tiles_of(requests, told["requests"]),
        seconds=told["microseconds"] / 1e6,
        kilobytes=told["bytes"] / 1000,
        p50_ms=told["p50"] / 1000,
        p99_ms=told["p99"] / 1000,
    )


def tiles_of(requests: list[Request], answered: int) -> int:
    """Return how many tiles the first `answered` requests of the endless list hold.

    >>> tiles_of([Request("/a", 4), Request("/b", 1)], 5)
    14
    """
    sums = [0, *accumulate(request.tiles for request in requests)]
    rounds, rest = divmod(answered, len(requests))
    return rounds * sums[-1] + sums[rest]
