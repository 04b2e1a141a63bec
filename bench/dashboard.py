"""Topic *dashboard*: seconds until the dashboard of a large study is there, over HTTP."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import product

import pandas as pd

from bench.report import Bound, Findings, Goal, Table
from bench.scores import SIZES, Size, served
from wsi_lab.client.study import Study
from wsi_lab.connecting import connect
from wsi_lab.widgets.dashboard import Dashboard

SECONDS = 2.0
DONE = 0.9
"""The share of answers that are given."""


def measure(rounds: int, say: Callable[[str], None]) -> Findings:
    """Make dashboards of a study of 300,000 answers, of which some are still to come."""
    findings = Findings("dashboard")
    times: dict[str, list[float]] = {name: [] for name in _STEPS}
    size = SIZES[-1]
    say(f"  dashboard: storing {size.answers * DONE:,.0f} answers")
    with served(size) as (url, token, study_id, slides):
        lab = connect(url, token, environment={})
        lab.studies[study_id].import_results(_answers(size, slides))
        for number in range(rounds):
            say(f"  dashboard: round {number + 1} of {rounds}")
            # A client that knows nothing yet, as that of a kernel just started.
            fresh = connect(url, token, environment={})
            study = fresh.studies[study_id]
            for name, step in _STEPS.items():
                took, problem = step(study)
                times[name].append(took)
                if problem:
                    findings.failures.append(problem)
            fresh.close()
        lab.close()
    findings.goals.append(
        Goal(
            f"dashboard of {size.answers:,} answers",
            Bound.AT_MOST,
            SECONDS,
            tuple(times["first dashboard"]),
            unit="s",
        )
    )
    rows = [[name, min(each), max(each)] for name, each in times.items()]
    columns = ("what", "best, s", "worst, s")
    notes = ["From the call to the widgets; what the browser takes to draw them is not part of it."]
    findings.tables.append(Table("A study of which a tenth is missing", columns, rows, notes))
    return findings


def _first(study: Study) -> tuple[float, str]:
    began = time.perf_counter()
    board = Dashboard(study)
    took = time.perf_counter() - began
    progress = board.overview.progress()
    left = int((progress["needed"] - progress["answered"]).sum())
    return took, "" if left == len(board.overview.missing()) > 0 else "progress and gaps differ"


def _again(study: Study) -> tuple[float, str]:
    board = Dashboard(study)
    began = time.perf_counter()
    board.refresh()
    return time.perf_counter() - began, ""


def _missing(study: Study) -> tuple[float, str]:
    overview = study.overview()
    began = time.perf_counter()
    overview.missing()
    return time.perf_counter() - began, ""


def _question(study: Study) -> tuple[float, str]:
    board = Dashboard(study)
    began = time.perf_counter()
    board.question = "question 7"
    return time.perf_counter() - began, ""


_STEPS = {
    "first dashboard": _first,
    "refreshed, nothing new": _again,
    "table of what is missing": _missing,
    "another question": _question,
}


def _answers(size: Size, slides: list[int]) -> pd.DataFrame:
    cells = product(slides, range(size.readers), range(size.questions))
    every = pd.DataFrame(cells, columns=["slide_id", "reader", "question"])
    answers = (every["slide_id"] * 7 + every["reader"] * 3 + every["question"]) % 4
    return pd.DataFrame(
        {
            "slide_id": every["slide_id"],
            "reader": "reader" + every["reader"].astype("str") + "@example.org",
            "question": "question " + every["question"].astype("str"),
            "answer": answers.astype("str"),
        }
    ).sample(frac=DONE, random_state=7)


if __name__ == "__main__":
    print(measure(3, lambda line: print(line, file=sys.stderr)).render())
