"""Topic *tiles*: tiles over HTTP, walks through a slide, all servers side by side."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import wsi_lab_subjects
from bench.machine import program
from bench.race import Effort, Payload, Race, payload_goals
from bench.report import Bound, Findings, Goal, ratios
from bench.slides import BenchSlides
from bench.stored import StoredTiles
from bench.subjects import JUPYTER, LARGE_IMAGE, NGINX, peers, typical_tile
from bench.walk import views

WALK_SEED = 7
NOTES = ("CPU of all processes of a server; p50 and p99 of a request (a whole view in bundles).",)

NEEDS_WRK = "tiles over HTTP: apt-get install wrk (Debian, Ubuntu), brew install wrk (macOS)."


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
        race = Race(walk, folder, wrk, findings)
        stack.callback(race.stop)
        race.run([subject for subject in subjects if only in subject.name], effort, say)
        payload = race.payload(wsi_lab_subjects.ALONE, stored)
        yardsticks = {"CPU × nginx": NGINX, "× large_image": LARGE_IMAGE}
        findings.tables = [race.table("Tiles over HTTP", effort, yardsticks, *NOTES)]
    findings.goals = _goals(findings, payload)
    return findings


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
        *payload_goals(payload),
        Goal(
            "memory added to jupyter_server",
            Bound.AT_MOST,
            40,
            added,
            unit="MiB",
            why_not="needs both",
        ),
    ]
