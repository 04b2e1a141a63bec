"""Topic *annotations*: a million shapes on one slide, beside other stores, in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.annotation_stores import LEVELS, TIATOOLBOX_VARIABLE
from bench.report import Bound, Cell, Findings, Goal, Table, medians, ratios

OURS, RTREE, TIATOOLBOX, PARQUET = "wsi-lab", "R*Tree and WKB", "TIAToolbox", "GeoParquet"
SHAPES, FEWER_SHAPES = 1_000_000, 100_000
LONGEST_S = 1200


def measure(data: Path, rounds: int, say: Callable[[str], None], *, quick: bool) -> Findings:
    """Load, search, count, draw and change the same shapes in each store, by turns."""
    findings = Findings("annotations")
    count = FEWER_SHAPES if quick else SHAPES
    rows: dict[str, list[dict[str, float]]] = {}
    for number in range(rounds):
        for name in (OURS, RTREE, PARQUET, TIATOOLBOX):
            if name == TIATOOLBOX and (number or TIATOOLBOX_VARIABLE not in os.environ):
                continue
            say(f"  annotations: {name}, {count:,} shapes, round {number + 1} of {rounds}")
            figures = _measured(name, count, data, findings)
            if figures is not None:
                rows.setdefault(name, []).append(_flat(figures))
    if TIATOOLBOX not in rows:
        findings.left_out.append(
            "TIAToolbox: pip install --no-deps --target FOLDER tiatoolbox, and name the "
            f"folder in {TIATOOLBOX_VARIABLE}."
        )
    findings.rounds = rows
    _check(findings, count)
    if rows:
        findings.tables += [_stores(rows, count), _tiles(rows)]
    findings.goals += _goals(rows)
    return findings


def _measured(
    name: str, count: int, data: Path, findings: Findings
) -> dict[str, float | dict[str, float]] | None:
    command = [sys.executable, "-m", "bench.annotation_stores", name]
    done = subprocess.run(
        [*command, "--shapes", str(count), "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode:
        findings.failures.append(f"{name}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return None
    figures: dict[str, float | dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _flat(figures: dict[str, float | dict[str, float]]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{level}": each for level, each in value.items()}
        else:
            flat[key] = value
    return flat


def _check(findings: Findings, count: int) -> None:
    for name, measured in findings.rounds.items():
        if any(one["counted"] != count for one in measured):
            findings.failures.append(f"{name}: not all shapes were counted")
    hits = {name: measured[0]["hits"] for name, measured in findings.rounds.items()}
    if len(set(hits.values())) > 1:
        findings.failures.append(f"the stores found different shapes: {hits}")


def _stores(rows: dict[str, list[dict[str, float]]], count: int) -> Table:
    columns = (
        "store",
        "load, s",
        "MiB",
        "view, ms",
        "at most",
        "counts, ms",
        "edit, ms",
        "frame, s",
    )
    keys = ("load_s", "mib", "view_ms", "view_most_ms", "counts_ms", "edit_ms", "frame_s")
    cells: list[list[Cell]] = [
        [name, *(medians(measured).get(key) for key in keys)] for name, measured in rows.items()
    ]
    shapes = medians(next(iter(rows.values())))["in_view"]
    notes = [f"A view is 2560 x 1440 level-0 pixels, {shapes:,.0f} shapes, decoded."]
    return Table(f"{count:,} polygons of 12 to 20 vertices", columns, cells, notes)


def _tiles(rows: dict[str, list[dict[str, float]]]) -> Table:
    cells: list[list[Cell]] = []
    for name, measured in rows.items():
        for kind, words in (("tiles_ms", "raster"), ("vector_ms", "vector")):
            found = medians(measured)
            if f"{kind}_0" in found:
                cells.append([name, words, *(found.get(f"{kind}_{level}") for level in LEVELS)])
    columns = ("store", "tile", *(f"L{level}" for level in LEVELS))
    return Table("CPU ms a tile of 256 pixels, from the database to the bytes", columns, cells)


def _goals(rows: dict[str, list[dict[str, float]]]) -> list[Goal]:
    wanted = [
        ("load", RTREE, "load_s", 1 / 20),
        ("load", TIATOOLBOX, "load_s", 1 / 90),
        ("size", RTREE, "mib", 0.25),
        ("view", RTREE, "view_ms", 1 / 9),
        ("view", TIATOOLBOX, "view_ms", 1 / 20),
        ("counts", RTREE, "counts_ms", 0.01),
        ("durable edit", RTREE, "edit_ms", 1.0),
        *((f"tile at L{level}", RTREE, f"tiles_ms_{level}", 1 / 12) for level in (0, 1, 2, 3)),
        *((f"tile at L{level}", RTREE, f"tiles_ms_{level}", 1 / 80) for level in (4, 5, 7)),
    ]
    return [
        Goal(
            f"{what} / {peer}",
            Bound.AT_MOST,
            limit,
            ratios(rows, OURS, peer, key)
            if all(key in one for name in (OURS, peer) for one in rows.get(name, ()))
            else (),
            why_not=f"{peer} is missing",
        )
        for what, peer, key, limit in wanted
    ]
