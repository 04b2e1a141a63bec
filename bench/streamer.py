"""Topic *streamer*: stored tiles of a folder over HTTP, and what one more process brings."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from bench.machine import program
from bench.race import Effort, Race, payload_goals
from bench.report import Bound, Findings, Goal, ratios
from bench.slides import BenchSlides
from bench.stored import StoredTiles
from bench.subjects import NGINX, TORNADO, Server, Subject, peers, typical_tile
from bench.tiles import NEEDS_WRK, WALK_SEED
from bench.walk import View, views

DOOR = "wsi-lab serve FOLDER"
DOOR_FIXED = f"{DOOR}, fixed bytes"
MANY_CONNECTIONS = 64
PROCESSES = (1, 2)

_PYTHON = (sys.executable, "-m")


def with_processes(count: int) -> str:
    """Return the name of the same server in that many processes."""
    return f"{DOOR} --workers {count}"


def subjects(slide: Path, body: Path, folder: Path) -> list[Subject]:
    """Return the door to the folder that a slide lies in, and the same with fixed bytes."""
    real = _door(DOOR, slide, folder)
    fixed = _door(DOOR_FIXED, slide, folder, python=(*_PYTHON, "bench.constant", str(body)))
    return [real, replace(fixed, beside=DOOR)]


def subjects_of_many(slide: Path, folder: Path) -> list[Subject]:
    """Return the same door in one process and in several."""
    return [
        _door(with_processes(count), slide, folder, f"--workers={count}") for count in PROCESSES
    ]


def measure(slides: BenchSlides, effort: Effort, say: Callable[[str], None]) -> Findings:
    """Compare the door's tiles with the same bytes out of memory, and one process with two."""
    findings = Findings("streamer")
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
        served = Path(tempfile.mkdtemp(prefix="served-", dir=slides.pyramid.parent))
        stack.callback(shutil.rmtree, served, ignore_errors=True)
        slide = served / slides.pyramid.name
        # Beside the slides of the bench lie tens of thousands of files that are none of them.
        slide.hardlink_to(slides.pyramid)
        body = folder / "body.jpg"
        body.write_bytes(typical_tile(stored, walk))

        few = Race(walk, folder, wrk, findings)
        stack.callback(few.stop)
        memory, findings.left_out = peers(slides.pyramid, stored, walk, body=body, folder=folder)
        memory = [subject for subject in memory if subject.name in {NGINX, TORNADO}]
        few.run([*memory, *subjects(slide, body, folder)], effort, say)
        payload = few.payload(DOOR, stored)
        yardsticks = {"CPU × nginx": NGINX, "× tornado": TORNADO}
        findings.tables.append(few.table("Stored tiles of a folder", effort, yardsticks))
        few.stop()

        many = Race(walk, folder, wrk, findings, connections=MANY_CONNECTIONS)
        stack.callback(many.stop)
        many.run(subjects_of_many(slide, folder), effort, say)
        yardsticks = {"CPU × one process": with_processes(1)}
        findings.tables.append(many.table("One process and two", effort, yardsticks))
    findings.goals = [*goals(findings), *payload_goals(payload)]
    return findings


def _door(
    name: str,
    slide: Path,
    folder: Path,
    *options: str,
    python: Sequence[str] = _PYTHON,
) -> Subject:
    command = [*python, "wsi_lab", "serve", str(slide.parent), "--host=127.0.0.1", "--no-tracing"]
    home = folder / name.replace(" ", "-")
    command += [f"--home={home}", *options, "--port"]

    def tile(view: View) -> str:
        place = view[0]
        return f"/tiles/{quote(slide.name)}/{place.level}/{place.column}/{place.row}.jpg"

    return Subject(name, Server(name, lambda port: [[*command, str(port)]]), tile)


def goals(findings: Findings) -> list[Goal]:
    def goal(
        what: str, bound: Bound, limit: float, pair: tuple[str, str], key: str = "cpu_us_per_tile"
    ) -> Goal:
        measured = ratios(findings.rounds, *pair, key)
        missing = [name for name in pair if name not in findings.rounds]
        return Goal(what, bound, limit, measured, why_not=f"no {missing[0]}" if missing else "")

    one, two = map(with_processes, PROCESSES)
    return [
        goal("CPU of a tile / of fixed bytes by tornado", Bound.AT_MOST, 1.1, (DOOR, TORNADO)),
        goal("CPU of a tile / of fixed bytes by the door", Bound.AT_MOST, 1.1, (DOOR, DOOR_FIXED)),
        goal("tiles/s of two processes / one", Bound.AT_LEAST, 1.7, (two, one), "tiles_per_second"),
    ]
