"""Run the benchmarks: ``python -m bench TOPIC``; see `TOPICS`, or all of them."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    annotations,
    dashboard,
    levels,
    machine,
    objects,
    race,
    regions,
    scores,
    streamer,
    tiles,
)
from bench.report import Findings, summary
from bench.slides import FULL, MIDDLE, QUICK, BenchSlides, slides

TOPICS = (
    *("tiles", "regions", "levels", "objects", "streamer", "scores", "dashboard", "annotations"),
)
DATA_VARIABLE = "WSI_BENCH_DATA"


def main() -> int:
    chosen = _arguments()
    started = time.perf_counter()
    where = machine.description()
    for what, said in where.items():
        print(f"{what}: {said}")
    data = Path(os.environ.get(DATA_VARIABLE, Path(tempfile.gettempdir()) / "wsi-bench"))
    made = slides(data, QUICK if chosen.quick else FULL, _say)
    rounds = chosen.rounds or (5 if chosen.quick else 9)
    topics = _topics(data, made, rounds, quick=chosen.quick, only=chosen.only)
    found: list[Findings] = []
    for topic in topics if chosen.topic == "all" else [chosen.topic]:
        findings = topics[topic]()
        print(f"\n{findings.render()}", flush=True)
        found.append(findings)
    target = chosen.json or data / "figures.json"
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": where,
        "topics": [findings.as_json() for findings in found],
    }
    target.write_text(json.dumps(report, indent=1))
    print(f"\n{summary(found)} {time.perf_counter() - started:.0f} s; all rounds: {target}")
    return 1 if any(findings.failures for findings in found) else 0


def _topics(
    data: Path, made: BenchSlides, rounds: int, *, quick: bool, only: str
) -> dict[str, Callable[[], Findings]]:
    tiles_effort = (
        race.Effort(rounds, seconds=1, warming_seconds=1, tiles=9_000)
        if quick
        else race.Effort(rounds, seconds=3, warming_seconds=2, tiles=30_000)
    )
    regions_effort = regions.Effort(rounds, patches=25 if quick else 60)
    levels_effort = levels.Effort(rounds, tiles=10 if quick else 25)
    objects_effort = objects.Effort(rounds)

    def measure_objects() -> Findings:
        middle = None if quick else slides(data, MIDDLE, _say)
        return objects.measure(objects.cases(made, middle), objects_effort, _say)

    return {
        "tiles": lambda: tiles.measure(made, tiles_effort, _say, only=only),
        "regions": lambda: regions.measure(regions.cases(made), regions_effort, _say),
        "levels": lambda: levels.measure(made, levels_effort, _say),
        "objects": measure_objects,
        "streamer": lambda: streamer.measure(made, tiles_effort, _say),
        "scores": lambda: scores.measure(1 if quick else 3, _say),
        "dashboard": lambda: dashboard.measure(1 if quick else 3, _say),
        "annotations": lambda: annotations.measure(data, min(rounds, 3), _say, quick=quick),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure wsi-lab beside its peers, in one run on this machine.",
        epilog=f"Slides and figures (1 GB) go to ${DATA_VARIABLE}, or wsi-bench in the system's "
        "folder for temporary files.",
    )
    parser.add_argument("topic", nargs="?", choices=(*TOPICS, "all"), default="all")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default: 9, quick: 5)")
    parser.add_argument("--quick", action="store_true", help="a small slide and short rounds")
    parser.add_argument(
        "--only", default="", help="for tiles: servers with this in their name, such as Jupyter"
    )
    parser.add_argument("--json", type=Path, help="where the figures of all rounds go")
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
